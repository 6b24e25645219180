//! Features as a trained network lays them out: the encoder of a toy model of superposition (Elhage et al. 2022).

use kymograph_nets::{OptimiserSpec, ToyFeatures, ToyInstance, ToyModels, ToySpec};
use ndarray::{Array1, Array2, ArrayD, ArrayView2};

use super::data::Synthetic;
use crate::error::StudyError;

/// Of a toy model's column norms that below which a feature is not represented. Trained norms lie near 1 or near 0.
pub const UNREPRESENTED: f64 = 0.1;
/// Adam's learning rate.
const LEARNING_RATE: f64 = 3e-3;

/// The trained weights of `x' = ReLU(Wᵀ W x + b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Toy {
    /// W: hidden × feature.
    pub encoder: Array2<f32>,
    /// b, one a feature.
    pub bias: Array1<f32>,
}

impl Toy {
    /// Trains a toy model on codes of the study's own frequencies and sparsity, all features of one importance.
    ///
    /// # Errors
    /// [`StudyError::Nets`] for more features than a toy model takes, or a loss that stops being a number.
    pub(super) fn train(data: &Synthetic<'_>, seed: u64) -> Result<Self, StudyError> {
        let s = data.settings();
        let importance = vec![1.0; s.features];
        // Examples are given, not drawn by the model.
        let instance = ToyInstance { importance, features: ToyFeatures::independent(0.5), seed };
        let spec = ToySpec::relu_output(s.features, s.width);
        let mut models = ToyModels::new(spec, vec![instance], OptimiserSpec::adam(LEARNING_RATE), s.batch)?;
        for step in 0..s.toy_steps {
            let codes = data.codes("toy model", step, s.batch).to_dense();
            let rows: Vec<usize> = (0..codes.nrows()).collect();
            models.train_on(0, codes.view(), [&rows[..]])?;
        }
        let bias = models.state_dict().into_iter().find(|(name, _)| name == "decoder_bias").map(|(_, values)| values);
        Ok(Self { encoder: models.encoder(0), bias: bias.into_iter().flatten().collect() })
    }

    /// The model of a checkpoint; none where it holds none.
    #[must_use]
    pub fn of(tensors: &[(String, ArrayD<f32>)]) -> Option<Self> {
        let find = |wanted: &str| tensors.iter().find(|(name, _)| name == wanted).map(|(_, values)| values.clone());
        let encoder = find("toy.encoder")?.into_dimensionality().ok()?;
        Some(Self { encoder, bias: find("toy.decoder_bias")?.into_dimensionality().ok()? })
    }

    /// As a checkpoint holds it.
    pub(super) fn tensors(&self) -> [(String, ArrayD<f32>); 2] {
        [
            ("toy.encoder".to_owned(), self.encoder.clone().into_dyn()),
            ("toy.decoder_bias".to_owned(), self.bias.clone().into_dyn()),
        ]
    }

    /// The model's own loss, the mean squared error over examples and features, when `hidden` (example × width) stands in place
    /// of its hidden layer. `codes` is example × feature.
    #[must_use]
    pub fn loss(&self, codes: ArrayView2<'_, f32>, hidden: ArrayView2<'_, f32>) -> f64 {
        let rebuilt = kymograph_linalg::matmul(hidden, self.encoder.view()) + &self.bias;
        let squares = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(y.max(0.0))).powi(2);
        codes.iter().zip(&rebuilt).map(squares).sum::<f64>() / codes.len() as f64
    }
}
