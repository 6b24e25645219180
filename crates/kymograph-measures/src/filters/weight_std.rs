//! Standard deviation of all entries of a weight.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "weight_std",
    family: Family::Filters,
    summary: "How widely are the entries of a weight spread?",
    inputs: &[Input::weights("weight")],
    options: &[],
    range: (0.0, f64::INFINITY),
    ends: "0: all entries are equal; no upper end.",
    unit: "weight",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::Scale), Transform::joint(Change::Translate)],
    cost: "units × inputs",
    misleads: "It grows with the length of training under any optimiser and says nothing on what the units detect; it has been called filter diversity, and it is not.",
    references: &["Javihaus/ndt, feature_analysis.py: std of all weights of a layer"],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, |weight| weight_std(weight).map(Reading::of)),
};

/// **How widely are the entries of a weight spread?**
///
/// `sqrt(mean((w − mean w)²))` over every entry of `weight` (`[unit, input]`), dividing by the number of entries.
/// In the weight's own unit: 0 when all entries are equal, no upper end. Unchanged by any reordering of entries and by
/// the sign; proportional to scale.
///
/// **Misleads**: it grows with the length of training under any optimiser and says nothing on what units detect.
///
/// # Errors
/// Empty or not finite input. Cost: one pass for the mean, one for the spread.
///
/// ```
/// let weight = ndarray::array![[1.0, 3.0], [1.0, 3.0]];
/// assert_eq!(kymograph_measures::filters::weight_std(weight.view())?, 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn weight_std<T: Real>(weight: ArrayView2<'_, T>) -> Result<f64, MeasureError> {
    check::matrix("weight", weight)?;
    let scale = check::binary_scale(weight.iter());
    let mean = weight.iter().map(|w| w.to_f64() / scale).sum::<f64>() / weight.len() as f64;
    let square = weight.iter().map(|w| (w.to_f64() / scale - mean).powi(2)).sum::<f64>() / weight.len() as f64;
    check::number(MEASURE.name, scale * square.sqrt())
}
