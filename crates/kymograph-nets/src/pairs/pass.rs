//! One pass over a set of pairs: cut into a fixed number of chunks, each going forward and back block by block, so that
//! the bits do not depend on the threads and nothing of the size of the set is ever held.

use std::ops::Range;

use kymograph_linalg::Real;
use rayon::prelude::*;

use super::set::PairSet;
use crate::kernels::{Aligned, Kernels};

/// Chunks of a pass, however many threads there are.
const CHUNKS: usize = 8;
/// Chunks and blocks hold a multiple of so many pairs where they can, since the tiles of a product are so many rows.
const UNIT: usize = 14;
/// Pairs that go through together: their activations stay in the second-level cache.
const BLOCK: usize = 16 * UNIT;
/// Gradients are summed over the chunks in blocks of this many numbers.
const SUM_BLOCK: usize = 4096;

/// What a pass is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Softmax and loss in f64.
    pub(super) wide: bool,
    /// Go back, too.
    pub(super) gradients: bool,
}

/// What a chunk works in.
#[derive(Clone)]
pub(super) struct Chunk<T> {
    range: Range<usize>,
    /// Activations and slopes of a block, by the model's own count and meaning.
    pub(super) buffers: Vec<Aligned<T>>,
    pub(super) logits: Aligned<T>,
    /// Gradients of everything the model shares between pairs, one piece after another.
    pub(super) gradients: Aligned<T>,
    powers: Vec<f64>,
    narrow_powers: Vec<T>,
    loss: f64,
    correct: usize,
}

/// A block of pairs of a chunk.
pub(super) struct Block<'a> {
    pub(super) left: &'a [u32],
    pub(super) right: &'a [u32],
    products: &'a [u32],
    task: Task,
    /// One over the pairs of the set.
    share: f64,
}

impl Block<'_> {
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    pub(super) fn gradients(&self) -> bool {
        self.task.gradients
    }
}

impl<T: Real> Chunk<T> {
    /// Adds up the loss of the block's logits, and puts its gradient in their place if there is to be one.
    pub(super) fn take_loss(&mut self, kernels: &Kernels<T>, block: &Block<'_>) {
        let share = if block.task.gradients { block.share } else { 0.0 };
        let scratch = (self.powers.as_mut_slice(), self.narrow_powers.as_mut_slice());
        let logits = &mut self.logits[..block.len() * scratch.0.len()];
        let (loss, correct) = kernels.pair_loss(block.task.wide, share, block.products, logits, scratch);
        self.loss += loss;
        self.correct += correct;
    }
}

/// Sizes of what a model needs in each chunk.
pub(super) struct Sizes {
    /// Numbers for each pair, buffer by buffer.
    pub(super) buffers: Vec<usize>,
    /// Numbers of the gradients.
    pub(super) gradients: usize,
}

/// Chunks for sets of this many pairs.
pub(super) fn chunks<T: Real>(pairs: usize, classes: usize, sizes: &Sizes, gradients: bool) -> Vec<Chunk<T>> {
    let block = BLOCK.min(pairs);
    let mut start = 0;
    kymograph_linalg::parallel::ranges(pairs.div_ceil(UNIT), CHUNKS)
        .into_iter()
        .map(|units| {
            let end = (start + units.len() * UNIT).min(pairs);
            let range = start..end;
            start = end;
            Chunk {
                range,
                buffers: sizes.buffers.iter().map(|&size| Aligned::zeros(block * size)).collect(),
                logits: Aligned::zeros(block * classes),
                gradients: Aligned::zeros(if gradients { sizes.gradients } else { 0 }),
                powers: vec![0.0; classes],
                narrow_powers: vec![T::ZERO; classes],
                loss: 0.0,
                correct: 0,
            }
        })
        .collect()
}

/// Runs `work` on every block of every chunk; returns the mean loss and the number of right answers.
pub(super) fn run<T: Real>(
    set: &PairSet,
    task: Task,
    chunks: &mut [Chunk<T>],
    work: impl Fn(&mut Chunk<T>, &Block<'_>) + Sync + Send,
) -> (f64, usize) {
    let share = 1.0 / set.len() as f64;
    chunks.par_iter_mut().with_max_len(1).for_each(|chunk| {
        chunk.loss = 0.0;
        chunk.correct = 0;
        chunk.gradients.fill(T::ZERO);
        for first in chunk.range.clone().step_by(BLOCK) {
            let rows = first..(first + BLOCK).min(chunk.range.end);
            let block = Block {
                left: &set.left[rows.clone()],
                right: &set.right[rows.clone()],
                products: &set.products[rows],
                task,
                share,
            };
            work(chunk, &block);
        }
    });
    let loss: f64 = chunks.iter().map(|chunk| chunk.loss).sum();
    (loss * share, chunks.iter().map(|chunk| chunk.correct).sum())
}

/// Sums the chunks' gradients from first to last.
pub(super) fn reduce<T: Real>(kernels: &Kernels<T>, chunks: &[Chunk<T>], total: &mut [T]) {
    total.par_chunks_mut(SUM_BLOCK).enumerate().for_each(|(block, total)| {
        let range = block * SUM_BLOCK..block * SUM_BLOCK + total.len();
        let parts: Vec<&[T]> = chunks.iter().map(|chunk| &chunk.gradients[range.clone()]).collect();
        kernels.sum_chunks(total, &parts);
    });
}
