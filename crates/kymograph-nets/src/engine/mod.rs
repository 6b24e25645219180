//! Runs a batch through the layers and back: the batch is cut into eight chunks that go through on their own, and meet
//! only where batch normalisation needs statistics of all.

mod backward;
mod forward;

use std::ops::Range;

use kymograph_linalg::Real;
use rayon::prelude::*;

use crate::kernels::Kernels;
use crate::layers::{Layer, NormTotals, Shape};
use crate::plan::Op;
use crate::workspace::{Chunk, Workspace};

/// What a pass reads.
pub(crate) struct Pass<'a, T> {
    pub(crate) kernels: &'a Kernels<T>,
    pub(crate) layers: &'a [Layer<T>],
    pub(crate) shapes: &'a [Shape],
    pub(crate) parameters: &'a [T],
    pub(crate) train: bool,
    pub(crate) dropout_seed: u64,
    pub(crate) step: u64,
    /// Gradients of everything down to the input, not of parameters alone.
    pub(crate) all_gradients: bool,
}

impl<T: Real> Pass<'_, T> {
    /// Runs operations forward; their input is in place.
    pub(crate) fn forward(&self, workspace: &mut Workspace<T>, ops: Range<usize>) {
        for stage in self.stages(&workspace.ops, ops) {
            self.norm_statistics(workspace, stage.start);
            let Workspace { ops, chunks, totals, .. } = workspace;
            chunks
                .par_iter_mut()
                .with_max_len(1)
                .for_each(|chunk| self.forward_stage(&ops[stage.clone()], chunk, totals));
        }
    }

    /// Runs everything forward from `fill` and back from `start`, which writes the output's slopes.
    pub(crate) fn forward_backward(
        &self,
        workspace: &mut Workspace<T>,
        fill: impl Fn(&mut Chunk<T>) + Sync + Send,
        start: impl Fn(&mut Chunk<T>) + Sync + Send,
    ) {
        let stages = self.stages(&workspace.ops, 0..workspace.ops.len());
        for (index, stage) in stages.iter().enumerate() {
            if index == 0 && self.needs_statistics(&workspace.ops[stage.start]) {
                workspace.each(&fill);
            }
            self.norm_statistics(workspace, stage.start);
            let filled = index > 0 || self.needs_statistics(&workspace.ops[stage.start]);
            let last = index + 1 == stages.len();
            let Workspace { ops, chunks, totals, keep, .. } = &mut *workspace;
            chunks.par_iter_mut().with_max_len(1).for_each(|chunk| {
                if !filled {
                    fill(chunk);
                }
                self.forward_stage(&ops[stage.clone()], chunk, totals);
                if last {
                    chunk.waiting.iter_mut().for_each(|(waiting, _)| *waiting = false);
                    start(chunk);
                    self.backward_stage(ops, stage, chunk, keep);
                }
            });
        }
        self.backward_stages(workspace, &stages);
    }

    /// Runs back through the pass the workspace holds.
    pub(crate) fn backward(&self, workspace: &mut Workspace<T>, start: impl Fn(&mut Chunk<T>) + Sync + Send) {
        let stages = self.stages(&workspace.ops, 0..workspace.ops.len());
        if let Some(stage) = stages.last() {
            let Workspace { ops, chunks, keep, .. } = &mut *workspace;
            chunks.par_iter_mut().with_max_len(1).for_each(|chunk| {
                chunk.waiting.iter_mut().for_each(|(waiting, _)| *waiting = false);
                start(chunk);
                self.backward_stage(ops, stage, chunk, keep);
            });
        }
        self.backward_stages(workspace, &stages);
    }

    /// The rest of the way back, once the last stage has gone back to its head.
    fn backward_stages(&self, workspace: &mut Workspace<T>, stages: &[Range<usize>]) {
        for (index, stage) in stages.iter().enumerate().rev() {
            let head = workspace.ops[stage.start];
            let Layer::Norm(norm) = &self.layers[head.first] else { continue };
            if !self.needs_statistics(&head) {
                continue;
            }
            let Workspace { ops, chunks, totals, keep, .. } = &mut *workspace;
            norm.merge_backward(&mut totals[head.first], chunks.iter().map(|chunk| &chunk.sums));
            let before = index.checked_sub(1).map(|before| &stages[before]);
            chunks.par_iter_mut().with_max_len(1).for_each(|chunk| {
                let totals = &totals[..];
                norm.backward(self.parameters, &totals[head.first], &chunk.caches[head.first], &mut chunk.slopes);
                match before {
                    Some(before) => self.backward_stage(ops, before, chunk, keep),
                    None => self.arrive(chunk, keep, 0),
                }
            });
        }
    }

    fn needs_statistics(&self, op: &Op) -> bool {
        self.train && matches!(self.layers[op.first], Layer::Norm(_))
    }

    /// Operations cut before each that needs statistics of the whole batch.
    fn stages(&self, all: &[Op], ops: Range<usize>) -> Vec<Range<usize>> {
        let mut stages = Vec::new();
        let mut start = ops.start;
        for at in ops.clone().skip(1) {
            if self.needs_statistics(&all[at]) {
                stages.push(start..at);
                start = at;
            }
        }
        if !ops.is_empty() {
            stages.push(start..ops.end);
        }
        stages
    }

    fn norm_statistics(&self, workspace: &mut Workspace<T>, op: usize) {
        let op = workspace.ops[op];
        if let (true, Layer::Norm(norm)) = (self.needs_statistics(&op), &self.layers[op.first]) {
            workspace.each(|chunk| chunk.sums = norm.sums(&chunk.values[op.first]));
            workspace.totals[op.first] = norm.merge(workspace.chunks.iter().map(|chunk| &chunk.sums));
        }
    }

    fn forward_stage(&self, ops: &[Op], chunk: &mut Chunk<T>, totals: &[NormTotals]) {
        for op in ops {
            self.forward_op(op, chunk, totals);
        }
    }

    /// Back from the stage's end to its head, or to the sums that a head with batch statistics needs first.
    fn backward_stage(&self, ops: &[Op], stage: &Range<usize>, chunk: &mut Chunk<T>, keep: &[bool]) {
        let lowest = if self.all_gradients {
            0
        } else {
            ops.iter().position(|op| self.layers[op.first].has_parameters()).unwrap_or(ops.len())
        };
        for at in stage.clone().rev() {
            if at < lowest {
                return;
            }
            let op = &ops[at];
            self.arrive(chunk, keep, op.last + 1);
            if let (true, Layer::Norm(norm)) = (self.needs_statistics(op), &self.layers[op.first]) {
                debug_assert!(at == stage.start);
                let gradients = &mut chunk.gradients;
                chunk.sums = norm.backward_sums(&chunk.caches[op.first], &chunk.slopes, gradients);
                return;
            }
            self.backward_op(op, chunk, self.all_gradients || at > lowest);
            if at == 0 {
                self.arrive(chunk, keep, 0);
            }
        }
    }

    /// The slopes of the layers behind a place have come: those that waited there join them.
    fn arrive(&self, chunk: &mut Chunk<T>, keep: &[bool], place: usize) {
        let (waiting, slopes) = &mut chunk.waiting[place];
        if std::mem::take(waiting) {
            self.kernels.add(slopes, &mut chunk.slopes);
        }
        if keep[place] {
            chunk.kept.resize(keep.len(), Vec::new());
            chunk.kept[place] = chunk.slopes.to_vec();
        }
    }
}
