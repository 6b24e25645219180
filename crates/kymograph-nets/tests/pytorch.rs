//! Layers, losses, optimisers and whole training runs against PyTorch in f64 (tests/reference/make_fixtures.py).

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{
    Gelu, KernelPath, LayerKind, LayerSpec, Mode, Network, NetworkSpec, Optimiser, OptimiserSpec, Target,
    TransformerEncoder,
};
use ndarray::{ArrayD, Axis};
use serde_json::Value;
use support::{Fixtures, assert_near, init};

/// The tensors of a case under a prefix, as a state in the network's precision.
fn state<T: Real>(fixtures: &Fixtures, case: &str, prefix: &str) -> Vec<(String, ArrayD<T>)> {
    fixtures.tensors.under::<T>(&format!("{case}/{prefix}/"))
}

fn spec(case: &Value) -> NetworkSpec {
    let spec = &case["spec"];
    match &spec["encoder"] {
        Value::Null => serde_json::from_value(spec.clone()).unwrap(),
        options => encoder(options),
    }
}

/// Patches or an embedding, positions, a transformer encoder, the mean over tokens and a linear layer.
fn encoder(o: &Value) -> NetworkSpec {
    let size = |name: &str| o[name].as_u64().map(|size| size as usize);
    let d_model = size("d_model").unwrap();
    let mut layers = match size("vocabulary") {
        Some(vocabulary) => vec![LayerSpec::embedding("embed", vocabulary, d_model)],
        None => vec![LayerSpec::patches("patches", size("patch").unwrap()), LayerSpec::linear("input_proj", d_model)],
    };
    layers.push(LayerSpec::positions("pos_encoder"));
    let encoder = TransformerEncoder {
        num_layers: size("num_layers").unwrap(),
        d_model,
        nhead: size("nhead").unwrap(),
        dim_feedforward: size("dim_feedforward").unwrap(),
        dropout: o["dropout"].as_f64().unwrap(),
        activation: match o["activation"].as_str().unwrap() {
            "gelu" => LayerKind::Gelu { approximate: Gelu::None },
            _ => LayerKind::Relu,
        },
        norm_first: o["norm_first"].as_bool().unwrap(),
        causal: o["causal"].as_bool().unwrap(),
        ..Default::default()
    };
    layers.extend(encoder.layers("transformer"));
    layers.extend([LayerSpec::mean_tokens("mean"), LayerSpec::linear("fc", size("classes").unwrap())]);
    let input = serde_json::from_value(o["input"].clone()).unwrap();
    let spec = NetworkSpec { name: "transformer".into(), input, layers };
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
    spec
}

fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap()
}

fn layer_case<T: Real>(fixtures: &Fixtures, case: &Value, path: KernelPath, tolerance: f64) {
    let name = name(case);
    let mode: Mode = serde_json::from_value(case["mode"].clone()).unwrap();
    let mut net = Network::<T>::new(&spec(case), &mut init(0)).unwrap();
    net.set_kernel_path(path).unwrap();
    net.load_state_dict(&state(fixtures, name, "before")).unwrap();
    let x = fixtures.tensors.get::<T>(&format!("{name}/x"));
    let y = net.forward(x.view(), mode).unwrap();
    assert_near(&format!("{name} output"), &y, &fixtures.tensors.get::<f64>(&format!("{name}/y")), tolerance);
    let slope = fixtures.tensors.get::<T>(&format!("{name}/slope"));
    let input = net.backward(slope.view()).unwrap();
    assert_near(
        &format!("{name} input gradient"),
        &input,
        &fixtures.tensors.get::<f64>(&format!("{name}/x.grad")),
        tolerance,
    );
    for (parameter, gradient) in net.gradients() {
        let wanted = fixtures.tensors.get::<f64>(&format!("{name}/grad/{parameter}"));
        assert_near(&format!("{name} gradient of {parameter}"), &gradient, &wanted, tolerance);
    }
    if name.starts_with("attention") {
        let pattern = net.capture(x.view(), &["blocks.0.attn.hook_pattern"]).unwrap().pop_first().unwrap().1;
        assert_near(
            &format!("{name} pattern"),
            &pattern,
            &fixtures.tensors.get::<f64>(&format!("{name}/pattern")),
            tolerance,
        );
    }
    for (tensor, wanted) in state::<f64>(fixtures, name, "after") {
        let found = net.state_dict().into_iter().find(|(known, _)| *known == tensor).unwrap().1;
        assert_near(&format!("{name} {tensor} after"), &found, &wanted, tolerance);
    }
}

fn training_case<T: Real>(fixtures: &Fixtures, case: &Value, path: KernelPath, tolerance: f64) {
    let name = name(case);
    let mut net = Network::<T>::new(&spec(case), &mut init(0)).unwrap();
    net.set_kernel_path(path).unwrap();
    net.load_state_dict(&state(fixtures, name, "before")).unwrap();
    let optimiser: OptimiserSpec = serde_json::from_value(case["optimiser"].clone()).unwrap();
    let mut optimiser = Optimiser::new(optimiser, &net).unwrap();
    let xs = fixtures.tensors.get::<T>(&format!("{name}/x"));
    let labels: Vec<Vec<usize>> = serde_json::from_value(case["labels"].clone()).unwrap();
    let losses: Vec<f64> = serde_json::from_value(case["losses"].clone()).unwrap();
    let norms: Vec<f64> = serde_json::from_value(case["norms"].clone()).unwrap();
    let targets = (case["loss"] == "mse").then(|| fixtures.tensors.get::<T>(&format!("{name}/targets")));
    for step in 0..losses.len() {
        let x = xs.index_axis(Axis(0), step);
        let target = match &targets {
            Some(targets) => Target::Values(targets.index_axis(Axis(0), step)),
            None => Target::Labels(&labels[step]),
        };
        let stats = net.train_step(x, target, &mut optimiser).unwrap();
        for (what, found, wanted) in [("loss", stats.loss, losses[step]), ("norm", stats.gradient_norm, norms[step])] {
            let off = (found - wanted).abs() / wanted.abs().max(1.0);
            assert!(off <= tolerance, "{name}, step {step}: {what} {found}, PyTorch {wanted}");
        }
    }
    let found = net.state_dict();
    let wanted = state::<f64>(fixtures, name, "after");
    assert_eq!(
        found.iter().map(|(n, _)| n).collect::<std::collections::BTreeSet<_>>(),
        wanted.iter().map(|(n, _)| n).collect()
    );
    for (tensor, wanted) in wanted {
        let found = &found.iter().find(|(known, _)| *known == tensor).unwrap().1;
        assert_near(&format!("{name} {tensor} after training"), found, &wanted, tolerance);
    }
}

fn run(kind: &str, case: impl Fn(&Fixtures, &Value, KernelPath)) {
    let fixtures = Fixtures::load();
    let cases = fixtures.cases(kind);
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        for value in &cases {
            case(&fixtures, value, path);
        }
    }
}

#[test]
fn layers_match_in_f64() {
    run("layer", |fixtures, case, path| layer_case::<f64>(fixtures, case, path, 1e-10));
}

#[test]
fn layers_match_in_f32() {
    run("layer", |fixtures, case, path| layer_case::<f32>(fixtures, case, path, 1e-5));
}

#[test]
fn training_matches_in_f64() {
    run("training", |fixtures, case, path| training_case::<f64>(fixtures, case, path, 1e-10));
}

#[test]
fn training_matches_in_f32() {
    // Adam divides by the root of the second moment, which magnifies rounding where a gradient is near zero.
    run("training", |fixtures, case, path| training_case::<f32>(fixtures, case, path, 1e-4));
}
