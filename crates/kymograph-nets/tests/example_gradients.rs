//! Gradients of single examples: by hand, against single-example batches, and against the batch's gradient.

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{
    LayerSpec, Mode, NetsError, Network, NetworkSpec, Optimiser, OptimiserSpec, Target, TransformerEncoder,
};
use ndarray::{ArrayD, Axis, Slice, arr1, arr2, array};
use support::{assert_near, init, labels, network, normal, spec, transformer};

#[test]
fn by_hand() {
    let mut net = network::<f64>(&[2], vec![LayerSpec::linear("fc", 1)]);
    net.load_state_dict(&[
        ("fc.weight".into(), arr2(&[[1.0, -1.0]]).into_dyn()),
        ("fc.bias".into(), arr1(&[0.5]).into_dyn()),
    ])
    .unwrap();
    let x = arr2(&[[1.0, 2.0], [3.0, 0.0]]).into_dyn();
    // Outputs −0.5 and 3.5, so the differences are −1.5 and 2.5 and the slopes twice that.
    let targets = arr2(&[[1.0], [1.0]]).into_dyn();
    let names = ["fc.weight.grad", "fc.bias.grad"];
    let found = net.example_gradients(x.view(), targets.view(), Mode::Eval, &names).unwrap();
    assert_eq!(found.losses, [2.25, 6.25]);
    assert_eq!(found.arrays["fc.weight.grad"], array![[[-3.0, -6.0]], [[15.0, 0.0]]].into_dyn());
    assert_eq!(found.arrays["fc.bias.grad"], array![[-3.0], [5.0]].into_dyn());
    let norms = net.example_gradient_norms(x.view(), targets.view(), Mode::Eval, &names).unwrap();
    assert_eq!(norms.losses, found.losses);
    assert_eq!(norms.norms["fc.weight.grad"], [45f64.sqrt(), 15.0]);
}

fn images() -> NetworkSpec {
    let layers = vec![
        LayerSpec::conv2d("conv", 5, 3, 1),
        LayerSpec::relu("relu"),
        LayerSpec::max_pool2d("pool", 2),
        LayerSpec::conv2d("conv2", 4, 2, 0),
        LayerSpec::flatten("flatten"),
        LayerSpec::dropout("dropout", 0.4),
        LayerSpec::linear("fc", 3),
    ];
    spec(&[1, 6, 6], layers)
}

fn tokens() -> NetworkSpec {
    let encoder = TransformerEncoder { num_layers: 2, d_model: 6, nhead: 2, dim_feedforward: 9, ..Default::default() };
    transformer(6, 9, 3, &encoder)
}

fn names<T: Real>(net: &Network<T>) -> Vec<String> {
    net.gradients().into_iter().map(|(name, _)| name + ".grad").collect()
}

/// More examples than are held at once.
const EXAMPLES: usize = 35;

fn check(spec: &NetworkSpec) {
    let net = Network::<f64>::new(spec, &mut init(2)).unwrap();
    let x = normal::<f64>(4, &[EXAMPLES, 1, 6, 6]);
    let labels = labels(5, EXAMPLES, 3);
    let values = normal::<f64>(6, &[EXAMPLES, 3]);
    let names = names(&net);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for mode in [Mode::Eval, Mode::Train] {
        for target in [Target::Labels(&labels), Target::Values(values.view())] {
            let each = net.example_gradients(x.view(), target.clone(), mode, &names).unwrap();
            let norms = net.example_gradient_norms(x.view(), target.clone(), mode, &names).unwrap();
            let batch = net.capture_with_gradients(x.view(), target.clone(), mode, &names).unwrap();
            let mean = each.losses.iter().sum::<f64>() / EXAMPLES as f64;
            assert!((mean - batch.loss).abs() < 1e-13);
            assert_eq!(norms.losses, each.losses);
            for name in &names {
                let array = &each.arrays[*name];
                assert_near(name, &array.mean_axis(Axis(0)).unwrap(), &batch.arrays[*name], 1e-13);
                for (example, &norm) in norms.norms[*name].iter().enumerate() {
                    let wanted = array.index_axis(Axis(0), example).iter().map(|g| g * g).sum::<f64>().sqrt();
                    assert!((norm - wanted).abs() <= 1e-14 * wanted.max(1.0), "{name} {example}");
                }
            }
            if mode == Mode::Train {
                // Alone in a batch, an example would get the first one's mask.
                continue;
            }
            for example in [0, 16, 34] {
                let one = Slice::from(example..example + 1);
                let target = match &target {
                    Target::Labels(labels) => Target::Labels(&labels[example..=example]),
                    Target::Values(values) => Target::Values(values.clone().slice_axis_move(Axis(0), one)),
                };
                let alone = net.capture_with_gradients(x.slice_axis(Axis(0), one), target, mode, &names).unwrap();
                assert!((alone.loss - each.losses[example]).abs() < 1e-14);
                for name in &names {
                    let found = each.arrays[*name].index_axis(Axis(0), example).to_owned();
                    assert_near(name, &found, &alone.arrays[*name], 1e-13);
                }
            }
        }
    }
}

#[test]
fn of_convolutions_and_linear_layers() {
    check(&images());
}

#[test]
fn of_transformers() {
    check(&tokens());
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let net = Network::<f32>::new(&tokens(), &mut init(2)).unwrap();
            let x = normal::<f32>(4, &[EXAMPLES, 1, 6, 6]);
            let names = names(&net);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let labels = labels(5, EXAMPLES, 3);
            let each = net.example_gradients(x.view(), &labels, Mode::Train, &names).unwrap();
            each.arrays.values().flatten().map(|g| g.to_bits()).collect::<Vec<_>>()
        })
    };
    let one = bits(1);
    assert_eq!(one, bits(2));
    assert_eq!(one, bits(3));
}

#[test]
fn errors() {
    let net = network::<f64>(&[4], vec![LayerSpec::linear("fc", 3), LayerSpec::batch_norm1d("bn")]);
    let x = normal::<f64>(0, &[5, 4]);
    let labels = labels(0, 5, 3);
    let error = net.example_gradients(x.view(), &labels, Mode::Train, &["fc.weight.grad"]).unwrap_err();
    assert_eq!(error, NetsError::NoExampleGradient { layer: "bn".into() });
    assert!(net.example_gradients(x.view(), &labels, Mode::Eval, &["fc.weight.grad"]).is_ok());
    for name in ["fc.weight", "fc", "wrong.grad"] {
        let error = net.example_gradients(x.view(), &labels, Mode::Eval, &[name]).unwrap_err();
        assert!(error.to_string().contains("fc.weight.grad, fc.bias.grad"), "{error}");
    }
    let mut far = x.clone();
    far[[3, 1]] = f64::INFINITY;
    let error = net.example_gradient_norms(far.view(), &labels, Mode::Eval, &[]).unwrap_err();
    assert!(error.to_string().contains("not finite at [3, 1]"), "{error}");
    assert!(net.example_gradients(x.view(), &vec![0], Mode::Eval, &[]).is_err());
    let none: ArrayD<f64> = normal(0, &[0, 4]);
    assert!(matches!(net.example_gradients(none.view(), &vec![], Mode::Eval, &[]), Err(NetsError::EmptyBatch { .. })));
    // Nothing in the network changes.
    let mut trained = net.clone();
    trained.example_gradients(x.view(), &labels, Mode::Eval, &[]).unwrap();
    let mut sgd = Optimiser::new(OptimiserSpec::sgd(0.1), &trained).unwrap();
    let mut plain = net.clone();
    trained.train_step(x.view(), &labels, &mut sgd.clone()).unwrap();
    plain.train_step(x.view(), &labels, &mut sgd).unwrap();
    assert_eq!(trained.weight_hash(), plain.weight_hash());
}
