//! Boundaries along a path, counted exactly: the path is cut at every flip of every layer, so that on each piece the next
//! layer's inputs are one formula, whose zeros are known.

use ndarray::{Array2, ArrayView1, Axis, s};

use super::gates::winner;
use super::rows::Rows;
use super::step::{Gate, GateKind};
use super::{MOST_NUMBERS, Polytopes};
use crate::error::NetsError;

/// Chords by which a piece of an arc's image is measured.
const CHORDS: usize = 8;

/// The way between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The straight segment.
    Segment,
    /// The great circle about the origin from the first point towards the direction of the second: it keeps the first
    /// point's norm, and ends at the second where their norms are equal.
    Arc,
}

/// The boundaries that a path crosses.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossings {
    /// Crossings of each layer with a code. A deep unit may flip several times.
    pub counts: Vec<usize>,
    /// How many units of each layer are in different states at the two ends: at most as many as `counts`.
    pub hamming: Vec<usize>,
    /// Each crossing: its place as a share of the path from 0 to 1, and its layer, in the order of the path.
    pub places: Vec<(f64, usize)>,
    /// The largest output on the way: where each begins to be, from 0 on, and which it is.
    pub answers: Vec<(f64, usize)>,
    /// Euclidean length of the path at the starting place.
    pub length: f64,
    /// Euclidean length of its image in the output. Exact for a segment; for an arc a lower bound by 8 chords a piece.
    pub output_length: f64,
}

impl Crossings {
    /// Crossings of all layers.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// A path cut into pieces.
struct Cut {
    curve: Curve,
    /// Ends of the pieces, one more than there are.
    edges: Vec<f64>,
    found: Crossings,
}

impl Polytopes {
    /// **How many boundaries lie on the way from one point to another?** Every flip of every ReLU and |x| and every change of a
    /// max-pooling's winner, layer by layer.
    ///
    /// Exact in f64, along the segment and along the arc: between two break points of the layers before, a unit's input is
    /// `p t + q` on a segment and `α cos θ + β sin θ + γ` on an arc, whose zeros have closed forms. Cost and memory grow with
    /// the pieces × features.
    ///
    /// # Errors
    /// A layer with a smooth activation, which has no boundaries; points of another length or not finite; an arc between
    /// parallel points or from the origin; a path of too many pieces.
    pub fn crossings(
        &self,
        from: ArrayView1<'_, f64>,
        to: ArrayView1<'_, f64>,
        curve: Curve,
    ) -> Result<Crossings, NetsError> {
        self.check(from.insert_axis(Axis(0)))?;
        self.check(to.insert_axis(Axis(0)))?;
        self.check_hard()?;
        let (values, end, length) = along(from, to, curve)?;
        let gates = self.gate_steps().count();
        let mut cut = Cut {
            curve,
            edges: vec![0.0, end],
            found: Crossings {
                counts: vec![0; gates],
                hamming: vec![0; gates],
                places: Vec::new(),
                answers: Vec::new(),
                length,
                output_length: 0.0,
            },
        };
        let rows = Rows { values: self.inward(values.view()), group: curve.rows(), constant: true };
        let rows = self.run(rows, |at, gate, rows, kept| cut.through(at, gate, rows, kept))?;
        cut.found.output_length = cut.image_length(&rows.values);
        cut.answer(&rows);
        let Cut { mut found, .. } = cut;
        found.places.iter_mut().chain(&mut found.answers).for_each(|(place, _)| *place /= end);
        found.places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Ok(found)
    }

    /// An error for a network with smooth activations.
    pub(super) fn check_hard(&self) -> Result<(), NetsError> {
        match self.gate_steps().find(|gate| !gate.kind.is_hard()) {
            Some(gate) => Err(NetsError::NoCode {
                layer: gate.name.clone(),
                kind: "a smooth activation without boundaries".into(),
                remedy: "compare soft codes along the path in their place".into(),
            }),
            None => Ok(()),
        }
    }
}

/// The rows of a curve, the parameter at its end, and its length.
fn along(
    from: ArrayView1<'_, f64>,
    to: ArrayView1<'_, f64>,
    curve: Curve,
) -> Result<(Array2<f64>, f64, f64), NetsError> {
    let norm = |x: ArrayView1<'_, f64>| x.dot(&x).sqrt();
    let mut rows = Array2::zeros((curve.rows(), from.len()));
    match curve {
        Curve::Segment => {
            let direction = &to - &from;
            let length = norm(direction.view());
            rows.row_mut(0).assign(&direction);
            rows.row_mut(1).assign(&from);
            Ok((rows, 1.0, length))
        }
        Curve::Arc => {
            let radius = norm(from);
            let across = &to - &(&from * (from.dot(&to) / (radius * radius)));
            let size = norm(across.view());
            // Rounding leaves so much of a vector along the first point.
            let least = 1e-12 * norm(to);
            if radius == 0.0 || size.is_nan() || size <= least {
                return Err(NetsError::Value {
                    option: "the part of the arc's second point across its first".into(),
                    value: if size.is_nan() { 0.0 } else { size },
                    range: "more than zero: the points may not be parallel, nor the origin".into(),
                });
            }
            let angle = size.atan2(from.dot(&to) / radius);
            rows.row_mut(0).assign(&from);
            rows.row_mut(1).assign(&(across * (radius / size)));
            Ok((rows, angle, radius * angle))
        }
    }
}

impl Cut {
    fn through(
        &mut self,
        layer: usize,
        gate: &Gate,
        rows: Rows,
        kept: &mut [Option<Array2<f64>>],
    ) -> Result<Rows, NetsError> {
        let k = rows.group;
        // Pieces of this layer: the piece before that each is a part of.
        let (mut edges, mut parents) = (vec![self.edges[0]], Vec::new());
        let mut roots = Vec::new();
        for piece in 0..rows.groups() {
            let (from, to) = (self.edges[piece], self.edges[piece + 1]);
            roots.clear();
            self.break_points(gate, &rows, piece, &mut roots);
            roots.sort_by(f64::total_cmp);
            roots.dedup();
            for &edge in roots.iter().filter(|&&t| t > from && t < to).chain([&to]) {
                edges.push(edge);
                parents.push(piece);
            }
        }
        let features = gate.inputs.max(gate.outputs);
        if parents.len().saturating_mul(k).saturating_mul(features) > MOST_NUMBERS {
            return Err(NetsError::TooManyPieces {
                layer: gate.name.clone(),
                pieces: parents.len(),
                remedy: "take a shorter path, or start at a later layer".into(),
            });
        }
        let mut values = Array2::zeros((parents.len() * k, gate.outputs));
        let mut states: [Vec<u32>; 3] = Default::default();
        for (piece, &parent) in parents.iter().enumerate() {
            let middle = 0.5 * (edges[piece] + edges[piece + 1]);
            let from = rows.values.slice(s![parent * k..(parent + 1) * k, ..]);
            let weights = self.curve.weights(middle);
            let here = |unit: usize| (0..k).map(|row| weights[row] * from[[row, unit]]).sum::<f64>();
            let [first, last, now] = &mut states;
            now.clear();
            for output in 0..gate.outputs {
                let (state, input, slope) = match &gate.kind {
                    GateKind::Pool(windows) => {
                        let won = winner(&windows[output], here);
                        (won, windows[output][won as usize], 1.0)
                    }
                    kind => {
                        let on = u32::from(here(output) > 0.0);
                        (on, output, kind.slope_and_offset(f64::from(on)).0)
                    }
                };
                now.push(state);
                for row in 0..k {
                    values[[piece * k + row, output]] = slope * from[[row, input]];
                }
            }
            if piece == 0 {
                first.clone_from(now);
            } else {
                let flipped = last.iter().zip(now.iter()).filter(|(a, b)| a != b).count();
                self.found.counts[layer] += flipped;
                self.found.places.extend(std::iter::repeat_n((edges[piece], layer), flipped));
            }
            std::mem::swap(last, now);
        }
        self.found.hamming[layer] = states[0].iter().zip(&states[1]).filter(|(a, b)| a != b).count();
        for kept in kept.iter_mut().flatten() {
            let old = std::mem::take(kept);
            let order: Vec<usize> = parents.iter().flat_map(|p| p * k..(p + 1) * k).collect();
            *kept = old.select(Axis(0), &order);
        }
        self.edges = edges;
        Ok(rows.with(values))
    }

    /// Where units of the layer change their state on a piece, in any order.
    fn break_points(&self, gate: &Gate, rows: &Rows, piece: usize, found: &mut Vec<f64>) {
        let (from, to) = (self.edges[piece], self.edges[piece + 1]);
        let k = rows.group;
        let block = rows.values.slice(s![piece * k..(piece + 1) * k, ..]);
        let of = |unit: usize| {
            let mut coefficients = [0.0; 3];
            coefficients.iter_mut().zip(block.column(unit)).for_each(|(c, v)| *c = *v);
            coefficients
        };
        let GateKind::Pool(windows) = &gate.kind else {
            (0..gate.inputs).for_each(|unit| self.curve.roots(of(unit), from, to, found));
            return;
        };
        let mut ties = Vec::new();
        for window in windows {
            ties.clear();
            for (place, &a) in window.iter().enumerate() {
                for &b in &window[place + 1..] {
                    let (a, b) = (of(a), of(b));
                    self.curve.roots([a[0] - b[0], a[1] - b[1], a[2] - b[2]], from, to, &mut ties);
                }
            }
            ties.sort_by(f64::total_cmp);
            // Only where the winner changes, and not where two others are equal.
            let won = |left: f64, right: f64| {
                let weights = self.curve.weights(0.5 * (left + right));
                winner(window, |input| of(input).iter().zip(&weights).map(|(c, w)| c * w).sum())
            };
            let ends = |at: usize| (if at == 0 { from } else { ties[at - 1] }, ties.get(at).copied().unwrap_or(to));
            let winners: Vec<u32> = (0..=ties.len()).map(|at| won(ends(at).0, ends(at).1)).collect();
            found.extend(winners.windows(2).zip(&ties).filter(|(pair, _)| pair[0] != pair[1]).map(|(_, t)| *t));
        }
    }

    /// Which output is largest, piece by piece.
    fn answer(&mut self, rows: &Rows) {
        let outputs = rows.values.ncols();
        let window: Vec<usize> = (0..outputs).collect();
        let largest = |piece: usize, t: f64| {
            let weights = self.curve.weights(t);
            let block = rows.values.slice(s![piece * rows.group..(piece + 1) * rows.group, ..]);
            winner(&window, |output| block.column(output).iter().zip(&weights).map(|(c, w)| c * w).sum()) as usize
        };
        let gate =
            Gate { name: String::new(), kind: GateKind::Pool(vec![window.clone()]), inputs: outputs, outputs: 1 };
        let mut answers: Vec<(f64, usize)> = Vec::new();
        let mut changes = Vec::new();
        for piece in 0..self.edges.len() - 1 {
            let (from, to) = (self.edges[piece], self.edges[piece + 1]);
            changes.clear();
            self.break_points(&gate, rows, piece, &mut changes);
            changes.sort_by(f64::total_cmp);
            let mut start = from;
            for &end in changes.iter().chain([&to]) {
                let now = largest(piece, 0.5 * (start + end));
                if answers.last().is_none_or(|(_, last)| *last != now) {
                    answers.push((start, now));
                }
                start = end;
            }
        }
        self.found.answers = answers;
    }

    /// Length of the image of the path under rows of the output.
    fn image_length(&self, values: &Array2<f64>) -> f64 {
        let k = self.curve.rows();
        let mut length = 0.0;
        for piece in 0..self.edges.len() - 1 {
            let (from, to) = (self.edges[piece], self.edges[piece + 1]);
            let block = values.slice(s![piece * k..(piece + 1) * k, ..]);
            if self.curve == Curve::Segment {
                length += (to - from) * block.row(0).dot(&block.row(0)).sqrt();
                continue;
            }
            let at = |t: f64| {
                let weights = ArrayView1::from(&self.curve.weights(t)[..k]).to_owned();
                weights.dot(&block)
            };
            let chord = (to - from) / CHORDS as f64;
            for step in 0..CHORDS {
                let apart = at(from + chord * (step + 1) as f64) - at(from + chord * step as f64);
                length += apart.dot(&apart).sqrt();
            }
        }
        length
    }
}
