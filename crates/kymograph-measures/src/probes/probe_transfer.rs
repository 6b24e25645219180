//! Accuracy at one step of a linear probe trained at another.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2, Axis, concatenate, s};

use super::LinearProbeOptions;
use super::folds::{Classes, Folds};
use super::linear_probe_accuracy::OPTIONS;
use super::ridge;
use crate::registry::with_pair;
use crate::similarity::centred;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "probe_transfer",
    family: Family::Probes,
    summary: "Does a linear probe trained on a representation at one step still read the labels at another?",
    inputs: &[Input::activations("x"), Input::activations("y"), Input::labels("labels")],
    options: OPTIONS,
    range: (0.0, 1.0),
    ends: "1: the probe trained on `x` reads every held-out example of `y` rightly; the part `own_accuracy` is what it reads in `x` itself.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleColumns),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::first(Change::FlipSign), Transform::first(Change::RotateColumns)],
    cost: "examples × features² + folds × features³ / 3, or folds × examples² × features where features outnumber training examples",
    misleads: "The probe meets the features as they are: a rotation, a shift or a factor of the representation fools it even if all the information stays, so a fall does not mean that anything was lost. Read it beside `own_accuracy` of both steps. Staying high may only mean that the representation hardly moved.",
    references: &[
        "Alain & Bengio 2017, Understanding intermediate layers using linear classifier probes (arXiv:1610.01644)",
        "Hastie, Tibshirani & Friedman 2009, The elements of statistical learning, section 4.2 (linear regression of an indicator matrix) and 3.4.1 (ridge)",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = LinearProbeOptions::of(options)?;
        with_pair!(&MEASURE, arrays, |x, y| match arrays {
            [_, _, Array::Labels(labels)] => probe_transfer(x, y, *labels, &options),
            _ => Err(MEASURE.wrong_kind(2, arrays)),
        })
    },
};

/// **Does a linear probe trained on a representation at one step still read the labels at another?**
///
/// The share of held-out examples that a probe trained on `x` reads rightly in `y`. Both are `[example, feature]`, the same
/// layer on the same examples at two steps; `labels` has one whole number per example. Probe and folds are those of
/// [`super::linear_probe_accuracy()`]: ridge regression to one-hot targets on features standardised **by the training part of
/// `x`**, applied unchanged to `y`; an example is never read by a probe that was trained on it at either step.
///
/// In [0, 1]; chance is not 0. Parts: `own_accuracy`, what the same probes read in the held-out examples of `x`; `per_row`, 1
/// or 0 for each example of `y` (their mean is the value); `fold_accuracy`; `majority_baseline`; `n_train` and `n_test`
/// per fold; `classes`. A note says when there are fewer training examples than features.
///
/// Unchanged by a shift, sign and factor of each feature and a reordering of features done to both alike; changed when one
/// side alone is rotated.
///
/// **Misleads**: a rotation, shift or factor of the representation fools the probe even if all the information stays.
///
/// # Errors
/// Shapes that differ, and those of [`super::linear_probe_accuracy()`]. Cost: as that.
///
/// Reference: Alain & Bengio 2017 (arXiv:1610.01644).
///
/// ```
/// use kymograph_measures::probes::{LinearProbeOptions, probe_transfer};
/// use ndarray::{Array1, Array2};
/// let labels = Array1::from_shape_fn(40, |i| (i % 2) as i64);
/// let x = Array2::from_shape_fn((40, 3), |(i, j)| (i % 2) as f64 + ((i * 7 + j * 5) % 9) as f64 / 20.0);
/// let reversed = x.mapv(|value| 1.4 - value);
/// let reading = probe_transfer(x.view(), reversed.view(), labels.view(), &LinearProbeOptions::default())?;
/// assert_eq!((reading.value, reading.part("own_accuracy")), (0.0, Some(&[1.0][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn probe_transfer<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    labels: ArrayView1<'_, i64>,
    options: &LinearProbeOptions,
) -> Result<Reading, MeasureError> {
    options.check(MEASURE.name)?;
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_shape(("x", x), ("y", y), ["examples", "features"])?;
    check::same_size("examples", ("x", x.nrows()), ("labels", labels.len()))?;
    if x.outer_iter().all(|row| row == x.row(0)) {
        return Err(MeasureError::NoVariation { input: "x", what: "every column is constant over the examples" });
    }
    let classes = Classes::of(labels)?;
    let folds = Folds::deal(MEASURE.name, &classes, options.folds, options.seed)?;
    // One shift and one factor for both steps, which the probe does not feel and the sums of squares do.
    let both = centred("x", concatenate![Axis(0), x, y].view())?;
    let n = x.nrows();
    let ordered = |rows: ArrayView2<'_, T>| rows.select(Axis(0), &folds.order);
    let (x, y) = (ordered(both.slice(s![..n, ..])), ordered(both.slice(s![n.., ..])));
    let one_hot = classes.one_hot::<T>(&folds.order);
    let tests = [y.view(), x.view()];
    let named = ridge::named(MEASURE.name, x.view(), &tests, one_hot.view(), &folds, options.penalty)?;
    let own = folds.reading(&classes, &named[1]);
    Ok(folds
        .reading(&classes, &named[0])
        .with_part("own_accuracy", vec![own.value])
        .with_notes(ridge::few_examples(x.ncols(), &folds)))
}
