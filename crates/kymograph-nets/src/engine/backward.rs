//! One operation back, for the examples of a chunk.

use kymograph_linalg::Real;

use super::Pass;
use crate::layers::{self, Layer};
use crate::plan::Op;
use crate::workspace::Chunk;

impl<T: Real> Pass<'_, T> {
    /// Back through one operation; the input's slopes only where they are wanted.
    pub(super) fn backward_op(&self, op: &Op, chunk: &mut Chunk<T>, input_wanted: bool) {
        let in_length = self.shapes[op.first].len() * chunk.len;
        let output = &chunk.values[op.last + 1];
        if input_wanted {
            chunk.next.set_len(in_length);
        }
        match &self.layers[op.first] {
            Layer::Linear(linear) => {
                if op.rectify {
                    self.kernels.rectifier_gradient(output, &mut chunk.slopes);
                }
                if op.late {
                    let kept = &mut chunk.caches[op.first];
                    kept.set_len(chunk.slopes.len());
                    kept.copy_from_slice(&chunk.slopes);
                } else {
                    let input = &chunk.values[op.first];
                    linear.weight_gradient(self.kernels, input, &chunk.slopes, &mut chunk.gradients);
                }
                linear.bias_gradient(self.kernels, &chunk.slopes, &mut chunk.gradients);
                if !input_wanted {
                    return;
                }
                linear.input_gradient(self.kernels, &chunk.slopes, &mut chunk.next);
            }
            Layer::Conv(_) => {
                self.backward_conv(op, chunk, input_wanted);
                if !input_wanted {
                    return;
                }
            }
            Layer::Pool(pool) => {
                pool.backward(self.kernels, &chunk.caches[op.first], &chunk.slopes, None, &mut chunk.next);
            }
            Layer::Flatten => layers::inward(self.shapes[op.first], &chunk.slopes, &mut chunk.next),
            Layer::Norm(norm) => {
                // With running statistics; the sums give the gradients of weight and bias.
                norm.backward_sums(&chunk.caches[op.first], &chunk.slopes, &mut chunk.gradients);
                let running = norm.running();
                norm.backward(self.parameters, &running, &chunk.caches[op.first], &mut chunk.slopes);
                return;
            }
            Layer::Relu => return self.kernels.rectifier_gradient(output, &mut chunk.slopes),
            Layer::Abs => return layers::abs_gradient(&chunk.values[op.first], &mut chunk.slopes),
            Layer::Tanh => return layers::tanh_gradient(output, &mut chunk.slopes),
            Layer::Sigmoid => return layers::sigmoid_gradient(output, &mut chunk.slopes),
            Layer::Softmax => {
                return layers::softmax_gradient(self.shapes[op.first].units(), output, &mut chunk.slopes);
            }
            Layer::Gelu(_) | Layer::Silu => {
                return self.kernels.multiply(&chunk.caches[op.first], &mut chunk.slopes);
            }
            Layer::Dropout(_) => {
                if self.train {
                    self.kernels.multiply(&chunk.caches[op.first], &mut chunk.slopes);
                }
                return;
            }
            Layer::LayerNorm(norm) => {
                let kept = &chunk.caches[op.first];
                return norm.backward(self.kernels, self.parameters, kept, &mut chunk.slopes, &mut chunk.gradients);
            }
            Layer::Embedding(embedding) => {
                embedding.weight_gradient(&chunk.values[op.first], &chunk.slopes, &mut chunk.gradients);
                if !input_wanted {
                    return;
                }
                chunk.next.fill(T::ZERO);
            }
            Layer::Positions(positions) => {
                return positions.weight_gradient(self.kernels, &chunk.slopes, &mut chunk.gradients);
            }
            Layer::Patterns(attention) => {
                let Chunk { values, packed, slopes, next, .. } = chunk;
                attention.patterns_gradient(
                    self.kernels,
                    &values[op.first],
                    &values[op.last + 1],
                    packed,
                    slopes,
                    next,
                );
            }
            Layer::Mix(attention) => {
                let Chunk { values, packed, slopes, next, waiting, .. } = chunk;
                let projected = &values[attention.from];
                let (is_waiting, to) = &mut waiting[attention.from];
                *is_waiting = true;
                to.set_len(projected.len());
                attention.mix_gradient(self.kernels, &values[op.first], projected, packed, slopes, next, to);
            }
            Layer::MeanTokens => {
                let features = self.shapes[op.last + 1].len();
                let tokens = self.shapes[op.first].len() / features;
                layers::mean_tokens_gradient(tokens, features, &chunk.slopes, &mut chunk.next);
            }
            Layer::Add { from } => {
                let (waiting, slopes) = &mut chunk.waiting[*from];
                if std::mem::replace(waiting, true) {
                    self.kernels.add(&chunk.slopes, slopes);
                } else {
                    slopes.set_len(chunk.slopes.len());
                    slopes.copy_from_slice(&chunk.slopes);
                }
                return;
            }
        }
        std::mem::swap(&mut chunk.slopes, &mut chunk.next);
    }

    fn backward_conv(&self, op: &Op, chunk: &mut Chunk<T>, input_wanted: bool) {
        let Layer::Conv(conv) = &self.layers[op.first] else { return };
        let output = &chunk.values[op.last + 1];
        let pool = match op.pool.map(|layer| (&self.layers[layer], &chunk.caches[layer])) {
            Some((Layer::Pool(pool), places)) => Some((pool, places)),
            _ => None,
        };
        if op.rectify && pool.is_none() {
            self.kernels.rectifier_gradient(output, &mut chunk.slopes);
        }
        let (padded, stride) = if conv.needs_padding() {
            (&chunk.caches[op.first], conv.padded_length())
        } else {
            (&chunk.values[op.first], conv.in_length())
        };
        if input_wanted {
            chunk.spread.set_len(conv.spread_length());
            chunk.spread.fill(T::ZERO);
        }
        let length = conv.out_length();
        for first in (0..chunk.len).step_by(conv.group()) {
            let count = conv.group().min(chunk.len - first);
            let slopes: &[T] = match pool {
                Some((pool, places)) => {
                    let size = count * length;
                    chunk.scratch.set_len(size);
                    let range = first * pool.out_length()..(first + count) * pool.out_length();
                    let passed = op.rectify.then(|| &output[range.clone()]);
                    pool.backward(
                        self.kernels,
                        &places[range.clone()],
                        &chunk.slopes[range],
                        passed,
                        &mut chunk.scratch[..size],
                    );
                    &chunk.scratch[..size]
                }
                None => &chunk.slopes[first * length..(first + count) * length],
            };
            let images = &padded[first * stride..(first + count) * stride];
            conv.weight_gradient(self.kernels, images, slopes, first == 0, &mut chunk.gradients);
            if input_wanted {
                let to = chunk.next[first * conv.in_length()..].chunks_exact_mut(conv.in_length());
                for (slopes, to) in slopes.chunks_exact(length).zip(to) {
                    conv.input_gradient(self.kernels, slopes, &mut chunk.spread, to);
                }
            }
        }
    }
}
