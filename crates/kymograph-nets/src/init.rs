//! The default initial weights of PyTorch and of Keras.

use kymograph_linalg::{Real, random};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::state::{Init, Layout, Parameter};

/// Whose default initial weights linear and convolution layers start with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitialWeights {
    /// Weight and bias uniform in ±1/√fan_in, where fan_in counts the inputs of one output unit.
    #[default]
    PyTorch,
    /// Weight uniform in ±√(6 / (fan_in + fan_out)), where fan_out counts the outputs that one input unit reaches; bias zero.
    ///
    /// Reference: Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks,
    /// equation 16 (`glorot_uniform`).
    Keras,
}

impl InitialWeights {
    /// How a parameter starts that PyTorch starts as it says itself.
    fn of(self, parameter: &Parameter) -> Init {
        match (self, parameter.init, &parameter.shape[..]) {
            (Self::Keras, Init::Uniform(_), [outputs, inputs, places @ ..]) => {
                let reached = places.iter().product::<usize>();
                Init::Uniform((6.0 / (reached * (inputs + outputs)) as f64).sqrt())
            }
            (Self::Keras, Init::Uniform(_), _) => Init::Zero,
            (_, init, _) => init,
        }
    }
}

/// Draws all weights in the order of the layers, in PyTorch's element order; as PyTorch does unless told otherwise.
///
/// Linear and convolution: weight and bias uniform in ±1/√fan_in (`torch.nn.init.kaiming_uniform_` with a = √5, and
/// `reset_parameters`), where fan_in counts the inputs of one output unit. Normalisations: weight one, bias zero.
/// Embeddings and positions: standard normal. Attention: input projection uniform by Xavier's rule (Glorot and Bengio 2010,
/// equation 16), biases zero. The distribution is PyTorch's; the numbers are not, since the generator is another one.
pub(crate) fn draw<T: Real, R: Rng + ?Sized>(layout: &Layout, weights: InitialWeights, rng: &mut R) -> Vec<T> {
    let mut flat = vec![T::ZERO; layout.len];
    for parameter in &layout.parameters {
        match weights.of(parameter) {
            Init::Uniform(bound) => {
                let values = std::iter::repeat_with(|| T::from_f64((2.0 * random::uniform(rng) - 1.0) * bound));
                parameter.import(values, &mut flat);
            }
            Init::Normal => {
                parameter.import(std::iter::repeat_with(|| T::from_f64(random::normal(rng))), &mut flat);
            }
            Init::Scaled(deviation) => {
                let values = std::iter::repeat_with(|| T::from_f64(deviation * random::normal(rng)));
                parameter.import(values, &mut flat);
            }
            Init::Zero => flat[parameter.range.clone()].fill(T::ZERO),
            Init::One => flat[parameter.range.clone()].fill(T::ONE),
            Init::Same(index) => flat.copy_within(layout.parameters[index].range.clone(), parameter.range.start),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LayerSpec, Network, NetworkSpec};

    #[test]
    fn weights_fill_the_range_of_either_library() {
        let layers =
            vec![LayerSpec::conv2d("conv", 16, 3, 0), LayerSpec::flatten("flatten"), LayerSpec::linear("fc", 30)];
        let spec = NetworkSpec { name: "small".to_owned(), input: vec![8, 10, 10], layers };
        let conv = (8.0 * 9.0, 16.0 * 9.0);
        let fc = (16.0 * 64.0, 30.0);
        for weights in [InitialWeights::PyTorch, InitialWeights::Keras] {
            let network = Network::<f64>::starting(&spec, weights, &mut random::stream(4, "init")).unwrap();
            for (name, (fan_in, fan_out)) in [("conv", conv), ("fc", fc)] {
                let largest = |tensor: &str| {
                    let state = network.state_dict();
                    let (_, found) = state.iter().find(|(n, _)| **n == format!("{name}.{tensor}")).unwrap();
                    found.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
                };
                let (weight, bias) = match weights {
                    InitialWeights::PyTorch => (1.0 / f64::sqrt(fan_in), 1.0 / f64::sqrt(fan_in)),
                    InitialWeights::Keras => (f64::sqrt(6.0 / (fan_in + fan_out)), 0.0),
                };
                // Of a thousand draws the largest lies within a hundredth of the end but for e⁻¹⁰ of the cases.
                assert!((0.99 * weight..=weight).contains(&largest("weight")), "{weights:?} {name}");
                assert!((0.6 * bias..=bias).contains(&largest("bias")), "{weights:?} {name}");
            }
        }
    }
}
