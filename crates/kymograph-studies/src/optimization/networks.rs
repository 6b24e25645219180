//! The network of the study, as published, under a name for each optimiser.

use kymograph_nets::{LayerSpec, NetworkSpec};

/// The spec of `cnn_adam` or `cnn_sgd`, which differ in nothing but how they are trained; `None` for any other name.
///
/// Three 3×3 convolutions without padding (32, 64 and 64 channels) with ReLU, 2×2 pooling after the first two, then linear
/// layers of 64 with ReLU and of 10: 122,570 parameters.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    if !["cnn_adam", "cnn_sgd"].contains(&name) {
        return None;
    }
    let mut layers = Vec::new();
    for (block, channels) in (1..).zip([32, 64, 64]) {
        layers.push(LayerSpec::conv2d(format!("conv{block}"), channels, 3, 0));
        layers.push(LayerSpec::relu(format!("relu{block}")));
        if block < 3 {
            layers.push(LayerSpec::max_pool2d(format!("pool{block}"), 2));
        }
    }
    layers.push(LayerSpec::flatten("flatten"));
    layers.push(LayerSpec::linear("fc1", 64));
    layers.push(LayerSpec::relu("relu4"));
    layers.push(LayerSpec::linear("fc2", 10));
    Some(NetworkSpec { name: name.to_owned(), input: vec![3, 32, 32], layers })
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::stream;
    use kymograph_nets::Network;

    use super::network;

    #[test]
    fn the_network_has_the_published_size_under_both_names() {
        let [adam, sgd] = ["cnn_adam", "cnn_sgd"].map(|name| {
            let net = Network::<f32>::new(&network(name).unwrap(), &mut stream(3, "init")).unwrap();
            assert_eq!(net.parameter_count(), 122_570);
            net.state_dict()
        });
        assert_eq!(adam, sgd, "the same initial weights");
        assert!(network("cnn").is_none());
    }
}
