//! One operation forward, for the examples of a chunk.

use kymograph_linalg::Real;

use super::Pass;
use crate::layers::{self, Layer, NormTotals};
use crate::plan::Op;
use crate::workspace::Chunk;

impl<T: Real> Pass<'_, T> {
    pub(super) fn forward_op(&self, op: &Op, chunk: &mut Chunk<T>, totals: &[NormTotals]) {
        let (before, after) = chunk.values.split_at_mut(op.first + 1);
        let input = &before[op.first][..];
        let output = &mut after[op.last - op.first][..];
        let cache = &mut chunk.caches[op.first];
        match &self.layers[op.first] {
            Layer::Linear(linear) => linear.forward(self.kernels, self.parameters, input, op.rectify, output),
            Layer::Conv(conv) => {
                for example in 0..chunk.len {
                    let image = &input[example * conv.in_length()..][..conv.in_length()];
                    let cache = &mut chunk.caches[op.first];
                    let padded = if conv.needs_padding() {
                        let padded = &mut cache[example * conv.padded_length()..][..conv.padded_length()];
                        conv.pad(image, padded);
                        padded
                    } else {
                        image
                    };
                    let Some(layer) = op.pool else {
                        let output = &mut output[example * conv.out_length()..][..conv.out_length()];
                        conv.forward(self.kernels, self.parameters, padded, op.rectify, output);
                        continue;
                    };
                    let Layer::Pool(pool) = &self.layers[layer] else { continue };
                    chunk.scratch.set_len(conv.out_length());
                    let scratch = &mut chunk.scratch[..conv.out_length()];
                    conv.forward(self.kernels, self.parameters, padded, op.rectify, scratch);
                    let range = example * pool.out_length()..(example + 1) * pool.out_length();
                    let places = &mut chunk.caches[layer][range.clone()];
                    pool.forward(self.kernels, scratch, &mut output[range], places);
                }
            }
            Layer::Pool(pool) => pool.forward(self.kernels, input, output, cache),
            Layer::Norm(norm) => {
                if self.train {
                    norm.forward(self.parameters, &totals[op.first], input, cache, output);
                } else {
                    norm.forward(self.parameters, &norm.running(), input, cache, output);
                }
            }
            Layer::Relu => {
                for (y, &x) in output.iter_mut().zip(input) {
                    *y = if x < T::ZERO { T::ZERO } else { x };
                }
            }
            Layer::Abs => layers::abs(input, output),
            Layer::Tanh => layers::tanh(input, output),
            Layer::Sigmoid => layers::sigmoid(input, output),
            Layer::Gelu(form) => layers::gelu(*form, input, cache, output),
            Layer::Silu => layers::silu(input, cache, output),
            Layer::Softmax => layers::softmax(self.shapes[op.first].units(), input, output),
            Layer::Flatten => layers::outward(self.shapes[op.first], input, output),
            Layer::Dropout(dropout) if self.train => {
                dropout.mask(self.dropout_seed, self.step, chunk.first, cache);
                for ((y, &x), &factor) in output.iter_mut().zip(input).zip(cache.iter()) {
                    *y = x * factor;
                }
            }
            Layer::Dropout(_) => output.copy_from_slice(input),
            Layer::LayerNorm(norm) => norm.forward(self.kernels, self.parameters, input, cache, output),
            Layer::Embedding(embedding) => embedding.forward(self.parameters, input, output),
            Layer::Positions(positions) => positions.forward(self.parameters, input, output),
            Layer::Patterns(attention) => attention.patterns(self.kernels, input, &mut chunk.packed, output),
            Layer::Mix(attention) => {
                attention.mix(self.kernels, input, &before[attention.from], &mut chunk.packed, output);
            }
            Layer::MeanTokens => {
                let features = self.shapes[op.last + 1].len();
                layers::mean_tokens(self.shapes[op.first].len() / features, features, input, output);
            }
            Layer::Add { from } => {
                output.copy_from_slice(input);
                self.kernels.add(&before[*from], output);
            }
        }
    }
}
