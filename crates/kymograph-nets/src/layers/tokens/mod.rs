//! What only tokens have: tables of vectors and positions, attention, their mean.

mod attention;
mod embedding;
mod positions;

pub(crate) use attention::Attention;
pub(crate) use embedding::Embedding;
pub(crate) use positions::Positions;

use kymograph_linalg::Real;

/// The mean over the tokens of each example.
pub(crate) fn mean_tokens<T: Real>(tokens: usize, features: usize, input: &[T], output: &mut [T]) {
    let share = T::from_f64(1.0 / tokens as f64);
    for (example, mean) in input.chunks_exact(tokens * features).zip(output.chunks_exact_mut(features)) {
        mean.fill(T::ZERO);
        for token in example.chunks_exact(features) {
            for (mean, &x) in mean.iter_mut().zip(token) {
                *mean += x;
            }
        }
        for mean in mean {
            *mean *= share;
        }
    }
}

/// Every token gets its share of the gradient.
pub(crate) fn mean_tokens_gradient<T: Real>(tokens: usize, features: usize, slopes: &[T], input_slopes: &mut [T]) {
    let share = T::from_f64(1.0 / tokens as f64);
    for (mean, example) in slopes.chunks_exact(features).zip(input_slopes.chunks_exact_mut(tokens * features)) {
        for token in example.chunks_exact_mut(features) {
            for (slope, &mean) in token.iter_mut().zip(mean) {
                *slope = mean * share;
            }
        }
    }
}
