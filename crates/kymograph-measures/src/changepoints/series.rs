//! A series about its mean, the squared deviations of its stretches, and the noise between its neighbours.

use kymograph_linalg::Real;
use ndarray::ArrayView1;

use crate::{MeasureError, check};

/// The share of squared differences, smallest first, from which the noise is estimated.
const KEPT: f64 = 0.9;
/// The mean square of a normal number given that its square is among the smallest nine tenths.
const KEPT_VARIANCE: f64 = 0.623_015_484;
/// Differences below this share of the series' own spread are rounding.
const ROUNDING: f64 = 1e-9;

/// A series less its mean, divided by a power of two so that no square overflows.
pub(super) struct Series {
    pub(super) values: Vec<f64>,
    /// What has been taken away and divided by, in the units of the input.
    mean: f64,
    scale: f64,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Series {
    pub(super) fn new<T: Real>(
        input: &'static str,
        series: ArrayView1<'_, T>,
        needed: usize,
        why: &'static str,
    ) -> Result<Self, MeasureError> {
        if series.is_empty() {
            return Err(MeasureError::Empty { input, rows: 0, columns: 1 });
        }
        if let Some((place, value)) = series.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(MeasureError::NotFiniteAt { input, place: vec![place], value: value.to_f64() });
        }
        if series.len() < needed {
            return Err(MeasureError::TooFew { input, what: "steps", found: series.len(), needed, why });
        }
        let scale = check::binary_scale(series.iter());
        // Distances from the first value are exactly zero in a constant series, whatever its value.
        let first = series[0].to_f64() / scale;
        let mut values: Vec<f64> = series.iter().map(|value| value.to_f64() / scale - first).collect();
        let mean = check::mean(&values);
        values.iter_mut().for_each(|value| *value -= mean);
        let spread = check::binary_scale(values.iter());
        values.iter_mut().for_each(|value| *value /= spread);
        let mut sums = vec![0.0];
        let mut squares = vec![0.0];
        for (place, value) in values.iter().enumerate() {
            sums.push(sums[place] + value);
            squares.push(squares[place] + value * value);
        }
        Ok(Self { values, mean: (first + mean) * scale, scale: scale * spread, sums, squares })
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Sum of squared deviations of `from..to` from their mean.
    pub(super) fn deviation(&self, from: usize, to: usize) -> f64 {
        let sum = self.sums[to] - self.sums[from];
        (self.squares[to] - self.squares[from] - sum * sum / (to - from) as f64).max(0.0)
    }

    /// Sum of squared deviations of `from..to` from their least-squares straight line.
    pub(super) fn deviation_from_line(&self, from: usize, to: usize) -> f64 {
        let n = (to - from) as f64;
        let middle = (n - 1.0) / 2.0;
        let slope_sum: f64 =
            self.values[from..to].iter().enumerate().map(|(place, value)| (place as f64 - middle) * value).sum();
        let spread = n * (n * n - 1.0) / 12.0;
        let by_slope = if spread > 0.0 { slope_sum * slope_sum / spread } else { 0.0 };
        (self.deviation(from, to) - by_slope).max(0.0)
    }

    /// The mean of a stretch, in the units of the input.
    pub(super) fn level(&self, from: usize, to: usize) -> f64 {
        self.mean + self.scale * (self.sums[to] - self.sums[from]) / (to - from) as f64
    }

    pub(super) fn in_units(&self, difference: f64) -> f64 {
        difference * self.scale
    }

    pub(super) fn value_in_units(&self, value: f64) -> f64 {
        self.mean + self.scale * value
    }

    /// Variance of the noise from differences between neighbours, of which the largest tenth, where jumps are, is left
    /// out. Never below the rounding of the series' spread, so that a series without noise has one.
    pub(super) fn noise_variance(&self) -> f64 {
        let mut squares: Vec<f64> = self.values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).collect();
        squares.sort_by(f64::total_cmp);
        let kept = (squares.len() as f64 * KEPT).ceil() as usize;
        let estimate = squares[..kept].iter().sum::<f64>() / (2.0 * KEPT_VARIANCE * kept.max(1) as f64);
        estimate.max(ROUNDING * ROUNDING * self.squares[self.len()] / self.len() as f64)
    }

    /// Whether all values are equal.
    pub(super) fn is_constant(&self) -> bool {
        self.values.iter().all(|value| *value == 0.0)
    }
}

/// Correlation of neighbouring numbers; 0 where they do not vary.
pub(super) fn neighbour_correlation(residuals: &[f64]) -> f64 {
    let mean = check::mean(residuals);
    let total: f64 = residuals.iter().map(|value| (value - mean).powi(2)).sum();
    let products: f64 = residuals.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if total > 0.0 { products / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array1;

    #[test]
    fn deviations_are_those_of_the_definition() {
        let mut rng = random::stream(1, "test");
        let raw = Array1::from_shape_fn(40, |i| 1e6 + i as f64 + random::normal(&mut rng));
        let series = Series::new("series", raw.view(), 1, "test").unwrap();
        for (from, to) in [(0, 40), (3, 4), (5, 7), (10, 31)] {
            let part = &raw.as_slice().unwrap()[from..to];
            let n = part.len() as f64;
            let mean = part.iter().sum::<f64>() / n;
            assert!((series.level(from, to) - mean).abs() < 1e-6);
            let plain: f64 = part.iter().map(|v| (v - mean).powi(2)).sum();
            let far = (series.deviation(from, to) - plain / series.scale.powi(2)).abs();
            assert!(far < 1e-9, "{from} {to}");
            let middle = (n - 1.0) / 2.0;
            let (top, bottom) = part.iter().enumerate().fold((0.0, 0.0), |(top, bottom), (i, v)| {
                let x = i as f64 - middle;
                (top + x * (v - mean), bottom + x * x)
            });
            let slope = if bottom > 0.0 { top / bottom } else { 0.0 };
            let line: f64 =
                part.iter().enumerate().map(|(i, v)| (v - mean - slope * (i as f64 - middle)).powi(2)).sum();
            assert!((series.deviation_from_line(from, to) - line / series.scale.powi(2)).abs() < 1e-9, "{from} {to}");
        }
    }

    /// E[z² | z² among the smallest 90 %] = 1 − 2aφ(a)/0.9 with a = Φ⁻¹(0.95).
    #[test]
    fn the_noise_of_normal_numbers_is_one() {
        let a = 1.644_853_626_951_472_f64;
        let density = (-a * a / 2.0).exp() / std::f64::consts::TAU.sqrt();
        assert!((KEPT_VARIANCE - (1.0 - 2.0 * a * density / KEPT)).abs() < 1e-7);
        let mut rng = random::stream(2, "test");
        for jump in [0.0, 50.0] {
            let raw = Array1::from_shape_fn(20_000, |i| random::normal(&mut rng) + if i > 7000 { jump } else { 0.0 });
            let series = Series::new("series", raw.view(), 1, "test").unwrap();
            let variance = series.noise_variance() * series.scale * series.scale;
            assert!((variance - 1.0).abs() < 0.05, "{variance}");
        }
    }
}
