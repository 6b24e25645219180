//! Whether directions in a plane are spread evenly.

use std::f64::consts::TAU;

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::{MeasureError, check};

/// A test of angles against an even spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CircularTest {
    /// Rayleigh: the mean resultant length, from 0 to 1. Kuiper: V.
    pub statistic: f64,
    /// Probability of as large a statistic among as many angles spread evenly.
    pub p: f64,
}

/// The angle of each column of `w` (`2 × feature`), in radians from −π to π; columns of zeros are left out.
///
/// # Errors
/// Weights that are empty, not finite, or not of two rows.
pub fn angles<T: Real>(w: ArrayView2<'_, T>) -> Result<Vec<f64>, MeasureError> {
    check::matrix("weights", w)?;
    if w.nrows() != 2 {
        return Err(MeasureError::WrongAxes {
            input: "weights",
            shape: w.shape().to_vec(),
            axes: vec!["2", "feature"],
        });
    }
    let columns = w.columns().into_iter().map(|c| (c[0].to_f64(), c[1].to_f64()));
    Ok(columns.filter(|c| *c != (0.0, 0.0)).map(|(x, y)| y.atan2(x)).collect())
}

/// **Do angles point one way, or along one axis, or along two at right angles?**
///
/// The length of the mean of `exp(i · fold · θ)` over angles θ (radians), each with its weight, from 0 to 1: with fold 1
/// whether they point one way, with 2 whether they lie along one axis (antipodal directions count as the same), with 4
/// whether they lie along two axes at right angles. 0 where all weights are zero.
///
/// **Misleads** for few angles: n angles spread evenly have about √(π/4n).
///
/// # Errors
/// No angles, weights of another number or below zero, and numbers that are not finite.
pub fn resultant(angles: &[f64], weights: &[f64], fold: u32) -> Result<f64, MeasureError> {
    check::matrix("angles", row(angles))?;
    check::matrix("weights", row(weights))?;
    if weights.len() != angles.len() || weights.iter().any(|w| *w < 0.0) {
        return Err(MeasureError::BadOption {
            measure: "resultant",
            option: "weights",
            value: format!("{} numbers", weights.len()),
            expected: format!("{} numbers of at least 0", angles.len()),
        });
    }
    let largest = weights.iter().fold(0.0f64, |most, w| most.max(*w));
    if largest == 0.0 {
        return Ok(0.0);
    }
    let (mut x, mut y, mut total) = (0.0, 0.0, 0.0);
    for (angle, weight) in angles.iter().zip(weights) {
        let (weight, turn) = (weight / largest, f64::from(fold) * angle);
        x += weight * turn.cos();
        y += weight * turn.sin();
        total += weight;
    }
    Ok((x.hypot(y) / total).min(1.0))
}

fn row(values: &[f64]) -> ArrayView2<'_, f64> {
    ArrayView1::from(values).insert_axis(Axis(0))
}

/// **Do angles prefer one direction?** Rayleigh's test; with fold 2 of one axis, with 4 of two axes at right angles.
///
/// The p-value is the approximation `exp(√(1 + 4n + 4(n² − R²)) − (1 + 2n))`, R being n times the resultant length.
///
/// **Misleads** where angles prefer several directions that cancel: then the fold has to match.
///
/// # Errors
/// As [`resultant`].
///
/// References: Fisher 1993, Statistical Analysis of Circular Data, section 4.3; Zar 2010, equation 27.4.
pub fn rayleigh_test(angles: &[f64], fold: u32) -> Result<CircularTest, MeasureError> {
    let n = angles.len() as f64;
    let statistic = resultant(angles, &vec![1.0; angles.len()], fold)?;
    let length = n * statistic;
    let p = ((1.0 + 4.0 * n + 4.0 * (n * n - length * length)).sqrt() - (1.0 + 2.0 * n)).exp();
    Ok(CircularTest { statistic, p: p.clamp(0.0, 1.0) })
}

/// **Are angles spread evenly?** Kuiper's test, which does not depend on where the circle is cut, of angles times `fold`.
///
/// `V = D⁺ + D⁻` between the angles' distribution and the even one, with the asymptotic p-value of
/// `V · (√n + .155 + .24/√n)`.
///
/// # Errors
/// As [`resultant`].
///
/// References: Kuiper 1960; Stephens 1970, table 1.
pub fn kuiper_test(angles: &[f64], fold: u32) -> Result<CircularTest, MeasureError> {
    check::matrix("angles", row(angles))?;
    let mut turns: Vec<f64> = angles.iter().map(|a| (f64::from(fold) * a / TAU).rem_euclid(1.0)).collect();
    turns.sort_by(f64::total_cmp);
    let n = turns.len() as f64;
    let above = turns.iter().enumerate().fold(0.0f64, |d, (i, u)| d.max((i + 1) as f64 / n - u));
    let below = turns.iter().enumerate().fold(0.0f64, |d, (i, u)| d.max(u - i as f64 / n));
    let statistic = above + below;
    let scaled = statistic * (n.sqrt() + 0.155 + 0.24 / n.sqrt());
    // The series converges slowly for small values, where the probability is 1 to many digits.
    let p = if scaled < 0.4 {
        1.0
    } else {
        let term = |k: i32| {
            let square = (f64::from(k) * scaled).powi(2);
            2.0 * (4.0 * square - 1.0) * (-2.0 * square).exp()
        };
        (1..=100).map(term).sum::<f64>()
    };
    Ok(CircularTest { statistic, p: p.clamp(0.0, 1.0) })
}
