//! Weights in and out under PyTorch's names.

use std::sync::Arc;

use kymograph_linalg::Real;
use ndarray::ArrayD;

use crate::error::NetsError;
use crate::layers::Layer;
use crate::network::Network;
use crate::state::{self, matched};

impl<T: Real> Network<T> {
    /// Parameters and running statistics in the order of the layers, under PyTorch's names and in its layouts:
    /// `layer.weight`, `layer.bias`, `layer.running_mean`, `layer.running_var`, `layer.num_batches_tracked`, those of
    /// [`crate::LayerKind::MultiheadAttention`], and a table of positions under its layer's bare name.
    pub fn state_dict(&self) -> Vec<(String, ArrayD<T>)> {
        let mut dict = self.layout.export(&self.parameters, "");
        for (name, shape, values) in self.statistics() {
            let prefix = name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let after =
                dict.iter().rposition(|(known, _)| known.rsplit_once('.').is_some_and(|(layer, _)| layer == prefix));
            dict.insert(after.map_or(dict.len(), |at| at + 1), (name, state::array(&shape, values)));
        }
        dict
    }

    /// Takes weights and running statistics in, under the names and in the layouts of [`Network::state_dict`].
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape, or not finite: the error names it and its layer, and the network
    /// stays as it was.
    pub fn load_state_dict(&mut self, dict: &[(String, ArrayD<T>)]) -> Result<(), NetsError> {
        let parameters = self.layout.parameters.iter().map(|p| (p.name.clone(), p.shape.clone()));
        let statistics = self.statistics().into_iter().map(|(name, shape, _)| (name, shape));
        let wanted: Vec<_> = parameters.chain(statistics).collect();
        let tensors = matched(&wanted, dict)?;
        if let Some(((name, _), _)) = wanted
            .iter()
            .zip(&tensors)
            .find(|((name, _), t)| name.ends_with(".running_var") && t.iter().any(|&v| v < T::ZERO))
        {
            return Err(NetsError::Value {
                option: format!("a number of tensor `{name}`"),
                value: -1.0,
                range: "a variance, so not negative".into(),
            });
        }
        let layout = Arc::clone(&self.layout);
        let (weights, statistics) = tensors.split_at(layout.parameters.len());
        for (parameter, tensor) in layout.parameters.iter().zip(weights) {
            parameter.import(tensor.iter().copied(), &mut self.parameters);
        }
        let norms = self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Norm(norm) => Some(norm),
            _ => None,
        });
        for (norm, tensors) in norms.zip(statistics.chunks_exact(3)) {
            norm.running_mean = tensors[0].iter().copied().collect();
            norm.running_var = tensors[1].iter().copied().collect();
            norm.batches = tensors[2].iter().map(|x| x.to_f64() as u64).sum();
        }
        self.forward_mode = None;
        self.pack();
        Ok(())
    }

    /// A hash (FNV-1a, 64 bits) of the bits of all weights and running statistics, to tell whether two networks are the
    /// same to the last bit. It depends on the order and names of [`Network::state_dict`] and on nothing else.
    pub fn weight_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, tensor) in self.state_dict() {
            name.bytes().for_each(&mut eat);
            for x in &tensor {
                x.to_bits_u64().to_le_bytes().into_iter().for_each(&mut eat);
            }
        }
        hash
    }

    fn statistics(&self) -> Vec<(String, Vec<usize>, Vec<T>)> {
        let mut statistics = Vec::new();
        for (layer, label) in self.layers.iter().zip(&self.labels) {
            if let Layer::Norm(norm) = layer {
                let name = |part: &str| format!("{label}.{part}");
                statistics.push((name("running_mean"), vec![norm.units], norm.running_mean.clone()));
                statistics.push((name("running_var"), vec![norm.units], norm.running_var.clone()));
                let batches = T::from_f64(norm.batches as f64);
                statistics.push((name("num_batches_tracked"), vec![], vec![batches]));
            }
        }
        statistics
    }
}
