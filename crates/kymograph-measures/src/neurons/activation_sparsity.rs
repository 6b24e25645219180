//! Share of activations that are zero.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{THRESHOLD, check_threshold};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "activation_sparsity",
    family: Family::Neurons,
    summary: "Which share of the activations is zero?",
    inputs: &[Input { name: "activations", axes: &["example", "unit"], kind: crate::Kind::Real }],
    options: &[THRESHOLD],
    range: (0.0, 1.0),
    ends: "0: every unit is active on every example; 1: nothing is ever active.",
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
    changed_by: &[Transform::joint(Change::Translate), Transform::joint(Change::RotateColumns)],
    cost: "examples × units",
    misleads: "Dead units raise it without any selectivity: see `dead_units`. An untrained ReLU layer is already about half zero. Before the nonlinearity, or after a smooth one, exact zeros do not occur: set the threshold.",
    references: &["Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks, section 3"],
    version: 1,
    evaluate: |arrays, options| {
        let threshold = options.real("threshold")?;
        with_one!(&MEASURE, arrays, |activations| activation_sparsity(activations, threshold))
    },
};

/// **Which share of the activations is zero?**
///
/// The share of entries of `activations` (`[example, unit]`) with `|a| ≤ threshold`; a threshold of 0 counts exact
/// zeros, as ReLU gives them. In [0, 1]: 0 when every unit is active on every example, 1 when nothing is ever active.
/// Parts: `per_unit`, each unit's share over examples, and `per_row`, each example's over units; the mean of either is
/// the value.
///
/// Unchanged by any reordering, sign, and (at threshold 0) factors per example or unit.
///
/// **Misleads**: dead units raise it without any selectivity, and an untrained ReLU layer is about half zero.
///
/// # Errors
/// A negative threshold, empty or not finite input. Cost: one pass.
///
/// ```
/// let activations = ndarray::array![[0.0, 1.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.5]];
/// let reading = kymograph_measures::neurons::activation_sparsity(activations.view(), 0.0)?;
/// assert_eq!((reading.value, reading.part("per_unit")), (0.5, Some(&[0.75, 0.25][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn activation_sparsity<T: Real>(activations: ArrayView2<'_, T>, threshold: f64) -> Result<Reading, MeasureError> {
    check_threshold(MEASURE.name, threshold)?;
    check::matrix("activations", activations)?;
    let (examples, units) = activations.dim();
    let mut by_unit = vec![0_u64; units];
    let mut per_row = Vec::with_capacity(examples);
    for row in activations.outer_iter() {
        let mut silent = 0_u64;
        for (count, value) in by_unit.iter_mut().zip(row) {
            let inactive = u64::from(value.to_f64().abs() <= threshold);
            *count += inactive;
            silent += inactive;
        }
        per_row.push(silent as f64 / units as f64);
    }
    let share = by_unit.iter().sum::<u64>() as f64 / activations.len() as f64;
    let per_unit = by_unit.iter().map(|&count| count as f64 / examples as f64).collect();
    Ok(Reading::of(share).with_part("per_unit", per_unit).with_part("per_row", per_row))
}
