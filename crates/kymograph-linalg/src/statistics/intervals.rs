//! Closed-form confidence intervals: Student's t for a mean, Wilson's for a proportion.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::summary::{mean, standard_deviation};
use super::{check_count, check_level};
use crate::LinalgError;

/// A range with its two ends, `low ≤ high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Does the range hold `value`, its ends included?
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Length of the range.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// Between which bounds does the mean of the population lie? Student's t with n − 1 degrees of freedom; unit: the values'.
///
/// Exact for normal values. Misleads for few and skewed values, and when the values are not independent (units of one
/// network are not; seeds are). Equal values give an interval of no width.
///
/// # Errors
/// Fewer than two values, one that is not finite, a level outside (0, 1), or ends too large for f64.
///
/// ```
/// use kymograph_linalg::statistics::t_interval;
/// let interval = t_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
/// assert!((interval.low - 1.036_756_838_522_439).abs() < 1e-12);
/// ```
pub fn t_interval(values: &[f64], level: f64) -> Result<Interval, LinalgError> {
    check_level(level)?;
    check_count("a t interval: values", values.len(), 2)?;
    let (centre, deviation) = (mean(values)?, standard_deviation(values)?);
    let n = values.len() as f64;
    let half = t_quantile(0.5 + level / 2.0, n - 1.0)? * deviation / n.sqrt();
    let interval = Interval { low: centre - half, high: centre + half };
    if interval.low.is_finite() && interval.high.is_finite() {
        Ok(interval)
    } else {
        Err(LinalgError::Overflow { what: "an end of the t interval" })
    }
}

/// Between which bounds does the probability of success lie, after `successes` in `n` independent trials?
///
/// Wilson's score interval (Wilson 1927, 10.1080/01621459.1927.10502953): it stays inside [0, 1] and has width even for 0
/// or n successes.
///
/// # Errors
/// No trials, more successes than trials, or a level outside (0, 1).
pub fn wilson_interval(successes: usize, n: usize, level: f64) -> Result<Interval, LinalgError> {
    check_level(level)?;
    check_count("a Wilson interval: trials", n, 1)?;
    if successes > n {
        return Err(LinalgError::Domain {
            name: "the number of successes",
            value: successes as f64,
            range: "0 to the number of trials",
        });
    }
    let z = normal_quantile(0.5 + level / 2.0);
    let (n, share) = (n as f64, successes as f64 / n as f64);
    let shrink = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / shrink;
    let half = z / shrink * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    Ok(Interval {
        low: if share == 0.0 { 0.0 } else { (centre - half).max(0.0) },
        high: if share == 1.0 { 1.0 } else { (centre + half).min(1.0) },
    })
}

fn t_quantile(probability: f64, freedom: f64) -> Result<f64, LinalgError> {
    match StudentsT::new(0.0, 1.0, freedom) {
        Ok(t) => Ok(t.inverse_cdf(probability)),
        Err(_) => Err(LinalgError::Domain { name: "the degrees of freedom", value: freedom, range: "(0, ∞)" }),
    }
}

fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}
