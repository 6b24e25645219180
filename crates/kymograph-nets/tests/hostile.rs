//! Input that makes no sense gets an error that says what and where; nothing changes and nothing panics.

mod support;

use kymograph_nets::{
    LayerSpec, Loss, Mode, NetsError, Network, NetworkSpec, Optimiser, OptimiserSpec, Schedule, cross_entropy, mse,
};
use ndarray::{Array2, ArrayD, IxDyn, arr2};
use support::{init, labels, network, normal, spec};

fn small() -> Network<f32> {
    let layers = vec![LayerSpec::linear("fc1", 3), LayerSpec::relu("relu"), LayerSpec::linear("fc2", 2)];
    network(&[4], layers)
}

fn adam(net: &Network<f32>) -> Optimiser<f32> {
    Optimiser::new(OptimiserSpec::adam(1e-3), net).unwrap()
}

#[test]
fn shapes_and_labels() {
    let mut net = small();
    let mut optimiser = adam(&net);
    let before = net.weight_hash();
    let error = net.predict(normal::<f32>(0, &[3, 5]).view()).unwrap_err();
    assert_eq!(error.to_string(), "the input of network `net` has shape [3, 5], expected [examples, 4]");
    assert!(matches!(net.predict(normal::<f32>(0, &[4]).view()), Err(NetsError::Shape { .. })));
    assert!(matches!(net.predict(normal::<f32>(0, &[0, 4]).view()), Err(NetsError::EmptyBatch { .. })));
    let x = normal::<f32>(0, &[3, 4]);
    let mut step = |labels: &[usize]| net.train_step(x.view(), labels, &mut optimiser).unwrap_err();
    assert!(matches!(step(&[0, 1]), NetsError::Shape { .. }));
    assert_eq!(step(&[0, 2, 1]).to_string(), "label 2 of example 1 is not below the number of outputs, 2");
    let targets = normal::<f32>(0, &[3, 3]);
    assert!(matches!(net.train_step(x.view(), targets.view(), &mut optimiser), Err(NetsError::Shape { .. })));
    assert!(matches!(net.backward(targets.view()), Err(NetsError::NoForward)));
    net.forward(x.view(), Mode::Train).unwrap();
    assert!(matches!(net.backward(targets.view()), Err(NetsError::Shape { .. })));
    assert_eq!((before, optimiser.steps()), (net.weight_hash(), 0));
}

#[test]
fn numbers_that_are_not_finite() {
    let mut net = small();
    let mut optimiser = adam(&net);
    let before = net.weight_hash();
    let mut x = normal::<f32>(0, &[9, 4]);
    x[[7, 2]] = f32::NAN;
    let error = net.train_step(x.view(), &labels(0, 9, 2), &mut optimiser).unwrap_err();
    assert!(error.to_string().starts_with("the input of network `net` is not finite at [7, 2]"), "{error}");
    assert_eq!(net.predict(x.view()).unwrap_err(), error);
    assert_eq!(net.forward(x.view(), Mode::Eval).unwrap_err(), error);
    assert_eq!(net.capture(x.view(), &["relu"]).unwrap_err(), error);

    let mut state = net.state_dict();
    state[2].1[[1, 0]] = f32::INFINITY;
    let error = net.load_state_dict(&state).unwrap_err();
    assert!(error.to_string().starts_with("tensor `fc2.weight` is not finite at [1, 0]"), "{error}");

    // Finite numbers whose products are not: the error names the layer in which they overflow.
    let mut state = net.state_dict();
    state[2].1.fill(f32::MAX);
    let mut large = small();
    large.load_state_dict(&state).unwrap();
    let x = normal::<f32>(0, &[9, 4]).mapv(|v| v.abs() * 1e3);
    let mut other = adam(&large);
    let spoiled = large.weight_hash();
    let error = large.train_step(x.view(), &labels(0, 9, 2), &mut other).unwrap_err();
    assert!(error.to_string().starts_with("the output of layer `fc2` is not finite"), "{error}");
    assert_eq!((large.weight_hash(), other.steps()), (spoiled, 0));
    assert_eq!((net.weight_hash(), optimiser.steps()), (before, 0));
}

#[test]
fn overflow_hidden_by_a_pool_is_seen() {
    // Infinity minus infinity inside the convolution is NaN, which neither ReLU nor pooling may lose.
    let layers = vec![
        LayerSpec::conv2d("conv", 17, 2, 0),
        LayerSpec::relu("relu"),
        LayerSpec::max_pool2d("pool", 2),
        LayerSpec::flatten("flatten"),
        LayerSpec::linear("fc", 2),
    ];
    for path in kymograph_nets::KernelPath::ALL.into_iter().filter(|p| p.is_supported()) {
        let mut net = network::<f32>(&[1, 5, 5], layers.clone());
        net.set_kernel_path(path).unwrap();
        let mut state = net.state_dict();
        for (i, w) in state[0].1.iter_mut().enumerate() {
            *w = if i % 2 == 0 { 1e37 } else { -1e37 };
        }
        net.load_state_dict(&state).unwrap();
        let mut x = normal::<f32>(0, &[2, 1, 5, 5]);
        x[[1, 0, 2, 2]] = 1e30;
        x[[1, 0, 2, 3]] = 1e30;
        let error = net.predict(x.view()).unwrap_err();
        assert!(error.to_string().starts_with("the output of layer `conv` is not finite at [1, "), "{path}: {error}");
    }
}

#[test]
fn one_example() {
    let mut net = network::<f32>(&[4], vec![LayerSpec::batch_norm1d("bn"), LayerSpec::linear("fc", 2)]);
    let mut optimiser = adam(&net);
    let x = normal::<f32>(0, &[1, 4]);
    let error = net.train_step(x.view(), &vec![1], &mut optimiser).unwrap_err();
    assert_eq!(error, NetsError::OneExample { layer: "bn".into() });
    assert!(net.predict(x.view()).is_ok());
    // Several positions of one image do have a variance.
    let layers = vec![LayerSpec::batch_norm2d("bn"), LayerSpec::flatten("flatten")];
    let mut net = network::<f32>(&[2, 3, 3], layers);
    assert!(net.forward(normal::<f32>(0, &[1, 2, 3, 3]).view(), Mode::Train).is_ok());
}

#[test]
fn specifications() {
    let reason = |input: &[usize], layers: Vec<LayerSpec>| {
        Network::<f32>::new(&spec(input, layers), &mut init(0)).unwrap_err().to_string()
    };
    let image = [1, 4, 4];
    let linear = || LayerSpec::linear("fc", 2);
    assert!(reason(&image, vec![linear()]).contains("layer `fc`: a linear layer takes vectors"));
    assert!(reason(&[4], vec![LayerSpec::conv2d("conv", 2, 3, 1)]).contains("takes images"));
    assert!(reason(&image, vec![LayerSpec::conv2d("conv", 2, 5, 0)]).contains("does not fit"));
    assert!(reason(&image, vec![LayerSpec::conv2d("conv", 2, 0, 0)]).contains("kernel_size = 0"));
    assert!(reason(&[4], vec![linear(), linear()]).contains("the name is taken"));
    assert!(reason(&[4], vec![LayerSpec::relu("input")]).contains("the name is taken"));
    assert!(reason(&[4], vec![LayerSpec::relu("a.grad")]).contains(".grad"));
    assert!(reason(&[4], vec![]).contains("no layer"));
    assert!(reason(&[4, 4, 4, 4], vec![linear()]).contains("neither"));
    assert!(reason(&[0], vec![linear()]).contains("between 1"));
    assert!(reason(&[usize::MAX, 2, 2], vec![LayerSpec::flatten("f")]).contains("between 1"));
    assert!(reason(&[1 << 20], vec![LayerSpec::linear("fc", 1 << 20)]).contains("parameters"));
    assert!(reason(&[4], vec![LayerSpec::dropout("d", 1.0)]).contains("below 1"));
    let text = r#"{"name": "n", "input": [4], "layers": [{"name": "fc", "kind": "linear", "out_feature": 2}]}"#;
    assert!(serde_json::from_str::<NetworkSpec>(text).is_err());
    let text = r#"{"name": "n", "input": [4], "layers": [{"name": "fc", "kind": "linear", "out_features": 2, "biass": false}]}"#;
    let error = serde_json::from_str::<NetworkSpec>(text).unwrap_err();
    assert!(error.to_string().contains("biass"), "{error}");
}

#[test]
fn states() {
    let mut net = small();
    let before = net.weight_hash();
    let state = net.state_dict();
    let names: Vec<&str> = state.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    assert_eq!(
        net.load_state_dict(&state[1..]).unwrap_err().to_string(),
        "tensor `fc1.weight` is missing; the state holds: fc1.bias, fc2.weight, fc2.bias"
    );
    let mut strange = state.clone();
    strange[0].1 = ArrayD::zeros(IxDyn(&[4, 3]));
    assert_eq!(
        net.load_state_dict(&strange).unwrap_err().to_string(),
        "tensor `fc1.weight` has shape [4, 3], the network needs [3, 4]"
    );
    let mut more = state.clone();
    more.push(("fc3.weight".into(), ArrayD::zeros(IxDyn(&[1]))));
    assert!(
        matches!(net.load_state_dict(&more), Err(NetsError::UnexpectedTensor { name, .. }) if name == "fc3.weight")
    );
    let twice = [state.clone(), state[..1].to_vec()].concat();
    assert!(matches!(net.load_state_dict(&twice), Err(NetsError::UnexpectedTensor { .. })));
    assert_eq!(net.weight_hash(), before);

    let normed = network::<f32>(&[4], vec![LayerSpec::batch_norm1d("bn")]);
    let mut state = normed.state_dict();
    assert_eq!(state[3].0, "bn.running_var");
    state[3].1[[0]] = -1.0;
    assert!(normed.clone().load_state_dict(&state).is_err());
}

#[test]
fn optimisers_and_schedules() {
    let net = small();
    let other = network::<f32>(&[4], vec![LayerSpec::linear("fc", 2)]);
    let mut optimiser = adam(&other);
    let mut trained = net.clone();
    let x = normal::<f32>(0, &[2, 4]);
    let error = trained.train_step(x.view(), &vec![0, 1], &mut optimiser).unwrap_err();
    assert_eq!(error, NetsError::OtherNetwork { expected: 10, found: 23 });
    let wrong = |text: &str| {
        let spec: OptimiserSpec = serde_json::from_str(text).unwrap();
        Optimiser::new(spec, &net).unwrap_err().to_string()
    };
    assert!(wrong(r#"{"kind": "sgd", "nesterov": true}"#).contains("momentum"));
    assert!(wrong(r#"{"kind": "sgd", "lr": -1}"#).contains("lr"));
    assert!(wrong(r#"{"kind": "adam", "betas": [0.9, 1.0]}"#).contains("betas[1]"));
    assert!(wrong(r#"{"kind": "adamw", "eps": 0}"#).contains("eps"));
    assert!(wrong(r#"{"kind": "adam", "schedule": {"kind": "step", "every": 0, "factor": 0.5}}"#).contains("every"));
    assert!(serde_json::from_str::<OptimiserSpec>(r#"{"kind": "adam", "learning_rate": 1}"#).is_err());
    let schedule = Schedule::Cosine { steps: 4, lowest: 0.0 };
    assert_eq!(schedule.factor(0), 1.0);
    assert!((schedule.factor(2) - 0.5).abs() < 1e-15);
    assert_eq!((schedule.factor(4), schedule.factor(99)), (0.0, 0.0));
}

#[test]
fn losses() {
    let logits = arr2(&[[0.0f64, 0.0], [2.0f64.ln(), 0.0]]);
    let Loss { value, gradient } = cross_entropy(logits.view(), &[0, 0]).unwrap();
    assert!((value - (2f64.ln() + 1.5f64.ln()) / 2.0).abs() < 1e-15);
    assert!((gradient[[0, 0]] + 0.25).abs() < 1e-15 && (gradient[[1, 1]] - 1.0 / 6.0).abs() < 1e-15);
    // Logits far apart neither overflow nor lose the loss.
    let far = cross_entropy(arr2(&[[1e4, -1e4]]).view(), &[1]).unwrap();
    assert_eq!(far.value, 2e4);
    let empty = Array2::<f64>::zeros((0, 2));
    assert!(matches!(cross_entropy(empty.view(), &[]), Err(NetsError::EmptyBatch { .. })));
    assert!(matches!(cross_entropy(logits.view(), &[0]), Err(NetsError::Shape { .. })));
    assert!(matches!(
        cross_entropy(logits.view(), &[0, 2]),
        Err(NetsError::Label { example: 1, label: 2, classes: 2 })
    ));
    assert!(cross_entropy(arr2(&[[f64::NAN, 0.0]]).view(), &[0]).is_err());
    let (a, b) = (arr2(&[[1.0, 2.0]]).into_dyn(), arr2(&[[0.0, 4.0]]).into_dyn());
    let Loss { value, gradient } = mse(a.view(), b.view()).unwrap();
    assert_eq!((value, gradient), (2.5, arr2(&[[1.0, -2.0]]).into_dyn()));
    assert!(mse(a.view(), logits.view().into_dyn()).is_err());
}
