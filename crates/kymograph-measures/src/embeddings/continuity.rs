//! Whether rows that were neighbours still are in a layout.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::ranks;
use super::trustworthiness::K;
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "continuity",
    family: Family::Embeddings,
    summary: "Are rows that are neighbours in x neighbours in the layout y, too?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[K],
    range: (0.0, 1.0),
    ends: "1: no neighbours were torn apart; about 1/2: neighbours in x are anybody in y; 0: they are the farthest.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: ranks::UNCHANGED,
    changed_by: ranks::CHANGED,
    cost: "rows² × (features + k)",
    misleads: "A layout that puts everything together keeps all neighbours: read it with trustworthiness, which such a layout fails. Chance is about one half, not 0.",
    references: &[
        "Venna & Kaski 2001, Neighborhood preservation in nonlinear projection methods (doi:10.1007/3-540-44668-0_68), eq. 3",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let k = options.count("k")?;
        with_pair!(&MEASURE, arrays, |x, y| continuity(x, y, k))
    },
};

/// **Are rows that are neighbours in `x` neighbours in the layout `y`, too?**
///
/// [`super::trustworthiness()`] with the two arrays exchanged: the k nearest rows in `x` that are not among the k nearest in `y`
/// count by their rank in `y`. `x` is `[row, feature]`, `y` is `[row, axis]`. In [0, 1]: 1 when no neighbours were torn apart,
/// about 1/2 for a random layout. The part `per_row` holds each row's.
///
/// Unchanged by rotation, shift, sign and factor of either side.
///
/// **Misleads**: a layout that puts everything together keeps all neighbours; read it with trustworthiness.
///
/// # Errors
/// Those of [`super::trustworthiness()`]. Cost: rows² × (features + k).
///
/// Reference: Venna & Kaski 2001, eq. 3.
///
/// ```
/// let x = ndarray::Array2::from_shape_fn((20, 3), |(i, j)| (i * (i + j)) as f64);
/// let same = kymograph_measures::embeddings::continuity(x.view(), x.view(), 5)?;
/// assert_eq!(same.value, 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn continuity<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, k: usize) -> Result<Reading, MeasureError> {
    ranks::check_pair(MEASURE.name, x, y, k)?;
    let per_row = ranks::rank_agreement(MEASURE.name, ("x", x), ("y", y), k)?;
    // Rounding may pass the ends.
    Ok(Reading::of(check::mean(&per_row).clamp(0.0, 1.0)).with_part("per_row", per_row))
}
