//! What the tests of networks of pairs share: fixtures, groups, small networks.
#![allow(dead_code, unreachable_pub, missing_docs)]

use super::tensors::Tensors;
use kymograph_linalg::{Real, random};
use kymograph_nets::{OptimiserSpec, PairArchitecture, PairNetwork, PairSpec};
use serde_json::Value;

const CASES: &str = include_str!("../reference/pairs.json");
const TENSORS: &[u8] = include_bytes!("../reference/pairs.safetensors");

pub struct PairFixtures {
    pub tensors: Tensors,
    pub table: Vec<u32>,
    pub cases: Vec<PairCase>,
}

pub struct PairCase {
    pub name: String,
    pub spec: PairSpec,
    pub pairs: Vec<usize>,
    pub optimiser: OptimiserSpec,
    pub losses: Vec<f64>,
}

fn parse<V: serde::de::DeserializeOwned>(value: &Value) -> V {
    serde_json::from_value(value.clone()).unwrap()
}

impl PairFixtures {
    pub fn load() -> Self {
        let json: Value = serde_json::from_str(CASES).unwrap();
        let cases = json["cases"].as_array().unwrap().iter().map(|case| PairCase {
            name: parse(&case["name"]),
            spec: parse(&case["spec"]),
            pairs: parse(&case["pairs"]),
            optimiser: parse(&case["optimiser"]),
            losses: parse(&case["losses"]),
        });
        Self { tensors: Tensors::read(TENSORS), table: parse(&json["table"]), cases: cases.collect() }
    }
}

/// Addition modulo `n`.
pub fn cyclic(n: usize) -> Vec<u32> {
    (0..n * n).map(|at| ((at / n + at % n) % n) as u32).collect()
}

/// The dihedral group of order `2n`: element `r + n·s` is a rotation by r, then a reflection if s.
pub fn dihedral(n: usize) -> Vec<u32> {
    let order = 2 * n;
    (0..order * order)
        .map(|at| {
            let (a, b) = (at / order, at % order);
            let (r1, s1, r2, s2) = (a % n, a / n, b % n, b / n);
            let r = if s1 == 0 { r1 + r2 } else { r1 + n - r2 } % n;
            (r + n * ((s1 + s2) % 2)) as u32
        })
        .collect()
}

/// One small network of each kind, of odd sizes.
pub fn specs(order: usize) -> Vec<PairSpec> {
    [
        PairArchitecture::Mlp { embed: 6, hidden: 19, bias: false },
        PairArchitecture::Mlp { embed: 5, hidden: 33, bias: true },
        PairArchitecture::Sum { hidden: 21 },
        PairArchitecture::Bilinear { hidden: 17 },
        PairArchitecture::Transformer { d_model: 12, heads: 3, d_head: 5, d_mlp: 23 },
    ]
    .into_iter()
    .map(|architecture| PairSpec { order, architecture })
    .collect()
}

pub fn network<T: Real>(spec: &PairSpec, seed: u64) -> PairNetwork<T> {
    let mut net = PairNetwork::new(spec, &mut random::stream(seed, "init")).unwrap();
    // Biases start at zero, where nothing tells them apart.
    let mut rng = random::stream(seed, "biases");
    let mut state = net.state_dict();
    for (name, tensor) in &mut state {
        if name.starts_with('b') && tensor.ndim() == 1 {
            tensor.mapv_inplace(|_| T::from_f64(0.3 * random::normal(&mut rng)));
        }
    }
    net.load_state_dict(&state).unwrap();
    net
}
