//! Matrix products of any strides by faer, cut into blocks that depend on the shape alone.
//!
//! gemm 0.19 was tried beside it at every shape of `benches/matmul.rs` on an AVX-512 machine and was 2 to 6 times slower.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::Real;

/// Products with fewer multiplications than this run as one call on the calling thread.
const SMALL: usize = 1 << 21;
/// A row or column block is never narrower than this, so that packing the other factor stays cheap beside using it.
const NARROWEST: usize = 64;
/// Largest number of blocks of one product.
const BLOCKS: usize = 16;
/// Pieces into which a long inner axis is cut when the result is too small to be cut itself.
const INNER_PIECES: usize = 8;

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
    let packed = worth_packing(&a, c.ncols()).then(|| pack(&a, true));
    let a = packed.as_ref().map_or(a, |packed| packed.view());
    let (m, n, k) = (c.nrows(), c.ncols(), a.ncols());
    let add = scale(beta, &mut c);
    match cut(m, n, k) {
        Cut::None => T::multiply(alpha, &a, &b, add, &mut c),
        Cut::Rows(length) => {
            c.axis_chunks_iter_mut(Axis(0), length)
                .into_par_iter()
                .zip(a.axis_chunks_iter(Axis(0), length))
                .for_each(|(mut c, a)| T::multiply(alpha, &a, &b, add, &mut c));
        }
        Cut::Columns(length) => {
            c.axis_chunks_iter_mut(Axis(1), length)
                .into_par_iter()
                .zip(b.axis_chunks_iter(Axis(1), length))
                .for_each(|(mut c, b)| T::multiply(alpha, &a, &b, add, &mut c));
        }
        Cut::Inner(pieces) => {
            let parts: Vec<Array2<T>> = pieces
                .into_par_iter()
                .map(|piece| {
                    let mut part = Array2::zeros((m, n));
                    let (a, b) = (a.slice(s![.., piece.clone()]), b.slice(s![piece, ..]));
                    T::multiply(alpha, &a, &b, false, &mut part.view_mut());
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

/// [`matmul_into`] on the calling thread as one kernel call: for products inside work that is already parallel.
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
    mut c: ArrayViewMut2<'_, T>,
) {
    check_shapes(&a, &b, &c);
    let packed = worth_packing(&a, c.ncols()).then(|| pack(&a, false));
    let a = packed.as_ref().map_or(a, |packed| packed.view());
    let add = scale(beta, &mut c);
    T::multiply(alpha, &a, &b, add, &mut c);
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

/// A left factor in column order runs at half speed or less once it outgrows the cache, so it is copied into row order
/// where the copy is small beside the product.
fn worth_packing<T>(a: &ArrayView2<'_, T>, n: usize) -> bool {
    let column_order = a.strides()[0].unsigned_abs() < a.strides()[1].unsigned_abs();
    column_order && a.nrows() > 1 && a.len() >= 1 << 15 && n >= 192
}

/// A copy in row order, made in square tiles.
fn pack<T: Real>(a: &ArrayView2<'_, T>, parallel: bool) -> Array2<T> {
    const TILE: usize = 16;
    const BAND: usize = 256;
    let (m, k) = a.dim();
    if a.strides()[0] != 1 {
        return a.as_standard_layout().into_owned();
    }
    let mut packed = vec![T::ZERO; m * k];
    let fill = |(band, to): (usize, &mut [T])| {
        let first = band * BAND;
        let height = to.len() / k;
        for inner in crate::parallel::blocks(k, TILE) {
            let columns: [&[T]; TILE] = std::array::from_fn(|i| {
                if i < inner.len() {
                    let column = a.index_axis_move(Axis(1), inner.start + i);
                    column.to_slice().map_or(&[][..], |c| &c[first..first + height])
                } else {
                    &[]
                }
            });
            for row in crate::parallel::blocks(height, TILE) {
                if inner.len() == TILE && row.len() == TILE {
                    let mut tile = [[T::ZERO; TILE]; TILE];
                    for (i, column) in columns.iter().enumerate() {
                        for (line, &value) in tile.iter_mut().zip(&column[row.clone()]) {
                            line[i] = value;
                        }
                    }
                    for (line, row) in tile.iter().zip(row) {
                        let at = row * k + inner.start;
                        to[at..at + TILE].copy_from_slice(line);
                    }
                } else {
                    for row in row {
                        for (i, column) in columns[..inner.len()].iter().enumerate() {
                            to[row * k + inner.start + i] = column[row];
                        }
                    }
                }
            }
        }
    };
    if parallel {
        packed.par_chunks_mut(BAND * k).enumerate().for_each(fill);
    } else {
        packed.chunks_mut(BAND * k).enumerate().for_each(fill);
    }
    // The vector holds exactly m·k entries.
    Array2::from_shape_vec((m, k), packed).unwrap_or_else(|_| a.as_standard_layout().into_owned())
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
    if longest < 8 * NARROWEST && k >= 4 * longest && k >= 2 * INNER_PIECES * NARROWEST {
        return Cut::Inner(crate::parallel::ranges(k, INNER_PIECES));
    }
    let length = longest.div_ceil(BLOCKS).max(NARROWEST).next_multiple_of(16);
    if longest <= length {
        Cut::None
    } else if m >= n {
        Cut::Rows(length)
    } else {
        Cut::Columns(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_cutting_is_reached() {
        assert_eq!(cut(64, 64, 64), Cut::None);
        assert_eq!(cut(7200, 120, 128), Cut::Rows(464));
        assert_eq!(cut(120, 7200, 128), Cut::Columns(464));
        assert_eq!(cut(128, 120, 7200), Cut::Inner(crate::parallel::ranges(7200, 8)));
        assert_eq!(cut(2048, 2048, 8192), Cut::Rows(128));
        assert_eq!(cut(60, 60, 900), Cut::None);
    }

    #[test]
    fn packing_copies_every_entry() {
        for (m, k) in [(1, 1), (16, 16), (17, 33), (300, 40), (256, 16), (513, 31)] {
            let a = Array2::from_shape_fn((k, m), |(i, j)| (i * 1000 + j) as f32);
            for parallel in [false, true] {
                assert_eq!(pack(&a.t(), parallel), a.t());
                let half = a.slice(s![.., ..m.div_ceil(2)]);
                assert_eq!(pack(&half.t(), parallel), half.t());
                let strided = a.slice(s![.., ..;2]);
                assert_eq!(pack(&strided.t(), parallel), strided.t());
            }
        }
    }
}
