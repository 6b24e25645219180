//! The products of a dictionary: examples by the hundred with its packed weights, and both factors' gradients.

use kymograph_linalg::Real;
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::model::Dictionary;
use super::spec::Variant;
use crate::kernels::{Aligned, Columns, Rows, Strided};

/// Weights of one state of the parameters, and a batch, in the order of the kernels.
#[derive(Clone, Default)]
pub(super) struct Packed<T> {
    /// inputs × latents
    pub(super) encoder: Aligned<T>,
    /// latents × outputs
    decoder: Aligned<T>,
    /// outputs × latents
    back: Aligned<T>,
    /// The batch's inputs, and the slopes of its outputs.
    pub(super) inputs: Panels<T>,
    pub(super) errors: Panels<T>,
}

/// Latents whose codes stay in the nearest cache while all panels of a block go by: whole tiles of every path.
const TOGETHER: usize = 48;
/// Examples of one panel.
const BLOCK: usize = 96;
/// Numbers of two cache lines at most.
const STEP: usize = 16;

impl<T: Real> Dictionary<T> {
    /// Numbers from an example's latents to the next one's in the buffers of training: an odd number of steps, since rows a power of
    /// two apart would all fall to the same few places of the caches. What lies between stays zero.
    pub(super) fn stride(&self) -> usize {
        (self.spec.latents.div_ceil(STEP) | 1) * STEP
    }

    pub(super) fn pack_encoder(&self, packed: &mut Packed<T>) {
        let inputs = self.spec.inputs;
        self.pack_across(if self.spec.tied { "W_dec" } else { "W_enc" }, inputs, &mut packed.encoder);
    }

    pub(super) fn pack_decoder(&self, packed: &mut Packed<T>) {
        let (latents, outputs) = (self.spec.latents, self.spec.outputs);
        let weight = self.values("W_dec");
        self.kernels.pack(latents, outputs, &mut packed.decoder, |row, first, numbers| {
            numbers.copy_from_slice(&weight[row * outputs + first..][..numbers.len()]);
        });
        self.pack_across("W_dec", outputs, &mut packed.back);
    }

    /// A weight stored latent by latent, packed as `width` rows of latents.
    fn pack_across(&self, name: &str, width: usize, packed: &mut Aligned<T>) {
        let weight = self.values(name);
        self.kernels.pack(width, self.spec.latents, packed, |row, first, numbers| {
            let from = &weight[first * width + row..];
            numbers.iter_mut().zip(from.iter().step_by(width)).for_each(|(number, &value)| *number = value);
        });
    }

    /// `x W_enc + b`, rectified if asked, where b is `b_enc`, or `b_gate` of a gated one.
    pub(super) fn pre_activations(
        &self,
        rows: ArrayView2<'_, T>,
        packed: &Packed<T>,
        rectify: bool,
        pre: Strided<&mut [T]>,
    ) {
        let gated = matches!(self.spec.variant, Variant::Gated { .. });
        let bias = Some(self.values(if gated { "b_gate" } else { "b_enc" }));
        let columns = Columns { packed: &packed.encoder, count: self.spec.latents, bias, rectify };
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().unwrap_or_default();
        self.kernels.product_to(rows, &Rows::dense(rows.len() / self.spec.inputs, self.spec.inputs), &columns, pre);
    }

    /// Codes times decoder, plus the output bias.
    pub(super) fn output(&self, codes: &[T], packed: &Packed<T>, out: &mut [T]) {
        let (stride, bias) = (self.stride(), Some(self.values("b_dec")).filter(|bias| !bias.is_empty()));
        let columns = Columns { packed: &packed.decoder, count: self.spec.outputs, bias, rectify: false };
        self.kernels.product(codes, &Rows::strided(codes.len() / stride, self.spec.latents, stride), &columns, out);
    }

    /// The slopes of the codes from those of the outputs.
    pub(super) fn back_through_decoder(&self, errors: &[T], packed: &Packed<T>, slopes: &mut [T]) {
        let outputs = self.spec.outputs;
        let columns = Columns { packed: &packed.back, count: self.spec.latents, bias: None, rectify: false };
        let slopes = Strided { values: slopes, stride: self.stride() };
        self.kernels.product_to(errors, &Rows::dense(errors.len() / outputs, outputs), &columns, slopes);
    }

    /// Of some latents' rows of a weight, from `first` on: what all examples' codes (or their slopes) times `others` come to.
    pub(super) fn weight_gradient(
        &self,
        codes: &[T],
        first: usize,
        others: &Panels<T>,
        gradient: &mut [T],
        mut accumulate: bool,
    ) {
        let (stride, register) = (self.stride(), self.kernels.width());
        let count = gradient.len() / others.width;
        let blocks = others.values.chunks(BLOCK * others.packed_width);
        for (codes, others_here) in codes.chunks(BLOCK * stride).zip(blocks) {
            let examples = codes.len() / stride;
            for latent in (0..count).step_by(TOGETHER) {
                let rows = Rows::strided(examples, (count - latent).min(TOGETHER), stride);
                for column in (0..others.width).step_by(2 * register) {
                    let columns = (others.width - column).min(2 * register);
                    let panel = Strided {
                        values: &others_here[column * examples..],
                        stride: if columns > register { 2 * register } else { register },
                    };
                    let out = &mut gradient[latent * others.width + column..];
                    let out = Strided { values: out, stride: others.width };
                    self.kernels.transposed_product(&codes[first + latent..], &rows, panel, columns, out, accumulate);
                }
            }
            accumulate = true;
        }
    }

    /// Examples' numbers, `width` of each, in panels.
    pub(super) fn pack_panels(&self, values: &[T], width: usize, panels: &mut Panels<T>) {
        let register = self.kernels.width();
        panels.width = width;
        panels.packed_width = width.div_ceil(register) * register;
        panels.values.set_len(values.len() / width * panels.packed_width);
        let blocks = panels.values.par_chunks_mut(BLOCK * panels.packed_width).zip(values.par_chunks(BLOCK * width));
        blocks.for_each(|(panels, values)| {
            let examples = values.len() / width;
            for (panel, to) in panels.chunks_mut(2 * register * examples).enumerate() {
                let column = panel * 2 * register;
                let columns = (width - column).min(2 * register);
                let stride = to.len() / examples;
                for (to, from) in to.chunks_exact_mut(stride).zip(values.chunks_exact(width)) {
                    to[..columns].copy_from_slice(&from[column..column + columns]);
                    to[columns..].fill(T::ZERO);
                }
            }
        });
    }
}

/// Numbers of examples, block after block, a block's columns in panels two registers wide: a product with codes goes through a panel
/// that lies in the nearest cache.
#[derive(Clone, Default)]
pub(super) struct Panels<T> {
    values: Aligned<T>,
    /// Numbers of an example, and with those up to a whole register.
    width: usize,
    packed_width: usize,
}
