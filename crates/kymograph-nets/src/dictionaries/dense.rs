//! Forward and backward through codes of which many entries are used: matrix products by blocks of examples and latents.

use kymograph_linalg::{Real, Wide, parallel, widest};
use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use super::encode::ROWS;
use super::model::Dictionary;
use super::products::Packed;
use super::spec::Variant;
use super::step::{Batch, Found, Slopes, Space};
use super::vectors::{add_scaled, squares};
use crate::kernels::Strided;

/// Latents whose weight gradients are worked out together.
const LATENTS: usize = 256;
/// Codes summed side by side.
const LANES: usize = 16;

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
        let width = self.stride();
        let Space { pre, packed, .. } = space;
        pre.resize(batch.examples() * width, T::ZERO);
        let rows = parallel::blocks(batch.examples(), ROWS);
        let counts: Vec<usize> = pre
            .par_chunks_mut(ROWS * width)
            .zip(rows)
            .map(|(pre, range)| {
                let here = Strided { values: &mut *pre, stride: width };
                self.pre_activations(batch.inputs.slice(s![range, ..]), packed, true, here);
                widest(Active { codes: pre })
            })
            .collect();
        counts.iter().sum()
    }

    /// Loss and gradients. Of [`Variant::Relu`], `space.pre` holds the codes already.
    pub(super) fn dense(&self, batch: &Batch<'_, T>, slopes: Slopes<'_, T>, space: &mut Space<T>) -> Found {
        let (examples, width, outputs) = (batch.examples(), self.stride(), self.spec.outputs);
        let is_relu = matches!(self.spec.variant, Variant::Relu { .. });
        let Space { pre, codes, slopes: all_slopes, errors, packed } = space;
        self.pack_decoder(packed);
        for buffer in [&mut *pre, &mut *all_slopes] {
            buffer.resize(examples * width, T::ZERO);
        }
        codes.resize(if is_relu { 0 } else { examples * width }, T::ZERO);
        errors.resize(examples * outputs, T::ZERO);
        // Codes of a ReLU stand where their pre-activations stood.
        let rows = parallel::blocks(examples, ROWS);
        let code_blocks: Vec<&mut [T]> = match is_relu {
            true => rows.iter().map(|_| Default::default()).collect(),
            false => codes.chunks_mut(ROWS * width).collect(),
        };
        let parts: Vec<Part<T>> = pre
            .par_chunks_mut(ROWS * width)
            .zip(code_blocks)
            .zip(all_slopes.par_chunks_mut(ROWS * width))
            .zip(errors.par_chunks_mut(ROWS * outputs))
            .zip(&rows)
            .map(|((((pre, codes), slopes), errors), range)| {
                let x = batch.inputs.slice(s![range.clone(), ..]);
                let y = batch.targets.slice(s![range.clone(), ..]);
                self.rows_both_ways(examples, x, y, packed, [pre, codes, slopes, errors])
            })
            .collect();
        let codes = if is_relu { &pre[..] } else { &codes[..] };
        self.pack_panels(errors, outputs, &mut packed.errors);
        self.pack_panels(batch.inputs.as_slice().unwrap_or_default(), self.spec.inputs, &mut packed.inputs);
        slopes.decoder.par_chunks_mut(LATENTS * outputs).enumerate().for_each(|(at, gradient)| {
            self.weight_gradient(codes, at * LATENTS, &packed.errors, gradient, false);
            if self.spec.tied {
                self.weight_gradient(all_slopes, at * LATENTS, &packed.inputs, gradient, true);
            }
        });
        if let Some(encoder) = slopes.encoder {
            encoder.par_chunks_mut(LATENTS * self.spec.inputs).enumerate().for_each(|(at, gradient)| {
                self.weight_gradient(all_slopes, at * LATENTS, &packed.inputs, gradient, false);
            });
        }
        let mut found = Found { used: vec![false; self.spec.latents], ..Found::default() };
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
        packed: &Packed<T>,
        [pre, codes, slopes, errors]: [&mut [T]; 4],
    ) -> Part<T> {
        let (width, outputs) = (self.stride(), self.spec.outputs);
        let (scale, penalty) = self.spec.scales(examples);
        let mut part = Part {
            found: Found::default(),
            output_bias: vec![T::ZERO; outputs],
            bias: vec![T::ZERO; width],
            more: [vec![T::ZERO; width], vec![T::ZERO; width]],
        };
        let thresholds = self.thresholds();
        match self.spec.variant {
            Variant::Relu { .. } => {}
            Variant::JumpRelu { .. } => {
                self.pre_activations(x, packed, false, Strided { values: &mut *pre, stride: width });
                for (pre, codes) in pre.chunks_exact(width).zip(codes.chunks_exact_mut(width)) {
                    for ((code, &pre), &threshold) in codes.iter_mut().zip(pre).zip(&thresholds) {
                        *code = if pre > threshold { pre } else { T::ZERO };
                    }
                }
            }
            _ => {
                self.pre_activations(x, packed, false, Strided { values: &mut *pre, stride: width });
                codes.copy_from_slice(pre);
                codes.chunks_exact_mut(width).for_each(|row| self.magnitudes(row));
            }
        }
        let is_relu = matches!(self.spec.variant, Variant::Relu { .. });
        {
            let codes = if is_relu { &*pre } else { &*codes };
            self.output(codes, packed, errors);
            subtract(errors, y);
            part.found.error = errors.chunks_exact(outputs).map(squares).sum();
            part.found.loss = scale * part.found.error;
            errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * scale));
            self.back_through_decoder(errors, packed, slopes);
            let (counts, l1) = widest(Counted { codes, width });
            part.found.active = counts.iter().map(|count| *count as usize).sum();
            part.found.used = counts.iter().map(|count| *count > 0).collect();
            part.found.l1 = l1;
        }
        errors.chunks_exact(outputs).for_each(|row| add_scaled(&mut part.output_bias, T::ONE, row));
        match self.spec.variant {
            Variant::Relu { l1 } => {
                part.found.loss += l1 * penalty * part.found.l1;
                let cost = T::from_f64(l1 * penalty);
                widest(ThroughRelu { codes: pre, slopes, cost, bias: &mut part.bias });
            }
            Variant::JumpRelu { l0, bandwidth, .. } => {
                part.found.loss += l0 * penalty * part.found.active as f64;
                let (half, share) = (T::from_f64(bandwidth / 2.0), T::from_f64(1.0 / bandwidth));
                let cost = T::from_f64(l0 * penalty);
                for (slopes, pre) in slopes.chunks_exact_mut(width).zip(pre.chunks_exact(width)) {
                    for (at, ((slope, &pre), &threshold)) in slopes.iter_mut().zip(pre).zip(&thresholds).enumerate() {
                        if (pre - threshold).abs() < half {
                            let of_threshold = -(threshold * *slope + cost) * share;
                            part.more[0][at] += of_threshold * threshold;
                        }
                        *slope = if pre > threshold { *slope } else { T::ZERO };
                    }
                }
            }
            Variant::Gated { l1 } => {
                self.through_the_gate(&mut part, l1, y, [scale, penalty], packed, [pre, codes, slopes])
            }
            _ => {}
        }
        if matches!(self.spec.variant, Variant::JumpRelu { .. }) {
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
        [scale, penalty]: [f64; 2],
        packed: &Packed<T>,
        [gate, codes, slopes]: [&mut [T]; 3],
    ) {
        let (width, outputs) = (self.stride(), self.spec.outputs);
        let open: Vec<T> = gate.iter().map(|v| v.max(T::ZERO)).collect();
        let mut errors = vec![T::ZERO; y.nrows() * outputs];
        self.output(&open, packed, &mut errors);
        subtract(&mut errors, y);
        part.found.loss += scale * errors.chunks_exact(outputs).map(squares).sum::<f64>();
        part.found.loss += l1 * penalty * open.iter().map(|v| v.to_f64()).sum::<f64>();
        errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * scale));
        // Decoder and output bias are frozen here: the slopes go back to the gate alone.
        let mut of_gate = vec![T::ZERO; gate.len()];
        self.back_through_decoder(&errors, packed, &mut of_gate);
        let (stretch, bias) = (self.values("r_mag"), self.values("b_gate"));
        let cost = T::from_f64(l1 * penalty);
        let rows = slopes.chunks_exact_mut(width).zip(gate.chunks_exact(width));
        for ((slopes, gate), (codes, of_gate)) in rows.zip(codes.chunks_exact(width).zip(of_gate.chunks_exact(width))) {
            for (at, slope) in slopes.iter_mut().enumerate() {
                // Gates between one example's latents and the next one's are zero, so they end here too.
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
}

fn subtract<T: Real>(out: &mut [T], y: ArrayView2<'_, T>) {
    let y = y.as_standard_layout();
    out.iter_mut().zip(y.as_slice().unwrap_or_default()).for_each(|(out, &y)| *out -= y);
}

/// How many numbers are above zero?
struct Active<'a, T> {
    codes: &'a [T],
}

impl<T: Real> Wide for Active<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        // Counts of 32 bits lie in registers beside the numbers.
        let in_part = |part: &[T]| part.iter().map(|code| u32::from(*code > T::ZERO)).sum::<u32>() as usize;
        self.codes.chunks(1 << 20).map(in_part).sum()
    }
}

/// In how many rows is each latent used, and what do all codes come to?
struct Counted<'a, T> {
    codes: &'a [T],
    width: usize,
}

impl<T: Real> Wide for Counted<'_, T> {
    type Output = (Vec<u32>, f64);

    #[inline(always)]
    fn run(self) -> (Vec<u32>, f64) {
        let mut counts = vec![0; self.width];
        let mut sums = [0.0; LANES];
        for row in self.codes.chunks_exact(self.width) {
            for (count, &code) in counts.iter_mut().zip(row) {
                *count += u32::from(code > T::ZERO);
            }
            let (whole, rest) = row.as_chunks::<LANES>();
            for codes in whole {
                for lane in 0..LANES {
                    sums[lane] += codes[lane].max(T::ZERO).to_f64();
                }
            }
            for (sum, code) in sums.iter_mut().zip(rest) {
                *sum += code.max(T::ZERO).to_f64();
            }
        }
        (counts, sums.iter().sum())
    }
}

/// The slopes of pre-activations in place of those of the codes, which each cost `cost`, and their sums over rows.
struct ThroughRelu<'a, T> {
    codes: &'a [T],
    slopes: &'a mut [T],
    cost: T,
    bias: &'a mut [T],
}

impl<T: Real> Wide for ThroughRelu<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.bias.len();
        for (codes, slopes) in self.codes.chunks_exact(width).zip(self.slopes.chunks_exact_mut(width)) {
            for ((slope, &code), bias) in slopes.iter_mut().zip(codes).zip(&mut *self.bias) {
                *slope = if code > T::ZERO { *slope + self.cost } else { T::ZERO };
                *bias += *slope;
            }
        }
    }
}
