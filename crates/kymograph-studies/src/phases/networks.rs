//! The networks of the study, as published: `cnn_deep`, `mlp_narrow` and `transformer_deep`.

use kymograph_nets::{LayerSpec, NetworkSpec, TransformerEncoder};

/// The spec of `cnn`, `mlp` or `transformer`; `None` for any other name.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    let layers = match name {
        "cnn" => cnn(),
        "mlp" => mlp(),
        "transformer" => transformer(),
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

/// The image as 16 tokens of 49 pixels, projected to 128 features, a learned table of positions added, four encoder
/// layers of PyTorch's defaults with 4 heads and 512 features between their linear layers, the mean of the tokens, and a
/// linear layer: about 803,000 parameters.
fn transformer() -> Vec<LayerSpec> {
    let encoder = TransformerEncoder {
        num_layers: 4,
        d_model: 128,
        nhead: 4,
        dim_feedforward: 512,
        ..TransformerEncoder::default()
    };
    let mut layers = vec![
        LayerSpec::patches("patches", 49),
        LayerSpec::linear("input_proj", encoder.d_model),
        LayerSpec::positions("pos_encoder"),
    ];
    layers.extend(encoder.layers("transformer"));
    layers.push(LayerSpec::mean_tokens("mean"));
    layers.push(LayerSpec::linear("fc", 10));
    layers
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::stream;
    use kymograph_nets::Network;

    use super::network;

    #[test]
    fn the_networks_have_the_published_sizes() {
        for (name, parameters) in [("cnn", 104_202), ("mlp", 28_618), ("transformer", 802_826)] {
            let spec = network(name).unwrap();
            let net = Network::<f32>::new(&spec, &mut stream(0, "init")).unwrap();
            let count: usize = net.state_dict().iter().map(|(_, tensor)| tensor.len()).sum();
            // 49·128 + 128, 16·128, four layers of 198,272, 128·10 + 10.
            assert_eq!(count, parameters, "{name}");
        }
    }
}
