//! Layer normalisation: each vector or token by its own mean and deviation.

use std::ops::Range;

use kymograph_linalg::Real;

use crate::kernels::Kernels;

/// A layer normalisation's size and the places of its parameters.
#[derive(Clone)]
pub(crate) struct LayerNorm {
    pub(crate) features: usize,
    pub(crate) eps: f64,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
}

impl LayerNorm {
    /// What a pass over `length` numbers keeps: those normalised, then a scale for each row.
    pub(crate) fn kept(&self, length: usize) -> usize {
        length + length / self.features
    }

    pub(crate) fn forward<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parameters: &[T],
        input: &[T],
        kept: &mut [T],
        output: &mut [T],
    ) {
        let (normalised, scales) = kept.split_at_mut(input.len());
        let affine = [&parameters[self.weight.clone()], &parameters[self.bias.clone()]];
        kernels.layer_norm(self.eps, affine, input, normalised, scales, output);
    }

    /// Gradients of weight and bias, and the input's slopes in place of the output's.
    pub(crate) fn backward<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parameters: &[T],
        kept: &[T],
        slopes: &mut [T],
        gradients: &mut [T],
    ) {
        let (normalised, scales) = kept.split_at(slopes.len());
        let bias = &mut gradients[self.bias.clone()];
        bias.fill(T::ZERO);
        kernels.add_columns(slopes, bias);
        let weight = &mut gradients[self.weight.clone()];
        weight.fill(T::ZERO);
        kernels.layer_norm_gradient(&parameters[self.weight.clone()], normalised, scales, slopes, weight);
    }
}
