//! What activations look like one by one: zeros, signs, tails, how far their mean is off, how their lengths differ.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::{MeasureError, check};

/// The look of activations.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationShape {
    /// Share of entries that are exactly zero.
    pub zeros: f64,
    /// Share of entries below zero.
    pub negatives: f64,
    /// Entries of an example that are not zero, mean over examples (L0).
    pub active: f64,
    /// Norm of the mean over the root of the mean squared norm: 0 where activations lie about zero, 1 where all are alike.
    pub mean_norm: f64,
    /// `1 − (mean norm)² / mean squared norm`: 0 where all examples are equally long, near 1 where few hold all the length.
    pub norm_variance: f64,
    /// Third standardised moment of each unit that varies.
    pub skewness: Vec<f64>,
    /// Fourth standardised moment less 3 of each unit that varies, about its mean; 0 for normal numbers, and −2 at least.
    pub excess_kurtosis: Vec<f64>,
    /// Units that never vary, which have neither.
    pub constant: Vec<usize>,
}

/// **What do activations look like, before any dictionary is fitted to them?**
///
/// `x` is `[example, unit]`. Moments are those of the sample about each unit's mean (`Σ z³/n` and `Σ z⁴/n − 3` of
/// `z = (x − mean)/deviation`, the deviation with `n`), unit by unit, so that they speak of the axes given and change when these
/// are rotated; norms do not.
///
/// Unchanged by reordering examples, and by a positive factor of all.
///
/// **Misleads**: the kurtosis of a unit that is nearly always zero grows as one over how often it is not, whatever the size of
/// its values; of n examples it cannot pass about n.
///
/// # Errors
/// Empty or not finite input. Cost: two passes.
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]];
/// let shape = kymograph_measures::dictionaries::activation_shape(x.view())?;
/// assert_eq!((shape.zeros, shape.negatives, shape.active), (0.25, 0.25, 1.5));
/// assert_eq!(shape.excess_kurtosis, [-2.0, -2.0]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn activation_shape<T: Real>(x: ArrayView2<'_, T>) -> Result<ActivationShape, MeasureError> {
    check::matrix("x", x)?;
    let scale = check::binary_scale(x.iter());
    let (n, units) = (x.nrows() as f64, x.ncols());
    let (mut zeros, mut negatives) = (0usize, 0usize);
    let (mut norms, mut squares) = (0.0, 0.0);
    let mut mean = vec![0.0; units];
    for row in x.outer_iter() {
        let mut square = 0.0;
        for (sum, value) in mean.iter_mut().zip(row) {
            let value = value.to_f64() / scale;
            zeros += usize::from(value == 0.0);
            negatives += usize::from(value < 0.0);
            *sum += value / n;
            square += value * value;
        }
        norms += square.sqrt() / n;
        squares += square / n;
    }
    let mut moments = vec![[0.0; 3]; units];
    for row in x.outer_iter() {
        for ((of_unit, value), mean) in moments.iter_mut().zip(row).zip(&mean) {
            let from_mean = value.to_f64() / scale - mean;
            let square = from_mean * from_mean;
            of_unit[0] += square / n;
            of_unit[1] += square * from_mean / n;
            of_unit[2] += square * square / n;
        }
    }
    let (mut skewness, mut excess_kurtosis, mut constant) = (Vec::new(), Vec::new(), Vec::new());
    for (unit, ([second, third, fourth], mean)) in moments.into_iter().zip(&mean).enumerate() {
        // Values that are all alike differ from their mean by rounding of its sum.
        if second <= (n * f64::EPSILON * mean).powi(2) {
            constant.push(unit);
            continue;
        }
        skewness.push(check::number("skewness", third / second.powf(1.5))?);
        excess_kurtosis.push(check::number("excess_kurtosis", fourth / (second * second) - 3.0)?);
    }
    let of_mean: f64 = mean.iter().map(|v| v * v).sum();
    let ratio = |a: f64| if squares > 0.0 { a / squares } else { 0.0 };
    Ok(ActivationShape {
        zeros: zeros as f64 / (n * units as f64),
        negatives: negatives as f64 / (n * units as f64),
        active: units as f64 - zeros as f64 / n,
        mean_norm: ratio(of_mean).sqrt().min(1.0),
        norm_variance: if squares > 0.0 { (1.0 - ratio(norms * norms)).max(0.0) } else { 0.0 },
        skewness,
        excess_kurtosis,
        constant,
    })
}
