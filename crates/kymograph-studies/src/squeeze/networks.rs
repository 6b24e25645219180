//! The networks of the study: the seven published ones, and the first of them with squeezes of other widths.

use kymograph_nets::{LayerSpec, NetworkSpec};

/// Their names.
pub(super) const NAMES: &[&str] = &[
    "v0",
    "v1",
    "v2",
    "v3",
    "v4",
    "v5",
    "v6",
    "width_1",
    "width_2",
    "width_4",
    "width_8",
    "width_16",
    "width_32",
    "width_64",
    "width_full",
];

/// The networks that differ in the width s of their two squeezes alone, narrowest first, as text for s and the networks that
/// have it; where the first is a published one, the second is the same under another name.
pub const SWEEP: &[(&str, &[&str])] = &[
    ("1", &["v3", "width_1"]),
    ("2", &["v2", "width_2"]),
    ("4", &["width_4"]),
    ("8", &["v1", "width_8"]),
    ("16", &["width_16"]),
    ("32", &["v0", "width_32"]),
    ("64", &["width_64"]),
    ("full", &["width_full"]),
];

/// The spec of one of them; `None` for any other name.
#[must_use]
pub fn network(name: &str) -> Option<NetworkSpec> {
    let mut layers = vec![LayerSpec::flatten("flatten")];
    match name {
        "v4" | "v5" => {
            let s = if name == "v4" { 8 } else { 2 };
            for (block, out) in (1..).zip([1024, 512, 256]) {
                layers.extend(squeeze_expand(block, s, out));
            }
        }
        "v6" => layers.extend(perceptron(2)),
        _ => {
            layers.extend(perceptron(1024));
            let width = squeeze_width(name)?;
            for (block, out) in (2..).zip([512, 256]) {
                layers.extend(squeeze_expand(block, width.unwrap_or(out), out));
            }
        }
    }
    layers.push(LayerSpec::linear("out", 10));
    layers.push(LayerSpec::softmax("softmax"));
    Some(NetworkSpec { name: name.to_owned(), input: vec![3, 32, 32], layers })
}

/// The units of the squeezes in a network of the sweep: `Some(None)` where they have as many as the layer behind them, so
/// that nothing is squeezed, and `None` for a network that is none of the sweep.
#[must_use]
pub fn squeeze_width(name: &str) -> Option<Option<usize>> {
    let (width, _) = SWEEP.iter().find(|(_, names)| names.contains(&name))?;
    Some(width.parse().ok())
}

/// Linear, batch normalisation, ReLU.
fn perceptron(out: usize) -> Vec<LayerSpec> {
    vec![LayerSpec::linear("rp1.linear", out), LayerSpec::batch_norm1d("rp1.norm"), LayerSpec::relu("rp1.relu")]
}

/// The same twice: down to s units, and up to as many as the block puts out.
fn squeeze_expand(block: usize, s: usize, out: usize) -> Vec<LayerSpec> {
    let part = |part: &str, width: usize| {
        let name = format!("se{block}.{part}");
        [
            LayerSpec::linear(&name, width),
            LayerSpec::batch_norm1d(format!("{name}_norm")),
            LayerSpec::relu(format!("{name}_relu")),
        ]
    };
    [part("squeeze", s), part("expand", out)].concat()
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::stream;
    use kymograph_nets::Network;

    use super::*;

    /// Weights and biases of linear layers, and four numbers a unit of normalisation (weight, bias, two running), with one
    /// counter a layer.
    fn numbers(widths: &[usize]) -> usize {
        let linear: usize = widths.windows(2).map(|w| w[0] * w[1] + w[1]).sum();
        let normed = &widths[1..widths.len() - 1];
        linear + 4 * normed.iter().sum::<usize>() + normed.len()
    }

    #[test]
    fn the_networks_have_the_published_layers() {
        let shape = |s: usize| vec![3072, 1024, s, 512, s, 256, 10];
        let expected: [(&str, Vec<usize>); 9] = [
            ("v0", shape(32)),
            ("v1", shape(8)),
            ("v2", shape(2)),
            ("v3", shape(1)),
            ("v4", vec![3072, 8, 1024, 8, 512, 8, 256, 10]),
            ("v5", vec![3072, 2, 1024, 2, 512, 2, 256, 10]),
            ("v6", vec![3072, 2, 10]),
            ("width_16", shape(16)),
            ("width_full", vec![3072, 1024, 512, 512, 256, 256, 10]),
        ];
        for (name, widths) in expected {
            let net = Network::<f32>::new(&network(name).unwrap(), &mut stream(0, "init")).unwrap();
            let found: usize = net.state_dict().iter().map(|(_, tensor)| tensor.len()).sum();
            let without_counters = numbers(&widths) - (widths.len() - 2);
            assert!([numbers(&widths), without_counters].contains(&found), "{name}: {found}");
        }
    }

    #[test]
    fn every_name_has_a_network_and_the_sweep_names_them_twice() {
        for name in NAMES {
            assert_eq!(network(name).unwrap().name, *name);
        }
        assert!(network("width_3").is_none() && network("v7").is_none());
        for (_, names) in SWEEP {
            let layers = |name: &str| network(name).unwrap().layers;
            assert!(names.iter().all(|name| NAMES.contains(name) && layers(name) == layers(names[0])));
        }
        assert_eq!(
            (squeeze_width("v2"), squeeze_width("width_full"), squeeze_width("v6")),
            (Some(Some(2)), Some(None), None)
        );
    }
}
