//! Fitting a dictionary to rows of activations that are there: TopK, the same recipe for every place, step and null.

use kymograph_linalg::random::{self, permutation, stream_at};
use kymograph_nets::OptimiserSpec;
use kymograph_nets::dictionaries::{Auxiliary, Dictionary, DictionarySpec, EncoderStart, Start, Variant};
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::StudyError;

/// Rows of a step.
const BATCH: usize = 256;
/// Adam's learning rate, for activations of one unit of variance a dimension.
const LEARNING_RATE: f64 = 2e-3;

/// Where a decoder begins, and whether it stays there.
#[derive(Clone, Copy, Debug)]
pub enum Decoder<'a> {
    /// Random directions that are trained.
    Random,
    /// Random directions that are not.
    FrozenRandom,
    /// Given directions that are not trained: a row a latent, as many as there are latents or more.
    Frozen(ArrayView2<'a, f32>),
}

/// A dictionary to be fitted.
#[derive(Clone, Copy, Debug)]
pub struct Fit<'a> {
    /// row × width.
    pub x: ArrayView2<'a, f32>,
    /// Directions of the dictionary.
    pub latents: usize,
    /// Latents a row may use.
    pub k: usize,
    /// Optimisation steps; 0 leaves it as it begins, the encoder being the transposed decoder.
    pub steps: u64,
    /// Its decoder.
    pub decoder: Decoder<'a>,
    /// Seed of first weights and of the order of rows.
    pub seed: u64,
}

/// A dictionary, and the factor that brings activations to the scale at which it was fitted: one unit of variance about the
/// mean a dimension.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The dictionary of scaled activations.
    pub dictionary: Dictionary<f32>,
    /// What activations are multiplied by.
    pub scale: f32,
}

impl Fitted {
    /// The codes of activations, row × width.
    ///
    /// # Errors
    /// Another width, or an entry that is not finite.
    pub fn encode(&self, x: ArrayView2<'_, f32>) -> Result<super::Codes<f32>, StudyError> {
        Ok(self.dictionary.encode(x.mapv(|v| v * self.scale).view())?)
    }

    /// What codes stand for, at the scale of the activations.
    #[must_use]
    pub fn decode(&self, codes: &super::Codes<f32>) -> Array2<f32> {
        self.dictionary.decode(codes).mapv_into(|v| v / self.scale)
    }
}

impl Fit<'_> {
    /// Fits it: the output bias begins at the mean, the encoder at the transposed decoder, and latents that no row of a tenth
    /// of the steps used rebuild what is left over (Gao et al. 2024, appendix A.2).
    ///
    /// # Errors
    /// Rows that are all alike or not finite, and a spec that describes no dictionary.
    pub fn run(&self) -> Result<Fitted, StudyError> {
        let (rows, width) = self.x.dim();
        let mean = self.x.mapv(f64::from).mean_axis(Axis(0)).unwrap_or_default();
        let mut variance = 0.0;
        for row in self.x.outer_iter() {
            variance += row.iter().zip(&mean).map(|(v, m)| (f64::from(*v) - m).powi(2)).sum::<f64>();
        }
        let scale = (variance / (rows * width).max(1) as f64).sqrt().recip();
        if !(scale.is_finite() && scale > 0.0) {
            let what = "all activations are alike, so there is nothing to fit";
            return Err(kymograph_measures::MeasureError::NoVariation { input: "x", what }.into());
        }
        let dead_after = (self.steps / 10).max(20);
        let auxiliary = Auxiliary { latents: width.div_ceil(2).min(self.latents), weight: 1.0 / 32.0, dead_after };
        let spec = DictionarySpec {
            frozen: !matches!(self.decoder, Decoder::Random),
            auxiliary: Some(auxiliary),
            ..DictionarySpec::autoencoder(width, self.latents, Variant::TopK { k: self.k.min(self.latents) })
        };
        let mut dictionary = Dictionary::<f32>::new(&spec)?;
        let start = match self.decoder {
            Decoder::Frozen(rows) => Start::Noised { rows, noise: 0.0 },
            Decoder::Random | Decoder::FrozenRandom => Start::Random,
        };
        dictionary.initialise(&start, EncoderStart::Decoder, self.seed)?;
        let bias: Vec<f32> = mean.iter().map(|m| (m * scale) as f32).collect();
        dictionary.set_output_bias(&bias)?;
        let mut adam = dictionary.optimiser(OptimiserSpec::adam(LEARNING_RATE))?;
        let scale = scale as f32;
        let batch = BATCH.min(rows);
        let per_epoch = (rows / batch) as u64;
        let mut order = Vec::new();
        for step in 0..self.steps {
            if step % per_epoch == 0 {
                order = permutation(&mut stream_at(self.seed, "order of activations", step / per_epoch), rows);
            }
            let from = (step % per_epoch) as usize * batch;
            let x = self.x.select(Axis(0), &order[from..from + batch]).mapv_into(|v| v * scale);
            dictionary.train_step(x.view(), None, &mut adam)?;
        }
        Ok(Fitted { dictionary, scale })
    }
}

/// Normal numbers with the mean and the covariance of some rows, as many as asked for: row × width.
///
/// # Errors
/// Fewer than two rows, or entries that are not finite.
pub fn normal_like(x: ArrayView2<'_, f32>, rows: usize, seed: u64, draw: u64) -> Result<Array2<f32>, StudyError> {
    let eigen = kymograph_linalg::symmetric_eigen(kymograph_linalg::covariance(x)?.view())?;
    let mut factor = eigen.vectors.mapv(|v| v as f32);
    for (mut column, value) in factor.columns_mut().into_iter().zip(&eigen.values) {
        column.mapv_inplace(|v| v * value.max(0.0).sqrt() as f32);
    }
    let rng = &mut stream_at(seed, "normal activations", draw);
    let drawn: Array2<f32> = random::normal_matrix(rng, rows, x.ncols());
    let mean = x.mapv(f64::from).mean_axis(Axis(0)).unwrap_or_default().mapv(|m| m as f32);
    Ok(kymograph_linalg::matmul_nt(drawn.view(), factor.view()) + mean)
}
