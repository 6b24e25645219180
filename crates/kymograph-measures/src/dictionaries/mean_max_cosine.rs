//! Mean over one set of directions of the cosine with the nearest of another (MMCS).

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::maximal_cosines::{MaximalCosines, maximal_cosines};
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_max_cosine",
    family: Family::Dictionaries,
    summary: "How near is each direction of one set to the nearest of another, on average (MMCS)?",
    inputs: &[Input::weights("x"), Input::weights("y")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: every direction of x is in y; random directions score well above 0: see the chance level.",
    unit: "cosine",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::FlipSign),
        Transform::joint(Change::Translate),
    ],
    cost: "units × other units × inputs",
    misleads: "It is like recall: it grows with the number of directions in y whatever these are, ignores those that match nothing and those that match twice, and its mean hides whether all were found somewhat or some entirely. A set of raw examples scores high where an example is often mostly one direction. Read it against random directions, against examples, and in the other direction.",
    references: &["Sharkey, Braun & Millidge 2022, Taking features out of superposition with sparse autoencoders"],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| mean_max_cosine(x, y)),
};

/// **How near is each direction of one set to the nearest of another, on average?**
///
/// `MMCS(x, y) = (1/G) Σ_g max_k cos(x_g, y_k)`, signed; `x` is `[unit, input]` (the true features, for recall), `y` `[other
/// unit, input]` (a learned dictionary). In [−1, 1]: 1 when every direction of `x` is in `y`. Not symmetric: swapped it asks
/// of every learned direction whether it is a true one. Parts: `per_unit`, the maximal cosine of each unit of `x` that has a
/// direction; `nearest`, whose it is; `left_out_x`, `left_out_y`: rows of zeros, when there are any.
///
/// Unchanged by reordering either side, rotating inputs jointly, and a positive factor per unit.
///
/// **Misleads**: grows with the size of `y` whatever it holds ([`super::chance_mean_max_cosine`] gives the level of random
/// directions), ignores directions of `y` that match nothing or match twice, and the mean hides bimodality.
///
/// # Errors
/// Numbers of inputs that differ, empty or not finite input, or a side without any direction. Cost: units × other units ×
/// inputs.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[1.0, 0.0], [0.0, 2.0]], array![[0.0, 5.0], [0.0, -1.0]]);
/// let reading = kymograph_measures::dictionaries::mean_max_cosine(x.view(), y.view())?;
/// assert_eq!((reading.value, reading.part("per_unit")), (0.5, Some(&[0.0, 1.0][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_max_cosine<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let found = maximal_cosines(x, y, false)?;
    let cosines = found.of_directions();
    let nearest = found.indices.iter().map(|index| *index as f64).collect();
    let reading = Reading::of(check::mean(&cosines)).with_part("per_unit", cosines).with_part("nearest", nearest);
    Ok(left_out(reading, &found))
}

/// Names the rows of zeros, when there are any.
pub(super) fn left_out(mut reading: Reading, found: &MaximalCosines) -> Reading {
    for (part, input, rows) in [("left_out_x", "x", &found.zero_x), ("left_out_y", "y", &found.zero_y)] {
        if !rows.is_empty() {
            let note = format!(
                "{} all zero in {input} left out, having no direction: {}",
                if rows.len() == 1 { "1 unit".to_owned() } else { format!("{} units", rows.len()) },
                check::listed(rows)
            );
            reading = reading.with_part(part, rows.iter().map(|&row| row as f64).collect()).with_note(note);
        }
    }
    reading
}
