//! What the tests share: fixtures, comparison, small networks and inputs.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod pairs;
mod tensors;

use kymograph_linalg::{Real, random};
use kymograph_nets::{LayerSpec, Network, NetworkSpec, TransformerEncoder};
use ndarray::{ArrayD, IxDyn};
use serde_json::Value;
use tensors::Tensors;

const CASES: &str = include_str!("../reference/cases.json");
const TENSORS: &[u8] = include_bytes!("../reference/cases.safetensors");

pub struct Fixtures {
    pub tensors: Tensors,
    cases: Vec<Value>,
}

impl Fixtures {
    pub fn load() -> Self {
        let cases: Value = serde_json::from_str(CASES).unwrap();
        Self { tensors: Tensors::read(TENSORS), cases: cases["cases"].as_array().unwrap().clone() }
    }

    pub fn cases(&self, kind: &str) -> Vec<Value> {
        self.cases.iter().filter(|case| case["kind"] == kind).cloned().collect()
    }
}

/// Largest difference relative to the largest magnitude (at least 1).
pub fn assert_near<T: Real>(what: &str, found: &ArrayD<T>, wanted: &ArrayD<f64>, tolerance: f64) {
    assert_eq!(found.shape(), wanted.shape(), "{what}");
    let size = wanted.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    for (index, &value) in wanted.indexed_iter() {
        let off = (found[&index].to_f64() - value).abs() / size;
        assert!(off <= tolerance, "{what} at {index:?}: {} instead of {value}, off by {off:e}", found[&index]);
    }
}

pub fn init(seed: u64) -> impl rand::Rng {
    random::stream(seed, "init")
}

pub fn spec(input: &[usize], layers: Vec<LayerSpec>) -> NetworkSpec {
    NetworkSpec { name: "net".into(), input: input.to_vec(), layers }
}

pub fn network<T: Real>(input: &[usize], layers: Vec<LayerSpec>) -> Network<T> {
    Network::new(&spec(input, layers), &mut init(7)).unwrap()
}

/// Standard normal numbers, each exact in f32.
pub fn normal<T: Real>(seed: u64, shape: &[usize]) -> ArrayD<T> {
    let mut rng = random::stream(seed, "data");
    ArrayD::from_shape_simple_fn(IxDyn(shape), || T::from_f64(f64::from(random::normal(&mut rng) as f32)))
}

pub fn labels(seed: u64, examples: usize, classes: usize) -> Vec<usize> {
    let mut rng = random::stream(seed, "labels");
    (0..examples).map(|_| random::below(&mut rng, classes)).collect()
}

/// The convolutional network of the study `phases`.
pub fn phases_cnn() -> NetworkSpec {
    let mut layers = Vec::new();
    for (block, channels) in [(1, 32), (2, 64), (3, 128)] {
        layers.push(LayerSpec::conv2d(format!("conv{block}"), channels, 3, 1));
        layers.push(LayerSpec::relu(format!("relu{block}")));
        layers.push(LayerSpec::max_pool2d(format!("pool{block}"), 2));
    }
    layers.push(LayerSpec::flatten("flatten"));
    layers.push(LayerSpec::linear("fc", 10));
    spec(&[1, 28, 28], layers)
}

/// The multilayer perceptron of the study `phases`.
pub fn phases_mlp() -> NetworkSpec {
    let mut layers = vec![LayerSpec::flatten("flatten")];
    for block in 1..=4 {
        layers.push(LayerSpec::linear(format!("fc{block}"), 32));
        layers.push(LayerSpec::relu(format!("relu{block}")));
    }
    layers.push(LayerSpec::linear("fc5", 10));
    spec(&[1, 28, 28], layers)
}

/// A transformer on images of one channel, as that of the study `phases`.
pub fn transformer(side: usize, patch: usize, classes: usize, encoder: &TransformerEncoder) -> NetworkSpec {
    let mut layers = vec![
        LayerSpec::patches("patches", patch),
        LayerSpec::linear("input_proj", encoder.d_model),
        LayerSpec::positions("pos_encoder"),
    ];
    layers.extend(encoder.layers("transformer"));
    layers.extend([LayerSpec::mean_tokens("mean"), LayerSpec::linear("fc", classes)]);
    spec(&[1, side, side], layers)
}

/// The transformer of the study `phases`.
pub fn phases_transformer() -> NetworkSpec {
    let encoder = TransformerEncoder {
        num_layers: 4,
        d_model: 128,
        nhead: 4,
        dim_feedforward: 512,
        ..TransformerEncoder::default()
    };
    transformer(28, 49, 10, &encoder)
}
