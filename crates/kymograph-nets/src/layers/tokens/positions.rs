//! A learned table added to the tokens.

use std::ops::Range;

use kymograph_linalg::Real;

use crate::kernels::Kernels;

/// Where the table lies.
#[derive(Clone)]
pub(crate) struct Positions {
    pub(crate) table: Range<usize>,
}

impl Positions {
    pub(crate) fn forward<T: Real>(&self, parameters: &[T], input: &[T], output: &mut [T]) {
        let table = &parameters[self.table.clone()];
        for (x, y) in input.chunks_exact(table.len()).zip(output.chunks_exact_mut(table.len())) {
            for ((y, &x), &position) in y.iter_mut().zip(x).zip(table) {
                *y = x + position;
            }
        }
    }

    pub(crate) fn weight_gradient<T: Real>(&self, kernels: &Kernels<T>, slopes: &[T], gradients: &mut [T]) {
        let sums = &mut gradients[self.table.clone()];
        sums.fill(T::ZERO);
        kernels.add_columns(slopes, sums);
    }
}
