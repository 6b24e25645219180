//! How far two computations of the same thing may differ, from machine epsilon and size.

use ndarray::ArrayView2;

use crate::Real;

/// Relative error allowed to a sum of `size` products in type `T`: `4·ε·√size`, at least `4·ε`.
///
/// Rounding errors of a sum behave like a random walk, so they grow with the root of its length; the factor 4 is the
/// slack. Relative to the size of the terms (norms of the factors), not to a result that cancelled.
pub fn relative<T: Real>(size: usize) -> f64 {
    4.0 * T::EPSILON.to_f64() * (size.max(1) as f64).sqrt()
}

/// Relative error allowed to a factorisation of a `rows × columns` matrix, relative to its norm: `8·ε·√(rows·columns)`,
/// at least `32·ε`.
pub fn factorisation<T: Real>(rows: usize, columns: usize) -> f64 {
    let size = (rows.max(1) * columns.max(1)) as f64;
    T::EPSILON.to_f64() * (8.0 * size.sqrt()).max(32.0)
}

/// Are two numbers equal within `tolerance` relative to the larger of them and 1? NaN equals nothing.
pub fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

/// Are two numbers equal within `tolerance` relative to the larger of them? NaN equals nothing.
pub fn close_relative(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// The largest absolute difference of two matrices of one shape; infinite when the shapes differ or an entry is NaN.
pub fn largest_difference<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    if a.dim() != b.dim() {
        return f64::INFINITY;
    }
    a.iter().zip(b).fold(0.0, |worst: f64, (x, y)| {
        let difference = (x.to_f64() - y.to_f64()).abs();
        if difference.is_nan() {
            f64::INFINITY
        } else {
            worst.max(difference)
        }
    })
}

/// The Frobenius norm, summed in f64.
pub fn frobenius<T: Real>(a: ArrayView2<'_, T>) -> f64 {
    let largest = a.iter().fold(0.0, |m: f64, x| m.max(x.to_f64().abs()));
    if largest == 0.0 {
        return 0.0;
    }
    // Scaled, so that squares neither overflow nor vanish.
    largest * a.iter().map(|x| (x.to_f64() / largest).powi(2)).sum::<f64>().sqrt()
}
