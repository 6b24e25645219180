//! The layers of a network between two places, as steps that are affine and steps that have a code.

use kymograph_linalg::Real;
use ndarray::{Array1, Array2};

use crate::error::NetsError;
use crate::layers::{Conv, Layer, Pool, Shape};
use crate::network::Network;
use crate::spec::Gelu;

/// One layer.
pub(super) enum Step {
    /// A product with `[in, out]` on every run of `in` numbers.
    Linear {
        weight: Array2<f64>,
        bias: Option<Array1<f64>>,
    },
    Conv(Filters),
    /// Numbers times a factor, plus a shift, unit by unit along the last axis.
    Scale {
        factor: Vec<f64>,
        shift: Vec<f64>,
    },
    /// From the stored order to PyTorch's.
    Outward(Shape),
    /// A constant added to every example.
    Shift(Vec<f64>),
    MeanTokens {
        tokens: usize,
        features: usize,
    },
    /// Adds what stood before step `from`.
    Add {
        from: usize,
    },
    Gate(Gate),
}

/// A convolution as a product of windows with filters `[kernel row, kernel column, in; out]`.
pub(super) struct Filters {
    pub(super) weight: Array2<f64>,
    pub(super) bias: Option<Array1<f64>>,
    /// Row, column, channel of the input.
    pub(super) input: [usize; 3],
    /// Row, column of the output.
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
}

/// A layer with a code.
pub(super) struct Gate {
    pub(super) name: String,
    pub(super) kind: GateKind,
    /// Numbers that go in and come out.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

pub(super) enum GateKind {
    Relu,
    Abs,
    Gelu(Gelu),
    Silu,
    Sigmoid,
    Tanh,
    /// Over runs of so many features.
    Softmax(usize),
    /// For each output, the inputs of its window in the order in which they are searched.
    Pool(Vec<Vec<usize>>),
}

impl GateKind {
    /// Are the layer's codes whole numbers, with a polytope for each?
    pub(super) fn is_hard(&self) -> bool {
        matches!(self, Self::Relu | Self::Abs | Self::Pool(_))
    }

    /// Slope and offset of a unit whose code element is `q`.
    pub(super) fn slope_and_offset(&self, q: f64) -> (f64, f64) {
        match self {
            Self::Relu | Self::Gelu(_) | Self::Silu => (q, 0.0),
            Self::Abs => (2.0 * q - 1.0, 0.0),
            Self::Sigmoid | Self::Softmax(_) => (0.0, q),
            Self::Tanh => (0.0, 2.0 * q - 1.0),
            Self::Pool(_) => (1.0, 0.0),
        }
    }

    /// The code elements of a row of inputs; of max-pooling none.
    pub(super) fn elements(&self, x: &[f64], q: &mut [f64]) {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let each = |q: &mut [f64], f: &dyn Fn(f64) -> f64| q.iter_mut().zip(x).for_each(|(q, &x)| *q = f(x));
        match self {
            Self::Relu | Self::Abs => each(q, &|x| f64::from(u8::from(x > 0.0))),
            Self::Gelu(form) => each(q, &|x| crate::layers::gelu_share(*form, x)),
            Self::Silu | Self::Sigmoid => each(q, &sigmoid),
            Self::Tanh => each(q, &|x| sigmoid(2.0 * x)),
            Self::Softmax(features) => crate::layers::softmax(*features, x, q),
            Self::Pool(_) => {}
        }
    }
}

/// The steps of the layers from place `first` up to place `last`.
pub(super) fn steps<T: Real>(network: &Network<T>, first: usize, last: usize) -> Result<Vec<Step>, NetsError> {
    (first..last).map(|at| step(network, at, first)).collect()
}

fn step<T: Real>(network: &Network<T>, at: usize, first: usize) -> Result<Step, NetsError> {
    let (shape, next) = (network.shapes[at], network.shapes[at + 1]);
    let name = &network.labels[at];
    let parameters = |range: &std::ops::Range<usize>| -> Vec<f64> {
        network.parameters[range.clone()].iter().map(|x| x.to_f64()).collect()
    };
    let refuse = |kind: &str, remedy: &str| {
        Err(NetsError::NoCode { layer: name.clone(), kind: kind.to_owned(), remedy: remedy.to_owned() })
    };
    let gate =
        |kind: GateKind| Ok(Step::Gate(Gate { name: name.clone(), kind, inputs: shape.len(), outputs: next.len() }));
    let later = "start behind it, or end before it";
    match &network.layers[at] {
        Layer::Linear(linear) => Ok(Step::Linear {
            weight: matrix(linear.inputs, linear.outputs, parameters(&linear.weight)),
            bias: linear.bias.as_ref().map(|range| parameters(range).into()),
        }),
        Layer::Conv(conv) => Ok(Step::Conv(filters(conv, &parameters))),
        Layer::Norm(norm) => {
            let totals = norm.running();
            let (weight, bias) = (parameters(&norm.weight), parameters(&norm.bias));
            let factor: Vec<f64> = weight.iter().zip(&totals.scale).map(|(w, s)| w * s).collect();
            let shift = bias.iter().zip(&totals.mean).zip(&factor).map(|((b, m), f)| b - m * f).collect();
            Ok(Step::Scale { factor, shift })
        }
        Layer::Flatten => Ok(Step::Outward(shape)),
        Layer::Positions(positions) => Ok(Step::Shift(parameters(&positions.table))),
        Layer::MeanTokens => {
            let features = next.len();
            Ok(Step::MeanTokens { tokens: shape.len() / features, features })
        }
        Layer::Add { from } if *from >= first => Ok(Step::Add { from: from - first }),
        Layer::Add { .. } => Err(NetsError::NoCode {
            layer: name.clone(),
            kind: "the end of a residual block that begins before the starting place".into(),
            remedy: "start before the block".into(),
        }),
        Layer::Relu => gate(GateKind::Relu),
        Layer::Abs => gate(GateKind::Abs),
        Layer::Gelu(form) => gate(GateKind::Gelu(*form)),
        Layer::Silu => gate(GateKind::Silu),
        Layer::Sigmoid => gate(GateKind::Sigmoid),
        Layer::Tanh => gate(GateKind::Tanh),
        Layer::Softmax => gate(GateKind::Softmax(shape.units())),
        Layer::Pool(pool) => gate(GateKind::Pool(windows(pool))),
        Layer::Dropout(_) => refuse("dropout", "build the network without it: in use it does nothing"),
        Layer::LayerNorm(_) => refuse("layer normalisation", later),
        Layer::Patterns(_) | Layer::Mix(_) => refuse("attention", later),
        Layer::Embedding(_) => refuse("an embedding of whole numbers", "start behind it"),
    }
}

fn matrix(rows: usize, columns: usize, values: Vec<f64>) -> Array2<f64> {
    Array2::from_shape_vec((rows, columns), values).unwrap_or_else(|_| Array2::zeros((rows, columns)))
}

fn filters<T: Real>(conv: &Conv<T>, parameters: &dyn Fn(&std::ops::Range<usize>) -> Vec<f64>) -> Filters {
    let rows = conv.kernel[0] * conv.kernel[1] * conv.channels;
    Filters {
        weight: matrix(rows, conv.out_channels, parameters(&conv.weight)),
        bias: conv.bias.as_ref().map(|range| parameters(range).into()),
        input: [conv.height, conv.width, conv.channels],
        output: [conv.out_height, conv.out_width],
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.padding,
    }
}

/// The inputs of every window, row by row, as the pooling layer searches them.
fn windows(pool: &Pool) -> Vec<Vec<usize>> {
    let w = &pool.windows;
    let mut all = Vec::with_capacity(pool.out_length());
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            for channel in 0..w.channels {
                let columns = w.clipped(x, 1);
                let places = w.clipped(y, 0).flat_map(|i| columns.clone().map(move |j| (i, j)));
                all.push(places.map(|(i, j)| w.pixel(y, x, i, j) * w.channels + channel).collect());
            }
        }
    }
    all
}
