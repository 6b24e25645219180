//! Captures and interventions on networks small enough to work out by hand.

mod support;

use kymograph_nets::{Edit, Intervention, LayerSpec, Mode, NetsError, Network};
use ndarray::{ArrayD, Axis, IxDyn, arr0, arr1, arr2, array};
use support::{labels, network, normal};

/// fc1: two units, 1·x + 0 and −1·x + 1; then ReLU; fc2: 2·a + 3·b + 4.
fn by_hand() -> Network<f64> {
    let layers = vec![LayerSpec::linear("fc1", 2), LayerSpec::relu("relu"), LayerSpec::linear("fc2", 1)];
    let mut net = network::<f64>(&[1], layers);
    net.load_state_dict(&[
        ("fc1.weight".into(), arr2(&[[1.0], [-1.0]]).into_dyn()),
        ("fc1.bias".into(), arr1(&[0.0, 1.0]).into_dyn()),
        ("fc2.weight".into(), arr2(&[[2.0, 3.0]]).into_dyn()),
        ("fc2.bias".into(), arr1(&[4.0]).into_dyn()),
    ])
    .unwrap();
    net
}

fn x() -> ArrayD<f64> {
    arr2(&[[2.0], [0.5], [-1.0]]).into_dyn()
}

fn change(hook: &str, edit: Edit<f64>, units: Option<Vec<usize>>) -> [f64; 3] {
    let intervention = Intervention { hook: hook.into(), edit, units };
    let y = by_hand().forward_with(x().view(), Mode::Eval, &[intervention]).unwrap();
    assert_eq!(y.shape(), [3, 1]);
    [y[[0, 0]], y[[1, 0]], y[[2, 0]]]
}

#[test]
fn values_by_hand() {
    let captured = by_hand().capture(x().view(), &["input", "fc1", "relu", "fc2"]).unwrap();
    assert_eq!(captured["input"], x());
    assert_eq!(captured["fc1"], array![[2.0, -1.0], [0.5, 0.5], [-1.0, 2.0]].into_dyn());
    assert_eq!(captured["relu"], array![[2.0, 0.0], [0.5, 0.5], [0.0, 2.0]].into_dyn());
    assert_eq!(captured["fc2"], array![[8.0], [6.5], [10.0]].into_dyn());
}

#[test]
fn gradients_by_hand() {
    // Mean of (y − t)² over three numbers: its gradient is 2(y − t)/3 = 2, −2, 4 for these targets.
    let targets = array![[5.0], [9.5], [4.0]].into_dyn();
    let names =
        ["fc2.grad", "relu.grad", "fc1.grad", "input.grad", "fc2.weight.grad", "fc1.weight.grad", "fc1.bias.grad"];
    let captured = by_hand().capture_with_gradients(x().view(), targets.view(), Mode::Eval, &names).unwrap();
    assert_eq!(captured.loss, (9.0 + 9.0 + 36.0) / 3.0);
    let arrays = captured.arrays;
    assert_eq!(arrays["fc2.grad"], array![[2.0], [-2.0], [4.0]].into_dyn());
    assert_eq!(arrays["relu.grad"], array![[4.0, 6.0], [-4.0, -6.0], [8.0, 12.0]].into_dyn());
    assert_eq!(arrays["fc1.grad"], array![[4.0, 0.0], [-4.0, -6.0], [0.0, 12.0]].into_dyn());
    assert_eq!(arrays["input.grad"], array![[4.0], [2.0], [-12.0]].into_dyn());
    assert_eq!(arrays["fc2.weight.grad"], array![[3.0, 7.0]].into_dyn());
    assert_eq!(arrays["fc1.weight.grad"], array![[6.0], [-15.0]].into_dyn());
    assert_eq!(arrays["fc1.bias.grad"], array![0.0, 6.0].into_dyn());
}

#[test]
fn interventions_by_hand() {
    assert_eq!(change("relu", Edit::Zero, None), [4.0; 3]);
    assert_eq!(change("relu", Edit::Zero, Some(vec![0])), [4.0, 5.5, 10.0]);
    assert_eq!(change("relu", Edit::Scale(2.0), Some(vec![1])), [8.0, 8.0, 16.0]);
    assert_eq!(change("fc1", Edit::Scale(-1.0), None), [7.0, 4.0, 6.0]);
    // Mean of unit 1 after the ReLU: 2.5 / 3.
    let mean = 2.5 / 3.0;
    for (found, wanted) in change("relu", Edit::MeanAblate, Some(vec![1])).into_iter().zip([2.0, 0.5, 0.0]) {
        assert!((found - (2.0 * wanted + 3.0 * mean + 4.0)).abs() < 1e-14);
    }
    assert_eq!(change("relu", Edit::Replace(arr1(&[1.0, 0.0]).into_dyn()), None), [6.0; 3]);
    assert_eq!(change("relu", Edit::Replace(arr0(1.0).into_dyn()), Some(vec![0])), [6.0, 7.5, 12.0]);
    let each = array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].into_dyn();
    assert_eq!(change("relu", Edit::Replace(each.clone()), None), [6.0, 7.0, 9.0]);
    assert_eq!(change("relu", Edit::Add(each), Some(vec![1])), [8.0, 9.5, 13.0]);
    assert_eq!(change("input", Edit::Add(arr0(1.0).into_dyn()), None), [10.0, 7.0, 7.0]);
    assert_eq!(change("fc2", Edit::Scale(0.5), None), [4.0, 3.25, 5.0]);
}

#[test]
fn interventions_follow_each_other_and_show_in_captures() {
    let net = by_hand();
    let edits = [
        Intervention { hook: "relu".into(), edit: Edit::Scale(3.0), units: None },
        Intervention { hook: "relu".into(), edit: Edit::Add(arr0(1.0).into_dyn()), units: Some(vec![0]) },
    ];
    let captured = net.capture_with(x().view(), Mode::Eval, &["fc1", "relu", "fc2"], &edits).unwrap();
    assert_eq!(captured["fc1"], array![[2.0, -1.0], [0.5, 0.5], [-1.0, 2.0]].into_dyn());
    assert_eq!(captured["relu"], array![[7.0, 0.0], [2.5, 1.5], [1.0, 6.0]].into_dyn());
    assert_eq!(captured["fc2"], array![[18.0], [13.5], [24.0]].into_dyn());
}

fn images() -> Vec<LayerSpec> {
    vec![
        LayerSpec::conv2d("conv", 3, 3, 1),
        LayerSpec::relu("relu"),
        LayerSpec::max_pool2d("pool", 2),
        LayerSpec::flatten("flatten"),
        LayerSpec::linear("fc", 4),
    ]
}

#[test]
fn images_come_and_go_channel_first() {
    let net = network::<f64>(&[2, 4, 6], images());
    let x = normal::<f64>(1, &[5, 2, 4, 6]);
    let captured = net.capture(x.view(), &["conv", "relu", "pool", "flatten"]).unwrap();
    assert_eq!(captured["conv"].shape(), [5, 3, 4, 6]);
    assert_eq!(captured["pool"].shape(), [5, 3, 2, 3]);
    let rectified = captured["conv"].mapv(|v: f64| v.max(0.0));
    assert_eq!(captured["relu"], rectified);
    for ((e, c, y, x), &pooled) in captured["pool"].view().into_dimensionality::<ndarray::Ix4>().unwrap().indexed_iter()
    {
        let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| rectified[[e, c, 2 * y + i, 2 * x + j]]);
        assert_eq!(pooled, window.into_iter().fold(f64::MIN, f64::max));
        assert_eq!(captured["flatten"][[e, c * 6 + y * 3 + x]], pooled);
    }
    // The convolution itself, sum by sum.
    let state = net.state_dict();
    let (weight, bias) = (&state[0].1, &state[1].1);
    for (index, &found) in captured["conv"].indexed_iter() {
        let (e, o, y, xx) = (index[0], index[1], index[2], index[3]);
        let mut sum = bias[[o]];
        for c in 0..2 {
            for i in 0..3 {
                for j in 0..3 {
                    if let (Some(row), Some(column)) = ((y + i).checked_sub(1), (xx + j).checked_sub(1))
                        && row < 4
                        && column < 6
                    {
                        sum += weight[[o, c, i, j]] * x[[e, c, row, column]];
                    }
                }
            }
        }
        assert!((found - sum).abs() < 1e-13);
    }
}

#[test]
fn channels_are_units() {
    let net = network::<f64>(&[2, 4, 6], images());
    let x = normal::<f64>(1, &[300, 2, 4, 6]);
    let zero = [Intervention { hook: "conv".into(), edit: Edit::Zero, units: Some(vec![1]) }];
    let found = net.capture_with(x.view(), Mode::Eval, &["conv"], &zero).unwrap();
    let plain = net.capture(x.view(), &["conv"]).unwrap();
    for channel in 0..3 {
        let found = found["conv"].index_axis(Axis(1), channel);
        match channel {
            1 => assert!(found.iter().all(|&v| v == 0.0)),
            _ => assert_eq!(found, plain["conv"].index_axis(Axis(1), channel)),
        }
    }
    // A full replacement by what is there anyway changes nothing, in blocks too.
    let same = [Intervention { hook: "conv".into(), edit: Edit::Replace(plain["conv"].clone()), units: None }];
    assert_eq!(net.forward_with(x.view(), Mode::Eval, &same).unwrap(), net.predict(x.view()).unwrap());
    // The mean over examples, position by position.
    let mean = [Intervention { hook: "conv".into(), edit: Edit::MeanAblate, units: Some(vec![2]) }];
    let found = net.capture_with(x.view(), Mode::Eval, &["conv"], &mean).unwrap();
    let wanted = plain["conv"].mean_axis(Axis(0)).unwrap();
    for example in [0, 299] {
        for (a, b) in
            found["conv"].index_axis(Axis(0), example).index_axis(Axis(0), 2).iter().zip(wanted.index_axis(Axis(0), 2))
        {
            assert!((a - b).abs() < 1e-14);
        }
    }
}

#[test]
fn hook_points_are_listed_with_shapes() {
    let points = network::<f32>(&[2, 4, 6], images()).hook_points();
    let found: Vec<(&str, &[usize])> = points.iter().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
    let wanted: [(&str, &[usize]); 6] = [
        ("input", &[2, 4, 6]),
        ("conv", &[3, 4, 6]),
        ("relu", &[3, 4, 6]),
        ("pool", &[3, 2, 3]),
        ("flatten", &[18]),
        ("fc", &[4]),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn unknown_names_are_named() {
    let net = by_hand();
    let x = x();
    let error = net.capture(x.view(), &["fc3"]).unwrap_err();
    assert_eq!(error.to_string(), "there is no hook point `fc3`; there are: input, fc1, relu, fc2");
    let error = net.capture_with_gradients(x.view(), &labels(0, 3, 1), Mode::Eval, &["fc1.weigth.grad"]).unwrap_err();
    assert!(error.to_string().contains("fc1.weight.grad"), "{error}");
    let edit = |hook: &str, edit, units| {
        net.forward_with(x.view(), Mode::Eval, &[Intervention { hook: hook.into(), edit, units }]).unwrap_err()
    };
    assert!(matches!(edit("nowhere", Edit::Zero, None), NetsError::UnknownHook { .. }));
    assert!(matches!(edit("relu", Edit::Zero, Some(vec![2])), NetsError::UnknownUnit { unit: 2, units: 2, .. }));
    assert!(matches!(edit("relu", Edit::Scale(f64::NAN), None), NetsError::Value { .. }));
    let wrong = ArrayD::zeros(IxDyn(&[2, 2]));
    assert!(matches!(edit("relu", Edit::Add(wrong), None), NetsError::Shape { .. }));
    let nan = ArrayD::from_elem(IxDyn(&[2]), f64::NAN);
    assert!(matches!(edit("relu", Edit::Replace(nan), None), NetsError::NotFinite { .. }));
}
