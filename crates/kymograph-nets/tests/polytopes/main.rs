//! Codes, affine maps, boundaries and regions against slow twins that ask the network itself.

mod codes;
mod hostile;
mod maps;
mod paths;
mod planes;
#[path = "../support/mod.rs"]
mod support;
mod tangents;

use kymograph_linalg::{Real, random};
use kymograph_nets::{Gelu, LayerKind, LayerSpec, Network, Polytopes};
use ndarray::{Array2, ArrayD, ArrayView2, IxDyn};

/// A small network of every kind of layer that is piecewise linear, with weights that are not small.
fn hard_networks() -> Vec<(&'static str, Network<f64>)> {
    let mlp = |activation: fn(&str) -> LayerSpec| {
        let mut layers = Vec::new();
        for (at, width) in [8, 7, 6].into_iter().enumerate() {
            layers.push(LayerSpec::linear(format!("fc{at}"), width));
            layers.push(activation(&format!("act{at}")));
        }
        layers.push(LayerSpec::linear("out", 3));
        layers
    };
    let inside = vec![LayerSpec::linear("r1", 6), LayerSpec::relu("ra"), LayerSpec::linear("r2", 8)];
    let residual = vec![
        LayerSpec::linear("fc", 8),
        LayerSpec::batch_norm1d("norm"),
        LayerSpec::relu("act"),
        LayerSpec::residual("block", inside),
        LayerSpec::abs("last"),
        LayerSpec::linear("out", 3),
    ];
    let padded = LayerKind::MaxPool2d { kernel_size: 3.into(), stride: Some(2.into()), padding: 1.into() };
    let images = vec![
        LayerSpec::conv2d("conv1", 3, 3, 1),
        LayerSpec::relu("relu1"),
        LayerSpec::max_pool2d("pool1", 2),
        LayerSpec::batch_norm2d("norm"),
        LayerSpec::conv2d("conv2", 4, 2, 0),
        LayerSpec::new("pool2", padded),
        LayerSpec::flatten("flatten"),
        LayerSpec::linear("fc", 6),
        LayerSpec::abs("abs"),
        LayerSpec::linear("out", 3),
    ];
    let tokens = vec![
        LayerSpec::patches("patches", 2),
        LayerSpec::linear("embed", 5),
        LayerSpec::positions("places"),
        LayerSpec::relu("act"),
        LayerSpec::mean_tokens("mean"),
        LayerSpec::linear("out", 3),
    ];
    vec![
        ("relu", grown(&[5], mlp(|name| LayerSpec::relu(name)))),
        ("abs", grown(&[5], mlp(|name| LayerSpec::abs(name)))),
        ("residual", grown(&[5], residual)),
        ("images", grown(&[2, 6, 4], images)),
        ("tokens", grown(&[6], tokens)),
    ]
}

fn soft_networks() -> Vec<(&'static str, Network<f64>)> {
    let kinds = [
        ("gelu", LayerKind::Gelu { approximate: Gelu::None }),
        ("gelu tanh", LayerKind::Gelu { approximate: Gelu::Tanh }),
        ("silu", LayerKind::Silu),
        ("tanh", LayerKind::Tanh),
        ("sigmoid", LayerKind::Sigmoid),
        ("softmax", LayerKind::Softmax),
    ];
    let network = |kind: &LayerKind| {
        let layers = vec![
            LayerSpec::linear("fc1", 7),
            LayerSpec::new("act1", kind.clone()),
            LayerSpec::linear("fc2", 6),
            LayerSpec::relu("act2"),
            LayerSpec::linear("fc3", 4),
            LayerSpec::softmax("softmax"),
        ];
        grown(&[5], layers)
    };
    kinds.iter().map(|(name, kind)| (*name, network(kind))).collect()
}

/// Every tensor drawn anew, so that biases and running statistics take part.
fn grown(input: &[usize], layers: Vec<LayerSpec>) -> Network<f64> {
    let mut net = support::network::<f64>(input, layers);
    let mut rng = random::stream(11, "weights");
    let state = net.state_dict().into_iter().map(|(name, tensor)| {
        let (scale, positive) = (1.2 / (tensor.len() as f64).powf(0.25), name.ends_with("running_var"));
        let tensor = tensor.mapv(|_| {
            let value = scale * random::normal(&mut rng);
            if positive { value.abs() + 0.5 } else { value }
        });
        (name, tensor)
    });
    let state: Vec<_> = state.collect();
    net.load_state_dict(&state).unwrap();
    net
}

fn points(net: &Network<f64>, seed: u64, count: usize) -> Array2<f64> {
    let size: usize = net.spec().input.iter().product();
    random::normal_matrix(&mut random::stream(seed, "points"), count, size)
}

/// As the network takes them.
fn shaped<T: Real>(net: &Network<T>, x: ArrayView2<'_, T>) -> ArrayD<T> {
    let shape: Vec<usize> = [&[x.nrows()], net.spec().input.as_slice()].concat();
    ArrayD::from_shape_vec(IxDyn(&shape), x.iter().copied().collect()).unwrap()
}

fn from_input(net: &Network<f64>) -> Polytopes {
    Polytopes::new(net, "input").unwrap()
}

/// The states of all units with a code, asked of the network itself: signs of the inputs of activations, and which of a
/// window is largest. `[sample][element]`, images pixel by pixel.
fn asked(net: &Network<f64>, x: &Array2<f64>) -> Vec<Vec<u32>> {
    let mut codes = vec![Vec::new(); x.nrows()];
    let mut before = "input".to_owned();
    visit(&net.spec().layers, &mut before, &mut |layer, before| {
        let values = &net.capture(shaped(net, x.view()).view(), &[before]).unwrap()[before];
        for (sample, code) in codes.iter_mut().enumerate() {
            let values = values.index_axis(ndarray::Axis(0), sample);
            match &layer.kind {
                LayerKind::Relu | LayerKind::Abs if values.ndim() == 3 => {
                    let turned = values.view().permuted_axes(IxDyn(&[1, 2, 0]));
                    code.extend(turned.iter().map(|&z| u32::from(z > 0.0)));
                }
                LayerKind::Relu | LayerKind::Abs => code.extend(values.iter().map(|&z| u32::from(z > 0.0))),
                LayerKind::MaxPool2d { kernel_size, stride, padding } => {
                    let (kernel, pad) = (kernel_size.height, padding.height);
                    let stride = stride.map_or(kernel, |s| s.height);
                    let (c, h, w) = (values.shape()[0], values.shape()[1], values.shape()[2]);
                    let out = |n: usize| (n + 2 * pad - kernel) / stride + 1;
                    for (y, x) in (0..out(h)).flat_map(|y| (0..out(w)).map(move |x| (y, x))) {
                        for channel in 0..c {
                            let mut window = Vec::new();
                            for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
                                let (row, column) =
                                    ((y * stride + i).wrapping_sub(pad), (x * stride + j).wrapping_sub(pad));
                                if row < h && column < w {
                                    window.push(values[[channel, row, column]]);
                                }
                            }
                            let best = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                            code.push(window.iter().position(|v| *v == best).unwrap() as u32);
                        }
                    }
                }
                _ => {}
            }
        }
    });
    codes
}

fn visit(layers: &[LayerSpec], before: &mut String, work: &mut dyn FnMut(&LayerSpec, &str)) {
    for layer in layers {
        if let LayerKind::Residual { layers } = &layer.kind {
            visit(layers, before, work);
        } else {
            work(layer, before);
        }
        *before = layer.name.clone();
    }
}
