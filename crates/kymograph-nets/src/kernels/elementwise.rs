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
    /// `√(1 − β₂ᵗ)`
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
        *m += (g - *m) * s.first_rate;
        *v = *v * s.second_decay + g * g * s.second_rate;
        let scale = v.sqrt() / s.second_correction + s.epsilon;
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
        *v = *v * s.momentum + g * s.intake;
        let direction = if s.nesterov { g + *v * s.momentum } else { *v };
        *w -= s.rate * direction;
    }
}

/// A grid of pooling windows over one image stored line by line, `channels` numbers a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
}

impl Windows {
    /// The pixels of window (y, x) that lie on the image, with their place in the window.
    #[inline(always)]
    fn pixels(&self, y: usize, x: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (top, left) = (y * self.stride[0], x * self.stride[1]);
        (0..self.kernel[0]).flat_map(move |i| {
            (0..self.kernel[1]).filter_map(move |j| {
                let row = (top + i).checked_sub(self.padding[0])?;
                let column = (left + j).checked_sub(self.padding[1])?;
                (row < self.height && column < self.width)
                    .then_some((i * self.kernel[1] + j, row * self.width + column))
            })
        })
    }
}

/// Largest number of each window and channel, and where in the window it stood (the first of equals).
#[inline(always)]
pub(super) fn pool<T: Real>(w: &Windows, input: &[T], output: &mut [T], places: &mut [T]) {
    let c = w.channels;
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let at = (y * w.out_width + x) * c;
            let output = &mut output[at..at + c];
            let places = &mut places[at..at + c];
            let mut first = true;
            for (place, pixel) in w.pixels(y, x) {
                let values = &input[pixel * c..(pixel + 1) * c];
                let place = T::from_f64(place as f64);
                if first {
                    output.copy_from_slice(values);
                    places.fill(place);
                    first = false;
                } else {
                    for ((best, slot), &value) in output.iter_mut().zip(places.iter_mut()).zip(values) {
                        // Written so that NaN wins, as in PyTorch.
                        let keep = *best >= value || *best != *best;
                        *best = if keep { *best } else { value };
                        *slot = if keep { *slot } else { place };
                    }
                }
            }
        }
    }
}

/// The gradient of [`pool`]: each output gradient goes to the place its maximum came from. With `outputs`, gradients
/// of outputs that are not positive are dropped (the pooled values had passed a ReLU).
#[inline(always)]
pub(super) fn unpool<T: Real>(
    w: &Windows,
    places: &[T],
    slopes: &[T],
    outputs: Option<&[T]>,
    input_slopes: &mut [T],
) {
    let c = w.channels;
    input_slopes.fill(T::ZERO);
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let at = (y * w.out_width + x) * c;
            let slopes = &slopes[at..at + c];
            let places = &places[at..at + c];
            for (place, pixel) in w.pixels(y, x) {
                let place = T::from_f64(place as f64);
                let to = &mut input_slopes[pixel * c..(pixel + 1) * c];
                match outputs {
                    Some(outputs) => {
                        let outputs = &outputs[at..at + c];
                        for (((to, &slope), &here), &output) in to.iter_mut().zip(slopes).zip(places).zip(outputs) {
                            let passes = (here == place) & (output > T::ZERO);
                            *to += if passes { slope } else { T::ZERO };
                        }
                    }
                    None => {
                        for ((to, &slope), &here) in to.iter_mut().zip(slopes).zip(places) {
                            *to += if here == place { slope } else { T::ZERO };
                        }
                    }
                }
            }
        }
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

/// Are all numbers finite?
#[inline(always)]
pub(super) fn all_finite<T: Real>(values: &[T]) -> bool {
    // Zero times a finite number is zero, times anything else NaN.
    let mut partial = [T::ZERO; 16];
    let blocks = values.chunks_exact(16);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, &value) in partial.iter_mut().zip(block) {
            *sum += value * T::ZERO;
        }
    }
    partial.iter().chain(rest).all(|x| x.is_finite())
}
