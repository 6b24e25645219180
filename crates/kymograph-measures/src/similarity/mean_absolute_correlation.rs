//! Mean absolute correlation over all pairs of a unit of one layer and a unit of another.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::correlations::{ABSOLUTE, EXAMPLES, absolute_correlation_by_chance, between, leading};
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, Reading};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_absolute_correlation",
    family: Family::Similarity,
    summary: "How strongly are single units of two layers related, whatever the sign?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[EXAMPLES],
    range: (0.0, 1.0),
    ends: "1: every two units are one up to a factor and a shift; for independent units about .80/√examples, which the part expected_by_chance holds exactly.",
    unit: "correlation",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: ABSOLUTE.unchanged,
    changed_by: ABSOLUTE.changed,
    cost: "examples × features × other features",
    misleads: "It is never 0: on few examples chance alone gives .80/√n, .14 for 32. Two layers that are one rotation of the other have low values. Behind a batch normalisation it is the same as before it, which says nothing about the two layers.",
    references: &[
        "Fisher 1915, Frequency distribution of the values of the correlation coefficient (Biometrika 10): what chance gives",
        "Kornblith, Norouzi, Lee & Hinton 2019 (arXiv:1905.00414), section 2: what a similarity of layers should not see",
    ],
    version: 1,
    evaluate: |arrays, options| {
        with_pair!(&MEASURE, arrays, |x, y| {
            let (x, y) = (leading(&x, options, MEASURE.name)?, leading(&y, options, MEASURE.name)?);
            mean_absolute_correlation(x, y)
        })
    },
};

/// **How strongly are single units of two layers related, whatever the sign?**
///
/// `mean_ij |r_ij|` of Pearson's correlations `r_ij` over examples between unit i of `x` (`[example, feature]`) and unit j of
/// `y` (`[example, other feature]`), rows being the same examples. In [0, 1]. Constant units have no correlation: they are
/// left out, the part `constant_units` counts them on both sides, and a note says so. The part `expected_by_chance` is what
/// independent normal units give on average, [`super::absolute_correlation_by_chance()`].
///
/// Unchanged by a shift and a factor of either sign for each unit, and by reordering examples jointly or units; changed by
/// rotations.
///
/// **Misleads**: it is never 0, for chance alone gives about .80/√n with n examples.
///
/// # Errors
/// Numbers of examples that differ or fewer than 2, empty or not finite input, or a side without a unit that varies. Cost:
/// examples × features × other features.
///
/// References: Fisher 1915 (Biometrika 10).
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 1.0], [1.0, -1.0], [2.0, 1.0]];
/// let y = array![[5.0], [3.0], [1.0]];
/// // y goes against the first unit of x and not with the second.
/// let reading = kymograph_measures::similarity::mean_absolute_correlation(x.view(), y.view())?;
/// assert!((reading.value - 0.5).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_absolute_correlation<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let between = between(x, y)?;
    let by_chance = absolute_correlation_by_chance(between.examples);
    Ok(between.reading(between.means().absolute, by_chance))
}
