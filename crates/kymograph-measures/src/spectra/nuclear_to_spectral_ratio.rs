//! Sum of the singular values against the largest.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, CHANGED, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Direction, Family, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "nuclear_to_spectral_ratio",
    family: Family::Spectra,
    summary: "How many directions as strong as the strongest would hold the same sum of singular values?",
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
    misleads: "The largest singular value alone sets the scale, as in `stable_rank`, and a long tail of small ones counts, as in `effective_rank`. Without centring the largest is often the mean.",
    references: &[
        "Javihaus/ndt, src/ndt/core/estimators.py: nuclear_norm_ratio",
        "Fazel 2002, Matrix rank minimization with applications (thesis, Stanford), section 5.1.4: the nuclear norm bounds the rank from below",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| nuclear_to_spectral_ratio(x, centre).map(Reading::of))
    },
};

/// **How many directions as strong as the strongest would hold the same sum of singular values?**
///
/// `‖X‖_* / ‖X‖₂ = Σσ / σ₁` for `x` (`[row, column]`). From 1, rank one, to `min(rows, columns)`, all singular values equal;
/// at most the rank. With `centre`, column means are taken away first.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: the largest singular value alone sets the scale, and a long tail of small ones counts.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// Reference: Javihaus/ndt, `nuclear_norm_ratio`.
///
/// ```
/// let x = ndarray::array![[2.0, 0.0], [0.0, 1.0]];
/// assert!((kymograph_measures::spectra::nuclear_to_spectral_ratio(x.view(), false)? - 1.5).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn nuclear_to_spectral_ratio<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<f64, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    check::number(MEASURE.name, values.iter().map(|value| value / values[0]).sum())
}
