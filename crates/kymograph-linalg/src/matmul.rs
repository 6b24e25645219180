//! Matrix products of any strides, cut into blocks that depend on the shape alone and given to the faster library.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::Real;
pub use crate::backend::Kernel;

/// Products with fewer multiplications than this run as one call on the calling thread.
const SMALL: usize = 1 << 20;
/// A row or column block is never narrower than this, so that packing the other factor stays cheap beside using it.
const NARROWEST: usize = 64;
/// Largest number of blocks of one product.
const BLOCKS: usize = 16;
/// Pieces into which a long inner axis is cut when the result is too small to be cut itself.
const INNER_PIECES: usize = 8;

/// Which library computes `a·b` for these strides.
pub fn kernel_for<T: Real>(a: &ArrayView2<'_, T>, _b: &ArrayView2<'_, T>) -> Kernel {
    let transposed = a.strides()[0].abs() < a.strides()[1].abs();
    if transposed && a.ncols() > 1 && a.nrows() > 1 {
        Kernel::Gemm
    } else {
        Kernel::Faer
    }
}

/// What is `a·b`? Axes: `a` is row × inner, `b` is inner × column, the result row × column.
///
/// Any strides are taken, so a transpose is a view (`a.t()`). The bits depend on the shapes, strides and CPU
/// features, never on the number of threads.
///
/// # Panics
/// When the inner lengths differ.
pub fn matmul<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    matmul_into(T::ONE, a, b, T::ZERO, c.view_mut());
    c
}

/// What is `aᵀ·b`? Axes: `a` is inner × row, `b` is inner × column.
///
/// # Panics
/// When the inner lengths differ.
pub fn matmul_tn<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    matmul(a.reversed_axes(), b)
}

/// What is `a·bᵀ`? Axes: `a` is row × inner, `b` is column × inner.
///
/// # Panics
/// When the inner lengths differ.
pub fn matmul_nt<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    matmul(a, b.reversed_axes())
}

/// `c ← alpha·a·b + beta·c`, in place and in parallel; with `beta` zero, `c` is written without being read.
///
/// Axes as in [`matmul`]; all three may have any strides.
///
/// # Panics
/// When the shapes disagree.
pub fn matmul_into<T: Real>(
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    mut c: ArrayViewMut2<'_, T>,
) {
    check_shapes(&a, &b, &c);
    let kernel = kernel_for(&a, &b);
    let (m, n, k) = (c.nrows(), c.ncols(), a.ncols());
    let add = scale(beta, &mut c);
    match cut(m, n, k) {
        Cut::None => T::multiply(kernel, alpha, &a, &b, add, &mut c),
        Cut::Rows(length) => {
            c.axis_chunks_iter_mut(Axis(0), length)
                .into_par_iter()
                .zip(a.axis_chunks_iter(Axis(0), length))
                .for_each(|(mut c, a)| T::multiply(kernel, alpha, &a, &b, add, &mut c));
        }
        Cut::Columns(length) => {
            c.axis_chunks_iter_mut(Axis(1), length)
                .into_par_iter()
                .zip(b.axis_chunks_iter(Axis(1), length))
                .for_each(|(mut c, b)| T::multiply(kernel, alpha, &a, &b, add, &mut c));
        }
        Cut::Inner(pieces) => {
            let parts: Vec<Array2<T>> = pieces
                .into_par_iter()
                .map(|piece| {
                    let mut part = Array2::zeros((m, n));
                    let (a, b) = (a.slice(s![.., piece.clone()]), b.slice(s![piece, ..]));
                    T::multiply(kernel, alpha, &a, &b, false, &mut part.view_mut());
                    part
                })
                .collect();
            for (index, part) in parts.iter().enumerate() {
                if index == 0 && !add {
                    c.assign(part);
                } else {
                    c += part;
                }
            }
        }
    }
}

/// [`matmul_into`] on the calling thread as one library call: for products inside work that is already parallel.
///
/// Its last bits may differ from [`matmul_into`]'s, which cuts large products; both are the same on every run.
///
/// # Panics
/// When the shapes disagree.
pub fn matmul_into_sequential<T: Real>(
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    c: ArrayViewMut2<'_, T>,
) {
    let kernel = kernel_for(&a, &b);
    matmul_into_by(kernel, alpha, a, b, beta, c);
}

/// [`matmul_into_sequential`] by a library of the caller's choice: for comparing the two.
///
/// # Panics
/// When the shapes disagree.
pub fn matmul_into_by<T: Real>(
    kernel: Kernel,
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    mut c: ArrayViewMut2<'_, T>,
) {
    check_shapes(&a, &b, &c);
    let add = scale(beta, &mut c);
    T::multiply(kernel, alpha, &a, &b, add, &mut c);
}

fn check_shapes<T>(a: &ArrayView2<'_, T>, b: &ArrayView2<'_, T>, c: &ArrayViewMut2<'_, T>) {
    assert!(
        a.ncols() == b.nrows() && c.nrows() == a.nrows() && c.ncols() == b.ncols(),
        "matmul: {}×{} times {}×{} does not give {}×{}",
        a.nrows(),
        a.ncols(),
        b.nrows(),
        b.ncols(),
        c.nrows(),
        c.ncols(),
    );
}

/// Multiplies `c` by `beta` and says whether the product is to be added to what is left there.
fn scale<T: Real>(beta: T, c: &mut ArrayViewMut2<'_, T>) -> bool {
    if beta == T::ZERO {
        return false;
    }
    if beta != T::ONE {
        c.mapv_inplace(|x| x * beta);
    }
    true
}

/// How a product is divided, from its shape alone.
#[derive(Debug, PartialEq)]
enum Cut {
    None,
    Rows(usize),
    Columns(usize),
    Inner(Vec<Range<usize>>),
}

fn cut(m: usize, n: usize, k: usize) -> Cut {
    if m.saturating_mul(n).saturating_mul(k) < SMALL {
        return Cut::None;
    }
    let longest = m.max(n);
    let length = longest.div_ceil(BLOCKS).max(NARROWEST).next_multiple_of(16);
    if longest >= 4 * NARROWEST || longest.saturating_mul(8) >= k && longest > length {
        return if m >= n { Cut::Rows(length) } else { Cut::Columns(length) };
    }
    if k >= 2 * INNER_PIECES * NARROWEST {
        return Cut::Inner(crate::parallel::ranges(k, INNER_PIECES));
    }
    Cut::None
}
