//! Factorisations, on one thread each, with a second and third method behind the first.

mod eigen;
mod jacobi;
mod qr;
mod svd;

use ndarray::{ArrayView1, ArrayView2};

use crate::Real;

pub use eigen::{SymmetricEigen, eigenvalues, symmetric_eigen};
pub use qr::{Qr, qr};
pub use svd::{Svd, singular_values, svd};

/// The power of two that brings the largest magnitude into [1, 2), so that scaling by it rounds nothing; 1 for zeros.
fn exact_scale<T: Real>(a: &ArrayView2<'_, T>) -> f64 {
    let largest = a.iter().fold(0.0, |m: f64, x| m.max(x.to_f64().abs()));
    if largest == 0.0 {
        return 1.0;
    }
    // The exponent of a subnormal f64 is below what 1/scale could hold; −1020 is near enough there.
    2f64.powi((largest.log2().floor() as i32).clamp(-1020, 1020))
}

/// The sign that makes the entry of largest magnitude positive (the first of equals).
fn sign_of_largest<T: Real>(values: ArrayView1<'_, T>) -> T {
    let largest = values.iter().fold(T::ZERO, |m, &x| if x.abs() > m.abs() { x } else { m });
    if largest < T::ZERO { -T::ONE } else { T::ONE }
}
