//! The same seed gives the same bits for any number of threads; the kernel paths agree to rounding.

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{
    KernelPath, LayerKind, LayerSpec, Mode, Network, NetworkSpec, Optimiser, OptimiserSpec, TransformerEncoder,
    cpu_features,
};
use ndarray::ArrayD;
use support::{assert_near, init, labels, normal, phases_cnn, phases_mlp, phases_transformer, spec, transformer};

fn hash_after<T: Real>(spec: &NetworkSpec, path: KernelPath, batch: usize, steps: usize, threads: usize) -> u64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut net = Network::<T>::new(spec, &mut init(3)).unwrap();
        net.set_kernel_path(path).unwrap();
        let mut adam = Optimiser::new(OptimiserSpec::adam(1e-3), &net).unwrap();
        let mut shape = vec![batch];
        shape.extend(&spec.input);
        for step in 0..steps as u64 {
            let x = normal::<T>(step, &shape);
            net.train_step(x.view(), &labels(step, batch, 10), &mut adam).unwrap();
        }
        net.weight_hash()
    })
}

fn same_for_threads<T: Real>(spec: &NetworkSpec, batch: usize, steps: usize) {
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        let one = hash_after::<T>(spec, path, batch, steps, 1);
        for threads in [2, 3] {
            assert_eq!(one, hash_after::<T>(spec, path, batch, steps, threads), "{path}, {threads} threads");
        }
    }
}

#[test]
fn cnn_for_any_number_of_threads() {
    same_for_threads::<f32>(&phases_cnn(), 64, 2);
}

#[test]
fn mlp_for_any_number_of_threads() {
    same_for_threads::<f32>(&phases_mlp(), 64, 20);
    same_for_threads::<f64>(&phases_mlp(), 13, 3);
}

/// Odd sizes, dropout everywhere.
fn small_transformer() -> NetworkSpec {
    let encoder = TransformerEncoder {
        num_layers: 2,
        d_model: 21,
        nhead: 3,
        dim_feedforward: 37,
        causal: true,
        ..TransformerEncoder::default()
    };
    transformer(9, 9, 10, &encoder)
}

#[test]
fn transformers_for_any_number_of_threads() {
    same_for_threads::<f32>(&small_transformer(), 37, 4);
    same_for_threads::<f64>(&small_transformer(), 5, 3);
}

#[test]
#[ignore = "slow: three training steps of the study's transformer for each number of threads and path"]
fn the_studys_transformer_for_any_number_of_threads() {
    same_for_threads::<f32>(&phases_transformer(), 64, 3);
}

fn with_norm_and_dropout() -> NetworkSpec {
    spec(
        &[2, 7, 9],
        vec![
            LayerSpec::conv2d("conv1", 19, 3, 1),
            LayerSpec::batch_norm2d("bn1"),
            LayerSpec::relu("relu1"),
            LayerSpec::max_pool2d("pool1", [2, 3]),
            LayerSpec::flatten("flatten"),
            LayerSpec::dropout("dropout", 0.3),
            LayerSpec::linear("fc1", 21),
            LayerSpec::batch_norm1d("bn2"),
            LayerSpec::tanh("tanh2"),
            LayerSpec::linear("fc2", 10),
        ],
    )
}

#[test]
fn batch_norm_and_dropout_for_any_number_of_threads() {
    same_for_threads::<f32>(&with_norm_and_dropout(), 37, 5);
    same_for_threads::<f64>(&with_norm_and_dropout(), 5, 3);
}

#[test]
fn captures_for_any_number_of_threads() {
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let net = Network::<f32>::new(&with_norm_and_dropout(), &mut init(3)).unwrap();
            let x = normal::<f32>(5, &[300, 2, 7, 9]);
            let names = ["bn1", "fc1.weight.grad", "conv1.grad", "input.grad"];
            let captured = net.capture_with_gradients(x.view(), &labels(1, 300, 10), Mode::Train, &names).unwrap();
            let mut bits: Vec<u64> = captured.arrays.values().flatten().map(|x| u64::from(x.to_bits())).collect();
            bits.push(captured.loss.to_bits());
            bits
        })
    };
    let one = bits(1);
    assert_eq!(one, bits(2));
    assert_eq!(one, bits(3));
}

/// Output and all gradients, from one path.
fn everything<T: Real>(spec: &NetworkSpec, path: KernelPath, batch: usize) -> Vec<(String, ArrayD<T>)> {
    let mut net = Network::<T>::new(spec, &mut init(11)).unwrap();
    net.set_kernel_path(path).unwrap();
    assert_eq!(net.kernel_path(), path);
    let mut shape = vec![batch];
    shape.extend(&spec.input);
    let output = net.forward(normal::<T>(2, &shape).view(), Mode::Train).unwrap();
    let slopes = normal::<T>(4, output.shape());
    let input = net.backward(slopes.view()).unwrap();
    let mut all = net.gradients();
    all.push(("output".into(), output));
    all.push(("input".into(), input));
    all
}

fn conv_case(
    c: usize,
    h: usize,
    w: usize,
    out: usize,
    k: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
) -> NetworkSpec {
    let kind = LayerKind::Conv2d {
        out_channels: out,
        kernel_size: k.into(),
        stride: stride.into(),
        padding: pad.into(),
        bias: true,
    };
    spec(&[c, h, w], vec![LayerSpec::new("conv", kind), LayerSpec::relu("relu"), LayerSpec::max_pool2d("pool", 1)])
}

#[test]
fn kernel_paths_agree_on_odd_shapes() {
    let mut cases = vec![(with_norm_and_dropout(), 11), (small_transformer(), 11)];
    for (shape, out, kernel, stride, padding) in [
        ([1, 13, 15], 33, [3, 3], [1, 1], [1, 1]),
        ([5, 8, 6], 7, [2, 3], [1, 2], [0, 1]),
        ([17, 9, 16], 31, [5, 1], [2, 1], [2, 0]),
        ([3, 7, 29], 49, [1, 1], [1, 1], [0, 0]),
        ([31, 3, 3], 65, [3, 3], [1, 1], [1, 1]),
        ([2, 1, 9], 16, [1, 4], [1, 3], [1, 2]),
    ] {
        let [c, h, w] = shape;
        cases.push((conv_case(c, h, w, out, kernel, stride, padding), 3));
    }
    for (inputs, outputs, batch) in [(1, 1, 1), (33, 15, 5), (100, 47, 30), (7, 96, 131), (64, 17, 8)] {
        cases.push((spec(&[inputs], vec![LayerSpec::linear("fc", outputs)]), batch));
    }
    for (spec, batch) in &cases {
        let truth = everything::<f64>(spec, KernelPath::Portable, *batch);
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            for ((name, wanted), (_, found)) in truth.iter().zip(everything::<f64>(spec, path, *batch)) {
                assert_near(&format!("{path} f64 {name}"), &found, wanted, 1e-12);
            }
            // Weights are drawn in f64 and rounded, so f32 starts from slightly other ones.
            for ((name, wanted), (_, found)) in truth.iter().zip(everything::<f32>(spec, path, *batch)) {
                assert_near(&format!("{path} f32 {name}"), &found, wanted, 2e-5);
            }
        }
    }
}

#[test]
fn captured_values_are_those_of_the_training_step() {
    // The step runs convolution, ReLU and pooling as one; captures run them apart.
    captured_are_those_of_the_step(&phases_cnn());
    captured_are_those_of_the_step(&small_transformer());
}

fn captured_are_those_of_the_step(spec: &NetworkSpec) {
    let mut net = Network::<f32>::new(spec, &mut init(1)).unwrap();
    let x = normal::<f32>(1, &[&[9], spec.input.as_slice()].concat());
    let labels = labels(1, 9, 10);
    let names: Vec<String> = net.gradients().into_iter().map(|(name, _)| name).collect();
    let hooks: Vec<String> = names.iter().map(|name| format!("{name}.grad")).collect();
    let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
    let captured = net.capture_with_gradients(x.view(), &labels, Mode::Train, &hooks).unwrap();
    let output = net.capture(x.view(), &["fc"]).unwrap();
    assert_eq!(output["fc"], net.predict(x.view()).unwrap());
    assert_eq!(output["fc"], net.forward(x.view(), Mode::Eval).unwrap());
    let mut sgd = Optimiser::new(OptimiserSpec::sgd(0.1), &net).unwrap();
    let stats = net.train_step(x.view(), &labels, &mut sgd).unwrap();
    assert_eq!(stats.loss.to_bits(), captured.loss.to_bits());
    for (name, gradient) in net.gradients() {
        assert_eq!(gradient, captured.arrays[&format!("{name}.grad")], "{name}");
    }
    let norm: f64 = net.gradients().iter().flat_map(|(_, g)| g).map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
    assert!((stats.gradient_norm - norm).abs() < 1e-12 * norm);
}

#[test]
fn features_name_the_path() {
    let features = cpu_features();
    assert_eq!(features.path, KernelPath::best());
    assert!(features.path.is_supported() && KernelPath::Portable.is_supported());
    let net = Network::<f32>::new(&phases_mlp(), &mut init(0)).unwrap();
    assert_eq!(net.kernel_path(), features.path);
    assert_eq!(features.detected.iter().any(|f| f == "avx512f"), KernelPath::Avx512.is_supported());
}
