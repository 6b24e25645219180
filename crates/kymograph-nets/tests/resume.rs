//! A run taken up again from its state goes on to the same bits; initial weights have PyTorch's distribution.

mod support;

use kymograph_linalg::{Real, random};
use kymograph_nets::{LayerSpec, Mode, Network, Optimiser, OptimiserSpec, Schedule, TransformerEncoder};
use ndarray::ArrayD;
use support::{init, labels, network, normal};

fn layers() -> Vec<LayerSpec> {
    vec![
        LayerSpec::conv2d("conv1", 5, 3, 1),
        LayerSpec::batch_norm2d("bn1"),
        LayerSpec::relu("relu1"),
        LayerSpec::flatten("flatten"),
        LayerSpec::dropout("dropout", 0.5),
        LayerSpec::linear("fc", 3),
    ]
}

/// With dropout on patterns, inside and on what is added.
fn attending() -> Vec<LayerSpec> {
    let encoder = TransformerEncoder {
        num_layers: 2,
        d_model: 8,
        nhead: 2,
        dim_feedforward: 12,
        ..TransformerEncoder::default()
    };
    let mut layers = vec![LayerSpec::patches("patches", 8)];
    layers.extend(encoder.layers("encoder"));
    layers.extend([LayerSpec::mean_tokens("mean"), LayerSpec::linear("fc", 3)]);
    layers
}

fn run<T: Real>(net: &mut Network<T>, optimiser: &mut Optimiser<T>, steps: std::ops::Range<u64>) {
    for step in steps {
        let x = normal::<T>(step, &[10, 2, 4, 4]);
        net.train_step(x.view(), &labels(step, 10, 3), optimiser).unwrap();
    }
}

fn resumes<T: Real>(spec: OptimiserSpec, layers: fn() -> Vec<LayerSpec>) {
    let mut net = network::<T>(&[2, 4, 4], layers());
    let mut optimiser = Optimiser::new(spec.clone(), &net).unwrap();
    run(&mut net, &mut optimiser, 0..5);
    let (weights, steps, state) = (net.state_dict(), optimiser.steps(), optimiser.state());
    run(&mut net, &mut optimiser, 5..9);

    let mut again = network::<T>(&[2, 4, 4], layers());
    let mut resumed = Optimiser::new(spec, &again).unwrap();
    again.load_state_dict(&weights).unwrap();
    resumed.load_state(steps, &state).unwrap();
    run(&mut again, &mut resumed, 5..9);
    assert_eq!(again.weight_hash(), net.weight_hash());
    assert_eq!(resumed.state(), optimiser.state());
    assert_eq!(resumed.steps(), 9);
}

#[test]
fn resumes_to_the_same_bits() {
    let schedule =
        Schedule::WarmUp { steps: 3, start: 0.1, then: Box::new(Schedule::Cosine { steps: 6, lowest: 0.1 }) };
    let momentum = OptimiserSpec::Sgd {
        lr: 0.1,
        momentum: 0.9,
        dampening: 0.1,
        weight_decay: 0.01,
        nesterov: false,
        schedule: schedule.clone(),
    };
    let decayed = OptimiserSpec::AdamW { lr: 0.01, betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.1, schedule };
    for spec in [momentum, decayed, OptimiserSpec::adam(0.01), OptimiserSpec::sgd(0.1)] {
        resumes::<f32>(spec.clone(), layers);
        resumes::<f64>(spec.clone(), layers);
        resumes::<f32>(spec, attending);
    }
}

#[test]
fn optimiser_state_has_names_and_layouts() {
    let mut net = network::<f64>(&[2, 4, 4], layers());
    let mut optimiser = Optimiser::new(OptimiserSpec::adam(0.01), &net).unwrap();
    run(&mut net, &mut optimiser, 0..1);
    let state = optimiser.state();
    assert_eq!(state.len(), 2 * 6);
    // After one step the first moment is a tenth of the gradient.
    for (name, gradient) in net.gradients() {
        let moment = &state.iter().find(|(known, _)| *known == format!("{name}.exp_avg")).unwrap().1;
        assert_eq!(moment.shape(), gradient.shape());
        for (m, g) in moment.iter().zip(&gradient) {
            assert!((m - 0.1 * g).abs() <= 1e-16 + 1e-15 * g.abs());
        }
    }
    let mut other = Optimiser::new(OptimiserSpec::adam(0.01), &net).unwrap();
    assert!(other.load_state(1, &state[1..]).is_err());
}

#[test]
fn user_steps_equal_training_steps() {
    let (mut a, mut b) = (network::<f64>(&[2, 4, 4], layers()), network::<f64>(&[2, 4, 4], layers()));
    let mut for_a = Optimiser::new(OptimiserSpec::adam(0.01), &a).unwrap();
    let mut for_b = for_a.clone();
    for step in 0..3 {
        let x = normal::<f64>(step, &[10, 2, 4, 4]);
        let labels = labels(step, 10, 3);
        a.train_step(x.view(), &labels, &mut for_a).unwrap();
        b.set_step(step);
        let logits = b.forward(x.view(), Mode::Train).unwrap();
        let logits = logits.into_dimensionality().unwrap();
        let loss = kymograph_nets::cross_entropy(logits.view(), &labels).unwrap();
        b.backward(loss.gradient.view().into_dyn()).unwrap();
        for_b.step(&mut b).unwrap();
    }
    assert_eq!(a.weight_hash(), b.weight_hash());
}

#[test]
fn dropout_masks() {
    let mut net = network::<f64>(&[1000], vec![LayerSpec::dropout("a", 0.25), LayerSpec::dropout("b", 0.0)]);
    let ones = ArrayD::from_elem(ndarray::IxDyn(&[20, 1000]), 1.0);
    let mut mask = |step: u64| {
        net.set_step(step);
        net.forward(ones.view(), Mode::Train).unwrap()
    };
    let first = mask(0);
    assert_eq!(first, mask(0));
    assert_ne!(first, mask(1));
    assert!(first.iter().all(|&v| v == 0.0 || v == 1.0 / 0.75));
    // 20,000 draws: the share of zeros is within four standard errors of p.
    let zeros = first.iter().filter(|&&v| v == 0.0).count() as f64 / 20_000.0;
    assert!((zeros - 0.25).abs() < 4.0 * (0.25f64 * 0.75 / 20_000.0).sqrt(), "{zeros}");
    // An example's mask does not depend on how many come after it.
    net.set_step(0);
    let few = net.forward(ones.slice_axis(ndarray::Axis(0), (..3).into()), Mode::Train).unwrap();
    assert_eq!(few, first.slice_axis(ndarray::Axis(0), (..3).into()));
    assert_eq!(net.forward(ones.view(), Mode::Eval).unwrap(), ones);
}

#[test]
fn running_statistics_move_in_training_only() {
    let mut net = network::<f64>(&[3], vec![LayerSpec::batch_norm1d("bn")]);
    let x = normal::<f64>(0, &[50, 3]);
    let before = net.weight_hash();
    net.forward(x.view(), Mode::Eval).unwrap();
    net.capture_with(x.view(), Mode::Train, &["bn"], &[]).unwrap();
    assert_eq!(before, net.weight_hash());
    net.forward(x.view(), Mode::Train).unwrap();
    let state = net.state_dict();
    assert_eq!(state[4].0, "bn.num_batches_tracked");
    assert_eq!(state[4].1.iter().copied().collect::<Vec<_>>(), [1.0]);
    for column in 0..3 {
        let values: Vec<f64> = x.index_axis(ndarray::Axis(1), column).to_vec_like();
        let mean = values.iter().sum::<f64>() / 50.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 49.0;
        assert!((state[2].1[[column]] - 0.1 * mean).abs() < 1e-14);
        assert!((state[3].1[[column]] - (0.9 + 0.1 * variance)).abs() < 1e-14);
    }
}

trait ToVec {
    fn to_vec_like(&self) -> Vec<f64>;
}

impl ToVec for ndarray::ArrayViewD<'_, f64> {
    fn to_vec_like(&self) -> Vec<f64> {
        self.iter().copied().collect()
    }
}

#[test]
fn initial_weights() {
    let layers = vec![
        LayerSpec::conv2d("conv", 64, 3, 1),
        LayerSpec::batch_norm2d("bn"),
        LayerSpec::flatten("flatten"),
        LayerSpec::linear("fc", 50),
    ];
    let net = network::<f64>(&[16, 5, 5], layers.clone());
    for (name, tensor) in net.state_dict() {
        let fan_in: f64 = match name.split('.').next().unwrap() {
            "conv" => 16.0 * 9.0,
            "fc" => 64.0 * 25.0,
            _ => {
                let one = name.ends_with("weight") || name.ends_with("var");
                assert!(tensor.iter().all(|&v| v == f64::from(one)), "{name}");
                continue;
            }
        };
        let bound = 1.0 / fan_in.sqrt();
        assert!(tensor.iter().all(|v| v.abs() <= bound), "{name}");
        if name.ends_with("weight") {
            // Uniform in ±bound: variance bound²/3, whose estimate has a relative standard error of √(0.8/n).
            let variance = tensor.iter().map(|v| v * v).sum::<f64>() / tensor.len() as f64;
            let off = variance / (bound * bound / 3.0) - 1.0;
            assert!(off.abs() < 4.0 * (0.8 / tensor.len() as f64).sqrt(), "{name}: {off}");
        }
    }
    let same = network::<f64>(&[16, 5, 5], layers.clone());
    assert_eq!(net.weight_hash(), same.weight_hash());
    let spec = support::spec(&[16, 5, 5], layers);
    let other = Network::<f64>::new(&spec, &mut random::stream(8, "init")).unwrap();
    assert_ne!(net.weight_hash(), other.weight_hash());
    // f32 weights are the f64 ones rounded.
    let single = Network::<f32>::new(&spec, &mut init(7)).unwrap();
    for ((_, a), (_, b)) in net.state_dict().iter().zip(single.state_dict()) {
        assert_eq!(a.mapv(|v| v as f32), b);
    }
}

#[test]
fn initial_weights_of_transformers() {
    let encoder =
        TransformerEncoder { num_layers: 2, d_model: 64, nhead: 4, dim_feedforward: 50, ..Default::default() };
    let build = |copies: bool| {
        let mut layers = vec![LayerSpec::embedding("embed", 40, 64), LayerSpec::positions("table")];
        layers.extend(TransformerEncoder { copies, ..encoder.clone() }.layers("encoder"));
        network::<f64>(&[60], layers).state_dict()
    };
    let state = build(true);
    let get = |state: &[(String, ArrayD<f64>)], name: &str| {
        state.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor.clone()).unwrap()
    };
    // Standard normal: the variance's estimate has a relative standard error of √(2/n).
    for name in ["embed.weight", "table"] {
        let tensor = get(&state, name);
        let variance = tensor.iter().map(|v| v * v).sum::<f64>() / tensor.len() as f64;
        assert!((variance - 1.0).abs() < 4.0 * (2.0 / tensor.len() as f64).sqrt(), "{name}: {variance}");
    }
    // Xavier's bound √(6 / (inputs + outputs)), where PyTorch counts 3·64 outputs.
    let weight = get(&state, "encoder.layers.0.self_attn.in_proj_weight");
    let bound = (6.0f64 / (64.0 + 3.0 * 64.0)).sqrt();
    let largest = weight.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest <= bound && largest > 0.99 * bound);
    for name in ["in_proj_bias", "out_proj.bias"] {
        assert!(get(&state, &format!("encoder.layers.0.self_attn.{name}")).iter().all(|&v| v == 0.0));
    }
    let largest = get(&state, "encoder.layers.0.self_attn.out_proj.weight").iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest <= 0.125 && largest > 0.12);
    // All layers start alike, as in PyTorch, unless told not to.
    let apart = build(false);
    for part in ["self_attn.in_proj_weight", "linear1.weight", "linear2.bias", "norm1.weight"] {
        let of = |state, layer| get(state, &format!("encoder.layers.{layer}.{part}"));
        assert_eq!(of(&state, 0), of(&state, 1), "{part}");
        assert_eq!(of(&apart, 0) == of(&apart, 1), part == "norm1.weight", "{part}");
        assert_eq!(of(&apart, 0), of(&state, 0), "{part}");
    }
}
