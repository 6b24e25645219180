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
    close_relative(a, b, tolerance) || (a - b).abs() <= tolerance
}

/// Are two numbers equal within `tolerance` relative to the larger of them? NaN equals nothing.
pub fn close_relative(a: f64, b: f64, tolerance: f64) -> bool {
    let apart = (a - b).abs();
    a == b || apart.is_finite() && apart <= tolerance * a.abs().max(b.abs())
}

/// The largest absolute difference of two matrices of one shape; infinite when the shapes differ or an entry is NaN.
pub fn largest_difference<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    if a.dim() != b.dim() {
        return f64::INFINITY;
    }
    a.iter().zip(b).fold(0.0, |worst: f64, (x, y)| {
        let difference = (x.to_f64() - y.to_f64()).abs();
        if difference.is_nan() { f64::INFINITY } else { worst.max(difference) }
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

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn nothing_is_close_to_nan() {
        assert!(!close(f64::NAN, f64::NAN, 1.0) && !close(1.0, f64::NAN, 1.0));
        assert!(close(f64::INFINITY, f64::INFINITY, 0.0) && !close(f64::INFINITY, 1.0, 0.5));
        assert!(close(1e-9, 0.0, 1e-8) && !close_relative(1e-9, 0.0, 1e-8));
        assert!(close_relative(1e30, 1e30 * (1.0 + 1e-9), 1e-8));
        let nan = array![[f64::NAN]];
        assert_eq!(largest_difference(nan.view(), nan.view()), f64::INFINITY);
        assert_eq!(largest_difference(nan.view(), Array2::zeros((1, 2)).view()), f64::INFINITY);
    }

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        for scale in [1e-300, 1.0, 1e300] {
            let norm = frobenius(array![[3.0 * scale], [4.0 * scale]].view());
            assert!((norm / scale - 5.0).abs() < 1e-14);
        }
        assert_eq!(frobenius(Array2::<f32>::zeros((2, 2)).view()), 0.0);
    }
}
