//! Share of units that are never active on the probe.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{THRESHOLD, check_threshold};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "dead_units",
    family: Family::Neurons,
    summary: "Which share of the units is never active on the probe?",
    inputs: &[Input { name: "activations", axes: &["example", "unit"], kind: crate::Kind::Real }],
    options: &[THRESHOLD],
    range: (0.0, 1.0),
    ends: "0: every unit is active on some example; 1: all units are silent.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::ScaleColumns),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[Transform::joint(Change::Translate)],
    cost: "examples × units",
    misleads: "Dead on this probe: a unit active on one example in 10,000 looks dead on 2,000. A unit stuck at a constant above the threshold is as useless and is not counted.",
    references: &["Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization (arXiv:1903.06733), section 2"],
    version: 1,
    evaluate: |arrays, options| {
        let threshold = options.real("threshold")?;
        with_one!(&MEASURE, arrays, |activations| dead_units(activations, threshold))
    },
};

/// **Which share of the units is never active on the probe?**
///
/// The share of columns of `activations` (`[example, unit]`) whose every entry has `|a| ≤ threshold`. In [0, 1]: 0 when
/// every unit is active on some example, 1 when all are silent. Parts: `per_unit`, 1 for a dead unit and 0 for a live
/// one (their mean is the value); `count`, the number of dead units; `dead`, their indices.
///
/// Unchanged by any reordering, sign, and (at threshold 0) factors per example or unit.
///
/// **Misleads**: dead on this probe; a unit that is rarely active looks dead on a small one.
///
/// # Errors
/// A negative threshold, empty or not finite input. Cost: one pass.
///
/// ```
/// let activations = ndarray::array![[0.0, 1.0, 0.0], [0.0, 0.0, 0.5]];
/// let reading = kymograph_measures::neurons::dead_units(activations.view(), 0.0)?;
/// assert_eq!((reading.value, reading.part("dead")), (1.0 / 3.0, Some(&[0.0][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn dead_units<T: Real>(activations: ArrayView2<'_, T>, threshold: f64) -> Result<Reading, MeasureError> {
    check_threshold(MEASURE.name, threshold)?;
    check::matrix("activations", activations)?;
    let mut live = vec![false; activations.ncols()];
    for row in activations.outer_iter() {
        live.iter_mut().zip(row).for_each(|(live, value)| *live |= value.to_f64().abs() > threshold);
    }
    let dead = check::places(live.iter().map(|live| !live));
    let per_unit = live.iter().map(|live| if *live { 0.0 } else { 1.0 }).collect();
    Ok(Reading::of(dead.len() as f64 / live.len() as f64)
        .with_part("per_unit", per_unit)
        .with_part("count", vec![dead.len() as f64])
        .with_part("dead", dead.iter().map(|&unit| unit as f64).collect()))
}
