//! One product by faer on one thread, with the vector registers left clean.
#![allow(unsafe_code)]

use faer::traits::RealField;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Real;

pub(super) fn multiply<T: Real + RealField>(
    alpha: T,
    a: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
    add: bool,
    c: &mut ArrayViewMut2<'_, T>,
) {
    let (m, n, k) = (c.nrows(), c.ncols(), a.ncols());
    assert!(a.nrows() == m && b.nrows() == k && b.ncols() == n, "kernel shapes disagree");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !add {
            c.fill(T::ZERO);
        }
        return;
    }
    let strides = |s: &[isize]| (s[0], s[1]);
    let ((a_row, a_column), (b_row, b_column), (c_row, c_column)) =
        (strides(a.strides()), strides(b.strides()), strides(c.strides()));
    // SAFETY: pointers, shapes and strides come from live ndarray views, so every addressed entry lies inside its
    // allocation; `c` is a unique view with no two entries at one address.
    let (to, left, right) = unsafe {
        (
            MatMut::from_raw_parts_mut(c.as_mut_ptr(), m, n, c_row, c_column),
            MatRef::from_raw_parts(a.as_ptr(), m, k, a_row, a_column),
            MatRef::from_raw_parts(b.as_ptr(), k, n, b_row, b_column),
        )
    };
    let beta = if add { Accum::Add } else { Accum::Replace };
    faer::linalg::matmul::matmul(to, beta, left, right, alpha, Par::Seq);
    clear_upper_registers();
}

/// Zeroes the upper halves of the vector registers, which faer's kernels may leave dirty: scalar code after a
/// dirty return runs several times slower on some processors.
pub(super) fn clear_upper_registers() {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: AVX was detected just above.
        unsafe { zero_upper() };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn zero_upper() {
    std::arch::x86_64::_mm256_zeroupper();
}
