//! Dense gradients of dictionaries wider than one tile, panel or block, against whole matrix products.

use kymograph_linalg::random;
use kymograph_nets::dictionaries::{DecoderNorm, Dictionary, DictionarySpec, EncoderStart, LossScale, Start, Variant};
use ndarray::{Array2, ArrayD, Axis, Ix1, Ix2};

use crate::twin::{self, Weights};

/// Gradients by the chain rule, a matrix at a time.
fn literal(spec: &DictionarySpec, w: &Weights, x: &Array2<f64>, y: &Array2<f64>) -> Weights {
    let c = twin::codes(spec, w, &twin::pre_activations(spec, w, x.view()));
    let matrix = |name: &str| w[name].view().into_dimensionality::<Ix2>().unwrap();
    let b_dec = w["b_dec"].view().into_dimensionality::<Ix1>().unwrap();
    let examples = x.nrows() as f64;
    let errors = (c.dot(&matrix("W_dec")) + b_dec - y) * (2.0 / (examples * spec.outputs as f64));
    let cost = match spec.variant {
        Variant::Relu { l1 } => l1 / (examples * spec.latents as f64),
        _ => 0.0,
    };
    let used = c.mapv(|code| f64::from(u8::from(code > 0.0)));
    let slopes = (errors.dot(&matrix("W_dec").t()) + cost) * used;
    let found: [(&str, ArrayD<f64>); 4] = [
        ("W_dec", c.t().dot(&errors).into_dyn()),
        ("W_enc", x.t().dot(&slopes).into_dyn()),
        ("b_dec", errors.sum_axis(Axis(0)).into_dyn()),
        ("b_enc", slopes.sum_axis(Axis(0)).into_dyn()),
    ];
    found.into_iter().map(|(name, values)| (name.to_owned(), values)).collect()
}

#[test]
fn batches_of_every_size_through_one_dictionary() {
    let relu = Variant::Relu { l1: 0.7 };
    let jump = Variant::JumpRelu { l0: 0.3, bandwidth: 0.2, threshold: 0.2 };
    for variant in [relu, jump] {
        for [inputs, latents, outputs] in [[37, 300, 21], [64, 513, 70], [1, 1, 2], [16, 256, 16]] {
            let spec = DictionarySpec {
                norm: DecoderNorm::Free,
                scale: LossScale::Mean,
                centred: false,
                outputs,
                ..DictionarySpec::autoencoder(inputs, latents, variant.clone())
            };
            let mut dictionary = Dictionary::<f64>::new(&spec).unwrap();
            dictionary.initialise(&Start::Random, EncoderStart::Uniform, 3).unwrap();
            let w: Weights = dictionary.weights().into_iter().collect();
            for examples in [200, 70, 1, 130] {
                let draw = |name, columns| random::normal_matrix(&mut random::stream(5, name), examples, columns);
                let (x, y): (Array2<f64>, Array2<f64>) = (draw("x", inputs), draw("y", outputs));
                dictionary.gradient(x.view(), Some(y.view())).unwrap();
                let expected = literal(&spec, &w, &x, &y);
                for (name, found) in dictionary.gradients() {
                    let Some(expected) = expected.get(&name) else { continue };
                    let size = expected.iter().fold(0.0f64, |most, v| most.max(v.abs()));
                    let apart = (&found - expected).iter().fold(0.0f64, |most, v| most.max(v.abs()));
                    // Sums of so many products of one size, in another order.
                    let rounding = (examples + inputs + latents) as f64 * f64::EPSILON * size;
                    assert!(apart <= rounding, "{spec:?} {name}, {examples} examples: {apart:e} of {size:e}");
                }
            }
        }
    }
}
