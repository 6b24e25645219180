//! Cosine between units of the same index.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::matched_cosine::left_out_note;
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "same_index_cosine",
    family: Family::Similarity,
    summary: "Do the units of two weights point the same way, index by index?",
    inputs: &[Input::weights("x"), Input::weights("y")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: every unit points the same way in both; 0: unrelated on average; −1: every unit is reversed.",
    unit: "cosine",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::FlipSign),
        Transform::joint(Change::Translate),
        Transform::joint(Change::ScaleColumns),
    ],
    cost: "units × inputs",
    misleads: "Between two steps of one run it is high because the step is small, cos ≈ 1/√(1 + (δ/σ)²), not because features are kept; with few inputs (9 for a 3 × 3 filter) single cosines scatter by 1/√inputs. Compare with a random walk of equal displacement.",
    references: &["Javihaus/ndt, feature_analysis.py: filter similarity between checkpoints"],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| same_index_cosine(x, y)),
};

/// **Do the units of two weights point the same way, index by index?**
///
/// `mean_u ⟨x_u, y_u⟩ / (‖x_u‖ ‖y_u‖)` over the units `u` of `x` and `y`, both `[unit, input]`. In [−1, 1]: 1 when every
/// unit points the same way in both, 0 when they are unrelated on average, −1 when every unit is reversed. The part
/// `per_unit` holds each unit's cosine.
///
/// A unit that is all zero in either array has no direction: it is left out of the mean, the part `left_out` names it
/// and a note says so.
///
/// Unchanged by reordering units jointly, rotating inputs jointly, and a positive factor per unit of either side.
///
/// **Misleads** between two steps of one run: it is high because the step is small, `cos ≈ 1/√(1 + (δ/σ)²)`, not because
/// features are kept; and with few inputs single cosines scatter by `1/√inputs`. Compare with a random walk of equal
/// displacement.
///
/// # Errors
/// Shapes that differ, empty or not finite input, or no unit left with a direction. Cost: units × inputs.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[1.0, 0.0], [0.0, 2.0]], array![[3.0, 0.0], [1.0, 0.0]]);
/// let reading = kymograph_measures::similarity::same_index_cosine(x.view(), y.view())?;
/// assert_eq!(reading.value, 0.5);
/// assert_eq!(reading.part("per_unit"), Some(&[1.0, 0.0][..]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn same_index_cosine<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_shape(("x", x), ("y", y), ["units", "inputs"])?;
    let (x, y) = (check::unit_rows(x), check::unit_rows(y));
    let kept = check::places(x.zero.iter().zip(&y.zero).map(|(a, b)| !a && !b));
    if kept.is_empty() {
        return Err(MeasureError::NoVariation { input: "x", what: "every unit is all zero in `x` or in `y`" });
    }
    let per_unit: Vec<f64> =
        kept.iter().map(|&unit| x.rows.row(unit).dot(&y.rows.row(unit)).clamp(-1.0, 1.0)).collect();
    let reading = Reading::of(check::mean(&per_unit)).with_part("per_unit", per_unit);
    let left_out = check::places(x.zero.iter().zip(&y.zero).map(|(a, b)| *a || *b));
    Ok(left_out_note(reading, "left_out", "x or y", &left_out))
}
