//! Norm of a weight against its norm at an earlier step.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "weight_norm_ratio",
    family: Family::Filters,
    summary: "By which factor did a weight grow between two steps?",
    inputs: &[Input::weights("earlier"), Input::weights("later")],
    options: &[],
    range: (0.0, f64::INFINITY),
    ends: "1: as large as before; below 1: shrunk; no upper end.",
    unit: "earlier norms",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::FlipSign),
        Transform::first(Change::FlipRowSigns),
    ],
    changed_by: &[Transform::first(Change::Scale), Transform::joint(Change::Translate)],
    cost: "units × inputs",
    misleads: "Size alone: it is 1 for two weights that share nothing. Weights grow under most optimisers without weight decay, whatever is learnt.",
    references: &["Javihaus/ndt, feature_analysis.py: ratio of weight norms between checkpoints"],
    version: 1,
    evaluate: |arrays, _| {
        with_pair!(&MEASURE, arrays, |earlier, later| weight_norm_ratio(earlier, later).map(Reading::of))
    },
};

/// **By which factor did a weight grow between two steps?**
///
/// `‖b‖_F / ‖a‖_F` for `earlier` (a) and `later` (b), both `[unit, input]`. 1 when as large as before, below 1 when it shrank,
/// no upper end. Unchanged by any reordering, rotation or sign on either side, and by one factor on both.
///
/// **Misleads**: size alone; it is 1 for two weights that share nothing.
///
/// # Errors
/// Shapes that differ, empty or not finite input, or an earlier weight that is all zero. Cost: units × inputs.
///
/// ```
/// use ndarray::array;
/// let ratio = kymograph_measures::filters::weight_norm_ratio(array![[3.0, 4.0]].view(), array![[0.0, 10.0]].view())?;
/// assert_eq!(ratio, 2.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn weight_norm_ratio<T: Real>(earlier: ArrayView2<'_, T>, later: ArrayView2<'_, T>) -> Result<f64, MeasureError> {
    check::matrix("earlier", earlier)?;
    check::matrix("later", later)?;
    check::same_shape(("earlier", earlier), ("later", later), ["units", "inputs"])?;
    let before = check::norm(earlier.flatten().view());
    if before == 0.0 {
        return Err(MeasureError::NoVariation { input: "earlier", what: "it is all zero" });
    }
    check::number(MEASURE.name, check::norm(later.flatten().view()) / before)
}
