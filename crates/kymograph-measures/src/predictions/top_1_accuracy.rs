//! Share of examples whose class the network names.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2};

use super::prediction_disagreement::largest;
use crate::registry::matrix;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "top_1_accuracy",
    family: Family::Predictions,
    summary: "For which share of the examples is the largest output that of their class?",
    inputs: &[Input::logits("x"), Input::labels("labels")],
    options: &[],
    range: (0.0, 1.0),
    ends: "0: for none; 1: for every example. Guessing among k even classes gives 1 / k.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
    ],
    changed_by: &[],
    cost: "examples × classes",
    misleads: "On few examples it scatters by √(a(1 − a)/n): the interval over examples says how far. Where classes are uneven, always naming the commonest does well: compare with the labels in random order.",
    references: &[
        "Russakovsky et al. 2015, ImageNet large scale visual recognition challenge (arXiv:1409.0575), section 4",
    ],
    version: 1,
    evaluate: |arrays, _| {
        MEASURE.check_inputs(arrays)?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(labels)) => top_1_accuracy(matrix(x, &MEASURE.inputs[0])?, *labels),
            (Array::F64(x), Array::Labels(labels)) => top_1_accuracy(matrix(x, &MEASURE.inputs[0])?, *labels),
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// **For which share of the examples is the largest output that of their class?**
///
/// `x` is `[example, class]` (logits or probabilities); `labels` has the number of a column for each example, from 0. Of
/// equal outputs the first counts as the largest. In [0, 1]. Parts: `per_row`, 1 where the class is named and 0 where not.
/// A label that is the number of no column is never named, and a note counts them.
///
/// Unchanged by a positive factor per example, and by reordering examples with their labels.
///
/// **Misleads**: on few examples it scatters by `√(a(1 − a)/n)`, and always naming the commonest class may do well.
///
/// # Errors
/// Numbers of examples that differ, empty or not finite input. Cost: examples × classes.
///
/// Reference: Russakovsky et al. 2015 (arXiv:1409.0575), section 4.
///
/// ```
/// use ndarray::array;
/// let (x, labels) = (array![[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]], array![0, 1, 1]);
/// let accuracy = kymograph_measures::predictions::top_1_accuracy(x.view(), labels.view())?;
/// assert!((accuracy.value - 2.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn top_1_accuracy<T: Real>(x: ArrayView2<'_, T>, labels: ArrayView1<'_, i64>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::same_size("examples", ("x", x.nrows()), ("labels", labels.len()))?;
    let named = |(row, label): (ArrayView1<'_, T>, &i64)| {
        if usize::try_from(*label).is_ok_and(|label| largest(row).0 == label) { 1.0 } else { 0.0 }
    };
    let per_row: Vec<f64> = x.outer_iter().zip(&labels).map(named).collect();
    let column = |label: &i64| usize::try_from(*label).is_ok_and(|label| label < x.ncols());
    let strangers = labels.iter().filter(|label| !column(label)).count();
    let reading = Reading::of(check::mean(&per_row)).with_part("per_row", per_row);
    Ok(match strangers {
        0 => reading,
        n => reading.with_note(format!("{n} labels are the number of none of the {} columns", x.ncols())),
    })
}
