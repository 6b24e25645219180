//! The networks that are two tables and an unembedding: the tables from the factors, a block of pairs there and back, and
//! the gradients of the tables carried to the factors.

use std::ops::Range;

use kymograph_linalg::Real;

use super::dense::{Matrix, product, transposed_product};
use super::pass::{Block, Chunk, Sizes};
use super::spec::{PairArchitecture, PairSpec};
use crate::kernels::{Aligned, Columns, Combine, Examples, Kernels, PairRows, Rows};
use crate::state::Layout;

/// The tables of a network, ready for a pass.
#[derive(Clone)]
pub(super) struct Tables<T> {
    how: Combine,
    order: usize,
    hidden: usize,
    /// Element × hidden.
    pub(super) left: Vec<T>,
    /// Element × hidden.
    pub(super) right: Vec<T>,
    /// `W_U` as the columns of a product, and its transpose.
    unembedding: Aligned<T>,
    transposed: Aligned<T>,
    /// Of the logits; empty for none.
    bias: Vec<T>,
    scratch: [Aligned<T>; 2],
}

/// The pieces of a chunk's gradients: left table, right table, `W_U`, `b_U`.
fn pieces(spec: &PairSpec) -> [Range<usize>; 4] {
    let table = spec.order * spec.hidden();
    let bias = if has_bias(spec) { spec.order } else { 0 };
    [0..table, table..2 * table, 2 * table..3 * table, 3 * table..3 * table + bias]
}

fn has_bias(spec: &PairSpec) -> bool {
    matches!(spec.architecture, PairArchitecture::Mlp { bias: true, .. })
}

fn parameter<'a, T>(layout: &Layout, values: &'a [T], at: usize) -> &'a [T] {
    layout.parameters.get(at).map_or(&[], |parameter| &values[parameter.range.clone()])
}

impl<T: Real> Tables<T> {
    pub(super) fn new(spec: &PairSpec) -> Self {
        let table = vec![T::ZERO; spec.order * spec.hidden()];
        Self {
            how: match spec.architecture {
                PairArchitecture::Bilinear { .. } => Combine::Product,
                _ => Combine::Rectify,
            },
            order: spec.order,
            hidden: spec.hidden(),
            left: table.clone(),
            right: table,
            unembedding: Aligned::default(),
            transposed: Aligned::default(),
            bias: Vec::new(),
            scratch: [Aligned::default(), Aligned::default()],
        }
    }

    pub(super) fn sizes(spec: &PairSpec) -> Sizes {
        Sizes { buffers: vec![spec.hidden(); 2], gradients: pieces(spec)[3].end }
    }

    /// Computes the tables from the parameters. The bias of the neurons goes into the left table.
    pub(super) fn fill(&mut self, kernels: &Kernels<T>, spec: &PairSpec, layout: &Layout, parameters: &[T]) {
        let part = |at: usize| parameter(layout, parameters, at);
        let (w_x, w_y) = (part(0), part(1));
        let unembedding = match spec.architecture {
            PairArchitecture::Mlp { embed, .. } => {
                let (upper, lower) = part(2).split_at(embed * self.hidden);
                let bias = Some(part(4)).filter(|bias| !bias.is_empty());
                let (left, right, hidden) = (&mut self.left, &mut self.right, self.hidden);
                let [one, two] = &mut self.scratch;
                rayon::join(
                    || product(kernels, w_x, Matrix::new(upper, hidden), bias, one, left),
                    || product(kernels, w_y, Matrix::new(lower, hidden), None, two, right),
                );
                self.bias = part(5).to_vec();
                part(3)
            }
            _ => {
                self.left.copy_from_slice(w_x);
                self.right.copy_from_slice(w_y);
                part(2)
            }
        };
        let (order, packed, transposed) = (self.order, &mut self.unembedding, &mut self.transposed);
        rayon::join(
            || Matrix::new(unembedding, order).pack(kernels, packed),
            || Matrix::transposed(unembedding, order).pack(kernels, transposed),
        );
    }

    /// Forward, loss and back for a block of pairs.
    pub(super) fn block(&self, kernels: &Kernels<T>, spec: &PairSpec, chunk: &mut Chunk<T>, block: &Block<'_>) {
        let (count, n, h) = (block.len(), self.order, self.hidden);
        let rows =
            PairRows { width: h, left: &self.left, right: &self.right, left_rows: block.left, right_rows: block.right };
        let neurons = Rows::dense(count, h);
        kernels.combine(self.how, &rows, &mut chunk.buffers[0][..count * h]);
        let bias = Some(self.bias.as_slice()).filter(|bias| !bias.is_empty());
        let columns = Columns { packed: &self.unembedding, count: n, bias, rectify: false };
        kernels.product(&chunk.buffers[0], &neurons, &columns, &mut chunk.logits[..count * n]);
        chunk.take_loss(kernels, block);
        if !block.gradients() {
            return;
        }
        let [left, right, unembedding, bias] = pieces(spec);
        let slopes = &chunk.logits[..count * n];
        let [hidden, hidden_slopes] = chunk.buffers.as_mut_slice() else { return };
        let hidden = &hidden[..count * h];
        let hidden_slopes = &mut hidden_slopes[..count * h];
        let examples = Examples { values: hidden, count: 1, stride: hidden.len() };
        kernels.weight_gradient(&examples, &neurons, slopes, n, &mut chunk.gradients[unembedding], true);
        if !bias.is_empty() {
            kernels.add_columns(slopes, &mut chunk.gradients[bias]);
        }
        let columns = Columns { packed: &self.transposed, count: h, bias: None, rectify: false };
        kernels.product(slopes, &Rows::dense(count, n), &columns, hidden_slopes);
        let (left, right) = chunk.gradients[left.start..right.end].split_at_mut(left.len());
        kernels.combine_gradient(self.how, &rows, hidden, hidden_slopes, [left, right]);
    }

    /// The gradients of the parameters from those of the pass.
    pub(super) fn backward(
        &mut self,
        kernels: &Kernels<T>,
        spec: &PairSpec,
        (layout, parameters): (&Layout, &[T]),
        of_pass: &[T],
        gradients: &mut [T],
    ) {
        let [left, right, unembedding, bias] = pieces(spec);
        let PairArchitecture::Mlp { embed, hidden, .. } = spec.architecture else {
            // Both keep left table, right table and W_U in this order.
            gradients.copy_from_slice(&of_pass[left.start..unembedding.end]);
            return;
        };
        let (d_left, d_right) = (&of_pass[left], &of_pass[right]);
        let part = |at: usize| parameter(layout, parameters, at);
        let (upper, lower) = part(2).split_at(embed * hidden);
        let range = |at: usize| layout.parameters[at].range.clone();
        let (tables, after) = gradients.split_at_mut(range(2).start);
        let (g_x, g_y) = tables.split_at_mut(range(1).start);
        let (g_w, after) = after.split_at_mut(range(2).len());
        let (g_upper, g_lower) = g_w.split_at_mut(embed * hidden);
        let [one, two] = &mut self.scratch;
        rayon::join(
            || {
                product(kernels, d_left, Matrix::transposed(upper, hidden), None, one, g_x);
                transposed_product(kernels, (part(0), embed), (d_left, hidden), g_upper, false);
            },
            || {
                product(kernels, d_right, Matrix::transposed(lower, hidden), None, two, g_y);
                transposed_product(kernels, (part(1), embed), (d_right, hidden), g_lower, false);
            },
        );
        let (g_u, biases) = after.split_at_mut(unembedding.len());
        g_u.copy_from_slice(&of_pass[unembedding]);
        if !bias.is_empty() {
            let (b, b_u) = biases.split_at_mut(hidden);
            b.fill(T::ZERO);
            kernels.add_columns(d_left, b);
            b_u.copy_from_slice(&of_pass[bias]);
        }
    }
}
