//! The buffers of a pass: the batch cut into chunks, each with everything that is written for its examples.

use std::ops::Range;

use kymograph_linalg::{Real, parallel};
use rayon::prelude::*;

use crate::kernels::Aligned;
use crate::layers::{Layer, NormSums, NormTotals, Shape};
use crate::plan::{Op, plan};

/// Pieces a batch is cut into, whatever the number of threads.
const CHUNKS: usize = 8;

/// Some examples of the batch, with all that a pass writes for them.
#[derive(Clone)]
pub(crate) struct Chunk<T> {
    /// Index of the first example in the batch.
    pub(crate) first: usize,
    pub(crate) len: usize,
    /// The input of each layer, and the output of the last; those inside an operation stay empty.
    pub(crate) values: Vec<Aligned<T>>,
    /// What each layer keeps for going back: padded images, places of maxima, normalised inputs, derivatives,
    /// masks; and what a linear layer keeps for its late gradient: its slopes.
    pub(crate) caches: Vec<Aligned<T>>,
    /// Of all parameters.
    pub(crate) gradients: Aligned<T>,
    /// Gradient with respect to the values the backward pass has come to.
    pub(crate) slopes: Aligned<T>,
    pub(crate) next: Aligned<T>,
    pub(crate) scratch: Aligned<T>,
    pub(crate) spread: Aligned<T>,
    /// Columns of attention's products.
    pub(crate) packed: Aligned<T>,
    /// Slopes that wait at a place for those of the layers between, and whether they do.
    pub(crate) waiting: Vec<(bool, Aligned<T>)>,
    pub(crate) sums: NormSums,
    pub(crate) loss: f64,
    pub(crate) right: usize,
    pub(crate) finite: bool,
    /// Copies of the slopes at the values asked for.
    pub(crate) kept: Vec<Vec<T>>,
}

/// All buffers of a pass over a batch of one size.
#[derive(Clone)]
pub(crate) struct Workspace<T> {
    pub(crate) batch: usize,
    pub(crate) ops: Vec<Op>,
    pub(crate) chunks: Vec<Chunk<T>>,
    /// Per layer; empty but for batch normalisation.
    pub(crate) totals: Vec<NormTotals>,
    /// At which values to keep the slopes.
    pub(crate) keep: Vec<bool>,
}

impl<T: Real> Workspace<T> {
    pub(crate) fn new(layers: &[Layer<T>], shapes: &[Shape], batch: usize, fused: bool) -> Self {
        let mut workspace = Self::cut(layers, shapes, parallel::ranges(batch, CHUNKS), fused);
        for op in &mut workspace.ops {
            if let Layer::Linear(linear) = &layers[op.first] {
                op.late = linear.outweighs(batch * shapes[op.first].len() / linear.inputs);
            }
        }
        workspace
    }

    /// With one chunk for each range of examples.
    pub(crate) fn cut(layers: &[Layer<T>], shapes: &[Shape], ranges: Vec<Range<usize>>, fused: bool) -> Self {
        let ops = plan(layers, fused);
        let batch = ranges.iter().map(Range::len).sum();
        let chunks = ranges
            .into_iter()
            .map(|range| {
                let len = range.len();
                let mut values = vec![Aligned::default(); shapes.len()];
                values[0] = Aligned::zeros(len * shapes[0].len());
                for op in &ops {
                    values[op.last + 1] = Aligned::zeros(len * shapes[op.last + 1].len());
                }
                let caches = layers
                    .iter()
                    .zip(shapes)
                    .map(|(layer, shape)| match layer {
                        Layer::Conv(conv) if conv.needs_padding() => Aligned::zeros(len * conv.padded_length()),
                        Layer::Pool(pool) => Aligned::zeros(len * pool.out_length()),
                        Layer::Norm(_) | Layer::Dropout(_) | Layer::Gelu(_) | Layer::Silu => {
                            Aligned::zeros(len * shape.len())
                        }
                        Layer::LayerNorm(norm) => Aligned::zeros(norm.kept(len * shape.len())),
                        _ => Aligned::default(),
                    })
                    .collect();
                Chunk {
                    first: range.start,
                    len,
                    values,
                    caches,
                    gradients: Aligned::default(),
                    slopes: Aligned::default(),
                    next: Aligned::default(),
                    scratch: Aligned::default(),
                    spread: Aligned::default(),
                    packed: Aligned::default(),
                    waiting: vec![(false, Aligned::default()); shapes.len()],
                    sums: NormSums::default(),
                    loss: 0.0,
                    right: 0,
                    finite: true,
                    kept: Vec::new(),
                }
            })
            .collect();
        Self { batch, ops, chunks, totals: vec![NormTotals::default(); layers.len()], keep: vec![false; shapes.len()] }
    }

    /// `work` on every chunk, in parallel.
    pub(crate) fn each(&mut self, work: impl Fn(&mut Chunk<T>) + Sync + Send) {
        self.chunks.par_iter_mut().with_max_len(1).for_each(work);
    }
}
