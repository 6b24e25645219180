//! Share of a set of directions that have a near copy in the same set.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::maximal_cosines::maximal_cosines;
use super::{SAME, check_threshold};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "duplicate_directions",
    family: Family::Dictionaries,
    summary: "Which share of a set of directions has a near copy in the same set?",
    inputs: &[Input::weights("x")],
    options: &[SAME],
    range: (0.0, 1.0),
    ends: "0: all directions differ; 1: each has a copy.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::Translate)],
    cost: "units² × inputs",
    misleads: "Directions that are opposite are no copies. Both of a pair count.",
    references: &["Sharkey, Braun & Millidge 2022, Taking features out of superposition with sparse autoencoders"],
    version: 1,
    evaluate: |arrays, options| {
        let threshold = options.real("threshold")?;
        with_one!(&MEASURE, arrays, |x| duplicate_directions(x, threshold))
    },
};

/// **Which share of a set of directions has a near copy in the same set?**
///
/// The share of units of `x` (`[unit, input]`) whose cosine with another unit is at least `threshold`. In [0, 1]; both
/// of a pair count. Parts: `per_unit`, 1 for a unit with a copy.
///
/// Unchanged by reordering, rotation, and a positive factor per unit.
///
/// **Misleads**: opposite directions are no copies.
///
/// # Errors
/// A threshold that is no cosine, fewer than two units, empty or not finite input, only zeros. Cost: units² × inputs.
///
/// ```
/// use ndarray::array;
/// let x = array![[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0]];
/// assert_eq!(kymograph_measures::dictionaries::duplicate_directions(x.view(), 0.9)?.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn duplicate_directions<T: Real>(x: ArrayView2<'_, T>, threshold: f64) -> Result<Reading, MeasureError> {
    check_threshold(MEASURE.name, threshold)?;
    let found = maximal_cosines(x, x, true)?;
    let per_unit: Vec<f64> =
        found.of_directions().iter().map(|cosine| if *cosine >= threshold { 1.0 } else { 0.0 }).collect();
    let reading = Reading::of(check::mean(&per_unit)).with_part("per_unit", per_unit);
    Ok(match found.zero_x.len() {
        0 => reading,
        count => reading.with_note(format!("{count} rows of zeros left out: {}", check::listed(&found.zero_x))),
    })
}
