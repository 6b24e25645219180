//! Share of examples on which two networks name different classes.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2};

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "prediction_disagreement",
    family: Family::Predictions,
    summary: "On which share of the examples do two networks name different classes?",
    inputs: &[Input::logits("x"), Input::logits("y")],
    options: &[],
    range: (0.0, 1.0),
    ends: "0: the same class for every example; 1: for none.",
    unit: "share",
    direction: Direction::FartherApart,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::FlipSign)],
    cost: "examples × classes",
    misleads: "Bounded by accuracy: two networks of accuracy a agree on at least 2a − 1 of the examples, so the disagreement of good networks is small whatever else differs, and that of bad ones may be guessing. It does not see how sure they are (`prediction_divergence` does).",
    references: &[
        "Fort, Hu & Lakshminarayanan 2019, Deep ensembles: a loss landscape perspective (arXiv:1912.02757), section 4: disagreement of predictions",
        "Nakkiran & Bansal 2020, Distributional generalization (arXiv:2009.08092), section 6: agreement",
    ],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| prediction_disagreement(x, y)),
};

/// **On which share of the examples do two networks name different classes?**
///
/// The share of rows in which the largest entry of `x` and that of `y` stand in different columns; both are `[example,
/// class]` (logits or probabilities), rows being the same examples. The lower class of equals is named. In [0, 1]. Parts:
/// `per_row`, 1 where they differ and 0 where not; `ties`, on how many examples either side has no single largest entry
/// (absent when there are none, else a note says so).
///
/// Unchanged by a positive factor per example of either side, and by reordering examples or classes jointly.
///
/// **Misleads**: two networks of accuracy a agree on at least 2a − 1 of the examples, so good networks disagree little
/// whatever else differs. Compare with another seed, or with the labels' order shuffled.
///
/// # Errors
/// Shapes that differ, empty or not finite input. Cost: examples × classes.
///
/// References: Fort et al. 2019 (arXiv:1912.02757), section 4.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[2.0, 1.0], [0.0, 3.0]], array![[1.0, 0.0], [5.0, 4.0]]);
/// assert_eq!(kymograph_measures::predictions::prediction_disagreement(x.view(), y.view())?.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn prediction_disagreement<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_shape(("x", x), ("y", y), ["examples", "classes"])?;
    let named = x.outer_iter().zip(y.outer_iter()).map(|(x, y)| (largest(x), largest(y)));
    let (mut per_row, mut ties) = (Vec::with_capacity(x.nrows()), 0_usize);
    for (one, other) in named {
        per_row.push(if one.0 == other.0 { 0.0 } else { 1.0 });
        ties += usize::from(one.1 || other.1);
    }
    let reading = Reading::of(check::mean(&per_row)).with_part("per_row", per_row);
    Ok(if ties == 0 {
        reading
    } else {
        reading
            .with_part("ties", vec![ties as f64])
            .with_note(format!("{ties} examples have no single largest entry: the lower class is taken"))
    })
}

/// The first place of the largest entry, and whether there are others.
pub(super) fn largest<T: Real>(row: ArrayView1<'_, T>) -> (usize, bool) {
    let mut best = (0, false);
    for (place, value) in row.iter().enumerate().skip(1) {
        if *value > row[best.0] {
            best = (place, false);
        } else if *value == row[best.0] {
            best.1 = true;
        }
    }
    best
}
