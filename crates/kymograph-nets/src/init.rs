//! PyTorch's default initial weights.

use kymograph_linalg::{Real, random};
use rand::Rng;

use crate::state::{Init, Layout};

/// Draws all weights in the order of the layers, in PyTorch's element order.
///
/// Linear and convolution: weight and bias uniform in ±1/√fan_in (`torch.nn.init.kaiming_uniform_` with a = √5, and
/// `reset_parameters`), where fan_in counts the inputs of one output unit. Normalisations: weight one, bias zero.
/// Embeddings and positions: standard normal. Attention: input projection uniform by Xavier's rule (Glorot and Bengio 2010,
/// equation 16), biases zero. The distribution is PyTorch's; the numbers are not, since the generator is another one.
pub(crate) fn draw<T: Real, R: Rng + ?Sized>(layout: &Layout, rng: &mut R) -> Vec<T> {
    let mut flat = vec![T::ZERO; layout.len];
    for parameter in &layout.parameters {
        match parameter.init {
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
