//! Rank by the entropy of the singular values.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, CHANGED, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Direction, Family, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "effective_rank",
    family: Family::Spectra,
    summary: "Over how many directions are the singular values spread, by entropy?",
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
    misleads: "A long tail of tiny singular values counts: noise added to a low-rank array raises it far above its rank. Computed on singular values; on their squares it is another, smaller number.",
    references: &[
        "Roy & Vetterli 2007, The effective rank: a measure of effective dimensionality (EUSIPCO), definition 1",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| effective_rank(x, centre).map(Reading::of))
    },
};

/// **Over how many directions are the singular values spread, by entropy?**
///
/// `exp(−Σ pᵢ ln pᵢ)` with `pᵢ = σᵢ / Σσ` over the singular values of `x` (`[row, column]`). From 1, rank one, to
/// `min(rows, columns)`, all equal; at most the rank. With `centre`, column means are taken away first.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: a long tail of tiny singular values counts, so noise raises it far above the rank beneath.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// Reference: Roy & Vetterli 2007, definition 1.
///
/// ```
/// let x = ndarray::array![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
/// assert!((kymograph_measures::spectra::effective_rank(x.view(), false)? - 2.0).abs() < 1e-14);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn effective_rank<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<f64, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    let total: f64 = values.iter().map(|value| value / values[0]).sum();
    let entropy: f64 = values
        .iter()
        .map(|value| value / values[0] / total)
        .filter(|share| *share > 0.0)
        .map(|share| -share * share.ln())
        .sum();
    check::number(MEASURE.name, entropy.exp()).map(|rank| rank.max(1.0))
}
