//! Mean, variance and quantiles.

use super::check_count;
use crate::LinalgError;
use crate::error::check_values;

/// What is the average? Unit: the values'.
///
/// # Errors
/// No values, or one that is not finite.
pub fn mean(values: &[f64]) -> Result<f64, LinalgError> {
    check_count("a mean: values", values.len(), 1)?;
    check_values("the values", values)?;
    Ok(mean_of(values))
}

/// How much do values scatter about their mean? Divided by n − 1; unit: the values' squared.
///
/// # Errors
/// Fewer than two values, one that is not finite, or a variance too large for f64.
pub fn variance(values: &[f64]) -> Result<f64, LinalgError> {
    check_count("a variance: values", values.len(), 2)?;
    check_values("the values", values)?;
    let centre = mean_of(values);
    let (mut squares, mut rest) = (0.0, 0.0);
    for value in values {
        squares += (value - centre).powi(2);
        rest += value - centre;
    }
    // The corrected two-pass form (Chan, Golub and LeVeque 1983): `rest` is the rounding of the mean.
    let n = values.len() as f64;
    let result = (squares - rest * rest / n) / (n - 1.0);
    if result.is_finite() { Ok(result.max(0.0)) } else { Err(LinalgError::Overflow { what: "a variance" }) }
}

/// The square root of [`variance`]; unit: the values'.
///
/// # Errors
/// As [`variance`].
pub fn standard_deviation(values: &[f64]) -> Result<f64, LinalgError> {
    variance(values).map(f64::sqrt)
}

/// Below which number does the share `probability` of the values lie? Linear between order statistics (type 7 of Hyndman
/// and Fan 1996, NumPy's default).
///
/// # Errors
/// No values, one that is not finite, or a probability outside [0, 1].
pub fn quantile(values: &[f64], probability: f64) -> Result<f64, LinalgError> {
    check_count("a quantile: values", values.len(), 1)?;
    check_values("the values", values)?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(LinalgError::Domain { name: "the quantile's probability", value: probability, range: "[0, 1]" });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted_quantile(&sorted, probability))
}

/// The middle value, or the mean of the two middle ones.
///
/// # Errors
/// No values, or one that is not finite.
pub fn median(values: &[f64]) -> Result<f64, LinalgError> {
    quantile(values, 0.5)
}

/// The mean of finite values, without overflow.
pub(super) fn mean_of(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let total = values.iter().sum::<f64>();
    if total.is_finite() { total / n } else { values.iter().map(|value| value / n).sum() }
}

pub(super) fn sorted_quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability * (sorted.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    if share == 0.0 {
        return low;
    }
    // Not low + (high − low)·share, which overflows where the two ends are far apart.
    (low * (1.0 - share) + high * share).clamp(low, high)
}
