//! Every gradient against central differences of the loss in f64, layer by layer and in chains.

mod support;

use kymograph_nets::{Gelu, LayerKind, LayerSpec, Mode, Network, Target, TransformerEncoder};
use ndarray::{ArrayD, IxDyn};
use support::{labels, network, normal};

const STEP: f64 = 1e-5;
/// Central differences are off by the third derivative times STEP²/6, and by rounding over STEP: 1e-16 / 1e-5.
const TOLERANCE: f64 = 1e-8;

fn loss(net: &Network<f64>, x: &ArrayD<f64>, target: &Target<'_, f64>, mode: Mode) -> f64 {
    net.capture_with_gradients(x.view(), target.clone(), mode, &[]).unwrap().loss
}

fn check(what: &str, analytic: f64, numeric: f64) {
    let off = (analytic - numeric).abs() / (1.0 + analytic.abs());
    assert!(off < TOLERANCE, "{what}: gradient {analytic}, difference quotient {numeric}");
}

/// Checks all gradients of a network whose first layer gets `input`.
fn check_network(input: &[usize], layers: Vec<LayerSpec>, batch: usize, mode: Mode) {
    let mut shape = vec![batch];
    shape.extend(input);
    check_at(normal::<f64>(1, &shape), layers, mode, true);
}

/// The same at given inputs, whose own gradients are left out unless `input_too`.
fn check_at(mut x: ArrayD<f64>, layers: Vec<LayerSpec>, mode: Mode, input_too: bool) {
    let (batch, input) = (x.shape()[0], &x.shape()[1..].to_vec());
    let mut net = network::<f64>(input, layers);
    let outputs = net.forward(x.view(), mode).unwrap();
    let outputs = outputs.len() / batch;
    let by_label = labels(2, batch, outputs);
    let by_value = normal::<f64>(3, &[batch, outputs]);
    for target in [Target::Labels(&by_label), Target::Values(by_value.view())] {
        let mut names: Vec<String> = net.gradients().into_iter().map(|(name, _)| name + ".grad").collect();
        names.push("input.grad".into());
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        let gradients = net.capture_with_gradients(x.view(), target.clone(), mode, &wanted).unwrap().arrays;
        for (index, &analytic) in gradients["input.grad"].indexed_iter().filter(|_| input_too) {
            let kept = x[&index];
            let mut ends = [0.0; 2];
            for (end, sign) in ends.iter_mut().zip([1.0, -1.0]) {
                x[&index] = kept + sign * STEP;
                *end = loss(&net, &x, &target, mode);
            }
            x[&index] = kept;
            check(&format!("input {index:?}"), analytic, (ends[0] - ends[1]) / (2.0 * STEP));
        }
        let state = net.state_dict();
        for (at, (name, tensor)) in state.iter().enumerate() {
            let Some(gradient) = gradients.get(&format!("{name}.grad")) else { continue };
            for (index, _) in tensor.indexed_iter() {
                let mut ends = [0.0; 2];
                for (end, sign) in ends.iter_mut().zip([1.0, -1.0]) {
                    let mut changed = state.clone();
                    changed[at].1[&index] += sign * STEP;
                    net.load_state_dict(&changed).unwrap();
                    *end = loss(&net, &x, &target, mode);
                }
                check(&format!("{name} {index:?}"), gradient[&index], (ends[0] - ends[1]) / (2.0 * STEP));
            }
        }
        net.load_state_dict(&state).unwrap();
    }
}

fn conv(out_channels: usize, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> LayerSpec {
    LayerSpec::new(
        "conv",
        LayerKind::Conv2d {
            out_channels,
            kernel_size: kernel.into(),
            stride: stride.into(),
            padding: padding.into(),
            bias: true,
        },
    )
}

#[test]
fn linear() {
    check_network(&[5], vec![LayerSpec::linear("fc", 3)], 4, Mode::Train);
}

#[test]
fn convolutions() {
    for (kernel, stride, padding) in [
        ([1, 1], [1, 1], [0, 0]),
        ([3, 3], [1, 1], [1, 1]),
        ([2, 3], [2, 1], [0, 2]),
        ([3, 2], [2, 3], [2, 1]),
        ([1, 1], [2, 1], [1, 0]),
        ([5, 5], [1, 2], [2, 2]),
    ] {
        let layers = vec![conv(3, kernel, stride, padding), LayerSpec::flatten("flatten")];
        check_network(&[2, 5, 6], layers, 2, Mode::Train);
    }
}

#[test]
fn pooling() {
    let overlapping = LayerKind::MaxPool2d { kernel_size: 3.into(), stride: Some(2.into()), padding: 1.into() };
    for pool in [LayerSpec::max_pool2d("pool", 2), LayerSpec::new("pool", overlapping)] {
        check_network(&[3, 5, 6], vec![pool, LayerSpec::flatten("flatten")], 3, Mode::Train);
    }
}

#[test]
fn normalisation() {
    for mode in [Mode::Train, Mode::Eval] {
        check_network(&[4], vec![LayerSpec::batch_norm1d("bn")], 9, mode);
        let layers = vec![LayerSpec::batch_norm2d("bn"), LayerSpec::flatten("flatten")];
        check_network(&[2, 3, 2], layers, 3, mode);
    }
}

#[test]
fn activations() {
    for kind in [LayerKind::Relu, LayerKind::Abs, LayerKind::Tanh, LayerKind::Sigmoid, LayerKind::Softmax] {
        check_network(&[6], vec![LayerSpec::new("layer", kind)], 3, Mode::Train);
    }
}

#[test]
fn dropout() {
    // The mask does not depend on the values, so the difference quotient sees the same one.
    let layers = vec![LayerSpec::dropout("dropout", 0.4), LayerSpec::linear("fc", 3)];
    check_network(&[6], layers, 5, Mode::Train);
}

#[test]
fn chains() {
    let layers = vec![
        LayerSpec::conv2d("conv1", 3, 3, 1),
        LayerSpec::batch_norm2d("bn1"),
        LayerSpec::relu("relu1"),
        LayerSpec::max_pool2d("pool1", 2),
        LayerSpec::conv2d("conv2", 2, 2, 0),
        LayerSpec::tanh("tanh2"),
        LayerSpec::flatten("flatten"),
        LayerSpec::dropout("dropout", 0.2),
        LayerSpec::batch_norm1d("bn3"),
        LayerSpec::linear("fc", 3),
    ];
    check_network(&[1, 6, 6], layers.clone(), 9, Mode::Train);
    check_network(&[1, 6, 6], layers, 3, Mode::Eval);
}

/// A layer, then a flatten layer, since losses take vectors.
fn check_one(input: &[usize], layer: LayerSpec, batch: usize) {
    check_network(input, vec![layer, LayerSpec::flatten("flatten")], batch, Mode::Train);
}

#[test]
fn smooth_activations() {
    for approximate in [Gelu::None, Gelu::Tanh] {
        check_one(&[3, 6], LayerSpec::new("gelu", LayerKind::Gelu { approximate }), 3);
    }
    check_one(&[6], LayerSpec::silu("silu"), 3);
    check_one(&[2, 5], LayerSpec::softmax("softmax"), 3);
}

#[test]
fn tokens() {
    check_one(&[3, 4], LayerSpec::linear("fc", 5), 3);
    check_one(&[2, 3, 4], LayerSpec::patches("patches", 6), 3);
    check_one(&[3, 4], LayerSpec::positions("table"), 9);
    check_one(&[3, 4], LayerSpec::mean_tokens("mean"), 3);
}

#[test]
fn layer_normalisation() {
    check_one(&[7], LayerSpec::layer_norm("norm"), 3);
    check_one(&[3, 11], LayerSpec::layer_norm("norm"), 3);
}

#[test]
fn attention() {
    for (heads, causal, dropout, bias) in [(1, false, 0.0, true), (2, true, 0.0, false), (4, true, 0.3, true)] {
        let kind = LayerKind::MultiheadAttention { num_heads: heads, dropout, bias, causal };
        check_one(&[5, 4], LayerSpec::new("attention", kind), 2);
    }
}

#[test]
fn residual_blocks() {
    let inner = LayerSpec::residual("inner", vec![LayerSpec::tanh("tanh"), LayerSpec::linear("mid", 4)]);
    let layers = vec![
        LayerSpec::residual("outer", vec![LayerSpec::linear("first", 4), inner, LayerSpec::layer_norm("norm")]),
        LayerSpec::residual("normed", vec![LayerSpec::flatten("same"), LayerSpec::batch_norm1d("bn")]),
    ];
    check_network(&[4], layers, 5, Mode::Train);
}

#[test]
fn embedding() {
    let x = ArrayD::from_shape_fn(IxDyn(&[5, 4]), |at| ((at[0] * at[1] + at[1]) % 3) as f64);
    let layers = vec![
        LayerSpec::embedding("embed", 4, 3),
        LayerSpec::multihead_attention("attention", 1),
        LayerSpec::mean_tokens("mean"),
    ];
    check_at(x, layers, Mode::Train, false);
}

#[test]
fn encoders() {
    for norm_first in [false, true] {
        let encoder = TransformerEncoder {
            num_layers: 2,
            d_model: 4,
            nhead: 2,
            dim_feedforward: 5,
            dropout: 0.2,
            activation: LayerKind::Gelu { approximate: Gelu::None },
            norm_first,
            causal: norm_first,
            ..TransformerEncoder::default()
        };
        let mut layers = vec![LayerSpec::patches("patches", 3), LayerSpec::linear("project", 4)];
        layers.extend(encoder.layers("encoder"));
        layers.push(LayerSpec::mean_tokens("mean"));
        check_network(&[1, 3, 3], layers, 3, Mode::Train);
    }
}
