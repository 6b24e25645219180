//! The network of the study, as published.

use kymograph_nets::{LayerSpec, NetworkSpec};

/// The spec of `mlp`; `None` for any other name.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    (name == "mlp").then(|| NetworkSpec { name: name.to_owned(), input: vec![3, 32, 32], layers: mlp() })
}

/// 3072-128-64-32-10 with batch normalisation and ReLU between, and a softmax behind: 404,458 parameters. With images as
/// they are it begins with 784 inputs.
fn mlp() -> Vec<LayerSpec> {
    let mut layers = vec![LayerSpec::flatten("flatten")];
    for (layer, width) in (1..).zip([128, 64, 32]) {
        layers.push(LayerSpec::linear(format!("fc{layer}"), width));
        layers.push(LayerSpec::batch_norm1d(format!("bn{layer}")));
        layers.push(LayerSpec::relu(format!("relu{layer}")));
    }
    layers.push(LayerSpec::linear("fc4", 10));
    layers.push(LayerSpec::softmax("softmax"));
    layers
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::stream;
    use kymograph_nets::Network;

    use super::network;
    use crate::signals::LAYERS;

    #[test]
    fn the_network_has_the_published_layers_and_size() {
        let net = Network::<f32>::new(&network("mlp").unwrap(), &mut stream(0, "init")).unwrap();
        // 3072·128 + 128, 128·64 + 64, 64·32 + 32, 32·10 + 10, and twice 128 + 64 + 32 of the normalisations.
        assert_eq!(net.parameter_count(), 404_458);
        let hooks: Vec<String> = net.hook_points().into_iter().map(|hook| hook.name).collect();
        assert!(LAYERS.iter().all(|layer| hooks.iter().any(|hook| hook == layer)), "{hooks:?}");
        assert!(network("cnn").is_none());
    }
}
