//! Gram, covariance and correlation matrices: the lower half is multiplied in blocks, the upper half copied.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::matmul::matmul_into_sequential;
use crate::parallel::blocks;
use crate::{LinalgError, Real, check_finite, matmul};

/// Rows of one block of a symmetric product.
const SIDE: usize = 128;
/// Examples whose products are summed in the array's own type before they join an f64 sum.
const RUN: usize = 1024;

/// What are the inner products of every two rows, `x·xᵀ`? Axes: `x` is row × feature, the result row × row.
///
/// Exactly symmetric; about half the multiplications of [`crate::matmul_nt`]. Pass `x.t()` for the products of columns,
/// or [`column_gram`] for those summed in f64. NaN in, NaN out.
pub fn gram<T: Real>(x: ArrayView2<'_, T>) -> Array2<T> {
    let n = x.nrows();
    let mut result = Array2::zeros((n, n));
    if n <= 2 * SIDE {
        crate::matmul_into(T::ONE, x, x.t(), T::ZERO, result.view_mut());
    } else {
        // The longest bands go first, so that threads finish together.
        let bands: Vec<_> = result.axis_chunks_iter_mut(Axis(0), SIDE).collect();
        bands.into_par_iter().enumerate().rev().with_max_len(1).for_each(|(band, mut rows)| {
            let start = band * SIDE;
            let end = start + rows.nrows();
            matmul_into_sequential(
                T::ONE,
                x.slice(s![start..end, ..]),
                x.slice(s![..end, ..]).reversed_axes(),
                T::ZERO,
                rows.slice_mut(s![.., ..end]),
            );
        });
    }
    mirror(&mut result);
    result
}

/// What are the inner products of the rows of `x` with those of `y`, `x·yᵀ`? Axes: `x` is row × feature, `y` is other
/// row × feature, the result row × other row. NaN in, NaN out.
///
/// # Panics
/// When the numbers of features differ.
pub fn cross_gram<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array2<T> {
    matmul(x, y.reversed_axes())
}

/// What are the inner products of every two columns, `xᵀ·x`, summed in f64? Axes: `x` is example × feature, the result
/// feature × feature.
///
/// Products run in `T` over stretches of 1024 examples, whose results are added in f64 from first to last. NaN in, NaN out.
pub fn column_gram<T: Real>(x: ArrayView2<'_, T>) -> Array2<f64> {
    let n = x.ncols();
    let mut result = Array2::<f64>::zeros((n, n));
    for run in blocks(x.nrows(), RUN) {
        let part = gram(x.slice(s![run, ..]).reversed_axes());
        accumulate(&mut result, &part);
    }
    result
}

/// What are the inner products of the columns of `x` with those of `y`, `xᵀ·y`, summed in f64? Axes: `x` is example ×
/// feature, `y` is example × other feature, the result feature × other feature.
///
/// Summed as in [`column_gram`]. NaN in, NaN out.
///
/// # Panics
/// When the numbers of examples differ.
pub fn cross_column_gram<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array2<f64> {
    assert_eq!(x.nrows(), y.nrows(), "cross_column_gram: the two arrays hold different numbers of examples");
    let mut result = Array2::<f64>::zeros((x.ncols(), y.ncols()));
    for run in blocks(x.nrows(), RUN) {
        let part = matmul(x.slice(s![run.clone(), ..]).reversed_axes(), y.slice(s![run, ..]));
        accumulate(&mut result, &part);
    }
    result
}

/// The array with each column's mean taken away. Axes: example × feature. Means are summed in f64 and taken away in f64.
///
/// # Errors
/// An entry that is not finite, or a mean too large for f64.
pub fn centred<T: Real>(x: ArrayView2<'_, T>) -> Result<Array2<T>, LinalgError> {
    let means = column_means(&x)?;
    Ok(subtract(&x, means.view()))
}

/// How do the columns vary together? Axes: `x` is example × feature, the result feature × feature; divided by `n − 1`.
///
/// Unit: the features' units multiplied. Columns are centred before they are multiplied, so a large mean costs no digits.
///
/// # Errors
/// Fewer than two examples, an entry that is not finite, or a result too large for the type.
pub fn covariance<T: Real>(x: ArrayView2<'_, T>) -> Result<Array2<f64>, LinalgError> {
    enough(&x, "covariance: examples")?;
    let mut result = column_gram(centred(x)?.view());
    let divisor = (x.nrows() - 1) as f64;
    result.mapv_inplace(|sum| sum / divisor);
    if result.iter().any(|value| !value.is_finite()) {
        return Err(LinalgError::Overflow { what: "a covariance" });
    }
    Ok(result)
}

/// How do the columns vary together, whatever their units (Pearson)? Axes: `x` is example × feature, the result feature ×
/// feature, in [−1, 1], exactly 1 on the diagonal.
///
/// Rounding past ±1 is cut back. Two examples always give ±1: the number means nothing there.
///
/// # Errors
/// A constant column (the message names it), fewer than two examples, or an entry that is not finite.
pub fn correlation<T: Real>(x: ArrayView2<'_, T>) -> Result<Array2<f64>, LinalgError> {
    enough(&x, "correlation: examples")?;
    check_finite(&x)?;
    let constant = (0..x.ncols()).find(|&column| {
        let first = x[[0, column]];
        x.column(column).iter().all(|&value| value == first)
    });
    if let Some(column) = constant {
        return Err(LinalgError::ConstantColumn { column });
    }
    let means = column_means(&x)?;
    let largest = fold_columns(&x, |m: f64, value, column| m.max((value - means[column]).abs()));
    if let Some(column) = largest.iter().position(|&m| m == 0.0 || !m.is_finite()) {
        return Err(if largest[column] == 0.0 {
            LinalgError::ConstantColumn { column }
        } else {
            LinalgError::Overflow { what: "a column's deviation from its mean" }
        });
    }
    let squares = fold_columns(&x, |sum, value, column| sum + ((value - means[column]) / largest[column]).powi(2));
    let roots = squares.mapv(f64::sqrt);
    let mut unit = Array2::<T>::zeros(x.raw_dim());
    unit.axis_iter_mut(Axis(0)).into_par_iter().zip(x.axis_iter(Axis(0))).for_each(|(mut row, from)| {
        for (column, (to, value)) in row.iter_mut().zip(from).enumerate() {
            let scaled = (value.to_f64() - means[column]) / largest[column];
            *to = T::from_f64(scaled / roots[column]);
        }
    });
    let mut result = column_gram(unit.view());
    result.mapv_inplace(|r| r.clamp(-1.0, 1.0));
    result.diag_mut().fill(1.0);
    Ok(result)
}

fn enough<T>(x: &ArrayView2<'_, T>, what: &'static str) -> Result<(), LinalgError> {
    if x.nrows() < 2 {
        return Err(LinalgError::TooFew { what, needed: 2, found: x.nrows() });
    }
    Ok(())
}

/// Folds each column from its first example to its last, in fixed stretches of rows, in f64.
fn fold_columns<T: Real>(x: &ArrayView2<'_, T>, step: impl Fn(f64, f64, usize) -> f64) -> Array1<f64> {
    let mut state = Array1::zeros(x.ncols());
    for row in x.outer_iter() {
        for (column, (s, value)) in state.iter_mut().zip(row).enumerate() {
            *s = step(*s, value.to_f64(), column);
        }
    }
    state
}

fn column_means<T: Real>(x: &ArrayView2<'_, T>) -> Result<Array1<f64>, LinalgError> {
    check_finite(x)?;
    let n = x.nrows().max(1) as f64;
    let mut means = fold_columns(x, |sum, value, _| sum + value) / n;
    if means.iter().any(|mean| !mean.is_finite()) {
        means = fold_columns(x, |sum, value, _| sum + value / n);
    }
    // A second pass takes away what rounding left in the first.
    let correction = fold_columns(x, |sum, value, column| sum + (value - means[column]) / n);
    means += &correction;
    if means.iter().any(|mean| !mean.is_finite()) {
        return Err(LinalgError::Overflow { what: "a column's mean" });
    }
    Ok(means)
}

fn subtract<T: Real>(x: &ArrayView2<'_, T>, means: ArrayView1<'_, f64>) -> Array2<T> {
    let mut result = Array2::zeros(x.raw_dim());
    result.axis_iter_mut(Axis(0)).into_par_iter().zip(x.axis_iter(Axis(0))).for_each(|(mut row, from)| {
        for ((to, value), mean) in row.iter_mut().zip(from).zip(means) {
            *to = T::from_f64(value.to_f64() - mean);
        }
    });
    result
}

fn accumulate<T: Real>(total: &mut Array2<f64>, part: &Array2<T>) {
    total.axis_iter_mut(Axis(0)).into_par_iter().zip(part.axis_iter(Axis(0))).for_each(|(mut row, from)| {
        for (to, value) in row.iter_mut().zip(from) {
            *to += value.to_f64();
        }
    });
}

/// Copies the lower half onto the upper one, by tiles that fit the cache.
fn mirror<T: Real>(matrix: &mut Array2<T>) {
    const TILE: usize = 32;
    let n = matrix.nrows();
    for rows in blocks(n, TILE) {
        for columns in blocks(rows.end, TILE) {
            for row in rows.clone() {
                for column in columns.start..columns.end.min(row) {
                    matrix[[column, row]] = matrix[[row, column]];
                }
            }
        }
    }
}
