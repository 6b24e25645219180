//! Share of one set of directions of which another holds a near copy: recall, and precision when swapped.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::maximal_cosines::maximal_cosines;
use super::mean_max_cosine::left_out;
use super::{SAME, check_threshold};
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "share_recovered",
    family: Family::Dictionaries,
    summary: "Of which share of one set of directions does another hold a near copy?",
    inputs: &[Input::weights("x"), Input::weights("y")],
    options: &[SAME],
    range: (0.0, 1.0),
    ends: "1: every direction of x has a copy in y; 0: none has.",
    unit: "share",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[],
    cost: "units × other units × inputs",
    misleads: "A cosine just below the threshold counts for nothing. True features in `x` give recall, the learned dictionary in `x` precision; neither sees duplicates.",
    references: &["van Rijsbergen 1979, Information retrieval, chapter 7: recall and precision"],
    version: 1,
    evaluate: |arrays, options| {
        let threshold = options.real("threshold")?;
        with_pair!(&MEASURE, arrays, |x, y| share_recovered(x, y, threshold))
    },
};

/// **Of which share of one set of directions does another hold a near copy?**
///
/// The share of units of `x` (`[unit, input]`) whose maximal cosine with the units of `y` (`[other unit, input]`) is at least
/// `threshold`. With the true features as `x` it is recall, with the learned dictionary as `x` precision. In [0, 1]. Parts:
/// `per_unit`, 1 for a recovered unit and 0 for another.
///
/// Unchanged by reordering either side, rotating inputs jointly, and a positive factor per unit.
///
/// **Misleads**: just below the threshold counts for nothing.
///
/// # Errors
/// A threshold that is no cosine; those of [`super::mean_max_cosine()`]. Cost: units × other units × inputs.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[1.0, 0.0], [0.0, 2.0]], array![[0.1, 5.0]]);
/// assert_eq!(kymograph_measures::dictionaries::share_recovered(x.view(), y.view(), 0.9)?.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn share_recovered<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    threshold: f64,
) -> Result<Reading, MeasureError> {
    check_threshold(MEASURE.name, threshold)?;
    let found = maximal_cosines(x, y, false)?;
    let per_unit: Vec<f64> =
        found.of_directions().iter().map(|cosine| if *cosine >= threshold { 1.0 } else { 0.0 }).collect();
    Ok(left_out(Reading::of(check::mean(&per_unit)).with_part("per_unit", per_unit), &found))
}
