//! What every measure asks of its arrays before it computes, so that no NaN can come out.

use kymograph_linalg::{LinalgError, Real};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::MeasureError;

/// The matrix has rows and columns, and every entry is finite.
pub(crate) fn matrix<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<(), MeasureError> {
    let (rows, columns) = x.dim();
    if rows == 0 || columns == 0 {
        return Err(MeasureError::Empty { input, rows, columns });
    }
    for (row, entries) in x.outer_iter().enumerate() {
        if entries.as_slice().is_some_and(all_finite) {
            continue;
        }
        if let Some((column, value)) = entries.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(MeasureError::NotFinite { input, row, column, value: value.to_f64() });
        }
    }
    Ok(())
}

/// A sum of x·0 is 0 exactly when every x is finite, and several side by side are wide where a search is not.
fn all_finite<T: Real>(values: &[T]) -> bool {
    let (lanes, rest) = values.as_chunks::<16>();
    let mut sums = [T::ZERO; 16];
    for lanes in lanes {
        for (sum, &v) in sums.iter_mut().zip(lanes) {
            *sum += v * T::ZERO;
        }
    }
    sums.into_iter().chain(rest.iter().map(|&v| v * T::ZERO)).all(|zero| zero == T::ZERO)
}

/// Both have the same rows and columns.
pub(crate) fn same_shape<T: Real>(
    (first, x): (&'static str, ArrayView2<'_, T>),
    (second, y): (&'static str, ArrayView2<'_, T>),
    axes: [&'static str; 2],
) -> Result<(), MeasureError> {
    same_size(axes[0], (first, x.nrows()), (second, y.nrows()))?;
    same_size(axes[1], (first, x.ncols()), (second, y.ncols()))
}

/// Both have the same size along an axis.
pub(crate) fn same_size(
    axis: &'static str,
    (first, first_size): (&'static str, usize),
    (second, second_size): (&'static str, usize),
) -> Result<(), MeasureError> {
    if first_size == second_size {
        Ok(())
    } else {
        Err(MeasureError::ShapeMismatch { axis, first, first_size, second, second_size })
    }
}

/// At least so many rows.
pub(crate) fn rows_at_least(
    input: &'static str,
    rows: usize,
    needed: usize,
    why: &'static str,
) -> Result<(), MeasureError> {
    if rows < needed { Err(MeasureError::TooFewRows { input, rows, needed, why }) } else { Ok(()) }
}

/// The number, unless it left the range of f64.
pub(crate) fn number(measure: &'static str, value: f64) -> Result<f64, MeasureError> {
    if value.is_finite() { Ok(value) } else { Err(MeasureError::Overflow { measure, value }) }
}

/// A kernel's complaint, with the measure that called it.
pub(crate) fn kernel(measure: &'static str) -> impl Fn(LinalgError) -> MeasureError {
    move |error| MeasureError::Kernel { measure, message: error.to_string() }
}

/// A power of two near the largest entry (1 for all zeros): dividing by it is exact, and then squares neither
/// overflow nor vanish.
pub(crate) fn binary_scale<'a, T: Real>(values: impl IntoIterator<Item = &'a T>) -> f64 {
    let largest = values.into_iter().fold(0.0_f64, |largest, value| largest.max(value.to_f64().abs()));
    if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

/// Euclidean norm, safe for very large and very small entries.
pub(crate) fn norm<T: Real>(values: ArrayView1<'_, T>) -> f64 {
    let scale = binary_scale(values.iter());
    scale * values.iter().map(|value| (value.to_f64() / scale).powi(2)).sum::<f64>().sqrt()
}

/// The rows in f64, each of norm one, and which of them are all zero (those stay zero).
pub(crate) struct UnitRows {
    /// One row per row of the input.
    pub(crate) rows: Array2<f64>,
    /// The rows without a direction.
    pub(crate) zero: Vec<bool>,
}

pub(crate) fn unit_rows<T: Real>(x: ArrayView2<'_, T>) -> UnitRows {
    let mut rows = x.mapv(Real::to_f64);
    let zero = rows
        .axis_iter_mut(Axis(0))
        .map(|mut row| {
            let scale = binary_scale(row.iter());
            row.mapv_inplace(|value| value / scale);
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            if length > 0.0 {
                row.mapv_inplace(|value| value / length);
            }
            length == 0.0
        })
        .collect();
    UnitRows { rows, zero }
}

/// `0..` of the rows for which the mask says so.
pub(crate) fn places(mask: impl IntoIterator<Item = bool>) -> Vec<usize> {
    mask.into_iter().enumerate().filter(|(_, chosen)| *chosen).map(|(place, _)| place).collect()
}

/// Mean of a list that is not empty.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A list of places for a note, cut short.
pub(crate) fn listed(places: &[usize]) -> String {
    let shown: Vec<String> = places.iter().take(8).map(usize::to_string).collect();
    if places.len() > shown.len() { format!("{}, …", shown.join(", ")) } else { shown.join(", ") }
}
