//! A toy model written down.

use std::ops::Range;

use rand::Rng;
use serde::{Deserialize, Serialize};

use kymograph_linalg::random::{normal, uniform};

use crate::error::NetsError;
use crate::kernels::Curve;

/// Features or hidden units above which a model is refused.
const MOST: usize = 4096;

/// What becomes of a layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToyActivation {
    /// Nothing.
    Identity,
    /// The larger of zero and the sum.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// Hyperbolic tangent, and zero where that is negative.
    TanhRelu,
}

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToyInit {
    /// Weights normal with variance 2 / (n + m), biases zero (Glorot & Bengio 2010).
    XavierNormal,
    /// Weights and biases uniform in ±1/√inputs, as PyTorch's `Linear`.
    Linear,
}

/// A model of n features and m hidden units: `h = f(E x + c)`, `x' = g(D h + b)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToySpec {
    /// Features, n.
    pub features: usize,
    /// Hidden units, m.
    pub hidden: usize,
    /// Is the decoder the encoder transposed?
    pub tied: bool,
    /// Has the hidden layer a bias?
    pub encoder_bias: bool,
    /// f.
    pub hidden_activation: ToyActivation,
    /// g.
    pub output_activation: ToyActivation,
    /// Is |x| to be computed instead of x?
    pub absolute: bool,
    /// How weights start.
    pub init: ToyInit,
}

impl ToySpec {
    /// `ReLU(WᵀW x + b)`, the ReLU output model.
    #[must_use]
    pub fn relu_output(features: usize, hidden: usize) -> Self {
        let (hidden_activation, output_activation) = (ToyActivation::Identity, ToyActivation::Relu);
        let (tied, encoder_bias, absolute, init) = (true, false, false, ToyInit::XavierNormal);
        Self { features, hidden, tied, encoder_bias, hidden_activation, output_activation, absolute, init }
    }

    /// `WᵀW x + b`, which keeps principal components and superposes nothing.
    #[must_use]
    pub fn linear(features: usize, hidden: usize) -> Self {
        Self { output_activation: ToyActivation::Identity, ..Self::relu_output(features, hidden) }
    }

    /// `ReLU(Wᵀ ReLU(W x) + b)`, whose hidden units are neurons.
    #[must_use]
    pub fn relu_hidden(features: usize, hidden: usize) -> Self {
        Self { hidden_activation: ToyActivation::Relu, ..Self::relu_output(features, hidden) }
    }

    /// `ReLU(W₂ ReLU(W₁ x) + b)` with |x| as its target.
    #[must_use]
    pub fn absolute_value(features: usize, hidden: usize) -> Self {
        Self { tied: false, absolute: true, ..Self::relu_hidden(features, hidden) }
    }

    /// `ReLU(tanh(W₂ tanh(W₁ x + b₁) + b₂))`, with `W₂ = W₁ᵀ` if tied.
    #[must_use]
    pub fn tanh_autoencoder(features: usize, hidden: usize, tied: bool) -> Self {
        let (hidden_activation, output_activation) = (ToyActivation::Tanh, ToyActivation::TanhRelu);
        let (encoder_bias, absolute, init) = (true, false, ToyInit::Linear);
        Self { features, hidden, tied, encoder_bias, hidden_activation, output_activation, absolute, init }
    }

    /// Parameters: encoder, decoder unless tied, biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.ranges()[3].end
    }

    /// Where encoder (hidden × feature), decoder (feature × hidden), encoder's and decoder's bias lie; empty for what is
    /// not there.
    pub(crate) fn ranges(&self) -> [Range<usize>; 4] {
        let (n, m) = (self.features, self.hidden);
        let sizes = [m * n, if self.tied { 0 } else { m * n }, if self.encoder_bias { m } else { 0 }, n];
        let mut end = 0;
        sizes.map(|size| {
            end += size;
            end - size..end
        })
    }

    /// Names of the four and their shapes.
    pub(crate) fn tensors(&self) -> [(&'static str, Vec<usize>); 4] {
        let (n, m) = (self.features, self.hidden);
        [("encoder", vec![m, n]), ("decoder", vec![n, m]), ("encoder_bias", vec![m]), ("decoder_bias", vec![n])]
    }

    pub(crate) fn check(&self) -> Result<(), NetsError> {
        for (option, count) in [("features", self.features), ("hidden", self.hidden)] {
            if count == 0 || count > MOST {
                let range = format!("from 1 to {MOST}");
                return Err(NetsError::Value {
                    option: format!("toy model option `{option}`"),
                    value: count as f64,
                    range,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn curves(&self) -> [Curve; 2] {
        [self.hidden_activation, self.output_activation].map(|activation| match activation {
            ToyActivation::Identity => Curve::Identity,
            ToyActivation::Relu => Curve::Relu,
            ToyActivation::Tanh => Curve::Tanh,
            ToyActivation::TanhRelu => Curve::TanhRelu,
        })
    }

    /// Initial parameters, in the order of [`ToySpec::ranges`].
    pub(crate) fn start<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f32> {
        let (n, m) = (self.features as f64, self.hidden as f64);
        let mut parameters = vec![0.0; self.parameters()];
        let [encoder, decoder, encoder_bias, decoder_bias] = self.ranges();
        match self.init {
            ToyInit::XavierNormal => {
                let deviation = (2.0 / (n + m)).sqrt();
                for at in encoder.chain(decoder) {
                    parameters[at] = (deviation * normal(rng)) as f32;
                }
            }
            ToyInit::Linear => {
                for (range, inputs) in [(encoder, n), (encoder_bias, n), (decoder, m), (decoder_bias, m)] {
                    for at in range {
                        parameters[at] = ((2.0 * uniform(rng) - 1.0) / inputs.sqrt()) as f32;
                    }
                }
            }
        }
        parameters
    }
}
