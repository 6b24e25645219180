//! How many singular directions hold nine tenths of the sum of squares.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "components_for_90_percent",
    family: Family::Spectra,
    summary: "How many singular directions hold 90 % of the sum of squares of an array?",
    inputs: ARRAY,
    options: &[CENTRE],
    range: (1.0, f64::INFINITY),
    ends: "1: the first direction holds 90 % alone; about 0.9 min(rows, columns): all directions hold the same.",
    unit: "directions",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: UNCHANGED,
    changed_by: &[Transform::joint(Change::ScaleColumns)],
    cost: "rows × columns × min(rows, columns)",
    misleads: "A whole number that hides how the shares fall off: it jumps by 1 where a share crosses the line. Of noise it is most of min(rows, columns), and fewer examples lower it. Without centring, the first direction of activations is mostly their mean.",
    references: &[
        "Jolliffe 2002, Principal component analysis, section 6.1.1: cumulative percentage of total variation",
        "Javihaus/ndt, src/ndt/core/estimators.py: cumulative_energy_90",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| components_for_90_percent(x, centre).map(Reading::of))
    },
};

/// **How many singular directions hold 90 % of the sum of squares of an array?**
///
/// The least m with `σ₁² + … + σₘ² ≥ 0.9 Σσ²` over the singular values of `x` (`[row, column]`), largest first. With
/// `centre`, column means are taken away first, and the sum of squares is the variance. From 1 to `min(rows, columns)`.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: it jumps by 1 where a share crosses the line, and of noise it is most of `min(rows, columns)`.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// Reference: Jolliffe 2002, section 6.1.1.
///
/// ```
/// let x = ndarray::array![[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]];
/// assert_eq!(kymograph_measures::spectra::components_for_90_percent(x.view(), false)?, 2.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn components_for_90_percent<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<f64, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    let squares: Vec<f64> = values.iter().map(|value| (value / values[0]).powi(2)).collect();
    let enough = 0.9 * squares.iter().sum::<f64>();
    let mut sum = 0.0;
    let few = squares.iter().take_while(|square| {
        sum += **square;
        // A share of exactly 90 % is enough, however it was rounded.
        sum < enough * (1.0 - 1e-12)
    });
    check::number(MEASURE.name, few.count() as f64 + 1.0)
}
