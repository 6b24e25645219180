//! Sum of squares against the largest squared singular value.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, CHANGED, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Direction, Family, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "stable_rank",
    family: Family::Spectra,
    summary: "How many directions as strong as the strongest would hold the same sum of squares?",
    inputs: ARRAY,
    options: &[CENTRE],
    range: (1.0, f64::INFINITY),
    ends: "1: rank one; min(rows, columns): all singular values are equal.",
    unit: "directions",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: UNCHANGED,
    changed_by: CHANGED,
    cost: "rows × columns × min(rows, columns)",
    misleads: "The largest singular value alone sets the scale: one outlying direction pulls it to 1 while the others are as rich as ever. Without centring that direction is often the mean.",
    references: &[
        "Rudelson & Vershynin 2007, Sampling from large matrices (arXiv:math/0503442), remark 1.3: numerical rank",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| stable_rank(x, centre).map(Reading::of))
    },
};

/// **How many directions as strong as the strongest would hold the same sum of squares?**
///
/// `‖X‖²_F / ‖X‖²₂ = Σσ² / σ₁²` for `x` (`[row, column]`). From 1, rank one, to `min(rows, columns)`, all singular values
/// equal; at most the rank. With `centre`, column means are taken away first.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: one outlying direction pulls it to 1 while the others are as rich as ever.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// ```
/// let x = ndarray::array![[2.0, 0.0], [0.0, 1.0]];
/// assert!((kymograph_measures::spectra::stable_rank(x.view(), false)? - 1.25).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn stable_rank<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<f64, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    check::number(MEASURE.name, values.iter().map(|value| (value / values[0]).powi(2)).sum())
}
