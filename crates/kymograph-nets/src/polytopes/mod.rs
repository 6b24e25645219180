//! Polytopes: into which regions does a piecewise linear network cut its inputs, and which affine map acts in each?
//!
//! Between two layers a network of linear layers, convolutions, batch normalisation, ReLUs, |x| and max-pooling is one
//! affine map inside each region on which no unit changes its state; the states of all units are the region's spline code
//! (Balestriero and Baraniuk 2018, arXiv 1810.09274; Black et al. 2022, arXiv 2211.12312). Smooth activations have a soft
//! code in its place, by which affine maps are averaged.

mod codes;
mod flips;
mod gates;
mod linearisation;
mod path;
mod plane;
mod roots;
mod rows;
mod step;

use kymograph_linalg::{Real, parallel};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice, s};

pub use codes::{CodeLayer, Codes};
pub use flips::Flip;
pub use gates::Gates;
pub use linearisation::{Tangent, tangent};
pub use path::{Crossings, Curve};
pub use plane::{Plane, Region};

use crate::error::NetsError;
use crate::hooks::{self, Hook};
use crate::layers::{self, Shape};
use crate::loss::check_finite;
use crate::network::Network;
use rows::{Rows, affine};
use step::{Gate, Step};

/// Points that go through together.
const BLOCK: usize = 256;
/// Numbers that the rows of one computation may hold: 1 GB.
const MOST_NUMBERS: usize = 1 << 27;

/// The affine map that acts on a point: `A x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMap {
    /// A, `[output, input]`, both in PyTorch's order.
    pub matrix: Array2<f64>,
    /// b.
    pub bias: Array1<f64>,
}

impl AffineMap {
    /// The map's value at a point.
    ///
    /// # Panics
    /// When the point has another length than the map's input.
    #[must_use]
    pub fn at(&self, x: ArrayView1<'_, f64>) -> Array1<f64> {
        self.matrix.dot(&x) + &self.bias
    }
}

/// The part of a network between two hook points, with its weights in f64: its codes, its affine maps and its regions.
///
/// Points are `[sample, feature]` in PyTorch's order at the starting place, examples flattened. Everything is computed in f64
/// from the weights as they are; an f32 network's own outputs differ from it by f32's rounding.
///
/// ```
/// use kymograph_linalg::random;
/// use kymograph_nets::{Curve, LayerSpec, Network, NetworkSpec, Polytopes};
/// use ndarray::array;
///
/// let layers = vec![LayerSpec::linear("fc1", 6), LayerSpec::relu("relu1"), LayerSpec::linear("fc2", 3)];
/// let spec = NetworkSpec { name: "net".into(), input: vec![2], layers };
/// let net = Network::<f32>::new(&spec, &mut random::stream(0, "init"))?;
/// let polytopes = Polytopes::new(&net, "input")?;
/// let x = array![[0.3, -2.0], [1.0, 1.5]];
/// let map = polytopes.affine_map(x.row(0))?;
/// let output = polytopes.outputs(x.view())?;
/// assert!((map.at(x.row(0)) - output.row(0)).iter().all(|d| d.abs() < 1e-12));
/// let crossings = polytopes.crossings(x.row(0), x.row(1), Curve::Segment)?;
/// let codes = polytopes.codes(x.view())?;
/// assert!(crossings.total() >= codes.distance(0, 1));
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
pub struct Polytopes {
    steps: Vec<Step>,
    input: Shape,
    output: Shape,
    from: String,
    /// For each step, is what stands before it read again?
    read_again: Vec<bool>,
}

impl std::fmt::Debug for Polytopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polytopes").field("from", &self.from).field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

impl Polytopes {
    /// The network from a hook point to its output.
    ///
    /// # Errors
    /// An unknown hook point, or a layer without a spline code, which the error names: layer normalisation, attention,
    /// dropout, embeddings, and the end of a residual block that begins before the starting place.
    pub fn new<T: Real>(network: &Network<T>, from: &str) -> Result<Self, NetsError> {
        Self::of_places(network, from, network.layers.len())
    }

    /// The network between two hook points.
    ///
    /// # Errors
    /// As [`Polytopes::new`], and where the second does not lie behind the first.
    pub fn between<T: Real>(network: &Network<T>, from: &str, to: &str) -> Result<Self, NetsError> {
        let last = place(network, to)?;
        Self::of_places(network, from, last)
    }

    fn of_places<T: Real>(network: &Network<T>, from: &str, last: usize) -> Result<Self, NetsError> {
        let first = place(network, from)?;
        if first > last {
            return Err(NetsError::Value {
                option: format!("the starting place `{from}`, layer"),
                value: first as f64,
                range: format!("before the end, layer {last}"),
            });
        }
        let steps = step::steps(network, first, last)?;
        let mut read_again = vec![false; steps.len()];
        for step in &steps {
            if let Step::Add { from } = step {
                read_again[*from] = true;
            }
        }
        let (input, output) = (network.shapes[first], network.shapes[last]);
        Ok(Self { steps, input, output, from: from.to_owned(), read_again })
    }

    /// Numbers of a point at the starting place.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.input.len()
    }

    /// Numbers of an output.
    #[must_use]
    pub fn outputs_len(&self) -> usize {
        self.output.len()
    }

    /// The layers with a code, in order.
    #[must_use]
    pub fn code_layers(&self) -> Vec<CodeLayer> {
        codes::layers_of(self.gate_steps())
    }

    fn gate_steps(&self) -> impl Iterator<Item = &Gate> {
        self.steps.iter().filter_map(|step| match step {
            Step::Gate(gate) => Some(gate),
            _ => None,
        })
    }

    /// The outputs at points, `[sample, output]`.
    ///
    /// # Errors
    /// Points of another length, or not finite.
    pub fn outputs(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>, NetsError> {
        self.in_blocks(x, |rows, _| {
            self.run(rows, |_, gate, rows, _| {
                let state = gate.state(&rows.values);
                Ok(gate.apply(&state, rows, |sample| sample))
            })
        })
    }

    /// Which affine map acts on each point: the code elements of every layer with a code.
    ///
    /// An element is the weight q of a unit's second affine map, its first having the weight 1 − q: of x against 0 for ReLU
    /// (q = 1 where x > 0), GELU (q = Φ(x)) and SiLU (q = 1 / (1 + e⁻ˣ)); of x against −x for |x|; of the constants 1 against
    /// 0 for the sigmoid, 1 against −1 for tanh. A softmax has one constant map for each feature, weighted by its outputs.
    ///
    /// # Errors
    /// As [`Polytopes::outputs`].
    pub fn gates(&self, x: ArrayView2<'_, f64>) -> Result<Gates, NetsError> {
        self.check(x)?;
        let blocks = parallel::map_blocks(x.nrows(), BLOCK, |range| {
            let samples = range.len();
            let mut states = Vec::new();
            let rows = Rows::points(self.inward(x.slice_axis(Axis(0), Slice::from(range))));
            self.run(rows, |_, gate, rows, _| {
                let state = gate.state(&rows.values);
                let rows = gate.apply(&state, rows, |sample| sample);
                states.push(state);
                Ok(rows)
            })?;
            Ok(Gates { states, samples })
        });
        Ok(Gates::joined(blocks.into_iter().collect::<Result<_, NetsError>>()?))
    }

    /// What the affine maps of other points' codes make of these points: point i goes through with the gates of sample
    /// `of[i]`, as if `A(of[i]) x(i) + b(of[i])` were taken, `[sample, output]`.
    ///
    /// # Errors
    /// As [`Polytopes::outputs`]; another number of `of` than of points, or a sample that the gates do not have.
    pub fn outputs_with(&self, x: ArrayView2<'_, f64>, gates: &Gates, of: &[usize]) -> Result<Array2<f64>, NetsError> {
        if of.len() != x.nrows() {
            return Err(NetsError::Shape {
                what: "the list of samples whose gates are used".into(),
                expected: format!("[{}]", x.nrows()),
                found: vec![of.len()],
            });
        }
        if let Some(&sample) = of.iter().find(|&&sample| sample >= gates.samples) {
            return Err(NetsError::UnknownUnit { hook: "the gates".into(), unit: sample, units: gates.samples });
        }
        if gates.states.len() != self.gate_steps().count() {
            return Err(NetsError::Shape {
                what: "the gates".into(),
                expected: format!("{} layers with a code", self.gate_steps().count()),
                found: vec![gates.states.len()],
            });
        }
        self.in_blocks(x, |rows, first| {
            self.run(rows, |at, gate, rows, _| Ok(gate.apply(&gates.states[at], rows, |group| of[first + group])))
        })
    }

    /// The affine map of the code of a point. Where every layer is piecewise linear it is the network's own on the whole
    /// polytope; with soft codes it is the average by code elements, which gives the network's output at this point and is
    /// not its derivative.
    ///
    /// # Errors
    /// A point of another length or not finite, and a network too large for (input + 1) × features numbers.
    pub fn affine_map(&self, x: ArrayView1<'_, f64>) -> Result<AffineMap, NetsError> {
        let gates = self.gates(x.insert_axis(Axis(0)))?;
        let rows = self.run(self.identity()?, |at, gate, rows, _| Ok(gate.apply(&gates.states[at], rows, |_| 0)))?;
        let out = self.outward(rows.values);
        let inputs = self.inputs();
        let matrix = out.slice(s![..inputs, ..]).reversed_axes().as_standard_layout().into_owned();
        Ok(AffineMap { matrix, bias: out.row(inputs).to_owned() })
    }

    /// A row for each input, in PyTorch's order, and the constant.
    fn identity(&self) -> Result<Rows, NetsError> {
        let inputs = self.inputs();
        self.check_size(inputs + 1, inputs)?;
        let mut values = Array2::zeros((inputs + 1, inputs));
        values.slice_mut(s![..inputs, ..]).assign(&self.inward(Array2::eye(inputs).view()));
        Ok(Rows { values, group: inputs + 1, constant: true })
    }

    fn check_size(&self, rows: usize, features: usize) -> Result<(), NetsError> {
        if rows.saturating_mul(features) > MOST_NUMBERS {
            return Err(NetsError::TooManyPieces {
                layer: self.from.clone(),
                pieces: rows,
                remedy: "start at a later layer with fewer numbers".into(),
            });
        }
        Ok(())
    }

    /// Rows through every step; `gate` is handed the layers with a code, counted, and what is kept for later steps.
    fn run(
        &self,
        mut rows: Rows,
        mut gate: impl FnMut(usize, &Gate, Rows, &mut [Option<Array2<f64>>]) -> Result<Rows, NetsError>,
    ) -> Result<Rows, NetsError> {
        let mut kept: Vec<Option<Array2<f64>>> = vec![None; self.steps.len()];
        let mut gates = 0;
        for (at, step) in self.steps.iter().enumerate() {
            if self.read_again[at] {
                kept[at] = Some(rows.values.clone());
            }
            rows = match step {
                Step::Gate(layer) => {
                    gates += 1;
                    gate(gates - 1, layer, rows, &mut kept)?
                }
                _ => affine(step, rows, &kept),
            };
        }
        Ok(rows)
    }

    /// `work` on blocks of points in the stored order, with the number of the first; outputs in PyTorch's.
    fn in_blocks(
        &self,
        x: ArrayView2<'_, f64>,
        work: impl Fn(Rows, usize) -> Result<Rows, NetsError> + Sync + Send,
    ) -> Result<Array2<f64>, NetsError> {
        self.check(x)?;
        let blocks = parallel::map_blocks(x.nrows(), BLOCK, |range| {
            let first = range.start;
            let rows = Rows::points(self.inward(x.slice_axis(Axis(0), Slice::from(range))));
            Ok(self.outward(work(rows, first)?.values))
        });
        let blocks: Vec<Array2<f64>> = blocks.into_iter().collect::<Result<_, NetsError>>()?;
        let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
        Ok(ndarray::concatenate(Axis(0), &views).unwrap_or_default())
    }

    fn check(&self, x: ArrayView2<'_, f64>) -> Result<(), NetsError> {
        if x.ncols() != self.inputs() {
            return Err(NetsError::Shape {
                what: format!("the points at `{}`", self.from),
                expected: format!("[samples, {}]", self.inputs()),
                found: x.shape().to_vec(),
            });
        }
        if x.nrows() == 0 {
            return Err(NetsError::EmptyBatch { what: format!("the points at `{}`", self.from) });
        }
        check_finite(&format!("the points at `{}`", self.from), x.into_dyn())
    }

    fn inward(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        reordered(x, |from, to| layers::inward(self.input, from, to))
    }

    fn outward(&self, x: Array2<f64>) -> Array2<f64> {
        reordered(x.view(), |from, to| layers::outward(self.output, from, to))
    }
}

fn reordered(x: ArrayView2<'_, f64>, order: impl Fn(&[f64], &mut [f64])) -> Array2<f64> {
    let from = x.as_standard_layout();
    let mut to = Array2::zeros(x.dim());
    if let (Some(from), Some(to)) = (from.as_slice(), to.as_slice_mut()) {
        order(from, to);
    }
    to
}

/// The place of a hook point that stands for all of one.
fn place<T: Real>(network: &Network<T>, name: &str) -> Result<usize, NetsError> {
    let hook =
        hooks::find(&network.hooks, name).ok_or_else(|| hooks::unknown(&network.hooks, name, std::iter::empty()))?;
    match hook {
        Hook { part: None, place, .. } => Ok(*place),
        _ => Err(NetsError::NoCode {
            layer: name.to_owned(),
            kind: "a part of an attention's projection".into(),
            remedy: "name a layer's output".into(),
        }),
    }
}
