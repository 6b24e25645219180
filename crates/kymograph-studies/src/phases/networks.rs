//! The networks of the study, as published: `cnn_deep` and `mlp_narrow`.

use kymograph_nets::{LayerSpec, NetworkSpec};

/// The spec of `cnn` or `mlp`; `None` for any other name.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    let layers = match name {
        "cnn" => cnn(),
        "mlp" => mlp(),
        _ => return None,
    };
    Some(NetworkSpec { name: name.to_owned(), input: vec![1, 28, 28], layers })
}

/// Three blocks of 3×3 convolution, ReLU and 2×2 pooling with 32, 64 and 128 channels, then a linear layer:
/// 104,202 parameters.
fn cnn() -> Vec<LayerSpec> {
    let mut layers = Vec::new();
    for (block, channels) in (1..).zip([32, 64, 128]) {
        layers.push(LayerSpec::conv2d(format!("conv{block}"), channels, 3, 1));
        layers.push(LayerSpec::relu(format!("relu{block}")));
        layers.push(LayerSpec::max_pool2d(format!("pool{block}"), 2));
    }
    layers.push(LayerSpec::flatten("flatten"));
    layers.push(LayerSpec::linear("fc", 10));
    layers
}

/// 784-32-32-32-32-10 with ReLU: 28,618 parameters.
fn mlp() -> Vec<LayerSpec> {
    let mut layers = vec![LayerSpec::flatten("flatten")];
    for layer in 1..=4 {
        layers.push(LayerSpec::linear(format!("fc{layer}"), 32));
        layers.push(LayerSpec::relu(format!("relu{layer}")));
    }
    layers.push(LayerSpec::linear("fc5", 10));
    layers
}
