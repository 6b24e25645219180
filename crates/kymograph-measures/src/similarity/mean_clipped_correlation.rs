//! Mean of the correlations above 0, the others counting 0, over all pairs of a unit of one layer and a unit of another.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::correlations::{EXAMPLES, SIGNED, absolute_correlation_by_chance, between, leading};
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, Reading};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_clipped_correlation",
    family: Family::Similarity,
    summary: "How strongly do single units of two layers rise and fall together, opposite ones counting as unrelated?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[EXAMPLES],
    range: (0.0, 1.0),
    ends: "1: every two units are one up to a positive factor and a shift; for independent units about .40/√examples, which the part expected_by_chance holds exactly; 0: no two units go together.",
    unit: "correlation",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: SIGNED.unchanged,
    changed_by: SIGNED.changed,
    cost: "examples × features × other features",
    misleads: "It hides whatever is opposite: ten outputs of a softmax, each against the other nine, have exactly 1/10 with themselves. It is hardly ever 0: on few examples chance alone gives .40/√n, .07 for 32. Behind a batch normalisation with positive weights it is the same as before it, which says nothing about the two layers.",
    references: &[
        "Fisher 1915, Frequency distribution of the values of the correlation coefficient (Biometrika 10): what chance gives",
        "Kornblith, Norouzi, Lee & Hinton 2019 (arXiv:1905.00414), section 2: what a similarity of layers should not see",
    ],
    version: 1,
    evaluate: |arrays, options| {
        with_pair!(&MEASURE, arrays, |x, y| {
            let (x, y) = (leading(&x, options, MEASURE.name)?, leading(&y, options, MEASURE.name)?);
            mean_clipped_correlation(x, y)
        })
    },
};

/// **How strongly do single units of two layers rise and fall together, opposite ones counting as unrelated?**
///
/// `mean_ij max(0, r_ij)` of Pearson's correlations `r_ij` over examples between unit i of `x` (`[example, feature]`) and unit j
/// of `y` (`[example, other feature]`), rows being the same examples: what a picture of r with colours from 0 to 1 shows. In
/// [0, 1]. Constant units have no correlation: they are left out, the part `constant_units` counts them on both sides, and a
/// note says so. The part `expected_by_chance` is what independent normal units give on average, half of
/// [`super::absolute_correlation_by_chance()`].
///
/// Unchanged by a shift and a positive factor for each unit, and by reordering examples jointly or units; changed by
/// rotations and by the sign of one side.
///
/// **Misleads**: it hides whatever is opposite, and chance alone gives about .40/√n with n examples.
///
/// # Errors
/// Numbers of examples that differ or fewer than 2, empty or not finite input, or a side without a unit that varies. Cost:
/// examples × features × other features.
///
/// References: Fisher 1915 (Biometrika 10).
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 0.0], [1.0, -1.0], [2.0, -2.0]];
/// let y = array![[1.0], [3.0], [5.0]];
/// // y goes with the first unit of x and against the second.
/// let reading = kymograph_measures::similarity::mean_clipped_correlation(x.view(), y.view())?;
/// assert!((reading.value - 0.5).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_clipped_correlation<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let between = between(x, y)?;
    let by_chance = absolute_correlation_by_chance(between.examples) / 2.0;
    Ok(between.reading(between.means().clipped, by_chance))
}
