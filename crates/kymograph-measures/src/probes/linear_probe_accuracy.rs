//! Cross-validated accuracy of a linear read-out of labels: ridge regression to one-hot targets.

use kymograph_linalg::{Real, column_gram, cross_column_gram, gram, matmul, parallel};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::cholesky;
use super::folds::{Classes, Folds};
use crate::registry::matrix;
use crate::similarity::centred;
use crate::{
    Array, Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check,
};

pub(crate) static MEASURE: Measure = Measure {
    name: "linear_probe_accuracy",
    family: Family::Probes,
    summary: "How well can a linear classifier read the labels from a representation?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: &[
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
    ],
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
        let options = LinearProbeOptions {
            folds: options.count("folds")?,
            penalty: options.real("penalty")?,
            seed: options.seed("seed")?,
        };
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
    if !(options.penalty > 0.0 && options.penalty.is_finite()) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "penalty",
            value: options.penalty.to_string(),
            expected: "a positive number".to_string(),
        });
    }
    let z = centred("x", x)?;
    check::same_size("examples", ("x", x.nrows()), ("labels", labels.len()))?;
    let classes = Classes::of(labels)?;
    let folds = Folds::deal(MEASURE.name, &classes, options.folds, options.seed)?;
    // Folds lie one after the other, so that each is a view.
    let z = z.select(Axis(0), &folds.order);
    let one_hot = classes.one_hot::<T>(&folds.order);
    let fewest = (0..options.folds).map(|fold| folds.training(fold)).min().unwrap_or(0);
    let named = if z.ncols() <= fewest {
        primal(z.view(), one_hot.view(), &folds, options.penalty)
    } else {
        dual(z.view(), one_hot.view(), &folds, options.penalty)
    }
    .ok_or(MeasureError::Kernel {
        measure: MEASURE.name,
        message: "the ridge system is singular to working precision; raise `penalty`".to_string(),
    })?;
    let reading = folds.reading(&classes, &named);
    Ok(if fewest < z.ncols() {
        reading.with_note(format!(
            "{fewest} training examples for {} features: the training part can be fitted exactly, whatever the labels",
            z.ncols()
        ))
    } else {
        reading
    })
}

/// The class named for every example (in fold order), from features × features systems. Sums over a training part are
/// those over everything less those over the held-out part.
fn primal<T: Real>(
    z: ArrayView2<'_, T>,
    one_hot: ArrayView2<'_, T>,
    folds: &Folds,
    penalty: f64,
) -> Option<Vec<usize>> {
    let (squares, cross) = (column_gram(z), cross_column_gram(z, one_hot));
    let (sums, counts) = (column_sums(z), column_sums(one_hot));
    let of_fold = |fold: usize| {
        let held_out = folds.range(fold);
        let test = z.slice(s![held_out.clone(), ..]);
        let test_classes = one_hot.slice(s![held_out, ..]);
        let n = folds.training(fold) as f64;
        let mean = (&sums - &column_sums(test)) / n;
        let share = (&counts - &column_sums(test_classes)) / n;
        let mut system = &squares - &column_gram(test);
        let mut target = &cross - &cross_column_gram(test, test_classes);
        for (i, mut row) in system.outer_iter_mut().enumerate() {
            row.scaled_add(-n * mean[i], &mean);
        }
        for (i, mut row) in target.outer_iter_mut().enumerate() {
            row.scaled_add(-n * mean[i], &share);
        }
        let total = squares.diag();
        let inverse: Array1<f64> = (0..z.ncols())
            .map(|feature| inverse_spread::<T>(system[[feature, feature]] / n, total[feature] / z.nrows() as f64))
            .collect();
        for (i, mut row) in system.outer_iter_mut().enumerate() {
            row.iter_mut().zip(&inverse).for_each(|(value, other)| *value *= inverse[i] * other);
            row[i] += n * penalty;
        }
        for (mut row, inverse) in target.outer_iter_mut().zip(&inverse) {
            row.mapv_inplace(|value| value * inverse);
        }
        let mut weights = cholesky::solve(system, target)?;
        for (mut row, inverse) in weights.outer_iter_mut().zip(&inverse) {
            row.mapv_inplace(|value| value * inverse);
        }
        let offset = &share - &mean.dot(&weights);
        let outputs = matmul(test.mapv(Real::to_f64).view(), weights.view());
        Some(outputs.outer_iter().map(|row| largest(&row, &offset)).collect::<Vec<usize>>())
    };
    let named: Option<Vec<_>> = parallel::map_indices(folds.count(), of_fold).into_iter().collect();
    named.map(|parts| parts.concat())
}

/// The same from examples × examples systems, for more features than examples.
fn dual<T: Real>(z: ArrayView2<'_, T>, one_hot: ArrayView2<'_, T>, folds: &Folds, penalty: f64) -> Option<Vec<usize>> {
    let total = column_squares(z);
    let of_fold = |fold: usize| {
        let held_out = folds.range(fold);
        let training = |a: ArrayView2<'_, T>| {
            let (before, after) = (a.slice(s![..held_out.start, ..]), a.slice(s![held_out.end.., ..]));
            concatenate(Axis(0), &[before, after]).ok()
        };
        let (train, train_classes) = (training(z)?, training(one_hot)?);
        let n = train.nrows() as f64;
        let (mean, share) = (column_sums(train.view()) / n, column_sums(train_classes.view()) / n);
        let spread = column_squares(train.view()) / n - &mean * &mean;
        let inverse: Vec<f64> = spread
            .iter()
            .zip(&total)
            .map(|(spread, total)| inverse_spread::<T>(*spread, total / z.nrows() as f64))
            .collect();
        let standardised = |a: ArrayView2<'_, T>| {
            let mut a = a.to_owned();
            for mut row in a.outer_iter_mut() {
                for ((value, mean), inverse) in row.iter_mut().zip(&mean).zip(&inverse) {
                    *value = T::from_f64((value.to_f64() - mean) * inverse);
                }
            }
            a
        };
        let train = standardised(train.view());
        let mut system = gram(train.view()).mapv(Real::to_f64);
        system.diag_mut().mapv_inplace(|value| value + n * penalty);
        let mut target = train_classes.mapv(Real::to_f64);
        for mut row in target.outer_iter_mut() {
            row -= &share;
        }
        let weights = cholesky::solve(system, target)?;
        let test = standardised(z.slice(s![held_out, ..]));
        let products = matmul(test.view(), train.t()).mapv(Real::to_f64);
        let outputs = matmul(products.view(), weights.view());
        Some(outputs.outer_iter().map(|row| largest(&row, &share)).collect::<Vec<usize>>())
    };
    let named: Option<Vec<_>> = parallel::map_indices(folds.count(), of_fold).into_iter().collect();
    named.map(|parts| parts.concat())
}

/// One over the spread of a feature in the training part, or 0 for one that is constant there up to rounding: it then
/// says nothing.
fn inverse_spread<T: Real>(variance: f64, overall: f64) -> f64 {
    if variance > 1e2 * T::EPSILON.to_f64() * overall { 1.0 / variance.sqrt() } else { 0.0 }
}

fn largest(outputs: &ArrayView1<'_, f64>, offset: &Array1<f64>) -> usize {
    let mut best = (f64::NEG_INFINITY, 0);
    for (class, (output, offset)) in outputs.iter().zip(offset).enumerate() {
        if output + offset > best.0 {
            best = (output + offset, class);
        }
    }
    best.1
}

fn column_sums<T: Real>(a: ArrayView2<'_, T>) -> Array1<f64> {
    let mut sums = Array1::zeros(a.ncols());
    for row in a.outer_iter() {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64());
    }
    sums
}

fn column_squares<T: Real>(a: ArrayView2<'_, T>) -> Array1<f64> {
    let mut sums = Array1::zeros(a.ncols());
    for row in a.outer_iter() {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64().powi(2));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array2;

    #[test]
    fn both_forms_name_the_same_classes() {
        let mut rng = random::stream(2, "test");
        for (n, p, classes) in [(60, 5, 3), (50, 30, 2), (40, 45, 4)] {
            let labels = Array1::from_shape_fn(n, |i| (i % classes) as i64 * 3);
            let mut z: Array2<f64> = random::normal_matrix(&mut rng, n, p);
            for (mut row, label) in z.outer_iter_mut().zip(&labels) {
                row[0] += *label as f64 / 3.0;
            }
            let z = centred("x", z.view()).unwrap();
            let known = Classes::of(labels.view()).unwrap();
            let folds = Folds::deal("test", &known, 5, 0).unwrap();
            let (z, one_hot) = (z.select(Axis(0), &folds.order), known.one_hot::<f64>(&folds.order));
            let one = primal(z.view(), one_hot.view(), &folds, 0.1).unwrap();
            let other = dual(z.view(), one_hot.view(), &folds, 0.1).unwrap();
            assert_eq!(one, other, "{n} {p}");
        }
    }
}
