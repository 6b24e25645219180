//! Learned vectors in the place of whole numbers.

use std::ops::Range;

use kymograph_linalg::Real;

/// A table of vectors.
#[derive(Clone)]
pub(crate) struct Embedding {
    pub(crate) vocabulary: usize,
    pub(crate) features: usize,
    pub(crate) weight: Range<usize>,
}

impl Embedding {
    /// The token a number stands for, if it is whole and in the table.
    pub(crate) fn token<T: Real>(&self, x: T) -> Option<usize> {
        let x = x.to_f64();
        (x >= 0.0 && x < self.vocabulary as f64 && x.fract() == 0.0).then_some(x as usize)
    }

    /// Input that is no token (it is reported before or after) gives zeros.
    pub(crate) fn forward<T: Real>(&self, parameters: &[T], input: &[T], output: &mut [T]) {
        let table = &parameters[self.weight.clone()];
        for (&x, y) in input.iter().zip(output.chunks_exact_mut(self.features)) {
            match self.token(x) {
                Some(token) => y.copy_from_slice(&table[token * self.features..][..self.features]),
                None => y.fill(T::ZERO),
            }
        }
    }

    pub(crate) fn weight_gradient<T: Real>(&self, input: &[T], slopes: &[T], gradients: &mut [T]) {
        let table = &mut gradients[self.weight.clone()];
        table.fill(T::ZERO);
        for (&x, slopes) in input.iter().zip(slopes.chunks_exact(self.features)) {
            if let Some(token) = self.token(x) {
                let row = &mut table[token * self.features..][..self.features];
                for (sum, &slope) in row.iter_mut().zip(slopes) {
                    *sum += slope;
                }
            }
        }
    }
}
