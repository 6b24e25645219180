//! Loops over whole buffers, written plainly so that the compiler vectorises them for each instruction set; they give
//! the same bits on every path.

use kymograph_linalg::Real;

/// Gradients of the chunks summed from first to last into `total`; returns the sum of their squares in f64.
#[inline(always)]
pub(super) fn sum_chunks<T: Real>(total: &mut [T], chunks: &[&[T]]) -> f64 {
    match chunks {
        [] => total.fill(T::ZERO),
        [first, rest @ ..] => {
            total.copy_from_slice(first);
            for chunk in rest {
                for (sum, &value) in total.iter_mut().zip(*chunk) {
                    *sum += value;
                }
            }
        }
    }
    sum_of_squares(total)
}

/// In f64, eight partial sums at a time.
#[inline(always)]
pub(super) fn sum_of_squares<T: Real>(values: &[T]) -> f64 {
    let mut partial = [0.0f64; 8];
    let blocks = values.chunks_exact(8);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, &value) in partial.iter_mut().zip(block) {
            let value = value.to_f64();
            *sum += value * value;
        }
    }
    for (sum, &value) in partial.iter_mut().zip(rest) {
        let value = value.to_f64();
        *sum += value * value;
    }
    partial.iter().sum()
}

/// Zero for a number below the normal range. Where a gradient stays zero (a dead unit) its running means fade into
/// subnormal numbers and stay there, and every operation on those takes a hundred times as long.
#[inline(always)]
fn flushed<T: Real>(x: T) -> T {
    if x.abs() < T::MIN_POSITIVE { T::ZERO } else { x }
}

/// The numbers of one step of Adam or AdamW.
#[derive(Clone, Copy)]
pub(crate) struct AdamStep<T> {
    /// `lr / (1 − β₁ᵗ)`
    pub(crate) step_size: T,
    /// `1 − β₁`
    pub(crate) first_rate: T,
    pub(crate) second_decay: T,
    /// `1 − β₂`
    pub(crate) second_rate: T,
    /// `1 / √(1 − β₂ᵗ)`
    pub(crate) second_correction: T,
    pub(crate) epsilon: T,
    /// Added to the gradient, times the weight (Adam).
    pub(crate) coupled_decay: T,
    /// Weights are multiplied by it first (AdamW); one for none.
    pub(crate) shrink: T,
}

#[inline(always)]
pub(super) fn adam<T: Real>(weights: &mut [T], gradient: &[T], first: &mut [T], second: &mut [T], s: &AdamStep<T>) {
    for (((w, &g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
        let decayed = *w * s.shrink;
        let g = g + decayed * s.coupled_decay;
        *m = flushed(*m + (g - *m) * s.first_rate);
        *v = flushed(*v * s.second_decay + g * g * s.second_rate);
        let scale = v.sqrt() * s.second_correction + s.epsilon;
        *w = decayed - s.step_size * *m / scale;
    }
}

/// The numbers of one step of stochastic gradient descent.
#[derive(Clone, Copy)]
pub(crate) struct SgdStep<T> {
    pub(crate) rate: T,
    pub(crate) momentum: T,
    /// `1 − dampening`, or one at the first step.
    pub(crate) intake: T,
    pub(crate) weight_decay: T,
    pub(crate) nesterov: bool,
}

#[inline(always)]
pub(super) fn sgd<T: Real>(weights: &mut [T], gradient: &[T], velocity: &mut [T], s: &SgdStep<T>) {
    if velocity.is_empty() {
        for (w, &g) in weights.iter_mut().zip(gradient) {
            let g = g + *w * s.weight_decay;
            *w -= s.rate * g;
        }
        return;
    }
    for ((w, &g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
        let g = g + *w * s.weight_decay;
        *v = flushed(*v * s.momentum + g * s.intake);
        let direction = if s.nesterov { g + *v * s.momentum } else { *v };
        *w -= s.rate * direction;
    }
}

/// Drops the gradients of outputs that are not positive.
#[inline(always)]
pub(super) fn rectifier_gradient<T: Real>(outputs: &[T], slopes: &mut [T]) {
    for (slope, &output) in slopes.iter_mut().zip(outputs) {
        *slope = if output > T::ZERO { *slope } else { T::ZERO };
    }
}

/// Column sums of `rows` rows of `sums.len()` numbers, added to `sums`.
#[inline(always)]
pub(super) fn add_columns<T: Real>(rows: &[T], sums: &mut [T]) {
    for row in rows.chunks_exact(sums.len()) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Adds `terms` to `sums`.
#[inline(always)]
pub(super) fn add<T: Real>(terms: &[T], sums: &mut [T]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// Multiplies `products` by `factors`.
#[inline(always)]
pub(super) fn multiply<T: Real>(factors: &[T], products: &mut [T]) {
    for (product, &factor) in products.iter_mut().zip(factors) {
        *product *= factor;
    }
}

/// Numbers that are looked at together; several registers, so that no sum waits for the one before it.
const LOOKED_AT: usize = 64;

/// Are all numbers finite?
#[inline(always)]
pub(super) fn all_finite<T: Real>(values: &[T]) -> bool {
    // Zero times a finite number is zero, times anything else NaN.
    let mut partial = [T::ZERO; LOOKED_AT];
    let blocks = values.chunks_exact(LOOKED_AT);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, &value) in partial.iter_mut().zip(block) {
            *sum += value * T::ZERO;
        }
    }
    partial.iter().chain(rest).all(|x| x.is_finite())
}

/// Copies all numbers; are they finite?
#[inline(always)]
pub(super) fn copy_finite<T: Real>(from: &[T], to: &mut [T]) -> bool {
    let mut partial = [T::ZERO; LOOKED_AT];
    let (blocks, mut places) = (from.chunks_exact(LOOKED_AT), to.chunks_exact_mut(LOOKED_AT));
    let rest = blocks.remainder();
    for (block, place) in blocks.zip(&mut places) {
        for ((sum, &value), place) in partial.iter_mut().zip(block).zip(place) {
            *sum += value * T::ZERO;
            *place = value;
        }
    }
    places.into_remainder().copy_from_slice(rest);
    partial.iter().chain(rest).all(|x| x.is_finite())
}
