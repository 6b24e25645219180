//! Latents that no example uses any more, and giving them another direction.

use kymograph_linalg::{Real, random};
use ndarray::{Array1, ArrayView2};
use rand::Rng;

use super::model::Dictionary;
use super::spec::Variant;
use super::vectors::squares;
use crate::error::NetsError;
use crate::optim::Optimiser;

/// Norm of a new encoder row, as a share of the mean norm of those in use.
const SHARE: f64 = 0.2;

impl<T: Real> Dictionary<T> {
    /// The latents that the auxiliary loss counts as dead; none without one.
    pub(super) fn dead(&self) -> Vec<usize> {
        let Some(auxiliary) = &self.spec.auxiliary else { return Vec::new() };
        self.unused_for(auxiliary.dead_after)
    }

    /// The latents that no example used in the last `steps` steps.
    pub fn unused_for(&self, steps: u64) -> Vec<usize> {
        (0..self.spec.latents).filter(|&latent| self.idle[latent].to_f64() >= steps as f64).collect()
    }

    /// Points every latent that was not used in the last `steps` steps at an example, and says how many these were.
    ///
    /// Examples are drawn in proportion to the square of their squared error; the latent's decoder row becomes the example's
    /// target and its encoder row the example, at a fifth of the mean norm of encoder rows in use. Its bias becomes zero
    /// and the optimiser forgets it. Reference: Bricken et al. 2023, Towards monosemanticity, appendix on resampling; there
    /// the losses of 819,200 examples are drawn from, here those of `x`.
    ///
    /// # Errors
    /// Those of [`Dictionary::encode`], targets of another shape, or an optimiser of another dictionary.
    pub fn resample<R: Rng + ?Sized>(
        &mut self,
        x: ArrayView2<'_, T>,
        targets: Option<ArrayView2<'_, T>>,
        steps: u64,
        optimiser: &mut Optimiser<T>,
        rng: &mut R,
    ) -> Result<usize, NetsError> {
        optimiser.check_network(&self.layout)?;
        let dead = self.unused_for(steps);
        if dead.is_empty() {
            return Ok(0);
        }
        let out = self.decode(&self.encode(x)?);
        let y = targets.unwrap_or(x);
        if y.dim() != out.dim() {
            return Err(NetsError::Shape {
                what: "the targets".into(),
                expected: format!("{:?}", out.shape()),
                found: y.shape().to_vec(),
            });
        }
        let weights: Vec<f64> = out
            .outer_iter()
            .zip(y.outer_iter())
            .map(|(out, y)| out.iter().zip(y).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum::<f64>().powi(2))
            .collect();
        let total: f64 = weights.iter().sum();
        let usual = {
            let used: Vec<f64> = (0..self.spec.latents)
                .filter(|latent| self.idle[*latent].to_f64() < steps as f64)
                .map(|latent| squares(self.encoder().row(latent).as_slice().unwrap_or_default()).sqrt())
                .collect();
            if used.is_empty() { 1.0 } else { used.iter().sum::<f64>() / used.len() as f64 }
        };
        let centred = self.centred(x);
        for &latent in &dead {
            let mut left = random::uniform(rng) * total;
            let chosen = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            let example = chosen.unwrap_or_else(|| random::below(rng, x.nrows()));
            let offset = Array1::from(self.values("b_dec").to_vec());
            let target = if offset.is_empty() { y.row(example).to_owned() } else { &y.row(example) - &offset };
            self.set_row("W_dec", latent, target.as_slice().unwrap_or_default(), 1.0);
            self.set_row("W_enc", latent, centred.row(example).as_slice().unwrap_or_default(), SHARE * usual);
            for name in ["W_dec", "W_enc", "b_enc", "b_gate", "r_mag", "b_mag", "log_threshold"] {
                let Some(parameter) = self.layout.parameters.iter().find(|p| p.name == name) else { continue };
                let width = parameter.range.len() / self.spec.latents;
                let start = parameter.range.start + latent * width;
                optimiser.forget(start..start + width);
                if width == 1 && !name.starts_with("W_") {
                    self.parameters[start] = match self.spec.variant {
                        Variant::JumpRelu { threshold, .. } if name == "log_threshold" => T::from_f64(threshold.ln()),
                        _ => T::ZERO,
                    };
                }
            }
            self.idle[latent] = T::ZERO;
        }
        Ok(dead.len())
    }

    /// Writes a direction at a norm into a row of a parameter; a direction of zeros stays zero.
    fn set_row(&mut self, name: &str, row: usize, direction: &[T], norm: f64) {
        let Some(range) = self.range(name) else { return };
        let length = squares(direction).sqrt();
        let factor = T::from_f64(if length > 0.0 { norm / length } else { 0.0 });
        let start = range.start + row * direction.len();
        for (to, &value) in self.parameters[start..start + direction.len()].iter_mut().zip(direction) {
            *to = value * factor;
        }
    }
}
