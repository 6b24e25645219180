//! Weights with the batch normalisation behind them folded in: what a layer and its normalisation apply together.

use kymograph_findings::plan::FOLDED;
use kymograph_nets::{LayerKind, LayerSpec, NetworkSpec};
use kymograph_runs::Capture;
use ndarray::{ArrayD, Axis};

/// A linear layer or convolution with a batch normalisation straight behind it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fold {
    /// The folded weight's name: the layer's, and `.folded`.
    pub(super) name: String,
    weight: String,
    norm: String,
    eps: f64,
}

/// Every such pair of a network, in its order.
pub(super) fn folds(spec: &NetworkSpec) -> Vec<Fold> {
    let pair = |pair: &[LayerSpec]| {
        let (layer, norm) = (&pair[0], &pair[1]);
        let weighs = matches!(layer.kind, LayerKind::Linear { .. } | LayerKind::Conv2d { .. });
        match norm.kind {
            LayerKind::BatchNorm1d { eps, .. } | LayerKind::BatchNorm2d { eps, .. } if weighs => Some(Fold {
                name: format!("{}{FOLDED}", layer.name),
                weight: format!("{}.weight", layer.name),
                norm: norm.name.clone(),
                eps,
            }),
            _ => None,
        }
    };
    spec.layers.windows(2).filter_map(pair).collect()
}

impl Fold {
    /// `γ / √(running variance + ε)` times each unit's weights, as at inference; nothing where the state lacks a tensor.
    pub(super) fn take(&self, state: &[(String, ArrayD<f32>)]) -> Option<Capture> {
        let find = |name: &str| state.iter().find(|(key, _)| key == name).map(|(_, tensor)| tensor);
        let mut values = find(&self.weight)?.clone();
        let scale = find(&format!("{}.weight", self.norm))?;
        let variance = find(&format!("{}.running_var", self.norm))?;
        if scale.len() != values.len_of(Axis(0)) || variance.len() != scale.len() {
            return None;
        }
        for ((mut unit, scale), variance) in values.axis_iter_mut(Axis(0)).zip(scale).zip(variance) {
            let factor = f64::from(*scale) / (f64::from(*variance) + self.eps).sqrt();
            unit.mapv_inplace(|weight| (f64::from(weight) * factor) as f32);
        }
        Some(Capture {
            name: self.name.clone(),
            rule: "weight × scale of the normalisation behind it".to_owned(),
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kymograph_linalg::random::{normal_matrix, stream};
    use kymograph_nets::Network;
    use ndarray::Array2;

    use super::*;

    /// The folded weight takes the difference of two inputs to the difference of the normalised outputs.
    #[test]
    fn a_folded_layer_does_what_the_layer_and_its_normalisation_do() {
        let layers = vec![
            LayerSpec::linear("fc", 6),
            LayerSpec::batch_norm1d("norm"),
            LayerSpec::relu("relu"),
            LayerSpec::linear("out", 2),
        ];
        let spec = NetworkSpec { name: "net".to_owned(), input: vec![4], layers };
        let mut network = Network::<f32>::new(&spec, &mut stream(0, "init")).unwrap();
        let mut state = network.state_dict();
        for (name, tensor) in &mut state {
            for (i, value) in tensor.iter_mut().enumerate().filter(|_| name.starts_with("norm.")) {
                *value = if name.ends_with("batches_tracked") { 3.0 } else { 0.5 + i as f32 };
            }
        }
        network.load_state_dict(&state).unwrap();
        let all = folds(&spec);
        assert_eq!(all.iter().map(|fold| fold.name.as_str()).collect::<Vec<_>>(), ["fc.folded"]);
        let folded = all[0].take(&state).unwrap().values.into_dimensionality::<ndarray::Ix2>().unwrap();
        let x: Array2<f32> = normal_matrix(&mut stream(1, "x"), 2, 4);
        let taken: BTreeMap<_, _> = network.capture(x.view().into_dyn(), &["norm"]).unwrap();
        let apart = &taken["norm"].index_axis(Axis(0), 0) - &taken["norm"].index_axis(Axis(0), 1);
        let expected = folded.dot(&(&x.row(0) - &x.row(1)));
        for (found, expected) in apart.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert!(all[0].take(&state[..1]).is_none());
    }
}
