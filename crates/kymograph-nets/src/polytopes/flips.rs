//! What changes at a boundary: one unit flips, and the affine map by a matrix of rank one.

use ndarray::{Array2, ArrayView1, Axis, s};

use super::gates::{Gates, State};
use super::rows::{Rows, affine};
use super::step::{Gate, GateKind, Step};
use super::{AffineMap, Polytopes};
use crate::error::NetsError;

/// What the affine map of a point would lose or gain if one unit were in its other state.
#[derive(Clone, Debug, PartialEq)]
pub struct Flip {
    /// The layer, counted among those with a code.
    pub layer: usize,
    /// The unit.
    pub unit: usize,
    /// Frobenius norm of the change, `|column| · |row|` (times 2 for |x|): the column carries the unit's output to the
    /// network's, the row the input to the unit.
    pub change: f64,
    /// Its share of the Frobenius norm of the map; `None` where the map is zero.
    pub relative: Option<f64>,
    /// Distance from the point to the plane on which the unit's input is zero under this map; `None` where the unit does not
    /// depend on the input. The smallest over all units is the exact distance to the nearest boundary; for one behind
    /// other boundaries the plane need not be where the unit flips.
    pub distance: Option<f64>,
}

impl Polytopes {
    /// The change of the affine map with each single flip at a point, for every unit of ReLU and |x|.
    ///
    /// # Errors
    /// As [`Polytopes::affine_map`]; and a layer with a smooth activation or max-pooling, which has no flip of one unit, is
    /// left out.
    pub fn flips(&self, x: ArrayView1<'_, f64>) -> Result<Vec<Flip>, NetsError> {
        let gates = self.gates(x.insert_axis(Axis(0)))?;
        let inputs = self.inputs();
        let mut upstream: Vec<Option<Array2<f64>>> = Vec::new();
        let rows = self.run(self.identity()?, |at, gate, rows, _| {
            upstream.push(matches!(gate.kind, GateKind::Relu | GateKind::Abs).then(|| rows.values.clone()));
            Ok(gate.apply(&gates.states[at], rows, |_| 0))
        })?;
        let whole = norm(rows.values.slice(s![..inputs, ..]).iter());
        let mut flips = Vec::new();
        for (layer, upstream) in upstream.into_iter().enumerate() {
            let Some(upstream) = upstream else { continue };
            let (steps, columns) = self.downstream(layer, &gates)?;
            for unit in 0..upstream.ncols() {
                let row = norm(upstream.slice(s![..inputs, unit]).iter());
                let step = if matches!(steps.kind, GateKind::Abs) { 2.0 } else { 1.0 };
                let change = step * row * norm(columns.row(unit).iter());
                let value = value_at(&upstream, unit, x);
                flips.push(Flip {
                    layer,
                    unit,
                    change,
                    relative: (whole > 0.0).then(|| change / whole),
                    distance: (row > 0.0).then(|| value.abs() / row),
                });
            }
        }
        Ok(flips)
    }

    /// The affine map of a point's code with one unit of ReLU or |x| in its other state.
    ///
    /// # Errors
    /// As [`Polytopes::affine_map`]; a layer or unit that is not there, or has no such states.
    pub fn flipped_map(&self, x: ArrayView1<'_, f64>, layer: usize, unit: usize) -> Result<AffineMap, NetsError> {
        let mut gates = self.gates(x.insert_axis(Axis(0)))?;
        let kind = self.gate_steps().nth(layer).map(|gate| &gate.kind);
        match (kind, gates.states.get_mut(layer)) {
            (Some(GateKind::Relu | GateKind::Abs), Some(State::Elements(q))) if unit < q.ncols() => {
                q[[0, unit]] = 1.0 - q[[0, unit]];
            }
            (_, state) => {
                let units = match state {
                    Some(State::Elements(q)) => q.ncols(),
                    _ => 0,
                };
                return Err(NetsError::UnknownUnit { hook: format!("layer with a code {layer}"), unit, units });
            }
        }
        let rows = self.run(self.identity()?, |at, gate, rows, _| Ok(gate.apply(&gates.states[at], rows, |_| 0)))?;
        let out = self.outward(rows.values);
        let inputs = self.inputs();
        Ok(AffineMap { matrix: out.slice(s![..inputs, ..]).t().to_owned(), bias: out.row(inputs).to_owned() })
    }

    /// What reaches the output from each unit behind a layer with a code, `[unit, output]`.
    fn downstream(&self, layer: usize, gates: &Gates) -> Result<(&Gate, Array2<f64>), NetsError> {
        let mut at = 0;
        let mut seen = 0;
        let mut found = None;
        for (index, step) in self.steps.iter().enumerate() {
            if let Step::Gate(gate) = step {
                if seen == layer {
                    (at, found) = (index + 1, Some(gate));
                }
                seen += 1;
            }
        }
        let Some(gate) = found else {
            return Err(NetsError::UnknownUnit { hook: "the layers with a code".into(), unit: layer, units: seen });
        };
        self.check_size(gate.outputs, gate.outputs)?;
        let mut rows = Rows { values: Array2::eye(gate.outputs), group: gate.outputs, constant: false };
        let mut kept: Vec<Option<Array2<f64>>> = vec![None; self.steps.len()];
        let mut next = layer + 1;
        for (index, step) in self.steps.iter().enumerate().skip(at) {
            if self.read_again[index] {
                kept[index] = Some(rows.values.clone());
            }
            rows = match step {
                Step::Gate(gate) => {
                    next += 1;
                    gate.apply(&gates.states[next - 1], rows, |_| 0)
                }
                // What was kept before the layer does not depend on it: nothing is added.
                _ => affine(step, rows, &kept),
            };
        }
        Ok((gate, rows.values))
    }
}

fn norm<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// The value of a unit at a point from the rows of the inputs and the constant.
fn value_at(rows: &Array2<f64>, unit: usize, point: ArrayView1<'_, f64>) -> f64 {
    point.dot(&rows.slice(s![..point.len(), unit])) + rows[[point.len(), unit]]
}
