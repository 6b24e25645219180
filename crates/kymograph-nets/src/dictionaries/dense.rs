//! Forward and backward through codes of which many entries are used: matrix products by blocks of examples and latents.

use kymograph_linalg::{Real, matmul_into_sequential, parallel};
use ndarray::{ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

use super::encode::ROWS;
use super::model::Dictionary;
use super::spec::Variant;
use super::step::{Batch, Found, Slopes, Space};
use super::vectors::{add_scaled, squares};

/// Latents whose weight gradients are worked out together.
const LATENTS: usize = 256;

/// What some examples gave.
struct Part<T> {
    found: Found,
    output_bias: Vec<T>,
    bias: Vec<T>,
    /// Slopes of `r_mag` and `b_mag`, or of the log thresholds.
    more: [Vec<T>; 2],
}

impl<T: Real> Dictionary<T> {
    /// Fills `space.pre` with rectified pre-activations and says how many are above zero.
    pub(super) fn rectified(&self, batch: &Batch<'_, T>, space: &mut Space<T>) -> usize {
        let width = self.spec.latents;
        space.pre.resize(batch.examples() * width, T::ZERO);
        let rows = parallel::blocks(batch.examples(), ROWS);
        let counts: Vec<usize> = space.pre[..batch.examples() * width]
            .par_chunks_mut(ROWS * width)
            .zip(rows)
            .map(|(pre, range)| {
                let x = batch.inputs.slice(s![range, ..]);
                self.pre_activations(x, block_mut(pre, width));
                let mut active = 0;
                for value in pre {
                    *value = value.max(T::ZERO);
                    active += usize::from(*value > T::ZERO);
                }
                active
            })
            .collect();
        counts.iter().sum()
    }

    /// Loss and gradients. Of [`Variant::Relu`], `space.pre` holds the codes already.
    pub(super) fn dense(&self, batch: &Batch<'_, T>, slopes: Slopes<'_, T>, space: &mut Space<T>) -> Found {
        let (examples, width, outputs) = (batch.examples(), self.spec.latents, self.spec.outputs);
        let is_relu = matches!(self.spec.variant, Variant::Relu { .. });
        for buffer in [&mut space.pre, &mut space.slopes] {
            buffer.resize(examples * width, T::ZERO);
        }
        space.codes.resize(if is_relu { 0 } else { examples * width }, T::ZERO);
        space.errors.resize(examples * outputs, T::ZERO);
        // Codes of a ReLU stand where their pre-activations stood.
        let rows = parallel::blocks(examples, ROWS);
        let codes: Vec<&mut [T]> = match is_relu {
            true => rows.iter().map(|_| Default::default()).collect(),
            false => space.codes.chunks_mut(ROWS * width).collect(),
        };
        let parts: Vec<Part<T>> = space.pre[..examples * width]
            .par_chunks_mut(ROWS * width)
            .zip(codes)
            .zip(space.slopes[..examples * width].par_chunks_mut(ROWS * width))
            .zip(space.errors[..examples * outputs].par_chunks_mut(ROWS * outputs))
            .zip(&rows)
            .map(|((((pre, codes), slopes), errors), range)| {
                let x = batch.inputs.slice(s![range.clone(), ..]);
                let y = batch.targets.slice(s![range.clone(), ..]);
                self.rows_both_ways(examples, x, y, [pre, codes, slopes, errors])
            })
            .collect();
        let codes = if is_relu { &space.pre[..examples * width] } else { &space.codes[..] };
        let (codes, slope, errors) =
            (block(codes, width), block(&space.slopes[..examples * width], width), block(&space.errors, outputs));
        let (encoder, tied) = (slopes.encoder, self.spec.tied);
        slopes.decoder.par_chunks_mut(LATENTS * outputs).enumerate().for_each(|(at, gradient)| {
            let latents = at * LATENTS..(at * LATENTS + gradient.len() / outputs);
            let mut gradient = block_mut(gradient, outputs);
            let used = codes.slice(s![.., latents.clone()]);
            matmul_into_sequential(T::ONE, used.reversed_axes(), errors, T::ZERO, gradient.view_mut());
            if tied {
                let slope = slope.slice(s![.., latents]);
                matmul_into_sequential(T::ONE, slope.reversed_axes(), batch.inputs, T::ONE, gradient);
            }
        });
        if let Some(encoder) = encoder {
            let inputs = self.spec.inputs;
            encoder.par_chunks_mut(LATENTS * inputs).enumerate().for_each(|(at, gradient)| {
                let latents = at * LATENTS..(at * LATENTS + gradient.len() / inputs);
                let slope = slope.slice(s![.., latents]);
                let gradient = block_mut(gradient, inputs);
                matmul_into_sequential(T::ONE, slope.reversed_axes(), batch.inputs, T::ZERO, gradient);
            });
        }
        let mut found = Found { used: vec![false; width], ..Found::default() };
        let mut output_bias = slopes.output_bias;
        let mut more: Vec<&mut [T]> = match (slopes.magnitude, slopes.log_threshold) {
            (Some([scale, bias]), _) => vec![scale, bias],
            (None, Some(log)) => vec![log],
            (None, None) => Vec::new(),
        };
        for part in parts {
            found.error += part.found.error;
            found.loss += part.found.loss;
            found.active += part.found.active;
            found.l1 += part.found.l1;
            found.used.iter_mut().zip(part.found.used).for_each(|(all, here)| *all |= here);
            add_scaled(slopes.bias, T::ONE, &part.bias);
            if let Some(bias) = &mut output_bias {
                add_scaled(bias, T::ONE, &part.output_bias);
            }
            for (sum, here) in more.iter_mut().zip(&part.more) {
                add_scaled(sum, T::ONE, here);
            }
        }
        found
    }

    fn rows_both_ways(
        &self,
        examples: usize,
        x: ArrayView2<'_, T>,
        y: ArrayView2<'_, T>,
        [pre, codes, slopes, errors]: [&mut [T]; 4],
    ) -> Part<T> {
        let (width, outputs) = (self.spec.latents, self.spec.outputs);
        let (scale, penalty) = self.spec.scales(examples);
        let mut part = Part {
            found: Found { used: vec![false; width], ..Found::default() },
            output_bias: vec![T::ZERO; outputs],
            bias: vec![T::ZERO; width],
            more: [vec![T::ZERO; width], vec![T::ZERO; width]],
        };
        let thresholds = self.thresholds();
        match self.spec.variant {
            Variant::Relu { .. } => {}
            Variant::JumpRelu { .. } => {
                self.pre_activations(x, block_mut(pre, width));
                for (pre, codes) in pre.chunks_exact(width).zip(codes.chunks_exact_mut(width)) {
                    for ((code, &pre), &threshold) in codes.iter_mut().zip(pre).zip(&thresholds) {
                        *code = if pre > threshold { pre } else { T::ZERO };
                    }
                }
            }
            _ => {
                self.pre_activations(x, block_mut(pre, width));
                codes.copy_from_slice(pre);
                codes.chunks_exact_mut(width).for_each(|row| self.magnitudes(row));
            }
        }
        let is_relu = matches!(self.spec.variant, Variant::Relu { .. });
        {
            let codes = if is_relu { &*pre } else { &*codes };
            self.output(codes, errors);
            subtract(errors, y);
            part.found.error = errors.chunks_exact(outputs).map(squares).sum();
            part.found.loss = scale * part.found.error;
            errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * scale));
            self.back_through_decoder(errors, slopes);
            for row in codes.chunks_exact(width) {
                for (used, &code) in part.found.used.iter_mut().zip(row) {
                    if code > T::ZERO {
                        *used = true;
                        part.found.active += 1;
                        part.found.l1 += code.to_f64();
                    }
                }
            }
        }
        errors.chunks_exact(outputs).for_each(|row| add_scaled(&mut part.output_bias, T::ONE, row));
        match self.spec.variant {
            Variant::Relu { l1 } => {
                part.found.loss += l1 * penalty * part.found.l1;
                let cost = T::from_f64(l1 * penalty);
                for (slope, &code) in slopes.iter_mut().zip(&*pre) {
                    *slope = if code > T::ZERO { *slope + cost } else { T::ZERO };
                }
            }
            Variant::JumpRelu { l0, bandwidth, .. } => {
                part.found.loss += l0 * penalty * part.found.active as f64;
                let (half, share) = (T::from_f64(bandwidth / 2.0), T::from_f64(1.0 / bandwidth));
                let cost = T::from_f64(l0 * penalty);
                for (slopes, pre) in slopes.chunks_exact_mut(width).zip(pre.chunks_exact(width)) {
                    for (at, (slope, &pre)) in slopes.iter_mut().zip(pre).enumerate() {
                        let threshold = thresholds[at];
                        if (pre - threshold).abs() < half {
                            let of_threshold = -(threshold * *slope + cost) * share;
                            part.more[0][at] += of_threshold * threshold;
                        }
                        *slope = if pre > threshold { *slope } else { T::ZERO };
                    }
                }
            }
            Variant::Gated { l1 } => self.through_the_gate(&mut part, l1, y, scale, penalty, [pre, codes, slopes]),
            _ => {}
        }
        if !matches!(self.spec.variant, Variant::Gated { .. }) {
            slopes.chunks_exact(width).for_each(|row| add_scaled(&mut part.bias, T::ONE, row));
        }
        part
    }

    /// The slopes of the pre-activations that gate and magnitude share, in place of those of the codes.
    fn through_the_gate(
        &self,
        part: &mut Part<T>,
        l1: f64,
        y: ArrayView2<'_, T>,
        scale: f64,
        penalty: f64,
        [gate, codes, slopes]: [&mut [T]; 3],
    ) {
        let (width, outputs) = (self.spec.latents, self.spec.outputs);
        let open: Vec<T> = gate.iter().map(|v| v.max(T::ZERO)).collect();
        let mut errors = vec![T::ZERO; y.nrows() * outputs];
        self.output(&open, &mut errors);
        subtract(&mut errors, y);
        part.found.loss += scale * errors.chunks_exact(outputs).map(squares).sum::<f64>();
        part.found.loss += l1 * penalty * open.iter().map(|v| v.to_f64()).sum::<f64>();
        errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * scale));
        // Decoder and output bias are frozen here: the slopes go back to the gate alone.
        let mut of_gate = vec![T::ZERO; gate.len()];
        self.back_through_decoder(&errors, &mut of_gate);
        let (stretch, bias) = (self.values("r_mag"), self.values("b_gate"));
        let cost = T::from_f64(l1 * penalty);
        let rows = slopes.chunks_exact_mut(width).zip(gate.chunks_exact(width));
        for ((slopes, gate), (codes, of_gate)) in rows.zip(codes.chunks_exact(width).zip(of_gate.chunks_exact(width))) {
            for (at, slope) in slopes.iter_mut().enumerate() {
                if gate[at] <= T::ZERO {
                    *slope = T::ZERO;
                    continue;
                }
                let through = of_gate[at] + cost;
                part.bias[at] += through;
                let mut shared = through;
                if codes[at] > T::ZERO {
                    let stretched = *slope * stretch[at].exp();
                    part.more[0][at] += stretched * (gate[at] - bias[at]);
                    part.more[1][at] += *slope;
                    shared += stretched;
                }
                *slope = shared;
            }
        }
    }

    /// Codes times decoder, plus the output bias.
    fn output(&self, codes: &[T], out: &mut [T]) {
        let bias = self.values("b_dec");
        let outputs = self.spec.outputs;
        if bias.is_empty() {
            out.fill(T::ZERO);
        } else {
            out.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(bias));
        }
        let codes = block(codes, self.spec.latents);
        matmul_into_sequential(T::ONE, codes, self.decoder(), T::ONE, block_mut(out, outputs));
    }

    fn back_through_decoder(&self, errors: &[T], slopes: &mut [T]) {
        let decoder = self.decoder();
        let errors = block(errors, self.spec.outputs);
        let slopes = block_mut(slopes, self.spec.latents);
        matmul_into_sequential(T::ONE, errors, decoder.reversed_axes(), T::ZERO, slopes);
    }
}

fn subtract<T: Real>(out: &mut [T], y: ArrayView2<'_, T>) {
    out.iter_mut().zip(y.iter()).for_each(|(out, &y)| *out -= y);
}

fn block<T>(values: &[T], width: usize) -> ArrayView2<'_, T> {
    let rows = values.len() / width;
    // Blocks hold whole rows.
    ArrayView2::from_shape((rows, width), values).unwrap_or_else(|_| ndarray::aview2::<T, 0>(&[]))
}

fn block_mut<T>(values: &mut [T], width: usize) -> ArrayViewMut2<'_, T> {
    let rows = values.len() / width;
    match ArrayViewMut2::from_shape((rows, width), values) {
        Ok(view) => view,
        Err(_) => unreachable!("blocks hold whole rows"),
    }
}
