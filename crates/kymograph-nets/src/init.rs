//! PyTorch's default initial weights.

use kymograph_linalg::{Real, random};
use rand::Rng;

use crate::state::Layout;

/// Draws all weights in the order of the layers, weight before bias, in PyTorch's element order.
///
/// Linear and convolution: weight and bias uniform in ±1/√fan_in (`torch.nn.init.kaiming_uniform_` with a = √5, and
/// `reset_parameters`), where fan_in counts the inputs of one output unit. Batch normalisation: weight one, bias zero.
/// The distribution is PyTorch's; the numbers are not, since the generator is another one.
pub(crate) fn draw<T: Real, R: Rng + ?Sized>(layout: &Layout, rng: &mut R) -> Vec<T> {
    let mut flat = vec![T::ZERO; layout.len];
    let mut bound = None;
    for parameter in &layout.parameters {
        let is_weight = parameter.name.ends_with(".weight");
        if is_weight {
            let fan_in: usize = parameter.shape[1..].iter().product();
            bound = (parameter.shape.len() > 1).then(|| 1.0 / (fan_in as f64).sqrt());
        }
        match bound {
            Some(bound) => {
                let values = std::iter::repeat_with(|| T::from_f64((2.0 * random::uniform(rng) - 1.0) * bound));
                parameter.import(values, &mut flat);
            }
            None => flat[parameter.range.clone()].fill(if is_weight { T::ONE } else { T::ZERO }),
        }
    }
    flat
}
