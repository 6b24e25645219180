//! The one-layer transformer: a block of pairs through attention, MLP and unembedding, and back.

use std::ops::Range;

use kymograph_linalg::Real;

use super::attention::{Attention, Heads, Weights};
use super::dense::{Matrix, transposed_product};
use super::pass::{Block, Chunk, Sizes};
use super::spec::{PairArchitecture, PairSpec};
use crate::kernels::{Aligned, Columns, Kernels, Rows};
use crate::state::Layout;

/// A matrix as the columns of a product, and its transpose.
#[derive(Clone, Default)]
struct Packed<T> {
    forward: Aligned<T>,
    back: Aligned<T>,
}

/// The network, ready for a pass.
#[derive(Clone)]
pub(super) struct Transformer<T> {
    pub(super) attention: Attention<T>,
    neurons: usize,
    w_in: Packed<T>,
    w_out: Packed<T>,
    unembedding: Packed<T>,
}

/// The attention's sizes and the neurons of a specification that is a transformer's.
pub(super) fn sizes_of(spec: &PairSpec) -> Option<(Heads, usize)> {
    match spec.architecture {
        PairArchitecture::Transformer { d_model, heads, d_head, d_mlp } => {
            Some((Heads { order: spec.order, model: d_model, heads, inner: d_head }, d_mlp))
        }
        _ => None,
    }
}

/// The pieces of a chunk's gradients: outputs and scores of the attention, the last token's stream, `W_in`, `W_out`, `W_U`.
fn pieces(sizes: &Heads, neurons: usize) -> [Range<usize>; 6] {
    let Heads { order, model, heads, .. } = *sizes;
    let lengths =
        [sizes.rows() * heads * model, sizes.rows() * heads, model, model * neurons, neurons * model, model * order];
    let mut start = 0;
    lengths.map(|length| {
        start += length;
        start - length..start
    })
}

pub(super) fn weights<'a, T>(layout: &Layout, parameters: &'a [T]) -> Weights<'a, T> {
    let part = |at: usize| layout.parameters.get(at).map_or(&[][..], |p| &parameters[p.range.clone()]);
    Weights { w_e: part(0), w_pos: part(1), w_q: part(2), w_k: part(3), w_v: part(4), w_o: part(5) }
}

impl<T: Real> Packed<T> {
    fn pack(&mut self, kernels: &Kernels<T>, values: &[T], columns: usize) {
        Matrix::new(values, columns).pack(kernels, &mut self.forward);
        Matrix::transposed(values, columns).pack(kernels, &mut self.back);
    }
}

impl<T: Real> Transformer<T> {
    pub(super) fn new(sizes: Heads, neurons: usize) -> Self {
        Self {
            attention: Attention::new(sizes),
            neurons,
            w_in: Packed::default(),
            w_out: Packed::default(),
            unembedding: Packed::default(),
        }
    }

    pub(super) fn sizes(sizes: &Heads, neurons: usize) -> Sizes {
        let (model, patterns) = (sizes.model, 3 * sizes.heads);
        Sizes {
            buffers: vec![patterns, model, neurons, model, model, neurons, model],
            gradients: pieces(sizes, neurons)[5].end,
        }
    }

    pub(super) fn fill(&mut self, kernels: &Kernels<T>, layout: &Layout, parameters: &[T]) {
        let Heads { model, order, .. } = self.attention.sizes;
        let part = |at: usize| layout.parameters.get(at).map_or(&[][..], |p| &parameters[p.range.clone()]);
        let Self { attention, neurons, w_in, w_out, unembedding } = self;
        rayon::join(
            || attention.fill(kernels, &weights(layout, parameters)),
            || {
                w_in.pack(kernels, part(6), *neurons);
                w_out.pack(kernels, part(7), model);
                unembedding.pack(kernels, part(8), order);
            },
        );
    }

    /// Forward, loss and back for a block of pairs.
    pub(super) fn block(&self, kernels: &Kernels<T>, chunk: &mut Chunk<T>, block: &Block<'_>) {
        let (count, m) = (block.len(), self.neurons);
        let sizes = self.attention.sizes;
        let Heads { order: n, model: d, heads, .. } = sizes;
        let mut buffers = std::mem::take(&mut chunk.buffers);
        if let [patterns, mid, post, end, end_slopes, post_slopes, mid_slopes] = buffers.as_mut_slice() {
            let patterns = &mut patterns[..count * 3 * heads];
            let (mid, post, end) = (&mut mid[..count * d], &mut post[..count * m], &mut end[..count * d]);
            self.attention.forward(block.left, block.right, patterns, mid);
            self.mlp(kernels, mid, post, end);
            self.logits(kernels, end, &mut chunk.logits[..count * n]);
            chunk.take_loss(kernels, block);
            if block.gradients() {
                let slopes = &chunk.logits[..count * n];
                let gradients = &mut chunk.gradients;
                let [g_outputs, g_scores, g_last, g_in, g_out, g_u] = pieces(&sizes, m);
                let end_slopes = &mut end_slopes[..count * d];
                let post_slopes = &mut post_slopes[..count * m];
                let mid_slopes = &mut mid_slopes[..count * d];
                let back = |from: &[T], width: usize, packed: &Aligned<T>, to: &mut [T]| {
                    let columns = Columns { packed, count: to.len() / count, bias: None, rectify: false };
                    kernels.product(from, &Rows::dense(count, width), &columns, to);
                };
                transposed_product(kernels, (end, d), (slopes, n), &mut gradients[g_u], true);
                back(slopes, n, &self.unembedding.back, end_slopes);
                transposed_product(kernels, (post, m), (end_slopes, d), &mut gradients[g_out], true);
                back(end_slopes, d, &self.w_out.back, post_slopes);
                kernels.rectifier_gradient(post, post_slopes);
                transposed_product(kernels, (mid, d), (post_slopes, m), &mut gradients[g_in], true);
                back(post_slopes, m, &self.w_in.back, mid_slopes);
                kernels.add(end_slopes, mid_slopes);
                let (outputs, rest) = gradients[..g_last.end].split_at_mut(g_outputs.end);
                let (scores, last) = rest.split_at_mut(g_scores.len());
                let pairs = (block.left, block.right);
                self.attention.backward(pairs, patterns, mid_slopes, [outputs, scores, last]);
            }
        }
        chunk.buffers = buffers;
    }

    /// Activations of the neurons and the stream behind them, from the stream before them.
    pub(super) fn mlp(&self, kernels: &Kernels<T>, mid: &[T], post: &mut [T], end: &mut [T]) {
        let (d, m) = (self.attention.sizes.model, self.neurons);
        let count = mid.len() / d;
        let columns = Columns { packed: &self.w_in.forward, count: m, bias: None, rectify: true };
        kernels.product(mid, &Rows::dense(count, d), &columns, post);
        self.add_neurons(kernels, mid, post, end);
    }

    /// The stream behind the neurons.
    pub(super) fn add_neurons(&self, kernels: &Kernels<T>, mid: &[T], post: &[T], end: &mut [T]) {
        let (d, m) = (self.attention.sizes.model, self.neurons);
        let columns = Columns { packed: &self.w_out.forward, count: d, bias: None, rectify: false };
        kernels.product(post, &Rows::dense(mid.len() / d, m), &columns, end);
        kernels.add(mid, end);
    }

    /// What the neurons get, before the rectifier.
    pub(super) fn pre_activations(&self, kernels: &Kernels<T>, mid: &[T], pre: &mut [T]) {
        let d = self.attention.sizes.model;
        let columns = Columns { packed: &self.w_in.forward, count: self.neurons, bias: None, rectify: false };
        kernels.product(mid, &Rows::dense(mid.len() / d, d), &columns, pre);
    }

    pub(super) fn logits(&self, kernels: &Kernels<T>, end: &[T], logits: &mut [T]) {
        let Heads { order, model, .. } = self.attention.sizes;
        let columns = Columns { packed: &self.unembedding.forward, count: order, bias: None, rectify: false };
        kernels.product(end, &Rows::dense(end.len() / model, model), &columns, logits);
    }

    /// The gradients of the parameters from those of the pass.
    pub(super) fn backward(
        &self,
        kernels: &Kernels<T>,
        (layout, parameters): (&Layout, &[T]),
        of_pass: &[T],
        gradients: &mut [T],
    ) {
        let pieces = pieces(&self.attention.sizes, self.neurons);
        let mut parts = Vec::with_capacity(layout.parameters.len());
        let mut rest = gradients;
        for parameter in &layout.parameters {
            let (part, after) = rest.split_at_mut(parameter.range.len());
            parts.push(part);
            rest = after;
        }
        for part in [5, 4, 3] {
            if let Some(gradient) = parts.pop() {
                gradient.copy_from_slice(&of_pass[pieces[part].clone()]);
            }
        }
        if let Ok(attention) = <[&mut [T]; 6]>::try_from(parts) {
            let of_pass = [0, 1, 2].map(|part| &of_pass[pieces[part].clone()]);
            self.attention.parameters(kernels, &weights(layout, parameters), of_pass, attention);
        }
    }
}
