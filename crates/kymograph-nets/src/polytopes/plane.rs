//! A plane through the inputs: into which regions is it cut, and what does it look like?

use kymograph_linalg::parallel;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::gates::Gates;
use super::rows::{Rows, affine};
use super::step::{Gate, GateKind, Step};
use super::{Codes, MOST_NUMBERS, Polytopes};
use crate::error::NetsError;

/// Points of a picture that go through together.
const BLOCK: usize = 512;
/// A cut that leaves less than this share of a polygon's extent on one side is rounding.
const SLIVER: f64 = 1e-12;

/// A plane with coordinates (u, v): `origin + u·axes[0] + v·axes[1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Where u = v = 0.
    pub origin: Array1<f64>,
    /// Two directions of length one, at right angles.
    pub axes: [Array1<f64>; 2],
}

/// A region of a plane on which the network is affine.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Its corners (u, v), in order; regions are convex.
    pub corners: Vec<[f64; 2]>,
}

impl Region {
    /// Its area, in squared units of the starting place.
    #[must_use]
    pub fn area(&self) -> f64 {
        let next = self.corners.iter().cycle().skip(1);
        0.5 * self.corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs()
    }
}

impl Plane {
    /// The plane through three points; the origin is their mean, and the first axis points from the first to the second.
    ///
    /// # Errors
    /// Points of different lengths, or on a line.
    pub fn through(points: [ArrayView1<'_, f64>; 3]) -> Result<Self, NetsError> {
        let [a, b, c] = points;
        if b.len() != a.len() || c.len() != a.len() {
            return Err(NetsError::Shape {
                what: "the points of a plane".into(),
                expected: format!("three of [{}]", a.len()),
                found: vec![a.len(), b.len(), c.len()],
            });
        }
        let origin = (&a + &b + c) / 3.0;
        let norm = |x: &Array1<f64>| x.dot(x).sqrt();
        let first = &b - &a;
        let first = &first / norm(&first);
        let away = &c - &a;
        let across = &away - &(&first * away.dot(&first));
        let size = norm(&across);
        if size.is_nan() || size <= 1e-12 * norm(&away) || first.iter().any(|v| !v.is_finite()) {
            return Err(NetsError::Value {
                option: "the distance of a plane's third point from the line through the first two".into(),
                value: if size.is_finite() { size } else { 0.0 },
                range: "more than zero: the points may not lie on a line".into(),
            });
        }
        let second = across / size;
        Ok(Self { origin, axes: [first, second] })
    }

    /// The coordinates of the plane's point nearest to a point.
    #[must_use]
    pub fn coordinates(&self, point: ArrayView1<'_, f64>) -> [f64; 2] {
        let away = &point - &self.origin;
        [away.dot(&self.axes[0]), away.dot(&self.axes[1])]
    }
}

impl Polytopes {
    /// The regions of a rectangle `[[u from, u to], [v from, v to]]` of a plane, cut exactly layer by layer: each is a convex polygon on which
    /// no ReLU or |x| flips. Where two neighbouring regions have the same map by chance they are still two.
    ///
    /// # Errors
    /// Smooth activations and max-pooling, whose layer is named; a plane of another length; an empty rectangle; more
    /// regions than memory is taken for.
    pub fn regions(&self, plane: &Plane, rectangle: [[f64; 2]; 2]) -> Result<Vec<Region>, NetsError> {
        self.check_hard()?;
        if let Some(gate) = self.gate_steps().find(|gate| matches!(gate.kind, GateKind::Pool(_))) {
            return Err(NetsError::NoCode {
                layer: gate.name.clone(),
                kind: "max-pooling, whose regions of a plane are not cut".into(),
                remedy: "take the codes of a picture in their place".into(),
            });
        }
        let [[left, right], [low, high]] = rectangle;
        if !(left < right && low < high) {
            return Err(NetsError::Value {
                option: "the size of the rectangle".into(),
                value: (right - left).min(high - low),
                range: "more than zero".into(),
            });
        }
        let mut polygons = vec![vec![[left, low], [right, low], [right, high], [left, high]]];
        self.run(self.plane_rows(plane)?, |_, gate, rows, kept| cut(gate, rows, kept, &mut polygons))?;
        Ok(polygons.into_iter().map(|corners| Region { corners }).collect())
    }

    /// The codes and the outputs at the points of a grid on a plane, row by row of `v` and in each along `u`.
    ///
    /// The layers up to the first with a code see only the three rows that span the plane.
    ///
    /// # Errors
    /// A plane of another length, an empty grid.
    pub fn picture(&self, plane: &Plane, u: &[f64], v: &[f64]) -> Result<(Codes, Array2<f64>), NetsError> {
        if u.is_empty() || v.is_empty() {
            return Err(NetsError::EmptyBatch { what: "the grid of the picture".into() });
        }
        let first = self.steps.iter().position(|step| matches!(step, Step::Gate(_) | Step::Add { .. }));
        let linear = first.unwrap_or(self.steps.len());
        let spanned = self.steps[..linear].iter().fold(self.plane_rows(plane)?, |rows, step| affine(step, rows, &[]));
        let later = !self.read_again[..linear].iter().any(|again| *again);
        let spanned = if later { spanned.values } else { self.plane_rows(plane)?.values };
        let skip = if later { linear } else { 0 };
        let points = u.len() * v.len();
        let blocks = parallel::map_blocks(points, BLOCK, |range| {
            let samples = range.len();
            let grid = Array2::from_shape_fn((samples, 3), |(at, axis)| {
                let place = range.start + at;
                [u[place % u.len()], v[place / u.len()], 1.0][axis]
            });
            let mut states = Vec::new();
            let mut rows = Rows::points(grid.dot(&spanned));
            let mut kept: Vec<Option<Array2<f64>>> = vec![None; self.steps.len()];
            for (at, step) in self.steps.iter().enumerate().skip(skip) {
                if self.read_again[at] {
                    kept[at] = Some(rows.values.clone());
                }
                rows = match step {
                    Step::Gate(gate) => {
                        let state = gate.state(&rows.values);
                        let rows = gate.apply(&state, rows, |sample| sample);
                        states.push(state);
                        rows
                    }
                    _ => affine(step, rows, &kept),
                };
            }
            (Codes::of_gates(self.code_layers(), &Gates { states, samples }), self.outward(rows.values))
        });
        let (codes, outputs): (Vec<Codes>, Vec<Array2<f64>>) = blocks.into_iter().unzip();
        let views: Vec<ArrayView2<'_, f64>> = outputs.iter().map(|block| block.view()).collect();
        let outputs = ndarray::concatenate(Axis(0), &views).unwrap_or_default();
        Ok((Codes::joined(codes), outputs))
    }

    /// Rows of the two axes and the origin, in the stored order.
    fn plane_rows(&self, plane: &Plane) -> Result<Rows, NetsError> {
        let mut rows = Array2::zeros((3, self.inputs()));
        for (mut row, from) in rows.outer_iter_mut().zip([&plane.axes[0], &plane.axes[1], &plane.origin]) {
            if from.len() != self.inputs() {
                return Err(NetsError::Shape {
                    what: format!("the plane at `{}`", self.from),
                    expected: format!("[{}]", self.inputs()),
                    found: vec![from.len()],
                });
            }
            row.assign(from);
        }
        self.check(rows.view())?;
        Ok(Rows { values: self.inward(rows.view()), group: 3, constant: true })
    }
}

/// Cuts polygons where units of a layer flip.
fn cut(
    gate: &Gate,
    rows: Rows,
    kept: &mut [Option<Array2<f64>>],
    polygons: &mut Vec<Vec<[f64; 2]>>,
) -> Result<Rows, NetsError> {
    let mut parts: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut parents = Vec::new();
    for (parent, polygon) in std::mem::take(polygons).into_iter().enumerate() {
        let first = parts.len();
        parts.push(polygon);
        let block = rows.values.slice(s![parent * 3..parent * 3 + 3, ..]);
        for unit in 0..gate.inputs {
            let line = [block[[0, unit]], block[[1, unit]], block[[2, unit]]];
            for part in first..parts.len() {
                if let Some([below, above]) = halves(&parts[part], line) {
                    parts[part] = below;
                    parts.push(above);
                }
            }
        }
        parents.resize(parts.len(), parent);
    }
    if parts.len().saturating_mul(3 * gate.outputs) > MOST_NUMBERS {
        return Err(NetsError::TooManyPieces {
            layer: gate.name.clone(),
            pieces: parts.len(),
            remedy: "take a smaller rectangle".into(),
        });
    }
    let mut values = Array2::zeros((parts.len() * 3, gate.outputs));
    for (at, (polygon, &parent)) in parts.iter().zip(&parents).enumerate() {
        let [u, v] = middle(polygon);
        for unit in 0..gate.outputs {
            let line = [0, 1, 2].map(|row| rows.values[[parent * 3 + row, unit]]);
            let on = line[0] * u + line[1] * v + line[2] > 0.0;
            let slope = gate.kind.slope_and_offset(f64::from(u8::from(on))).0;
            (0..3).for_each(|row| values[[at * 3 + row, unit]] = slope * line[row]);
        }
    }
    for kept in kept.iter_mut().flatten() {
        let order: Vec<usize> = parents.iter().flat_map(|p| p * 3..p * 3 + 3).collect();
        *kept = kept.select(Axis(0), &order);
    }
    *polygons = parts;
    Ok(rows.with(values))
}

fn middle(polygon: &[[f64; 2]]) -> [f64; 2] {
    let n = polygon.len() as f64;
    let sum = polygon.iter().fold([0.0, 0.0], |sum, corner| [sum[0] + corner[0], sum[1] + corner[1]]);
    [sum[0] / n, sum[1] / n]
}

/// The parts of a convex polygon on the two sides of the line `a u + b v + c = 0`, if it crosses it.
fn halves(polygon: &[[f64; 2]], line: [f64; 3]) -> Option<[Vec<[f64; 2]>; 2]> {
    let value = |corner: &[f64; 2]| line[0] * corner[0] + line[1] * corner[1] + line[2];
    let values: Vec<f64> = polygon.iter().map(value).collect();
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    if low >= 0.0 || high <= 0.0 {
        return None;
    }
    let size = polygon.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
    let rounding = SLIVER * ((line[0].abs() + line[1].abs()) * size + line[2].abs());
    if -low <= rounding || high <= rounding {
        return None;
    }
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for (at, corner) in polygon.iter().enumerate() {
        let next = (at + 1) % polygon.len();
        let (a, b) = (values[at], values[next]);
        if a <= 0.0 {
            below.push(*corner);
        }
        if a >= 0.0 {
            above.push(*corner);
        }
        if (a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0) {
            let t = a / (a - b);
            let to = polygon[next];
            let between = [corner[0] + t * (to[0] - corner[0]), corner[1] + t * (to[1] - corner[1])];
            below.push(between);
            above.push(between);
        }
    }
    Some([below, above])
}
