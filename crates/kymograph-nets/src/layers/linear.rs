//! The linear layer: a product of the examples with the packed weight.

use std::ops::Range;

use kymograph_linalg::Real;

use crate::kernels::{Aligned, Columns, Examples, Kernels, Rows};

/// A linear layer's sizes, the places of its parameters, and its packed weight.
#[derive(Clone)]
pub(crate) struct Linear<T> {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Option<Range<usize>>,
    pub(crate) forward_weight: Aligned<T>,
    pub(crate) backward_weight: Aligned<T>,
}

impl<T: Real> Linear<T> {
    pub(crate) fn pack(&mut self, kernels: &Kernels<T>, parameters: &[T]) {
        let weight = &parameters[self.weight.clone()];
        let outputs = self.outputs;
        kernels.pack(self.inputs, outputs, &mut self.forward_weight, |row, first, numbers| {
            let at = row * outputs + first;
            numbers.copy_from_slice(&weight[at..at + numbers.len()]);
        });
        kernels.pack(outputs, self.inputs, &mut self.backward_weight, |row, first, numbers| {
            let from = &weight[first * outputs + row..];
            for (number, &value) in numbers.iter_mut().zip(from.iter().step_by(outputs)) {
                *number = value;
            }
        });
    }

    pub(crate) fn forward(&self, kernels: &Kernels<T>, parameters: &[T], input: &[T], rectify: bool, output: &mut [T]) {
        let rows = Rows::dense(input.len() / self.inputs, self.inputs);
        let bias = self.bias.clone().map(|range| &parameters[range]);
        let columns = Columns { packed: &self.forward_weight, count: self.outputs, bias, rectify };
        kernels.product(input, &rows, &columns, output);
    }

    /// Is the weight larger than what so many rows bring to it? Then a gradient of its own for each chunk of the batch would
    /// cost more memory traffic than arithmetic.
    pub(crate) fn outweighs(&self, rows: usize) -> bool {
        self.inputs * self.outputs > rows * (self.inputs + self.outputs)
    }

    pub(crate) fn weight_gradient(&self, kernels: &Kernels<T>, input: &[T], slopes: &[T], gradients: &mut [T]) {
        let rows = Rows::dense(input.len() / self.inputs, self.inputs);
        let out = &mut gradients[self.weight.clone()];
        let examples = Examples { values: input, count: 1, stride: 0 };
        kernels.weight_gradient(&examples, &rows, slopes, self.outputs, out, false);
    }

    pub(crate) fn bias_gradient(&self, kernels: &Kernels<T>, slopes: &[T], gradients: &mut [T]) {
        if let Some(range) = self.bias.clone() {
            let sums = &mut gradients[range];
            sums.fill(T::ZERO);
            kernels.add_columns(slopes, sums);
        }
    }

    pub(crate) fn input_gradient(&self, kernels: &Kernels<T>, slopes: &[T], input_slopes: &mut [T]) {
        let rows = Rows::dense(slopes.len() / self.outputs, self.outputs);
        let columns = Columns { packed: &self.backward_weight, count: self.inputs, bias: None, rectify: false };
        kernels.product(slopes, &rows, &columns, input_slopes);
    }
}
