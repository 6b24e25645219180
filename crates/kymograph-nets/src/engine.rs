//! Runs a batch through the layers and back: the batch is cut into eight chunks that go through on their own, and meet
//! only where batch normalisation needs statistics of all.

use std::ops::Range;

use kymograph_linalg::Real;
use rayon::prelude::*;

use crate::kernels::Kernels;
use crate::layers::{self, Layer, NormTotals, Shape};
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
                    None => keep_slopes(chunk, keep, 0),
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

    fn forward_op(&self, op: &Op, chunk: &mut Chunk<T>, totals: &[NormTotals]) {
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
            Layer::Tanh => layers::tanh(input, output),
            Layer::Softmax => layers::softmax(self.shapes[op.first].units(), input, output),
            Layer::Flatten => {
                let shape = self.shapes[op.first];
                layers::flatten(shape.units(), shape.positions(), input, output);
            }
            Layer::Dropout(dropout) if self.train => {
                dropout.mask(self.dropout_seed, self.step, chunk.first, cache);
                for ((y, &x), &factor) in output.iter_mut().zip(input).zip(cache.iter()) {
                    *y = x * factor;
                }
            }
            Layer::Dropout(_) => output.copy_from_slice(input),
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
            keep_slopes(chunk, keep, op.last + 1);
            if let (true, Layer::Norm(norm)) = (self.needs_statistics(op), &self.layers[op.first]) {
                debug_assert!(at == stage.start);
                let gradients = &mut chunk.gradients;
                chunk.sums = norm.backward_sums(&chunk.caches[op.first], &chunk.slopes, gradients);
                return;
            }
            self.backward_op(op, chunk, self.all_gradients || at > lowest);
            if at == 0 {
                keep_slopes(chunk, keep, 0);
            }
        }
    }

    /// Back through one operation; the input's slopes only where they are wanted.
    fn backward_op(&self, op: &Op, chunk: &mut Chunk<T>, input_wanted: bool) {
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
                let input = &chunk.values[op.first];
                linear.weight_gradient(self.kernels, input, &chunk.slopes, &mut chunk.gradients);
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
            Layer::Flatten => {
                let shape = self.shapes[op.first];
                layers::unflatten(shape.units(), shape.positions(), &chunk.slopes, &mut chunk.next);
            }
            Layer::Norm(norm) => {
                // With running statistics; the sums give the gradients of weight and bias.
                norm.backward_sums(&chunk.caches[op.first], &chunk.slopes, &mut chunk.gradients);
                let running = norm.running();
                norm.backward(self.parameters, &running, &chunk.caches[op.first], &mut chunk.slopes);
                return;
            }
            Layer::Relu => return self.kernels.rectifier_gradient(output, &mut chunk.slopes),
            Layer::Tanh => return layers::tanh_gradient(output, &mut chunk.slopes),
            Layer::Softmax => {
                return layers::softmax_gradient(self.shapes[op.first].units(), output, &mut chunk.slopes);
            }
            Layer::Dropout(_) => {
                if self.train {
                    for (slope, &factor) in chunk.slopes.iter_mut().zip(chunk.caches[op.first].iter()) {
                        *slope *= factor;
                    }
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

fn keep_slopes<T: Real>(chunk: &mut Chunk<T>, keep: &[bool], at: usize) {
    if keep[at] {
        chunk.kept.resize(keep.len(), Vec::new());
        chunk.kept[at] = chunk.slopes.to_vec();
    }
}
