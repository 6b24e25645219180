//! Mean absolute correlation over all pairs of different units of one layer.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::correlations::{EXAMPLES, absolute_correlation_by_chance, leading, within};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_absolute_correlation_within",
    family: Family::Similarity,
    summary: "How strongly are the units of one layer related to one another, whatever the sign?",
    inputs: &[Input::activations("x")],
    options: &[EXAMPLES],
    range: (0.0, 1.0),
    ends: "1: all units are one up to a factor and a shift; for independent units about .80/√examples, which the part expected_by_chance holds exactly.",
    unit: "correlation",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleColumns),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::FlipRowSigns),
    ],
    cost: "examples × features²",
    misleads: "It is never 0: on few examples chance alone gives .80/√n, .14 for 32. Published means of a layer with itself also count each unit with itself, which adds about 1/features.",
    references: &[
        "Fisher 1915, Frequency distribution of the values of the correlation coefficient (Biometrika 10): what chance gives",
    ],
    version: 1,
    evaluate: |arrays, options| {
        with_one!(&MEASURE, arrays, |x| mean_absolute_correlation_within(leading(&x, options, MEASURE.name)?))
    },
};

/// **How strongly are the units of one layer related to one another, whatever the sign?**
///
/// `mean_i≠j |r_ij|` of Pearson's correlations `r_ij` over examples between units i and j of `x` (`[example, feature]`). In
/// [0, 1]. Constant units are left out; the part `constant_units` counts them, and a note says so. The part
/// `without_diagonal` holds the means of r, |r| and max(0, r) over the same pairs, `with_diagonal` those over all pairs,
/// each unit with itself among them, as published elsewhere. The part `expected_by_chance` is what independent normal units
/// give on average, [`super::absolute_correlation_by_chance()`].
///
/// Unchanged by a shift and a factor of either sign for each unit, and by reordering examples or units; changed by
/// rotations.
///
/// **Misleads**: it is never 0, for chance alone gives about .80/√n with n examples.
///
/// # Errors
/// Fewer than 2 examples, empty or not finite input, or fewer than 2 units that vary. Cost: examples × features².
///
/// References: Fisher 1915 (Biometrika 10).
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 1.0, 0.0], [1.0, -1.0, -1.0], [2.0, 1.0, -2.0]];
/// // The first unit goes against the third, and neither with the second.
/// let reading = kymograph_measures::similarity::mean_absolute_correlation_within(x.view())?;
/// assert!((reading.value - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_absolute_correlation_within<T: Real>(x: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let correlations = within(x)?;
    let without = correlations.off_diagonal().ok_or(MeasureError::TooFew {
        input: "x",
        what: "units that vary",
        found: 1,
        needed: 2,
        why: "a pair of different units",
    })?;
    let with = correlations.means();
    Ok(correlations
        .reading(without.absolute, absolute_correlation_by_chance(correlations.examples))
        .with_part("without_diagonal", vec![without.signed, without.absolute, without.clipped])
        .with_part("with_diagonal", vec![with.signed, with.absolute, with.clipped]))
}
