//! The state of every layer with a code at some points, and rows through a layer whose state is given.

use ndarray::{Array2, ArrayView2, s};

use super::rows::Rows;
use super::step::{Gate, GateKind};

/// The state of one layer with a code.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Code elements between 0 and 1, `[sample, unit]`.
    Elements(Array2<f64>),
    /// Which of its window each output took, `[sample, output]`, by its place in the window.
    Winners(Array2<u32>),
}

/// The states of all layers with a code at some points: which affine map acts on each point. They can be put on other
/// points, which shows what of a network's answer is the map and what the point.
#[derive(Clone, Debug, PartialEq)]
pub struct Gates {
    pub(super) states: Vec<State>,
    pub(super) samples: usize,
}

impl Gates {
    /// Number of points they are of.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Code elements `[sample, unit]` of one layer, each the weight of its second affine map (see
    /// [`super::Polytopes::gates`]); `None` for max-pooling, whose code is a choice.
    #[must_use]
    pub fn elements(&self, layer: usize) -> Option<ArrayView2<'_, f64>> {
        match self.states.get(layer) {
            Some(State::Elements(q)) => Some(q.view()),
            _ => None,
        }
    }

    /// Those of some of the points, by index, in that order.
    #[must_use]
    pub fn select(&self, samples: &[usize]) -> Self {
        let axis = ndarray::Axis(0);
        let states = self.states.iter().map(|state| match state {
            State::Elements(q) => State::Elements(q.select(axis, samples)),
            State::Winners(w) => State::Winners(w.select(axis, samples)),
        });
        Self { states: states.collect(), samples: samples.len() }
    }

    /// Code elements averaged over the points: one set of gates, whose affine map is of the mean code.
    ///
    /// Of max-pooling's choices the most frequent is taken, the first of equals.
    #[must_use]
    pub fn mean(&self) -> Self {
        let states = self.states.iter().map(|state| match state {
            State::Elements(q) => {
                State::Elements(q.mean_axis(ndarray::Axis(0)).unwrap_or_default().insert_axis(ndarray::Axis(0)))
            }
            State::Winners(w) => {
                let most = w.columns().into_iter().map(|column| {
                    let mut counts = vec![0_usize; column.iter().max().map_or(1, |&m| m as usize + 1)];
                    column.iter().for_each(|&winner| counts[winner as usize] += 1);
                    let best = counts.iter().max().copied().unwrap_or(0);
                    counts.iter().position(|&n| n == best).unwrap_or(0) as u32
                });
                State::Winners(most.collect::<ndarray::Array1<u32>>().insert_axis(ndarray::Axis(0)))
            }
        });
        Self { states: states.collect(), samples: 1 }
    }

    /// Joins what was found block by block.
    pub(super) fn joined(parts: Vec<Self>) -> Self {
        let samples = parts.iter().map(|part| part.samples).sum();
        let layers = parts.first().map_or(0, |part| part.states.len());
        let states = (0..layers).map(|layer| {
            let axis = ndarray::Axis(0);
            let elements: Vec<_> = parts.iter().filter_map(|part| part.elements(layer)).collect();
            if elements.len() == parts.len() {
                return State::Elements(ndarray::concatenate(axis, &elements).unwrap_or_default());
            }
            let winners: Vec<_> = parts
                .iter()
                .filter_map(|part| match &part.states[layer] {
                    State::Winners(w) => Some(w.view()),
                    State::Elements(_) => None,
                })
                .collect();
            State::Winners(ndarray::concatenate(axis, &winners).unwrap_or_default())
        });
        Self { states: states.collect(), samples }
    }
}

impl Gate {
    /// The layer's state at points `[sample, input]`.
    pub(super) fn state(&self, points: &Array2<f64>) -> State {
        if let GateKind::Pool(windows) = &self.kind {
            let winner = |(sample, output): (usize, usize)| winner(&windows[output], |input| points[[sample, input]]);
            return State::Winners(Array2::from_shape_fn((points.nrows(), self.outputs), winner));
        }
        let mut q = Array2::zeros(points.dim());
        for (x, mut q) in points.outer_iter().zip(q.outer_iter_mut()) {
            if let (Some(x), Some(q)) = (x.to_slice(), q.as_slice_mut()) {
                self.kind.elements(x, q);
            }
        }
        State::Elements(q)
    }

    /// Rows through the layer, group g by the state of sample `of(g)`.
    pub(super) fn apply(&self, state: &State, rows: Rows, of: impl Fn(usize) -> usize) -> Rows {
        match state {
            State::Elements(q) => {
                let mut rows = rows;
                for group in 0..rows.groups() {
                    let q = q.row(of(group));
                    let first = group * rows.group;
                    let mut block = rows.values.slice_mut(s![first..first + rows.group, ..]);
                    for (unit, &q) in q.iter().enumerate() {
                        let (slope, offset) = self.kind.slope_and_offset(q);
                        let mut column = block.column_mut(unit);
                        column.iter_mut().for_each(|x| *x *= slope);
                        if rows.constant {
                            column[rows.group - 1] += offset;
                        }
                    }
                }
                rows
            }
            State::Winners(winners) => {
                let GateKind::Pool(windows) = &self.kind else { return rows };
                let mut values = Array2::zeros((rows.values.nrows(), self.outputs));
                for ((row, output), value) in values.indexed_iter_mut() {
                    let winner = winners[[of(row / rows.group), output]] as usize;
                    *value = rows.values[[row, windows[output][winner]]];
                }
                rows.with(values)
            }
        }
    }
}

/// The place in a window of its largest number, the first of equals.
pub(super) fn winner(window: &[usize], value: impl Fn(usize) -> f64) -> u32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, &input) in window.iter().enumerate() {
        let x = value(input);
        if x > best.1 {
            best = (place, x);
        }
    }
    best.0 as u32
}
