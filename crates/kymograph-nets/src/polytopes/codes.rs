//! Hard spline codes, packed: the state of every unit at many points.

use std::collections::HashMap;

use kymograph_linalg::{Real, parallel};
use ndarray::{Array2, ArrayView2, ArrayViewD, s};
use rayon::prelude::*;

use super::gates::{Gates, State};
use super::step::{Gate, GateKind, Step};
use super::{Polytopes, step};
use crate::engine::Pass;
use crate::error::NetsError;
use crate::layers::{self, Layer, Pool};
use crate::network::{Mode, Network, fill};
use crate::workspace::{Chunk, Workspace};

/// Points that go through together.
const BLOCK: usize = 128;

/// A layer with a code, and where its elements lie in a packed code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLayer {
    /// The layer's name.
    pub name: String,
    /// Elements of its code: units, outputs of max-pooling, vectors under a softmax. Images are counted pixel by pixel.
    pub elements: usize,
    /// States that an element can take: 2, the size of the largest window, the features under a softmax.
    pub states: usize,
    /// Bits of an element.
    pub bits: usize,
    /// The bit at which the layer begins.
    pub first: usize,
    /// Is the layer linear inside each state?
    pub hard: bool,
}

/// The hard codes of some points, as bits `[sample, unit]` in words of 64.
///
/// A unit's bit is 1 where its input is above 0, for smooth activations too; of max-pooling it is which of the window won (the first
/// of equals), of a softmax which feature is largest, in as many bits as that takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    layers: Vec<CodeLayer>,
    /// `[sample, word]`, the lowest bit first.
    words: Array2<u64>,
}

/// The layers of gates, one behind the other.
pub(super) fn layers_of<'a>(gates: impl Iterator<Item = &'a Gate>) -> Vec<CodeLayer> {
    let mut first = 0;
    gates
        .map(|gate| {
            let (elements, states) = match &gate.kind {
                GateKind::Pool(windows) => (gate.outputs, windows.iter().map(Vec::len).max().unwrap_or(1)),
                GateKind::Softmax(features) => (gate.inputs / features.max(&1), *features),
                _ => (gate.inputs, 2),
            };
            let bits = (usize::BITS - states.saturating_sub(1).leading_zeros()).max(1) as usize;
            let layer = CodeLayer { name: gate.name.clone(), elements, states, bits, first, hard: gate.kind.is_hard() };
            first += elements * bits;
            layer
        })
        .collect()
}

fn words_of(layers: &[CodeLayer]) -> usize {
    layers.last().map_or(0, |layer| layer.first + layer.elements * layer.bits).div_ceil(64)
}

/// The bits of a layer as words that begin with it.
fn aligned<'a>(words: &'a [u64], layer: &'a CodeLayer) -> impl Iterator<Item = u64> + 'a {
    let length = layer.elements * layer.bits;
    (0..length.div_ceil(64)).map(move |word| {
        let at = layer.first + word * 64;
        let next = words.get(at / 64 + 1).copied().unwrap_or(0);
        let bits = (words[at / 64] >> (at % 64)) | if at.is_multiple_of(64) { 0 } else { next << (64 - at % 64) };
        let left = length - word * 64;
        if left >= 64 { bits } else { bits & ((1 << left) - 1) }
    })
}

impl Codes {
    /// Number of points.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.words.nrows()
    }

    /// The layers, in order.
    #[must_use]
    pub fn layers(&self) -> &[CodeLayer] {
        &self.layers
    }

    /// The packed codes, `[sample, word]`.
    #[must_use]
    pub fn words(&self) -> ArrayView2<'_, u64> {
        self.words.view()
    }

    /// The state of one element of a layer.
    ///
    /// # Panics
    /// For a sample, layer or element that is not there.
    #[must_use]
    pub fn state(&self, sample: usize, layer: usize, element: usize) -> u32 {
        let layer = &self.layers[layer];
        assert!(element < layer.elements, "layer `{}` has {} elements", layer.name, layer.elements);
        let row = self.words.row(sample);
        let at = layer.first + element * layer.bits;
        (0..layer.bits).fold(0, |state, bit| {
            let here = at + bit;
            state | (((row[here / 64] >> (here % 64)) & 1) as u32) << bit
        })
    }

    /// How many elements of two points' codes are in different states: a lower bound of the boundaries between them.
    ///
    /// # Panics
    /// For a sample that is not there.
    #[must_use]
    pub fn distance(&self, a: usize, b: usize) -> usize {
        let apart: Vec<u64> = self.words.row(a).into_iter().zip(self.words.row(b)).map(|(a, b)| a ^ b).collect();
        if self.layers.iter().all(|layer| layer.bits == 1) {
            return apart.iter().map(|word| word.count_ones() as usize).sum();
        }
        let of_layer = |(at, layer): (usize, &CodeLayer)| {
            if 64 % layer.bits != 0 {
                let elements = 0..layer.elements;
                return elements.filter(|&e| self.state(a, at, e) != self.state(b, at, e)).count();
            }
            // The lowest bit of each element takes what is set in any of it.
            let lowest = (0..64).step_by(layer.bits).fold(0_u64, |mask, bit| mask | 1 << bit);
            let any = |word: u64| (0..layer.bits).fold(0, |any, bit| any | word >> bit) & lowest;
            aligned(&apart, layer).map(|word| any(word).count_ones() as usize).sum()
        };
        self.layers.iter().enumerate().map(of_layer).sum()
    }

    /// The codes of one layer alone.
    ///
    /// # Panics
    /// For a layer that is not there.
    #[must_use]
    pub fn layer(&self, layer: usize) -> Self {
        let kept = CodeLayer { first: 0, ..self.layers[layer].clone() };
        let layers = vec![kept];
        let mut words = Array2::zeros((self.samples(), words_of(&layers)));
        for (row, mut to) in self.words.outer_iter().zip(words.outer_iter_mut()) {
            let row = row.to_vec();
            to.iter_mut().zip(aligned(&row, &self.layers[layer])).for_each(|(to, word)| *to = word);
        }
        Self { layers, words }
    }

    /// Which codes are the same: for each point the number of its code, codes numbered by first appearance, and how many
    /// different ones there are.
    #[must_use]
    pub fn numbered(&self) -> (Vec<usize>, usize) {
        let mut seen: HashMap<Vec<u64>, usize> = HashMap::new();
        let numbers = self.words.outer_iter().map(|row| {
            let next = seen.len();
            *seen.entry(row.to_vec()).or_insert(next)
        });
        let numbers: Vec<usize> = numbers.collect();
        (numbers, seen.len())
    }

    /// The codes as numbers `[sample, column]`: 0 and 1 for elements of two states, and for others a column for each state that
    /// is 1 where it is taken.
    #[must_use]
    pub fn matrix(&self) -> Array2<f32> {
        let columns = |layer: &CodeLayer| layer.elements * if layer.states == 2 { 1 } else { layer.states };
        let mut out = Array2::zeros((self.samples(), self.layers.iter().map(columns).sum()));
        for (sample, mut row) in out.outer_iter_mut().enumerate() {
            let mut first = 0;
            for (at, layer) in self.layers.iter().enumerate() {
                for element in 0..layer.elements {
                    let state = self.state(sample, at, element) as usize;
                    if layer.states == 2 {
                        row[first + element] = state as f32;
                    } else {
                        row[first + element * layer.states + state] = 1.0;
                    }
                }
                first += columns(layer);
            }
        }
        out
    }

    /// Those of several blocks of points of one network.
    pub(super) fn joined(parts: Vec<Self>) -> Self {
        let layers = parts.first().map(|part| part.layers.clone()).unwrap_or_default();
        let views: Vec<_> = parts.iter().map(|part| part.words.view()).collect();
        Self { layers, words: ndarray::concatenate(ndarray::Axis(0), &views).unwrap_or_default() }
    }

    pub(super) fn of_gates(layers: Vec<CodeLayer>, gates: &Gates) -> Self {
        let mut words = Array2::zeros((gates.samples, words_of(&layers)));
        for (layer, state) in layers.iter().zip(&gates.states) {
            for (sample, mut row) in words.outer_iter_mut().enumerate() {
                let Some(row) = row.as_slice_mut() else { continue };
                match state {
                    State::Winners(winners) => {
                        winners.row(sample).iter().enumerate().for_each(|(e, &w)| put(row, layer, e, w));
                    }
                    State::Elements(q) if layer.elements < q.ncols() => {
                        for element in 0..layer.elements {
                            let first = element * layer.states;
                            let largest = largest(q.slice(s![sample, first..first + layer.states]).iter().copied());
                            put(row, layer, element, largest);
                        }
                    }
                    State::Elements(q) => {
                        q.row(sample).iter().enumerate().for_each(|(e, &q)| put(row, layer, e, u32::from(q > 0.5)));
                    }
                }
            }
        }
        Self { layers, words }
    }
}

/// The place of the largest number, the first of equals.
fn largest(values: impl Iterator<Item = f64>) -> u32 {
    values.enumerate().fold((0, f64::NEG_INFINITY), |best, (at, x)| if x > best.1 { (at as u32, x) } else { best }).0
}

fn put(words: &mut [u64], layer: &CodeLayer, element: usize, state: u32) {
    let at = layer.first + element * layer.bits;
    for bit in 0..layer.bits {
        let here = at + bit;
        words[here / 64] |= u64::from((state >> bit) & 1) << (here % 64);
    }
}

impl Polytopes {
    /// The hard codes of points.
    ///
    /// # Errors
    /// As [`Polytopes::outputs`].
    pub fn codes(&self, x: ArrayView2<'_, f64>) -> Result<Codes, NetsError> {
        Ok(Codes::of_gates(self.code_layers(), &self.gates(x)?))
    }
}

impl<T: Real> Network<T> {
    /// The hard codes of examples (example, …) from the input to the output, through the network's own kernels: the fast way for
    /// many examples. Close to a boundary a bit may differ from that of [`Polytopes::codes`], which computes in f64.
    ///
    /// # Errors
    /// As [`Polytopes::new`], and those of [`Network::forward`].
    pub fn codes(&self, x: ArrayViewD<'_, T>) -> Result<Codes, NetsError> {
        let steps = step::steps(self, 0, self.layers.len())?;
        let gates = steps.iter().filter_map(|step| match step {
            Step::Gate(gate) => Some(gate),
            _ => None,
        });
        let layers = layers_of(gates);
        let examples = self.check_input(&x, Mode::Eval)?;
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let width = words_of(&layers);
        let mut words = Array2::zeros((examples, width));
        // A convolution that takes the pooling behind it along leaves no rectified values to look at.
        let fused = !self.layers.iter().any(|layer| matches!(layer, Layer::Pool(_)));
        let pass = self.pass(Mode::Eval);
        let blocks = parallel::blocks(examples, BLOCK);
        let rows = words.as_slice_mut().unwrap_or_default().chunks_mut((BLOCK * width).max(1));
        let finite = rows.zip(blocks).collect::<Vec<_>>().into_par_iter().map_init(
            || None::<Workspace<T>>,
            |kept, (words, range)| {
                let count = range.len();
                let whole = || std::iter::once(0..count).collect();
                let mut workspace = kept
                    .take()
                    .filter(|workspace| workspace.batch == count)
                    .unwrap_or_else(|| Workspace::cut(&self.layers, &self.shapes, whole(), fused));
                workspace.chunks[0].first = range.start;
                let done = self.first_product(&pass, &mut workspace, input);
                if done == 0 {
                    workspace.each(|chunk| fill(&pass, chunk, input));
                }
                let ops = done..workspace.ops.len();
                pass.forward(&mut workspace, ops);
                self.pack_codes(&workspace, &layers, words);
                let chunk = &workspace.chunks[0];
                let last = chunk.values.last().is_none_or(|values| self.kernels.all_finite(values));
                let finite = chunk.finite && last;
                *kept = Some(workspace);
                finite
            },
        );
        if !finite.collect::<Vec<bool>>().into_iter().all(|finite| finite) {
            return Err(self.diagnose(x, Mode::Eval));
        }
        Ok(Codes { layers, words })
    }

    /// A linear layer at the input reads wide rows where they are, so that they come from memory while it computes; gives how many
    /// operations are done.
    fn first_product(&self, pass: &Pass<'_, T>, workspace: &mut Workspace<T>, input: &[T]) -> usize {
        let again = self.layers.iter().any(|layer| layer.also_reads() == Some(0));
        let (Some(Layer::Linear(linear)), false) = (self.layers.first(), again) else { return 0 };
        if !layers::stored_alike(self.shapes[0]) {
            return 0;
        }
        let (op, chunk) = (&workspace.ops[0], &mut workspace.chunks[0]);
        let length = self.shapes[0].len();
        let from = &input[chunk.first * length..][..chunk.len * length];
        linear.forward(pass.kernels, pass.parameters, from, op.rectify, &mut chunk.values[op.last + 1]);
        chunk.finite = pass.kernels.all_finite(from);
        1
    }

    /// Packs the states that a forward pass left in its one chunk.
    fn pack_codes(&self, workspace: &Workspace<T>, layers: &[CodeLayer], words: &mut [u64]) {
        let chunk = &workspace.chunks[0];
        let width = words.len() / chunk.len.max(1);
        let mut waiting = layers.iter();
        for op in &workspace.ops {
            let (layer, values) = match &self.layers[op.first] {
                _ if op.rectify => (waiting.next(), &chunk.values[op.last + 1]),
                Layer::Relu => (waiting.next(), &chunk.values[op.last + 1]),
                Layer::Abs
                | Layer::Gelu(_)
                | Layer::Silu
                | Layer::Sigmoid
                | Layer::Tanh
                | Layer::Softmax
                | Layer::Pool(_) => (waiting.next(), &chunk.values[op.first]),
                _ => continue,
            };
            let Some(layer) = layer else { return };
            let each = values.len() / chunk.len.max(1);
            if each * width == 0 {
                continue;
            }
            match &self.layers[op.first] {
                Layer::Pool(pool) => {
                    let words = words.chunks_exact_mut(width).enumerate();
                    words.for_each(|(at, words)| put_winners(words, layer, pool, chunk, op.first, at));
                }
                Layer::Softmax => {
                    for (values, words) in values.chunks_exact(each).zip(words.chunks_exact_mut(width)) {
                        for (element, values) in values.chunks_exact(layer.states).enumerate() {
                            put(words, layer, element, largest(values.iter().map(|x| x.to_f64())));
                        }
                    }
                }
                _ => self.kernels.signs(values, each, words, width, layer.first),
            }
        }
    }
}

/// The winners of one example, counted among the pixels of the window that lie on the image.
fn put_winners<T: Real>(
    words: &mut [u64],
    layer: &CodeLayer,
    pool: &Pool,
    chunk: &Chunk<T>,
    at: usize,
    example: usize,
) {
    let w = &pool.windows;
    let places = &chunk.caches[at][example * pool.out_length()..][..pool.out_length()];
    for (element, place) in places.iter().enumerate() {
        let place = place.to_f64() as usize;
        let window = element / w.channels;
        let (rows, columns) = (w.clipped(window / w.out_width, 0), w.clipped(window % w.out_width, 1));
        let (row, column) = (place / w.kernel[1] - rows.start, place % w.kernel[1] - columns.start);
        put(words, layer, element, (row * columns.len() + column) as u32);
    }
}
