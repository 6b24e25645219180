//! Mean correlation over all pairs of a unit of one layer and a unit of another.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::correlations::{EXAMPLES, SIGNED, between, leading};
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, Reading};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_signed_correlation",
    family: Family::Similarity,
    summary: "Do the units of two layers rise and fall together, one by one and on average?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[EXAMPLES],
    range: (-1.0, 1.0),
    ends: "1: every two units are one up to a positive factor and a shift; 0: on average no relation, or relations of both signs that cancel; −1: every two units are opposite.",
    unit: "correlation",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: SIGNED.unchanged,
    changed_by: SIGNED.changed,
    cost: "examples × features × other features",
    misleads: "Relations of both signs cancel: two layers that are one rotation of the other may have a mean near 0. Behind a batch normalisation with positive weights the mean is the same as before it, which says nothing about the two layers.",
    references: &[
        "Fisher 1915, Frequency distribution of the values of the correlation coefficient (Biometrika 10): what chance gives",
        "Kornblith, Norouzi, Lee & Hinton 2019 (arXiv:1905.00414), section 2: what a similarity of layers should not see",
    ],
    version: 1,
    evaluate: |arrays, options| {
        with_pair!(&MEASURE, arrays, |x, y| {
            let (x, y) = (leading(&x, options, MEASURE.name)?, leading(&y, options, MEASURE.name)?);
            mean_signed_correlation(x, y)
        })
    },
};

/// **Do the units of two layers rise and fall together, one by one and on average?**
///
/// `mean_ij r_ij` of Pearson's correlations `r_ij` over examples between unit i of `x` (`[example, feature]`) and unit j of `y`
/// (`[example, other feature]`), rows being the same examples. In [−1, 1]. Constant units have no correlation: they are
/// left out, the part `constant_units` counts them on both sides, and a note says so. The part `expected_by_chance` is 0, what
/// independent units have.
///
/// Unchanged by a shift and a positive factor for each unit, and by reordering examples jointly or units; changed by
/// rotations and by the sign of one side.
///
/// **Misleads**: relations of both signs cancel.
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
/// let y = array![[1.0], [3.0], [5.0]];
/// // y goes with the first unit of x and not with the second.
/// let reading = kymograph_measures::similarity::mean_signed_correlation(x.view(), y.view())?;
/// assert!((reading.value - 0.5).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_signed_correlation<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let between = between(x, y)?;
    Ok(between.reading(between.means().signed, 0.0))
}
