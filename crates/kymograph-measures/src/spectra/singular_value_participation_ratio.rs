//! Participation ratio of the singular values themselves, not of their squares.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, CHANGED, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Direction, Family, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "singular_value_participation_ratio",
    family: Family::Spectra,
    summary: "Over how many directions are the singular values spread, by their squares?",
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
    misleads: "On singular values, of an array that is not centred: the usual participation ratio is on the eigenvalues of a covariance (`effective_dimension`) and is smaller. A long tail of small singular values counts.",
    references: &[
        "Javihaus/ndt, src/ndt/core/estimators.py: participation_ratio, there said to be on eigenvalues",
        "Gao et al. 2017, A theory of multineuronal dimensionality, dynamics and measurement (doi:10.1101/214262), eq. 2: the same ratio of eigenvalues",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| singular_value_participation_ratio(x, centre).map(Reading::of))
    },
};

/// **Over how many directions are the singular values spread, by their squares?**
///
/// `1 / Σ pᵢ² = (Σσ)² / Σσ²` with `pᵢ = σᵢ / Σσ` over the **singular values** σ of `x` (`[row, column]`), not centred unless
/// `centre` says so. The participation ratio of the literature is the same formula on the eigenvalues σ² of the covariance:
/// that is [`crate::neurons::effective_dimension()`], a smaller number. From 1, rank one, to `min(rows, columns)`, all
/// equal; at most the rank.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: a long tail of small singular values counts, and without centring one of the directions is mostly the mean.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// Reference: Javihaus/ndt, `participation_ratio`.
///
/// ```
/// let x = ndarray::array![[3.0, 0.0], [0.0, 1.0]];
/// let ratio = kymograph_measures::spectra::singular_value_participation_ratio(x.view(), false)?;
/// assert!((ratio - 16.0 / 10.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn singular_value_participation_ratio<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<f64, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    let sum: f64 = values.iter().map(|value| value / values[0]).sum();
    let squares: f64 = values.iter().map(|value| (value / values[0]).powi(2)).sum();
    // Rounding may pass 1, which the inequality of the norms does not allow.
    check::number(MEASURE.name, sum / squares * sum).map(|ratio| ratio.max(1.0))
}
