//! Mean magnitude of the entries of a weight.

use kymograph_linalg::Real;
use ndarray::{ArrayView2, Axis};

use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "weight_mean_abs",
    family: Family::Filters,
    summary: "How large is an entry of a weight, on average?",
    inputs: &[Input::weights("weight")],
    options: &[],
    range: (0.0, f64::INFINITY),
    ends: "0: the weight is zero; no upper end.",
    unit: "weight",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[Transform::joint(Change::Scale), Transform::joint(Change::Translate)],
    cost: "units × inputs",
    misleads: "Scale alone: a layer followed by normalisation computes the same function at any scale.",
    references: &["Javihaus/ndt, feature_analysis.py: mean |w| of a layer"],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, |weight| weight_mean_abs(weight)),
};

/// **How large is an entry of a weight, on average?**
///
/// `mean |w|` over every entry of `weight` (`[unit, input]`), in the weight's own unit: 0 when the weight is zero, no
/// upper end. The part `per_unit` holds the mean of each row; its mean is the value. Unchanged by any reordering and
/// by signs; proportional to scale.
///
/// **Misleads**: a layer followed by normalisation computes the same function at any scale.
///
/// # Errors
/// Empty or not finite input. Cost: one pass.
///
/// ```
/// let weight = ndarray::array![[1.0, -3.0], [2.0, 2.0]];
/// assert_eq!(kymograph_measures::filters::weight_mean_abs(weight.view())?.value, 2.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn weight_mean_abs<T: Real>(weight: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("weight", weight)?;
    let scale = check::binary_scale(weight.iter());
    let per_unit: Vec<f64> = weight
        .axis_iter(Axis(0))
        .map(|row| scale * (row.iter().map(|w| w.to_f64().abs() / scale).sum::<f64>() / row.len() as f64))
        .collect();
    let value = check::number(MEASURE.name, check::mean(&per_unit))?;
    Ok(Reading::of(value).with_part("per_unit", per_unit))
}
