//! First weights: orthogonal or random directions, examples, singular vectors, axes, principal directions.

use kymograph_linalg::{LinalgError, Real, covariance, qr, random, svd, symmetric_eigen};
use ndarray::{Array2, ArrayView2};

use super::model::Dictionary;
use super::spec::Variant;
use crate::error::NetsError;

/// Where the decoder's rows start.
#[derive(Clone, Debug)]
pub enum Start<'a, T> {
    /// Orthonormal rows, or orthonormal columns where there are more rows than columns (`torch.nn.init.orthogonal_`), from
    /// the QR factors of normal numbers.
    Orthogonal,
    /// Uniform on the sphere.
    Random,
    /// Rows drawn from these without repetition, and again once all were drawn: examples of the data, for one.
    Drawn(ArrayView2<'a, T>),
    /// These rows one after the other, and again from the first, each with normal noise of this norm about it: singular
    /// vectors, axes, principal directions.
    Noised {
        /// The directions, a row each.
        rows: ArrayView2<'a, T>,
        /// Norm of the noise, about, where a direction has norm 1.
        noise: f64,
    },
}

/// Where the encoder starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderStart {
    /// Weights and biases uniform in ±1/√inputs, as PyTorch's linear layer.
    Uniform,
    /// The transposed decoder; biases zero.
    Decoder,
}

impl<T: Real> Dictionary<T> {
    /// Gives first weights: decoder rows of norm 1 from `start`, the encoder from `encoder`, the output bias zero, thresholds
    /// as the spec says. Numbers come from the streams `decoder` and `encoder` of `seed`.
    ///
    /// # Errors
    /// Directions of another width, none, or not finite; an encoder that cannot be the decoder because inputs and outputs
    /// differ in width.
    pub fn initialise(&mut self, start: &Start<'_, T>, encoder: EncoderStart, seed: u64) -> Result<(), NetsError> {
        let (latents, outputs) = (self.spec.latents, self.spec.outputs);
        let rng = &mut random::stream(seed, "decoder");
        let mut rows: Array2<T> = match start {
            Start::Orthogonal => {
                let (long, short) = (latents.max(outputs), latents.min(outputs));
                let q = qr(random::normal_matrix::<T, _>(rng, long, short).view()).map_err(refused)?.q;
                if latents >= outputs { q } else { q.reversed_axes() }
            }
            Start::Random => random::normal_matrix(rng, latents, outputs),
            Start::Drawn(rows) => {
                self.check(*rows, "the rows a dictionary starts from", outputs)?;
                let mut order = Vec::with_capacity(latents);
                while order.len() < latents {
                    order.extend(random::permutation(rng, rows.nrows()));
                }
                rows.select(ndarray::Axis(0), &order[..latents])
            }
            Start::Noised { rows, noise } => {
                self.check(*rows, "the rows a dictionary starts from", outputs)?;
                if !(*noise >= 0.0 && noise.is_finite()) {
                    let (option, range) = ("the noise of a start".to_owned(), "at least 0 and finite".to_owned());
                    return Err(NetsError::Value { option, value: *noise, range });
                }
                let deviation = noise / (outputs as f64).sqrt();
                Array2::from_shape_fn((latents, outputs), |(row, column)| {
                    let value = rows[[row % rows.nrows(), column]].to_f64();
                    T::from_f64(value + deviation * random::normal(rng))
                })
            }
        };
        for mut row in rows.outer_iter_mut() {
            let norm = row.iter().map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt();
            if norm > 0.0 {
                row.mapv_inplace(|v| T::from_f64(v.to_f64() / norm));
            }
        }
        if encoder == EncoderStart::Decoder && self.spec.inputs != outputs {
            return Err(NetsError::Shape {
                what: "the decoder".into(),
                expected: format!(
                    "[latents, {}], to be the encoder too; start the encoder otherwise",
                    self.spec.inputs
                ),
                found: vec![latents, outputs],
            });
        }
        let rng = &mut random::stream(seed, "encoder");
        let bound = 1.0 / (self.spec.inputs as f64).sqrt();
        let mut uniform = || T::from_f64((2.0 * random::uniform(rng) - 1.0) * bound);
        let layout = std::sync::Arc::clone(&self.layout);
        for parameter in &layout.parameters {
            let values = &mut self.parameters[parameter.range.clone()];
            match (parameter.name.as_str(), encoder) {
                ("W_dec", _) => values.iter_mut().zip(&rows).for_each(|(to, &value)| *to = value),
                ("W_enc", EncoderStart::Decoder) => values.iter_mut().zip(&rows).for_each(|(to, &value)| *to = value),
                ("W_enc" | "b_enc", EncoderStart::Uniform) => values.iter_mut().for_each(|to| *to = uniform()),
                ("log_threshold", _) => {
                    let threshold = match self.spec.variant {
                        Variant::JumpRelu { threshold, .. } => threshold,
                        _ => 1.0,
                    };
                    values.fill(T::from_f64(threshold.ln()));
                }
                _ => values.fill(T::ZERO),
            }
        }
        self.idle.fill(T::ZERO);
        self.cutoff = T::ZERO;
        Ok(())
    }

    /// Sets the output bias, for one to the mean of the activations; nothing where the spec has none.
    ///
    /// # Errors
    /// Another width.
    pub fn set_output_bias(&mut self, bias: &[T]) -> Result<(), NetsError> {
        let Some(range) = self.range("b_dec") else { return Ok(()) };
        if bias.len() != range.len() {
            return Err(NetsError::Shape {
                what: "the output bias".into(),
                expected: format!("[{}]", range.len()),
                found: vec![bias.len()],
            });
        }
        self.parameters[range].copy_from_slice(bias);
        Ok(())
    }
}

/// The left singular vectors of a weight (output × input), largest singular value first, a row each.
///
/// # Errors
/// A weight that is not finite.
pub fn singular_directions<T: Real>(weight: ArrayView2<'_, T>) -> Result<Array2<T>, NetsError> {
    Ok(svd(weight).map_err(refused)?.u.reversed_axes().as_standard_layout().into_owned())
}

/// The axes of a space of `width` dimensions, a row each.
pub fn unit_directions<T: Real>(width: usize) -> Array2<T> {
    Array2::eye(width)
}

/// The principal directions of activations (example × feature) about their mean, most variance first, a row each.
///
/// # Errors
/// Activations that are not finite, or fewer than two.
pub fn principal_directions<T: Real>(x: ArrayView2<'_, T>) -> Result<Array2<T>, NetsError> {
    let eigen = symmetric_eigen(covariance(x).map_err(refused)?.view()).map_err(refused)?;
    Ok(eigen.vectors.reversed_axes().mapv(T::from_f64).as_standard_layout().into_owned())
}

fn refused(error: LinalgError) -> NetsError {
    NetsError::NotFinite {
        what: format!("the array to start from ({error})"),
        position: "the place named".into(),
        remedy: "look for NaN or infinities in the data".into(),
    }
}
