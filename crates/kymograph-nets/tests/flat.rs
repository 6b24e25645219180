//! Parameters and gradients as flat vectors, and a minibatch's gradient looked at again.

use kymograph_linalg::random::stream;
use kymograph_nets::{LayerSpec, Mode, Network, NetworkSpec, Optimiser, OptimiserSpec};
use ndarray::{ArrayD, IxDyn};

fn network() -> Network<f64> {
    let spec = NetworkSpec {
        name: "small".into(),
        input: vec![2, 6, 6],
        layers: vec![
            LayerSpec::conv2d("conv", 4, 3, 0),
            LayerSpec::relu("relu"),
            LayerSpec::max_pool2d("pool", 2),
            LayerSpec::flatten("flatten"),
            LayerSpec::linear("fc", 3),
        ],
    };
    Network::new(&spec, &mut stream(4, "init")).unwrap()
}

fn batch() -> (ArrayD<f64>, Vec<usize>) {
    let x =
        ArrayD::from_shape_fn(IxDyn(&[9, 2, 6, 6]), |i| ((i[0] * 5 + i[1] * 3 + i[2] * i[3]) % 7) as f64 / 3.0 - 1.0);
    (x, (0..9).map(|i| i % 3).collect())
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn flat_vectors_hold_every_tensor_in_its_range() {
    let mut net = network();
    let (x, labels) = batch();
    let mut sgd = Optimiser::new(OptimiserSpec::sgd(0.1), &net).unwrap();
    net.train_step(x.view(), &labels, &mut sgd).unwrap();
    let ranges = net.parameter_ranges();
    assert_eq!(ranges.iter().map(|(_, at)| at.len()).sum::<usize>(), net.parameter_count());
    let mut next = 0;
    let tensors = net.state_dict().into_iter().zip(net.gradients());
    for ((name, at), ((parameter, weights), (_, gradients))) in ranges.into_iter().zip(tensors) {
        assert_eq!((name, at.start), (parameter, next));
        next = at.end;
        assert_eq!(sorted(net.flat_parameters()[at.clone()].to_vec()), sorted(weights.into_iter().collect()));
        assert_eq!(sorted(net.flat_gradients()[at].to_vec()), sorted(gradients.into_iter().collect()));
    }
}

#[test]
fn a_second_look_at_a_minibatch_is_its_gradient_and_changes_nothing() {
    let mut net = network();
    let (x, labels) = batch();
    let mut sgd = Optimiser::new(OptimiserSpec::sgd(0.1), &net).unwrap();
    let looked = net.flat_gradient_at(x.view(), &labels, Mode::Train).unwrap();
    let before = net.flat_parameters().to_vec();
    assert_eq!(net.flat_gradients(), vec![0.0; before.len()], "nothing was kept");
    net.train_step(x.view(), &labels, &mut sgd).unwrap();
    for ((looked, taken), (before, after)) in
        looked.iter().zip(net.flat_gradients()).zip(before.iter().zip(net.flat_parameters()))
    {
        assert!((looked - taken).abs() < 1e-14, "{looked} and {taken}");
        assert!((before - 0.1 * looked - after).abs() < 1e-14);
    }
    let again = net.flat_gradient_at(x.view(), &labels, Mode::Train).unwrap();
    assert!(again.iter().zip(net.flat_gradients()).any(|(a, b)| a != b), "at the new weights");
    assert!(net.flat_gradient_at(x.view(), &labels[..8], Mode::Train).is_err(), "a label for each example");
    let mut broken = x.clone();
    broken[[0, 0, 0, 0]] = f64::NAN;
    assert!(net.flat_gradient_at(broken.view(), &labels, Mode::Train).is_err());
}
