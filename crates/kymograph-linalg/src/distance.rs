//! Squared Euclidean distances between two sets of rows.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::{LinalgError, Real, check_finite, matmul_into};

/// A distance is recomputed from differences where cancellation would eat more than this share of its digits.
const CANCELLED: f64 = 1e-4;

/// How far is each row of `x` from each row of `y`, squared? Axes: `x` is row × feature, `y` is other row × feature, the
/// result row × other row; unit: the features' unit squared.
///
/// Computed in f64 as |x|² + |y|² − 2 x·y about the mean of `y`, and from the differences where the two points are
/// close, so equal rows are exactly 0 apart. The result holds rows × other rows numbers: pass blocks of rows where that
/// is too much.
///
/// # Errors
/// Different numbers of features, an entry that is not finite, or a distance too large for f64.
pub fn squared_distances<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Array2<f64>, LinalgError> {
    if x.ncols() != y.ncols() {
        return Err(LinalgError::Shape {
            what: "squared_distances: features of the second array",
            expected: x.ncols(),
            found: y.ncols(),
        });
    }
    check_finite(&x)?;
    check_finite(&y)?;
    let centre = y.mapv(Real::to_f64).mean_axis(Axis(0)).unwrap_or_else(|| ndarray::Array1::zeros(x.ncols()));
    let shift = |a: &ArrayView2<'_, T>| a.mapv(Real::to_f64) - &centre;
    let (near_x, near_y) = (shift(&x), shift(&y));
    let norms = |a: &Array2<f64>| -> Vec<f64> { a.outer_iter().map(|row| row.dot(&row)).collect() };
    let (x_norms, y_norms) = (norms(&near_x), norms(&near_y));
    let mut result = Array2::zeros((x.nrows(), y.nrows()));
    matmul_into(-2.0, near_x.view(), near_y.t(), 0.0, result.view_mut());
    result.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(row, mut distances)| {
        let from = x.row(row);
        for (column, value) in distances.iter_mut().enumerate() {
            let size = x_norms[row] + y_norms[column];
            let fast = size + *value;
            *value = if fast > CANCELLED * size {
                fast
            } else {
                from.iter().zip(y.row(column)).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum()
            };
        }
    });
    if result.iter().any(|value| !value.is_finite()) {
        return Err(LinalgError::Overflow { what: "a squared distance" });
    }
    Ok(result)
}
