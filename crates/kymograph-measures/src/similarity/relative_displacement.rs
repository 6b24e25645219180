//! How far an array moved, against its size.

use kymograph_linalg::Real;
use ndarray::{ArrayView2, Zip};

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "relative_displacement",
    family: Family::Similarity,
    summary: "How far did an array move, against its size at the earlier step?",
    inputs: &[Input::weights("earlier"), Input::weights("later")],
    options: &[],
    range: (0.0, f64::INFINITY),
    ends: "0: it did not move; 1: it moved by its own norm; no upper end.",
    unit: "earlier norms",
    direction: Direction::FartherApart,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[
        Transform::first(Change::Scale),
        Transform::first(Change::PermuteRows),
        Transform::joint(Change::Translate),
    ],
    cost: "units × inputs",
    misleads: "Growth alone displaces: doubling every weight gives 1 and changes no direction; and in many dimensions noise of the optimiser adds up to a large displacement.",
    references: &["Frobenius norms: ‖b − a‖ / ‖a‖"],
    version: 1,
    evaluate: |arrays, _| {
        with_pair!(&MEASURE, arrays, |earlier, later| relative_displacement(earlier, later).map(Reading::of))
    },
};

/// **How far did an array move, against its size at the earlier step?**
///
/// `‖b − a‖_F / ‖a‖_F` for `earlier` (a) and `later` (b), both `[unit, input]`. In norms of the earlier array: 0 when it
/// did not move, 1 when it moved by its own norm, no upper end.
///
/// Unchanged by what both sides share: reordering, rotation, scale, sign.
///
/// **Misleads**: growth alone displaces (doubling every weight gives 1 and changes no direction).
///
/// # Errors
/// Shapes that differ, empty or not finite input, or an earlier array that is all zero. Cost: units × inputs.
///
/// ```
/// use ndarray::array;
/// let moved = kymograph_measures::similarity::relative_displacement(array![[3.0, 4.0]].view(), array![[3.0, 9.0]].view())?;
/// assert_eq!(moved, 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn relative_displacement<T: Real>(
    earlier: ArrayView2<'_, T>,
    later: ArrayView2<'_, T>,
) -> Result<f64, MeasureError> {
    check::matrix("earlier", earlier)?;
    check::matrix("later", later)?;
    check::same_shape(("earlier", earlier), ("later", later), ["units", "inputs"])?;
    let scale = check::binary_scale(earlier.iter().chain(later.iter()));
    let (moved, size) = Zip::from(earlier).and(later).fold((0.0, 0.0), |(moved, size), a, b| {
        let (a, b) = (a.to_f64() / scale, b.to_f64() / scale);
        (moved + (b - a).powi(2), size + a * a)
    });
    if size == 0.0 {
        // The squares of an array far smaller than the other one vanish; its own scale tells it from zero.
        let norm = check::norm(earlier.flatten().view()) / scale;
        if norm == 0.0 {
            return Err(MeasureError::NoVariation { input: "earlier", what: "it is all zero" });
        }
        return check::number(MEASURE.name, f64::sqrt(moved) / norm);
    }
    check::number(MEASURE.name, f64::sqrt(moved / size))
}
