//! Losses and gradients of every variant against the twin and its finite differences.

use kymograph_linalg::random;
use kymograph_nets::dictionaries::{
    Auxiliary, DecoderNorm, Dictionary, DictionarySpec, EncoderStart, LossScale, Start, Variant,
};
use ndarray::Array2;

use crate::twin::{self, Weights};

const INPUTS: usize = 5;
const LATENTS: usize = 9;

fn plain(variant: Variant) -> DictionarySpec {
    DictionarySpec {
        norm: DecoderNorm::Free,
        scale: LossScale::Mean,
        ..DictionarySpec::autoencoder(INPUTS, LATENTS, variant)
    }
}

/// A dictionary whose weights are all in general position, biases included.
fn in_general_position(spec: &DictionarySpec, bias: f64) -> Dictionary<f64> {
    let mut dictionary = Dictionary::new(spec).unwrap();
    dictionary.initialise(&Start::Random, EncoderStart::Uniform, 3).unwrap();
    let rng = &mut random::stream(4, "test");
    let mut weights = dictionary.weights();
    for (name, values) in &mut weights {
        let middle = match name.as_str() {
            "b_enc" => bias,
            "log_threshold" => -1.5,
            _ => 0.0,
        };
        values.mapv_inplace(|v| v + middle + 0.3 * random::normal(rng));
    }
    dictionary.load_state(&weights).unwrap();
    dictionary
}

fn weights(dictionary: &Dictionary<f64>) -> Weights {
    dictionary.weights().into_iter().collect()
}

fn check(spec: &DictionarySpec, bias: f64, examples: usize, dead: &[usize]) {
    let mut dictionary = in_general_position(spec, bias);
    if !dead.is_empty() {
        let mut state = dictionary.state();
        for (name, values) in &mut state {
            if name == "idle" {
                dead.iter().for_each(|&latent| values[[latent]] = 10.0);
            }
        }
        dictionary.load_state(&state).unwrap();
    }
    let x: Array2<f64> = random::normal_matrix(&mut random::stream(5, "x"), examples, spec.inputs);
    let y: Array2<f64> = match spec.inputs == spec.outputs {
        true => x.clone(),
        false => random::normal_matrix(&mut random::stream(5, "y"), examples, spec.outputs),
    };
    let stats = dictionary.gradient(x.view(), (spec.inputs != spec.outputs).then(|| y.view())).unwrap();
    let frozen = weights(&dictionary);
    let pair = (x.view(), y.view());
    let expected = twin::loss(spec, (&frozen, &frozen), pair, dead);
    assert!((stats.loss - expected).abs() < 1e-12 * expected.abs().max(1.0), "{spec:?}: {} {expected}", stats.loss);
    let c = twin::codes(spec, &frozen, &twin::pre_activations(spec, &frozen, x.view()));
    let active = c.iter().filter(|v| **v > 0.0).count() as f64 / examples as f64;
    assert!((stats.l0 - active).abs() < 1e-12 && active > 0.0, "{spec:?}: {} {active}", stats.l0);
    assert!((stats.l1 - c.sum() / examples as f64).abs() < 1e-12);
    let step = 1e-6;
    for (name, gradient) in dictionary.gradients() {
        if name == "log_threshold" {
            continue;
        }
        for (at, &found) in gradient.indexed_iter() {
            let mut moved = frozen.clone();
            let mut at_distance = |distance: f64| {
                moved.get_mut(&name).unwrap()[&at] = frozen[&name][&at] + distance;
                twin::loss(spec, (&moved, &frozen), pair, dead)
            };
            let expected = (at_distance(step) - at_distance(-step)) / (2.0 * step);
            assert!(
                (found - expected).abs() < 1e-7 * expected.abs().max(0.1),
                "{spec:?} {name} {at:?}: {found} {expected}"
            );
        }
    }
}

#[test]
fn relu_dense_and_sparse_tied_and_untied() {
    let relu = plain(Variant::Relu { l1: 0.7 });
    // A strongly negative bias leaves few codes, which are then multiplied entry by entry.
    for bias in [0.0, -1.8] {
        check(&relu, bias, 300, &[]);
        check(&DictionarySpec { tied: true, ..relu.clone() }, bias, 150, &[]);
        check(&DictionarySpec { output_bias: false, centred: false, ..relu.clone() }, bias, 150, &[]);
        check(&DictionarySpec { centred: false, scale: LossScale::Sum, ..relu.clone() }, bias, 150, &[]);
        check(&DictionarySpec { outputs: 7, centred: false, ..relu.clone() }, bias, 150, &[]);
    }
}

#[test]
fn the_largest_of_an_example_and_of_a_batch() {
    let sizes = vec![2, 6, LATENTS];
    for variant in [Variant::TopK { k: 3 }, Variant::BatchTopK { k: 3 }, Variant::Matryoshka { k: 3, sizes }] {
        let spec = plain(variant);
        check(&spec, 0.0, 300, &[]);
        check(&DictionarySpec { outputs: 4, centred: false, ..spec.clone() }, 0.0, 30, &[]);
        let auxiliary = Some(Auxiliary { latents: 2, weight: 0.4, dead_after: 10 });
        check(&DictionarySpec { auxiliary, ..spec }, 0.0, 70, &[1, 4, 5, 8]);
    }
}

#[test]
fn jump_and_gate() {
    check(&plain(Variant::JumpRelu { l0: 0.3, bandwidth: 0.2, threshold: 0.2 }), 0.0, 300, &[]);
    check(&plain(Variant::Gated { l1: 0.6 }), 0.0, 300, &[]);
    let gated = plain(Variant::Gated { l1: 0.6 });
    check(&DictionarySpec { outputs: 3, centred: false, ..gated }, 0.0, 40, &[]);
}

/// Equations 11 and 12 of Rajamanoharan et al. (2024), written out.
#[test]
fn thresholds_have_the_published_pseudo_derivative() {
    let (l0, bandwidth) = (0.3, 0.5);
    let spec = plain(Variant::JumpRelu { l0, bandwidth, threshold: 0.2 });
    let mut dictionary = in_general_position(&spec, 0.0);
    let x: Array2<f64> = random::normal_matrix(&mut random::stream(5, "x"), 80, INPUTS);
    dictionary.gradient(x.view(), None).unwrap();
    let w = weights(&dictionary);
    let pre = twin::pre_activations(&spec, &w, x.view());
    let c = twin::codes(&spec, &w, &pre);
    let error = twin::output(&spec, &w, &c, LATENTS, true) - &x;
    let found: Weights = dictionary.gradients().into_iter().collect();
    let n = x.nrows() as f64;
    for latent in 0..LATENTS {
        let threshold = w["log_threshold"][[latent]].exp();
        let mut expected = 0.0;
        for example in 0..x.nrows() {
            if ((pre[[example, latent]] - threshold) / bandwidth).abs() < 0.5 {
                let of_code: f64 = (0..INPUTS)
                    .map(|out| 2.0 * error[[example, out]] * w["W_dec"][[latent, out]] / (n * INPUTS as f64))
                    .sum();
                expected += of_code * (-threshold / bandwidth) - l0 / (n * LATENTS as f64) / bandwidth;
            }
        }
        expected *= threshold;
        assert!((found["log_threshold"][[latent]] - expected).abs() < 1e-12, "{latent}");
    }
}

#[test]
fn rows_are_rescaled_before_the_pass_and_the_gradient_does_not_know() {
    let free = plain(Variant::Relu { l1: 0.7 });
    let spec = DictionarySpec { norm: DecoderNorm::EveryForward, ..free.clone() };
    let x: Array2<f64> = random::normal_matrix(&mut random::stream(5, "x"), 40, INPUTS);
    let mut dictionary = in_general_position(&spec, 0.0);
    let stats = dictionary.gradient(x.view(), None).unwrap();
    for row in dictionary.decoder().outer_iter() {
        assert!((row.dot(&row) - 1.0).abs() < 1e-12);
    }
    let mut other = Dictionary::new(&free).unwrap();
    other.load_state(&dictionary.weights()).unwrap();
    assert_eq!(other.gradient(x.view(), None).unwrap(), stats);
    assert_eq!(other.gradients(), dictionary.gradients());
}
