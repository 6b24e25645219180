//! Attention of the last token over the three of a pair, as tables: what it reads from an element does not depend on the
//! other, so scores and values are computed once for each element and place.

use kymograph_linalg::Real;

use super::dense::{Matrix, product, transposed_product};
use crate::kernels::{Aligned, Columns, Kernels, Rows, Strided};

/// Sizes of the attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) order: usize,
    pub(super) model: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
}

impl Heads {
    /// Rows of the tables: each element as the first token, each as the second, and "=".
    pub(super) fn rows(&self) -> usize {
        2 * self.order + 1
    }

    fn width(&self) -> usize {
        self.heads * self.inner
    }

    /// Rows of a pair: first token, second token, "=".
    fn tokens(&self, a: u32, b: u32) -> [usize; 3] {
        [a as usize, self.order + b as usize, 2 * self.order]
    }
}

/// The parameters of embedding and attention, in the published layouts; `w_e` is (element or "=") × model.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a, T> {
    pub(super) w_e: &'a [T],
    pub(super) w_pos: &'a [T],
    pub(super) w_q: &'a [T],
    pub(super) w_k: &'a [T],
    pub(super) w_v: &'a [T],
    pub(super) w_o: &'a [T],
}

/// The tables.
#[derive(Clone)]
pub(super) struct Attention<T> {
    pub(super) sizes: Heads,
    /// Embedding and position: row × model.
    sources: Vec<T>,
    /// Of the last token, divided by √inner: (head, inner).
    query: Vec<T>,
    /// Row × (head, inner).
    keys: Vec<T>,
    values: Vec<T>,
    /// Row × head.
    pub(super) scores: Vec<T>,
    /// What a row adds to the stream if a head attends to nothing else: row × head × model.
    pub(super) outputs: Vec<T>,
}

/// head × model × inner as model × (head, inner), or back.
fn by_model<T: Real>(sizes: &Heads, from: &[T], back: bool) -> Vec<T> {
    let Heads { model, heads, inner, .. } = *sizes;
    let mut to = vec![T::ZERO; from.len()];
    for head in 0..heads {
        for row in 0..model {
            let by_head = (head * model + row) * inner;
            let by_row = (row * heads + head) * inner;
            let (source, target) = if back { (by_row, by_head) } else { (by_head, by_row) };
            to[target..target + inner].copy_from_slice(&from[source..source + inner]);
        }
    }
    to
}

impl<T: Real> Attention<T> {
    pub(super) fn new(sizes: Heads) -> Self {
        let rows = sizes.rows();
        let zeros = |width: usize| vec![T::ZERO; width];
        Self {
            sizes,
            sources: zeros(rows * sizes.model),
            query: zeros(sizes.width()),
            keys: zeros(rows * sizes.width()),
            values: zeros(rows * sizes.width()),
            scores: zeros(rows * sizes.heads),
            outputs: zeros(rows * sizes.heads * sizes.model),
        }
    }

    pub(super) fn fill(&mut self, kernels: &Kernels<T>, w: &Weights<'_, T>) {
        let sizes = self.sizes;
        let Heads { order, model, heads, inner } = sizes;
        for (row, source) in self.sources.chunks_exact_mut(model).enumerate() {
            let (token, place) = if row < order {
                (row, 0)
            } else if row < 2 * order {
                (row - order, 1)
            } else {
                (order, 2)
            };
            let parts = w.w_e[token * model..].iter().zip(&w.w_pos[place * model..]);
            source.iter_mut().zip(parts).for_each(|(s, (&e, &p))| *s = e + p);
        }
        let mut scratch = Aligned::default();
        let width = sizes.width();
        for (weights, out) in [(w.w_k, &mut self.keys), (w.w_v, &mut self.values)] {
            let flat = by_model(&sizes, weights, false);
            product(kernels, &self.sources, Matrix::new(&flat, width), None, &mut scratch, out);
        }
        let flat = by_model(&sizes, w.w_q, false);
        let last = &self.sources[2 * order * model..];
        product(kernels, last, Matrix::new(&flat, width), None, &mut scratch, &mut self.query);
        let root = T::from_f64(1.0 / (inner as f64).sqrt());
        self.query.iter_mut().for_each(|q| *q *= root);
        for (key, scores) in self.keys.chunks_exact(width).zip(self.scores.chunks_exact_mut(heads)) {
            for ((k, q), score) in key.chunks_exact(inner).zip(self.query.chunks_exact(inner)).zip(scores) {
                *score = dot(k, q);
            }
        }
        for head in 0..heads {
            Matrix::new(&w.w_o[head * inner * model..][..inner * model], model).pack(kernels, &mut scratch);
            let rows = Rows::strided(sizes.rows(), inner, width);
            let columns = Columns { packed: &scratch, count: model, bias: None, rectify: false };
            let out = Strided { values: &mut self.outputs[head * model..], stride: heads * model };
            kernels.product_to(&self.values[head * inner..], &rows, &columns, out);
        }
    }

    /// Attention pattern (head × token) and residual stream after attention of each pair.
    pub(super) fn forward(&self, left: &[u32], right: &[u32], patterns: &mut [T], streams: &mut [T]) {
        let Heads { order, model, heads, .. } = self.sizes;
        let last = &self.sources[2 * order * model..];
        let outputs = patterns.chunks_exact_mut(3 * heads).zip(streams.chunks_exact_mut(model));
        for ((&a, &b), (pattern, stream)) in left.iter().zip(right).zip(outputs) {
            let tokens = self.sizes.tokens(a, b);
            stream.copy_from_slice(last);
            for (head, weights) in pattern.chunks_exact_mut(3).enumerate() {
                let scores = tokens.map(|row| self.scores[row * heads + head]);
                let largest = scores[0].max(scores[1]).max(scores[2]);
                let powers = scores.map(|score| (score - largest).exp());
                let total = powers[0] + powers[1] + powers[2];
                for ((weight, power), row) in weights.iter_mut().zip(powers).zip(tokens) {
                    *weight = power / total;
                    let output = &self.outputs[(row * heads + head) * model..][..model];
                    stream.iter_mut().zip(output).for_each(|(s, &o)| *s += *weight * o);
                }
            }
        }
    }

    /// From the slopes of the streams: adds to the gradients of `outputs`, `scores` and the last token's own stream.
    pub(super) fn backward(
        &self,
        (left, right): (&[u32], &[u32]),
        patterns: &[T],
        slopes: &[T],
        [outputs, scores, last]: [&mut [T]; 3],
    ) {
        let Heads { model, heads, .. } = self.sizes;
        let inputs = patterns.chunks_exact(3 * heads).zip(slopes.chunks_exact(model));
        for ((&a, &b), (pattern, slope)) in left.iter().zip(right).zip(inputs) {
            let tokens = self.sizes.tokens(a, b);
            last.iter_mut().zip(slope).for_each(|(l, &s)| *l += s);
            for (head, weights) in pattern.chunks_exact(3).enumerate() {
                let mut of_weights = [T::ZERO; 3];
                for ((of_weight, &weight), row) in of_weights.iter_mut().zip(weights).zip(tokens) {
                    let at = (row * heads + head) * model;
                    *of_weight = dot(&self.outputs[at..at + model], slope);
                    outputs[at..at + model].iter_mut().zip(slope).for_each(|(o, &s)| *o += weight * s);
                }
                let mean = of_weights[0] * weights[0] + of_weights[1] * weights[1] + of_weights[2] * weights[2];
                for ((&of_weight, &weight), row) in of_weights.iter().zip(weights).zip(tokens) {
                    scores[row * heads + head] += weight * (of_weight - mean);
                }
            }
        }
    }

    /// From the gradients of `outputs`, `scores` and the last token's own stream to those of the parameters:
    /// `W_E`, `W_pos`, `W_Q`, `W_K`, `W_V`, `W_O`.
    pub(super) fn parameters(
        &self,
        kernels: &Kernels<T>,
        w: &Weights<'_, T>,
        [outputs, scores, last]: [&[T]; 3],
        [g_e, g_pos, g_q, g_k, g_v, g_o]: [&mut [T]; 6],
    ) {
        let sizes = self.sizes;
        let Heads { order, model, heads, inner } = sizes;
        let (rows, width) = (sizes.rows(), sizes.width());
        let mut scratch = Aligned::default();
        let mut of_values = vec![T::ZERO; rows * width];
        for head in 0..heads {
            let w_o = &w.w_o[head * inner * model..][..inner * model];
            let count = Matrix::transposed(w_o, model).pack(kernels, &mut scratch);
            let strided = Rows::strided(rows, model, heads * model);
            let columns = Columns { packed: &scratch, count, bias: None, rectify: false };
            let out = Strided { values: &mut of_values[head * inner..], stride: width };
            kernels.product_to(&outputs[head * model..], &strided, &columns, out);
            let out = Strided { values: &mut g_o[head * inner * model..][..inner * model], stride: model };
            let slopes = Strided { values: &outputs[head * model..], stride: heads * model };
            kernels.transposed_product(
                &self.values[head * inner..],
                &Rows::strided(rows, inner, width),
                slopes,
                model,
                out,
                false,
            );
        }
        let mut of_keys = vec![T::ZERO; rows * width];
        let mut of_query = vec![T::ZERO; width];
        for ((key, of_key), of_scores) in
            self.keys.chunks_exact(width).zip(of_keys.chunks_exact_mut(width)).zip(scores.chunks_exact(heads))
        {
            for (head, &of_score) in of_scores.iter().enumerate() {
                for at in head * inner..(head + 1) * inner {
                    of_key[at] = of_score * self.query[at];
                    of_query[at] += of_score * key[at];
                }
            }
        }
        let root = T::from_f64(1.0 / (inner as f64).sqrt());
        of_query.iter_mut().for_each(|q| *q *= root);
        let mut of_sources = vec![T::ZERO; rows * model];
        let mut part = vec![T::ZERO; rows * model];
        let mut flat = vec![T::ZERO; model * width];
        for (weights, slopes, gradient) in [(w.w_k, &of_keys, g_k), (w.w_v, &of_values, g_v)] {
            let by_row = by_model(&sizes, weights, false);
            product(kernels, slopes, Matrix::transposed(&by_row, width), None, &mut scratch, &mut part);
            kernels.add(&part, &mut of_sources);
            transposed_product(kernels, (&self.sources, model), (slopes, width), &mut flat, false);
            gradient.copy_from_slice(&by_model(&sizes, &flat, true));
        }
        let last_row = 2 * order * model;
        let by_row = by_model(&sizes, w.w_q, false);
        product(kernels, &of_query, Matrix::transposed(&by_row, width), None, &mut scratch, &mut part[..model]);
        kernels.add(&part[..model], &mut of_sources[last_row..]);
        kernels.add(last, &mut of_sources[last_row..]);
        transposed_product(kernels, (&self.sources[last_row..], model), (&of_query, width), &mut flat, false);
        g_q.copy_from_slice(&by_model(&sizes, &flat, true));
        let (first, rest) = of_sources.split_at(order * model);
        let (second, equals) = rest.split_at(order * model);
        g_e[..order * model].copy_from_slice(first);
        kernels.add(second, &mut g_e[..order * model]);
        g_e[order * model..].copy_from_slice(equals);
        g_pos.fill(T::ZERO);
        for (position, rows) in g_pos.chunks_exact_mut(model).zip([first, second, equals]) {
            kernels.add_columns(rows, position);
        }
    }
}

/// In eight partial sums.
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut partial = [T::ZERO; 8];
    let blocks = a.chunks_exact(8).zip(b.chunks_exact(8));
    let done = a.len() / 8 * 8;
    for (a, b) in blocks {
        for ((sum, &x), &y) in partial.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    for ((sum, &x), &y) in partial.iter_mut().zip(&a[done..]).zip(&b[done..]) {
        *sum += x * y;
    }
    partial.into_iter().fold(T::ZERO, |sum, x| sum + x)
}
