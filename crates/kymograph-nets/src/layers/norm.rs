//! Batch normalisation of features or channels; statistics over the whole batch are merged from its chunks in order.

use std::ops::Range;

use kymograph_linalg::Real;

/// A batch normalisation layer with its running statistics.
#[derive(Clone)]
pub(crate) struct Norm<T> {
    pub(crate) units: usize,
    pub(crate) eps: f64,
    pub(crate) momentum: f64,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    pub(crate) running_mean: Vec<T>,
    pub(crate) running_var: Vec<T>,
    pub(crate) batches: u64,
}

/// Sums of one chunk, per unit: while going forward the mean and the sum of squared deviations from it, while going
/// back the sums of the gradient and of gradient times normalised input.
#[derive(Clone, Default)]
pub(crate) struct NormSums {
    pub(crate) count: f64,
    pub(crate) first: Vec<f64>,
    pub(crate) second: Vec<f64>,
}

/// What a pass through the layer uses, per unit.
#[derive(Clone, Default)]
pub(crate) struct NormTotals {
    /// Numbers per unit; zero when the running statistics were used.
    pub(crate) count: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
    /// `1 / √(variance + eps)`
    pub(crate) scale: Vec<f64>,
    /// Mean gradient, and mean of gradient times normalised input.
    pub(crate) slope: Vec<f64>,
    pub(crate) slope_normalised: Vec<f64>,
}

impl<T: Real> Norm<T> {
    /// A chunk's means and squared deviations.
    pub(crate) fn sums(&self, input: &[T]) -> NormSums {
        let count = (input.len() / self.units) as f64;
        let mut mean = vec![0.0; self.units];
        let mut deviation = vec![0.0; self.units];
        for row in input.chunks_exact(self.units) {
            for (sum, x) in mean.iter_mut().zip(row) {
                *sum += x.to_f64();
            }
        }
        if count > 0.0 {
            mean.iter_mut().for_each(|sum| *sum /= count);
        }
        for row in input.chunks_exact(self.units) {
            for ((sum, x), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                let d = x.to_f64() - mean;
                *sum += d * d;
            }
        }
        NormSums { count, first: mean, second: deviation }
    }

    /// The batch's statistics from its chunks' (Chan, Golub and LeVeque 1979, eq. 2.1).
    pub(crate) fn merge<'a>(&self, chunks: impl Iterator<Item = &'a NormSums>) -> NormTotals {
        let mut count = 0.0;
        let mut mean = vec![0.0; self.units];
        let mut squares = vec![0.0; self.units];
        for chunk in chunks.filter(|chunk| chunk.count > 0.0) {
            let total = count + chunk.count;
            for unit in 0..self.units {
                let d = chunk.first[unit] - mean[unit];
                mean[unit] += d * chunk.count / total;
                squares[unit] += chunk.second[unit] + d * d * count * chunk.count / total;
            }
            count = total;
        }
        let variance: Vec<f64> = squares.iter().map(|s| s / count).collect();
        let scale = variance.iter().map(|v| 1.0 / (v + self.eps).sqrt()).collect();
        NormTotals { count, mean, variance, scale, ..NormTotals::default() }
    }

    /// The running statistics, for evaluation.
    pub(crate) fn running(&self) -> NormTotals {
        let mean = self.running_mean.iter().map(|x| x.to_f64()).collect();
        let variance: Vec<f64> = self.running_var.iter().map(|x| x.to_f64()).collect();
        let scale = variance.iter().map(|v| 1.0 / (v + self.eps).sqrt()).collect();
        NormTotals { mean, variance, scale, ..NormTotals::default() }
    }

    /// Moves the running statistics towards a batch's; the variance enters unbiased, as in PyTorch.
    pub(crate) fn update_running(&mut self, totals: &NormTotals) {
        let unbiased = totals.count / (totals.count - 1.0);
        let blend = |running: &mut T, new: f64| {
            *running = T::from_f64((1.0 - self.momentum) * running.to_f64() + self.momentum * new);
        };
        for (running, &mean) in self.running_mean.iter_mut().zip(&totals.mean) {
            blend(running, mean);
        }
        for (running, &variance) in self.running_var.iter_mut().zip(&totals.variance) {
            blend(running, variance * unbiased);
        }
        self.batches += 1;
    }

    /// A chunk's output; `normalised` keeps the input less mean over deviation.
    pub(crate) fn forward(
        &self,
        parameters: &[T],
        totals: &NormTotals,
        input: &[T],
        normalised: &mut [T],
        output: &mut [T],
    ) {
        let weight = &parameters[self.weight.clone()];
        let bias = &parameters[self.bias.clone()];
        let mean: Vec<T> = totals.mean.iter().map(|&x| T::from_f64(x)).collect();
        let scale: Vec<T> = totals.scale.iter().map(|&x| T::from_f64(x)).collect();
        let rows = input.chunks_exact(self.units);
        let kept = normalised.chunks_exact_mut(self.units);
        let outputs = output.chunks_exact_mut(self.units);
        for ((x, n), y) in rows.zip(kept).zip(outputs) {
            for unit in 0..self.units {
                n[unit] = (x[unit] - mean[unit]) * scale[unit];
                y[unit] = n[unit] * weight[unit] + bias[unit];
            }
        }
    }

    /// A chunk's sums over its gradients, which are also its gradients of bias and weight.
    pub(crate) fn backward_sums(&self, normalised: &[T], slopes: &[T], gradients: &mut [T]) -> NormSums {
        let mut first = vec![0.0; self.units];
        let mut second = vec![0.0; self.units];
        for (n, g) in normalised.chunks_exact(self.units).zip(slopes.chunks_exact(self.units)) {
            for unit in 0..self.units {
                first[unit] += g[unit].to_f64();
                second[unit] += g[unit].to_f64() * n[unit].to_f64();
            }
        }
        for (gradient, &sum) in gradients[self.bias.clone()].iter_mut().zip(&first) {
            *gradient = T::from_f64(sum);
        }
        for (gradient, &sum) in gradients[self.weight.clone()].iter_mut().zip(&second) {
            *gradient = T::from_f64(sum);
        }
        NormSums { count: (slopes.len() / self.units) as f64, first, second }
    }

    /// The means over the batch that [`Norm::backward`] takes off, from the chunks' sums.
    pub(crate) fn merge_backward<'a>(&self, totals: &mut NormTotals, chunks: impl Iterator<Item = &'a NormSums>) {
        totals.slope = vec![0.0; self.units];
        totals.slope_normalised = vec![0.0; self.units];
        for chunk in chunks.filter(|chunk| chunk.count > 0.0) {
            for unit in 0..self.units {
                totals.slope[unit] += chunk.first[unit] / totals.count;
                totals.slope_normalised[unit] += chunk.second[unit] / totals.count;
            }
        }
    }

    /// A chunk's input gradient, in place of its output gradient. Without batch statistics the layer is affine.
    pub(crate) fn backward(&self, parameters: &[T], totals: &NormTotals, normalised: &[T], slopes: &mut [T]) {
        let weight = &parameters[self.weight.clone()];
        let factor: Vec<T> = weight.iter().zip(&totals.scale).map(|(w, s)| T::from_f64(w.to_f64() * s)).collect();
        let zeros = vec![0.0; self.units];
        let (slope, slope_normalised) =
            if totals.count > 0.0 { (&totals.slope, &totals.slope_normalised) } else { (&zeros, &zeros) };
        let slope: Vec<T> = slope.iter().map(|&x| T::from_f64(x)).collect();
        let slope_normalised: Vec<T> = slope_normalised.iter().map(|&x| T::from_f64(x)).collect();
        for (n, g) in normalised.chunks_exact(self.units).zip(slopes.chunks_exact_mut(self.units)) {
            for unit in 0..self.units {
                g[unit] = factor[unit] * (g[unit] - slope[unit] - n[unit] * slope_normalised[unit]);
            }
        }
    }
}
