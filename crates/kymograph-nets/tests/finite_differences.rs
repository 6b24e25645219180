//! Every gradient against central differences of the loss in f64, layer by layer and in chains.

mod support;

use kymograph_nets::{LayerKind, LayerSpec, Mode, Network, Target};
use ndarray::ArrayD;
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
    let mut x = normal::<f64>(1, &shape);
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
        for (index, &analytic) in gradients["input.grad"].indexed_iter() {
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
    for kind in [LayerKind::Relu, LayerKind::Tanh, LayerKind::Softmax] {
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
