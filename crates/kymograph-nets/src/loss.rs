//! Losses: a number and its gradient with respect to the network's output.

use kymograph_linalg::Real;
use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD};

use crate::error::NetsError;
use crate::state::array;

/// A loss and the gradient that starts the backward pass.
#[derive(Clone, Debug)]
pub struct Loss<A> {
    /// The loss, averaged as the function says.
    pub value: f64,
    /// Its gradient, in the output's shape.
    pub gradient: A,
}

/// What a network's output is compared with.
#[derive(Clone, Debug)]
pub enum Target<'a, T> {
    /// Class of each example: cross-entropy.
    Labels(&'a [usize]),
    /// Wanted outputs, in the output's shape: mean squared error.
    Values(ArrayViewD<'a, T>),
}

impl<'a, T> From<&'a [usize]> for Target<'a, T> {
    fn from(labels: &'a [usize]) -> Self {
        Self::Labels(labels)
    }
}

impl<'a, T> From<&'a Vec<usize>> for Target<'a, T> {
    fn from(labels: &'a Vec<usize>) -> Self {
        Self::Labels(labels)
    }
}

impl<'a, T> From<ArrayViewD<'a, T>> for Target<'a, T> {
    fn from(values: ArrayViewD<'a, T>) -> Self {
        Self::Values(values)
    }
}

/// How surprised is the softmax of `logits` by the labels: `mean over examples of −log softmax(logits)[label]`, in nats.
///
/// `logits` is (example, class). As `torch.nn.functional.cross_entropy`; computed in f64.
///
/// # Errors
/// No example, a label count other than the examples', a label that is no class, a logit that is not finite.
pub fn cross_entropy<T: Real>(logits: ArrayView2<'_, T>, labels: &[usize]) -> Result<Loss<Array2<T>>, NetsError> {
    let (examples, classes) = logits.dim();
    check_labels(labels, examples, classes)?;
    check_finite("logits", logits.into_dyn())?;
    let logits = logits.as_standard_layout();
    let mut gradient = Array2::zeros((examples, classes));
    let mut sum = 0.0;
    if let (Some(logits), Some(gradient)) = (logits.as_slice(), gradient.as_slice_mut()) {
        sum = cross_entropy_rows(logits, classes, labels, examples, gradient).0;
    }
    Ok(Loss { value: sum / examples as f64, gradient })
}

/// How far is `output` from `target`: the mean of squared differences over all numbers.
///
/// As `torch.nn.functional.mse_loss`; computed in f64.
///
/// # Errors
/// No number, different shapes, a number that is not finite.
pub fn mse<T: Real>(output: ArrayViewD<'_, T>, target: ArrayViewD<'_, T>) -> Result<Loss<ArrayD<T>>, NetsError> {
    if output.is_empty() {
        return Err(NetsError::EmptyBatch { what: "the output".into() });
    }
    if output.shape() != target.shape() {
        return Err(NetsError::Shape {
            what: "the target".into(),
            expected: format!("{:?}, the output's", output.shape()),
            found: target.shape().to_vec(),
        });
    }
    check_finite("the output", output.view())?;
    check_finite("the target", target.view())?;
    let count = output.len();
    let output_values: Vec<T> = output.iter().copied().collect();
    let target_values: Vec<T> = target.iter().copied().collect();
    let mut gradient = vec![T::ZERO; count];
    let sum = squares(&output_values, &target_values, count, &mut gradient);
    Ok(Loss { value: sum / count as f64, gradient: array(output.shape(), gradient) })
}

pub(crate) fn check_labels(labels: &[usize], examples: usize, classes: usize) -> Result<(), NetsError> {
    if examples == 0 {
        return Err(NetsError::EmptyBatch { what: "the batch".into() });
    }
    if labels.len() != examples {
        return Err(NetsError::Shape {
            what: "the labels".into(),
            expected: format!("[{examples}], one for each example"),
            found: vec![labels.len()],
        });
    }
    match labels.iter().position(|&label| label >= classes) {
        Some(example) => Err(NetsError::Label { example, label: labels[example], classes }),
        None => Ok(()),
    }
}

pub(crate) fn check_finite<T: Real>(what: &str, values: ArrayViewD<'_, T>) -> Result<(), NetsError> {
    match values.indexed_iter().find(|(_, x)| !x.is_finite()) {
        Some((index, _)) => Err(NetsError::NotFinite {
            what: what.to_owned(),
            position: format!("{:?}", ndarray::Dimension::slice(&index)),
            remedy: "look for NaN or infinities in the data".into(),
        }),
        None => Ok(()),
    }
}

/// Sum of losses and count of right answers of some rows; the gradient is that of the mean over `examples`.
pub(crate) fn cross_entropy_rows<T: Real>(
    logits: &[T],
    classes: usize,
    labels: &[usize],
    examples: usize,
    gradient: &mut [T],
) -> (f64, usize) {
    let mut sum = 0.0;
    let mut right = 0;
    let share = 1.0 / examples as f64;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((row, slopes), &label) in rows.zip(labels) {
        let mut best = 0;
        for (class, value) in row.iter().enumerate() {
            if *value > row[best] {
                best = class;
            }
        }
        right += usize::from(best == label);
        let largest = row[best].to_f64();
        let mut total = 0.0;
        for value in row {
            total += (value.to_f64() - largest).exp();
        }
        sum += total.ln() + largest - row[label].to_f64();
        for (slope, value) in slopes.iter_mut().zip(row) {
            *slope = T::from_f64((value.to_f64() - largest).exp() / total * share);
        }
        let p = (row[label].to_f64() - largest).exp() / total;
        slopes[label] = T::from_f64((p - 1.0) * share);
    }
    (sum, right)
}

/// Sum of squared differences; the gradient is that of their mean over `count` numbers.
pub(crate) fn squares<T: Real>(output: &[T], target: &[T], count: usize, gradient: &mut [T]) -> f64 {
    let mut sum = 0.0;
    let factor = 2.0 / count as f64;
    for ((slope, y), t) in gradient.iter_mut().zip(output).zip(target) {
        let d = y.to_f64() - t.to_f64();
        sum += d * d;
        *slope = T::from_f64(d * factor);
    }
    sum
}
