//! Cross-validated accuracy of a linear read-out of labels: ridge regression to one-hot targets.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2, Axis};

use super::folds::{Classes, Folds};
use super::ridge;
use crate::registry::matrix;
use crate::similarity::centred;
use crate::{
    Array, Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Options, Reading, Setting, Transform,
    check,
};

pub(crate) static MEASURE: Measure = Measure {
    name: "linear_probe_accuracy",
    family: Family::Probes,
    summary: "How well can a linear classifier read the labels from a representation?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: OPTIONS,
    range: (0.0, 1.0),
    ends: "1: every held-out example is read rightly; the part `majority_baseline` is what always naming the commonest class gives.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleColumns),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::FlipRowSigns)],
    cost: "examples × features² + folds × features³ / 3, or folds × examples² × features where features outnumber training examples",
    misleads: "That labels can be read out does not mean that the network uses them. A wide random layer reads well, too: compare with the untrained network and with the raw input. Ridge to one-hot targets masks a class that lies between two others, where logistic regression does not.",
    references: &[
        "Alain & Bengio 2017, Understanding intermediate layers using linear classifier probes (arXiv:1610.01644)",
        "Hastie, Tibshirani & Friedman 2009, The elements of statistical learning, section 4.2 (linear regression of an indicator matrix; masking) and 3.4.1 (ridge)",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = LinearProbeOptions::of(options)?;
        MEASURE.check_inputs(arrays)?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(labels)) => {
                linear_probe_accuracy(matrix(x, &MEASURE.inputs[0])?, *labels, &options)
            }
            (Array::F64(x), Array::Labels(labels)) => {
                linear_probe_accuracy(matrix(x, &MEASURE.inputs[0])?, *labels, &options)
            }
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// Of every linear probe.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "folds",
        default: Setting::Count(5),
        doc: "The number of parts; each is held out once and predicted by a probe trained on the others.",
    },
    OptionSpec {
        name: "penalty",
        default: Setting::Real(0.01),
        doc: "The ridge penalty per training example, on standardised features.",
    },
    OptionSpec { name: "seed", default: Setting::Seed(0), doc: "The seed that deals the examples to the folds." },
];

/// How to train and test a linear probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearProbeOptions {
    /// The number of parts; each is held out once.
    pub folds: usize,
    /// The ridge penalty per training example, on standardised features.
    pub penalty: f64,
    /// The seed that deals the examples to the folds.
    pub seed: u64,
}

impl LinearProbeOptions {
    pub(super) fn of(options: &Options) -> Result<Self, MeasureError> {
        Ok(Self { folds: options.count("folds")?, penalty: options.real("penalty")?, seed: options.seed("seed")? })
    }

    pub(super) fn check(&self, measure: &'static str) -> Result<(), MeasureError> {
        if self.penalty > 0.0 && self.penalty.is_finite() {
            return Ok(());
        }
        Err(MeasureError::BadOption {
            measure,
            option: "penalty",
            value: self.penalty.to_string(),
            expected: "a positive number".to_string(),
        })
    }
}

impl Default for LinearProbeOptions {
    fn default() -> Self {
        Self { folds: 5, penalty: 0.01, seed: 0 }
    }
}

/// **How well can a linear classifier read the labels from a representation?**
///
/// The share of held-out examples read rightly, over `folds` stratified folds; `x` is `[example, feature]`, `labels` has
/// one whole number per example. The probe is **ridge regression to one-hot targets**: features are standardised by the
/// mean and spread of the training part, targets are centred, and the class of the largest output is named (the lower of
/// equals), so with n training examples the weights are `argmin ‖ZW − Y‖² + n·penalty·‖W‖²`. It has a closed form: no
/// iteration, no starting point.
///
/// In [0, 1]; chance is not 0. Parts: `per_row`, 1 or 0 for each example (their mean is the value); `fold_accuracy`;
/// `majority_baseline`, the accuracy of always naming the training part's commonest class; `n_train` and `n_test` per
/// fold; `classes`. A note says when there are fewer training examples than features.
///
/// Unchanged by shift, sign and factor of each feature and by their order. Reordering examples deals other folds.
///
/// **Misleads**: readable does not mean used; a wide random layer reads well, too; a class between two others is masked.
///
/// # Errors
/// Numbers of examples that differ, empty or not finite input, a representation that does not vary, one class only,
/// fewer than 2 folds or more folds than examples, a penalty that is not positive. Cost: examples × features² + folds ×
/// features³ / 3, or folds × examples² × features where features outnumber training examples.
///
/// References: Alain & Bengio 2017 (arXiv:1610.01644); Hastie et al. 2009, sections 3.4.1 and 4.2.
///
/// ```
/// use kymograph_measures::probes::{LinearProbeOptions, linear_probe_accuracy};
/// use ndarray::{Array1, Array2};
/// let labels = Array1::from_shape_fn(40, |i| (i % 2) as i64);
/// let x = Array2::from_shape_fn((40, 3), |(i, j)| (i % 2) as f64 + ((i * 7 + j * 5) % 9) as f64 / 20.0);
/// let reading = linear_probe_accuracy(x.view(), labels.view(), &LinearProbeOptions::default())?;
/// assert_eq!(reading.value, 1.0);
/// assert_eq!(reading.part("majority_baseline"), Some(&[0.5][..]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn linear_probe_accuracy<T: Real>(
    x: ArrayView2<'_, T>,
    labels: ArrayView1<'_, i64>,
    options: &LinearProbeOptions,
) -> Result<Reading, MeasureError> {
    options.check(MEASURE.name)?;
    let z = centred("x", x)?;
    check::same_size("examples", ("x", x.nrows()), ("labels", labels.len()))?;
    let classes = Classes::of(labels)?;
    let folds = Folds::deal(MEASURE.name, &classes, options.folds, options.seed)?;
    // Folds lie one after the other, so that each is a view.
    let z = z.select(Axis(0), &folds.order);
    let one_hot = classes.one_hot::<T>(&folds.order);
    let named = ridge::named(MEASURE.name, z.view(), &[z.view()], one_hot.view(), &folds, options.penalty)?;
    Ok(folds.reading(&classes, &named[0]).with_notes(ridge::few_examples(z.ncols(), &folds)))
}
