//! Angle through which units turn, per step.

use kymograph_linalg::Real;
use ndarray::{ArrayView2, Zip};

use super::matched_cosine::left_out_note;
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "angular_speed",
    family: Family::Similarity,
    summary: "How fast do units turn between two steps?",
    inputs: &[Input::weights("earlier"), Input::weights("later")],
    options: &[OptionSpec {
        name: "interval",
        default: Setting::Real(1.0),
        doc: "The number of steps between the two arrays; the angle is divided by it.",
    }],
    range: (0.0, f64::INFINITY),
    ends: "0: no unit turns; π / interval: every unit is reversed.",
    unit: "radians per step",
    direction: Direction::FartherApart,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::FlipSign),
    ],
    cost: "units × inputs",
    misleads: "It is a chord: a unit that turns to and fro between the two steps looks slow, so speeds over long intervals are lower bounds; noise of the optimiser alone makes units turn.",
    references: &[
        "Kahan 2006, How futile are mindless assessments of roundoff, section 12: the angle by atan2, exact for small angles",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let interval = options.real("interval")?;
        with_pair!(&MEASURE, arrays, |earlier, later| angular_speed(earlier, later, interval))
    },
};

/// **How fast do units turn between two steps?**
///
/// `mean_u ∠(a_u, b_u) / interval` over the units of `earlier` (a) and `later` (b), both `[unit, input]`; `interval` is
/// the number of steps between them. Radians per step: 0 when no unit turns, π / interval when every unit is reversed.
/// The part `per_unit` holds each unit's speed. The angle is `2·atan2(‖â − b̂‖, ‖â + b̂‖)` of the unit vectors, which keeps
/// its digits for small angles, where an arc cosine loses half of them.
///
/// A unit that is all zero at either step is left out; the part `left_out` names it and a note says so.
///
/// Unchanged by reordering units jointly, rotating inputs jointly, and a positive factor per unit.
///
/// **Misleads**: it is a chord, so a unit that turns to and fro between the steps looks slow.
///
/// # Errors
/// Shapes that differ, empty or not finite input, no unit left, or an `interval` that is not positive. Cost:
/// units × inputs.
///
/// ```
/// use ndarray::array;
/// let reading = kymograph_measures::similarity::angular_speed(array![[1.0, 0.0]].view(), array![[0.0, 3.0]].view(), 10.0)?;
/// assert!((reading.value - std::f64::consts::FRAC_PI_2 / 10.0).abs() < 1e-16);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn angular_speed<T: Real>(
    earlier: ArrayView2<'_, T>,
    later: ArrayView2<'_, T>,
    interval: f64,
) -> Result<Reading, MeasureError> {
    if !(interval > 0.0 && interval.is_finite()) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "interval",
            value: interval.to_string(),
            expected: "a positive number of steps".to_string(),
        });
    }
    check::matrix("earlier", earlier)?;
    check::matrix("later", later)?;
    check::same_shape(("earlier", earlier), ("later", later), ["units", "inputs"])?;
    let (from, to) = (check::unit_rows(earlier), check::unit_rows(later));
    let kept = check::places(from.zero.iter().zip(&to.zero).map(|(a, b)| !a && !b));
    if kept.is_empty() {
        return Err(MeasureError::NoVariation {
            input: "earlier",
            what: "every unit is all zero in `earlier` or in `later`",
        });
    }
    let mut per_unit = Vec::with_capacity(kept.len());
    for unit in kept {
        let (apart, along) = Zip::from(from.rows.row(unit))
            .and(to.rows.row(unit))
            .fold((0.0, 0.0), |(apart, along), a, b| (apart + (a - b).powi(2), along + (a + b).powi(2)));
        let angle = 2.0 * f64::atan2(f64::sqrt(apart), f64::sqrt(along));
        per_unit.push(check::number(MEASURE.name, angle / interval)?);
    }
    let value = check::number(MEASURE.name, check::mean(&per_unit))?;
    let left_out = check::places(from.zero.iter().zip(&to.zero).map(|(a, b)| *a || *b));
    Ok(left_out_note(Reading::of(value).with_part("per_unit", per_unit), "left_out", "earlier or later", &left_out))
}
