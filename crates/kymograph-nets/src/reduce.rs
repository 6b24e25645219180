//! The gradient of a batch from what its chunks left: sums of the chunks' gradients, and for weights larger than what the
//! batch brings to them one product over all its rows.

use std::ops::Range;

use kymograph_linalg::Real;
use rayon::prelude::*;

use crate::kernels::{Kernels, Rows, Strided};
use crate::layers::{Layer, Linear};
use crate::network::Network;
use crate::workspace::{Chunk, Workspace};

/// Chunks' gradients are summed in blocks of this many numbers.
const BLOCK: usize = 4096;
/// Inputs of a late gradient in one piece of work, and outputs that lie side by side: a panel of slopes and the inputs of a
/// piece fit in the first cache.
const INPUTS: usize = 24;
const PANEL: usize = 32;

/// Where a block of the gradient comes from.
enum Piece<'a, T> {
    /// The same numbers of all chunks.
    Sum(Range<usize>),
    /// Some inputs of a weight whose gradient is taken late.
    Late(&'a Late<'a, T>, Range<usize>),
}

/// A linear layer whose gradient is taken late, with its slopes in panels: [panel][row][output].
struct Late<'a, T> {
    linear: &'a Linear<T>,
    layer: usize,
    rows: usize,
    panels: Vec<T>,
}

impl<'a, T: Real> Late<'a, T> {
    fn of(linear: &'a Linear<T>, layer: usize, chunks: &[Chunk<T>]) -> Self {
        let outputs = linear.outputs;
        let rows: usize = chunks.iter().map(|chunk| chunk.caches[layer].len() / outputs).sum();
        let mut panels = vec![T::ZERO; outputs.div_ceil(PANEL) * rows * PANEL];
        panels.par_chunks_mut((rows * PANEL).max(1)).enumerate().for_each(|(panel, to)| {
            let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
            let from = chunks.iter().flat_map(|chunk| chunk.caches[layer].chunks_exact(outputs));
            for (to, from) in to.chunks_exact_mut(PANEL).zip(from) {
                to[..columns.len()].copy_from_slice(&from[columns.clone()]);
            }
        });
        Self { linear, layer, rows, panels }
    }

    /// Rows `inputs` of the weight's gradient.
    fn gradient(&self, kernels: &Kernels<T>, chunks: &[Chunk<T>], inputs: Range<usize>, out: &mut [T]) {
        let (width, outputs) = (inputs.len(), self.linear.outputs);
        let mut values = Vec::with_capacity(self.rows * width);
        for chunk in chunks {
            let rows = chunk.values[self.layer].chunks_exact(self.linear.inputs);
            rows.for_each(|row| values.extend_from_slice(&row[inputs.clone()]));
        }
        let rows = Rows::dense(self.rows, width);
        for (panel, slopes) in self.panels.chunks_exact(self.rows * PANEL).enumerate() {
            let first = panel * PANEL;
            let slopes = Strided { values: slopes, stride: PANEL };
            let to = Strided { values: &mut out[first..], stride: outputs };
            kernels.transposed_product(&values, &rows, slopes, PANEL.min(outputs - first), to, false);
        }
    }
}

impl<T: Real> Network<T> {
    /// Takes the gradient of the batch that went back; returns its sum of squares.
    pub(crate) fn reduce(&mut self, workspace: &Workspace<T>) -> f64 {
        let mut total = std::mem::take(&mut self.gradients);
        let squares = self.total_gradient(workspace, &mut total);
        self.gradients = total;
        squares
    }

    /// The same into `total`.
    pub(crate) fn total_gradient(&self, workspace: &Workspace<T>, total: &mut [T]) -> f64 {
        let (kernels, chunks) = (&self.kernels, workspace.chunks.as_slice());
        let mut late: Vec<Late<'_, T>> = Vec::new();
        for op in workspace.ops.iter().filter(|op| op.late) {
            if let Layer::Linear(linear) = &self.layers[op.first] {
                late.push(Late::of(linear, op.first, chunks));
            }
        }
        late.sort_by_key(|late| late.linear.weight.start);
        let mut pieces = Vec::new();
        let sums = |range: Range<usize>| {
            let end = range.end;
            range.step_by(BLOCK).map(move |start| Piece::Sum(start..(start + BLOCK).min(end)))
        };
        let mut at = 0;
        for late in &late {
            let Range { start, end } = late.linear.weight;
            pieces.extend(sums(at..start));
            let inputs = late.linear.inputs;
            let blocks = (0..inputs).step_by(INPUTS);
            pieces.extend(blocks.map(|first| Piece::Late(late, first..(first + INPUTS).min(inputs))));
            at = end;
        }
        pieces.extend(sums(at..total.len()));
        let mut rest = total;
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let length = match &piece {
                Piece::Sum(range) => range.len(),
                Piece::Late(late, inputs) => inputs.len() * late.linear.outputs,
            };
            let (part, left) = rest.split_at_mut(length);
            parts.push((piece, part));
            rest = left;
        }
        let squares: Vec<f64> = parts
            .into_par_iter()
            .map(|(piece, out)| match piece {
                Piece::Sum(range) => {
                    let parts: Vec<&[T]> = chunks.iter().map(|chunk| &chunk.gradients[range.clone()]).collect();
                    kernels.sum_chunks(out, &parts)
                }
                Piece::Late(late, inputs) => {
                    late.gradient(kernels, chunks, inputs, out);
                    kernels.sum_of_squares(out)
                }
            })
            .collect();
        squares.iter().sum()
    }
}
