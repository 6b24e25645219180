//! The networks of the study: one perceptron under four activations, and two networks of `phases`.

use kymograph_nets::{LayerSpec, NetworkSpec};

use crate::phases;

/// Their names.
pub(super) const NAMES: &[&str] = &["relu", "abs", "gelu", "tanh", "mlp", "cnn"];

/// The spec of one of them; `None` for any other name.
///
/// `relu`, `abs`, `gelu` and `tanh`: 784-64-64-64-64-10, differing in the activation alone. `mlp` and `cnn` are those of the
/// study `phases`.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    let activation: fn(String) -> LayerSpec = match name {
        "relu" => LayerSpec::relu,
        "abs" => LayerSpec::abs,
        "gelu" => LayerSpec::gelu,
        "tanh" => LayerSpec::tanh,
        "mlp" | "cnn" => return phases::network(name),
        _ => return None,
    };
    let mut layers = vec![LayerSpec::flatten("flatten")];
    for layer in 1..=4 {
        layers.push(LayerSpec::linear(format!("fc{layer}"), 64));
        layers.push(activation(format!("act{layer}")));
    }
    layers.push(LayerSpec::linear("fc5", 10));
    Some(NetworkSpec { name: name.to_owned(), input: vec![1, 28, 28], layers })
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::stream;
    use kymograph_nets::Network;

    use super::*;

    #[test]
    fn every_name_has_a_network_and_activations_alone_differ() {
        let size = 784 * 64 + 64 + 3 * (64 * 64 + 64) + 64 * 10 + 10;
        for name in NAMES {
            let spec = network(name).unwrap();
            assert_eq!(spec.name, *name);
            let net = Network::<f32>::new(&spec, &mut stream(0, "init")).unwrap();
            assert!(["mlp", "cnn"].contains(name) || net.parameter_count() == size, "{name}");
        }
        assert!(network("sigmoid").is_none());
    }
}
