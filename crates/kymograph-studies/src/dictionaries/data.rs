//! Activations made of known features in superposition: the recipe of the interim report, with its variants and its bug.

use kymograph_linalg::random::{self, ChaCha8Rng};
use kymograph_linalg::{matmul, symmetric_eigen};
pub use kymograph_nets::dictionaries::Codes;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::toy::Toy;
use crate::error::StudyError;

/// Examples that share a draw of probabilities where [`Redraw::Batch`] asks for it and no batch says how many.
const DRAWN_TOGETHER: usize = 256;

/// How the Gaussian is correlated whose components become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correlation {
    /// Not at all: every probability before the decay is the same.
    None,
    /// Σ is a symmetrised matrix of uniform numbers, less 1.001 times its smallest eigenvalue on the diagonal. Its diagonal is
    /// far above 1, so that Φ makes most probabilities nearly 0 or nearly 1, and correlations are about .05.
    ShiftedUniform,
    /// Σ = A Aᵀ / its largest entry, A of normal numbers.
    NormalGram,
    /// z = M ε, M of normal numbers over the root of their number.
    NormalMixing,
}

/// How often the Gaussian is drawn. Only once a sample makes features occur together; otherwise they are independent within
/// a batch, and only how frequent they are changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redraw {
    /// For every batch, as in the replication.
    Batch,
    /// Once for all data.
    Dataset,
    /// For every example.
    Sample,
}

/// How large the coefficient of a feature is that is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uniforms {
    /// Uniform in [0, 1).
    One,
    /// The product of two such numbers: what the replication's code drew until it was corrected on 29 June 2023, by mistake.
    Product,
}

/// Where the size of a present feature comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// From the code: drawn for each example, as [`Uniforms`] says, of features of length 1.
    #[default]
    Codes,
    /// From the feature: each has a length of its own, uniform in [0, 1), and the code of a present one is 1.
    Features,
}

/// Which directions features have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directions {
    /// Uniform on the sphere.
    #[default]
    Random,
    /// The columns of a trained toy model's encoder, with the lengths that these have.
    ToyModel,
}

/// Some examples with the codes that made them.
pub struct Examples {
    /// example × width.
    pub x: Array2<f32>,
    /// How much of each feature each example holds, along its direction of norm 1: the code times the feature's length.
    pub codes: Codes<f32>,
}

/// Makes examples, the same for the same seed and batch number.
pub struct Synthetic<'a> {
    settings: &'a Settings,
    seed: u64,
    /// feature × width, rows of norm 1.
    features: Array2<f32>,
    /// What a code of 1 adds along each of them.
    lengths: Vec<f32>,
    toy: Option<Toy>,
    /// z = factor · ε; none where z is 0.
    factor: Option<Array2<f32>>,
    /// The probabilities drawn once for all data.
    fixed: Option<Vec<f64>>,
}

impl<'a> Synthetic<'a> {
    /// The features of a seed, and the correlations of their frequencies.
    ///
    /// # Errors
    /// When a factorisation fails, or a toy model's training.
    pub fn new(settings: &'a Settings, seed: u64) -> Result<Self, StudyError> {
        let mut data = Self::of_random(settings, seed)?;
        if settings.directions == Directions::ToyModel {
            let toy = Toy::train(&data, seed)?;
            data.lay_out(toy);
        }
        Ok(data)
    }

    /// The data of a run whose checkpoint holds these tensors: with the toy model that was trained for it, if there is one.
    ///
    /// # Errors
    /// As [`Synthetic::new`]; a toy model of other shapes.
    pub fn of_run(
        settings: &'a Settings,
        seed: u64,
        tensors: &[(String, ndarray::ArrayD<f32>)],
    ) -> Result<Self, StudyError> {
        if settings.directions == Directions::Random {
            return Self::new(settings, seed);
        }
        let mut data = Self::of_random(settings, seed)?;
        let fits =
            |toy: &Toy| toy.encoder.dim() == (settings.width, settings.features) && toy.bias.len() == settings.features;
        match Toy::of(tensors).filter(fits) {
            Some(toy) => data.lay_out(toy),
            None => {
                let (what, found) = ("the toy model of a checkpoint".to_owned(), Vec::new());
                let expected = format!("toy.encoder [{}, {}] and toy.decoder_bias", settings.width, settings.features);
                return Err(kymograph_nets::NetsError::Shape { what, expected, found }.into());
            }
        }
        Ok(data)
    }

    /// Puts features where a toy model has them.
    fn lay_out(&mut self, toy: Toy) {
        self.features = toy.encoder.t().as_standard_layout().into_owned();
        for (mut row, length) in self.features.outer_iter_mut().zip(&mut self.lengths) {
            let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            *length = norm as f32;
            if norm > 0.0 {
                row.mapv_inplace(|v| (f64::from(v) / norm) as f32);
            }
        }
        self.toy = Some(toy);
    }

    fn of_random(settings: &'a Settings, seed: u64) -> Result<Self, StudyError> {
        let (count, width) = (settings.features, settings.width);
        let mut features: Array2<f32> = random::normal_matrix(&mut random::stream(seed, "features"), count, width);
        for mut row in features.outer_iter_mut() {
            let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            row.mapv_inplace(|v| (f64::from(v) / norm) as f32);
        }
        let factor = factor(settings.correlation, count, &mut random::stream(seed, "correlation"))?;
        let lengths = match settings.scale {
            Scale::Codes => vec![1.0; count],
            Scale::Features => {
                let rng = &mut random::stream(seed, "feature lengths");
                (0..count).map(|_| random::uniform(rng) as f32).collect()
            }
        };
        let mut data = Self { settings, seed, features, lengths, toy: None, factor, fixed: None };
        if settings.redraw == Redraw::Dataset {
            data.fixed = Some(data.probabilities(&mut random::stream(seed, "probabilities")));
        }
        Ok(data)
    }

    /// The true features: feature × width, rows of norm 1.
    #[must_use]
    pub fn features(&self) -> ArrayView2<'_, f32> {
        self.features.view()
    }

    /// The length of each: what a code of 1 adds along its direction.
    #[must_use]
    pub fn lengths(&self) -> &[f32] {
        &self.lengths
    }

    /// The toy model that laid the features out, where one did.
    #[must_use]
    pub fn toy(&self) -> Option<&Toy> {
        self.toy.as_ref()
    }

    pub(super) fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Batch `index` of the training data.
    #[must_use]
    pub fn batch(&self, index: u64) -> Examples {
        self.examples("batch", index, self.settings.batch)
    }

    /// Examples apart from the training data, the same for the same purpose, in pieces that each have their own probabilities.
    #[must_use]
    pub fn apart(&self, purpose: &str, count: usize) -> Examples {
        let mut codes: Option<Codes<f32>> = None;
        let mut rows = Vec::with_capacity(count * self.settings.width);
        for (index, range) in kymograph_linalg::parallel::blocks(count, DRAWN_TOGETHER).into_iter().enumerate() {
            let piece = self.examples(purpose, index as u64, range.len());
            rows.extend(piece.x);
            match &mut codes {
                None => codes = Some(piece.codes),
                Some(codes) => {
                    let before = codes.latents.len();
                    codes.starts.extend(piece.codes.starts[1..].iter().map(|start| before + start));
                    codes.latents.extend(piece.codes.latents);
                    codes.values.extend(piece.codes.values);
                }
            }
        }
        let codes = codes.unwrap_or(Codes {
            starts: vec![0],
            latents: Vec::new(),
            values: Vec::new(),
            width: self.settings.features,
        });
        let examples = codes.examples();
        // Every piece holds whole rows.
        let x = Array2::from_shape_vec((examples, self.settings.width), rows).unwrap_or_default();
        Examples { x, codes }
    }

    fn examples(&self, purpose: &str, index: u64, count: usize) -> Examples {
        let rng = &mut random::stream_at(self.seed, purpose, index);
        let mut x = Array2::zeros((count, self.settings.width));
        let codes = self.draw(rng, count, |example, rng| {
            if self.settings.noise > 0.0 {
                x.row_mut(example).mapv_inplace(|_| (self.settings.noise * random::normal(rng)) as f32);
            }
        });
        for (example, mut row) in x.outer_iter_mut().enumerate() {
            let (features, values) = codes.row(example);
            for (&feature, &value) in features.iter().zip(values) {
                row.scaled_add(value, &self.features.row(feature as usize));
            }
        }
        Examples { x, codes }
    }

    /// Codes without the examples that they would make.
    pub(super) fn codes(&self, purpose: &str, index: u64, count: usize) -> Codes<f32> {
        self.draw(&mut random::stream_at(self.seed, purpose, index), count, |_, _| ())
    }

    /// Codes, after each of which `then` may draw for the same example.
    fn draw(&self, rng: &mut ChaCha8Rng, count: usize, mut then: impl FnMut(usize, &mut ChaCha8Rng)) -> Codes<f32> {
        let together = match self.settings.redraw {
            Redraw::Sample => None,
            Redraw::Batch => Some(self.probabilities(rng)),
            Redraw::Dataset => self.fixed.clone(),
        };
        let each = match &together {
            None => self.probabilities_of_samples(rng, count),
            Some(_) => Vec::new(),
        };
        let features = self.settings.features;
        let mut codes = Codes { starts: vec![0], latents: Vec::new(), values: Vec::new(), width: features };
        for example in 0..count {
            let probabilities = match &together {
                Some(shared) => &shared[..],
                None => &each[example * features..(example + 1) * features],
            };
            let before = codes.latents.len();
            for (feature, &probability) in probabilities.iter().enumerate() {
                if random::uniform(rng) < probability {
                    let mut value = 1.0;
                    if self.settings.scale == Scale::Codes {
                        value = random::uniform(rng);
                        if self.settings.codes == Uniforms::Product {
                            value *= random::uniform(rng);
                        }
                    }
                    let value = value as f32 * self.lengths[feature];
                    if value > 0.0 {
                        codes.latents.push(feature as u32);
                        codes.values.push(value);
                    }
                }
            }
            if codes.latents.len() == before {
                let feature = random::below(rng, features);
                // A length may be 0.
                if self.lengths[feature] > 0.0 {
                    codes.latents.push(feature as u32);
                    codes.values.push(self.lengths[feature]);
                }
            }
            codes.starts.push(codes.latents.len());
            then(example, rng);
        }
        codes
    }

    /// One draw of the probability of each feature.
    fn probabilities(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        self.probabilities_of_samples(rng, 1)
    }

    /// example × feature.
    fn probabilities_of_samples(&self, rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
        let features = self.settings.features;
        let mut p = match &self.factor {
            None => vec![0.5; count * features],
            Some(factor) => {
                let normal: Array2<f32> = random::normal_matrix(rng, count, factor.ncols());
                matmul(normal.view(), factor.t()).iter().map(|z| normal_share(f64::from(*z))).collect()
            }
        };
        for p in p.chunks_exact_mut(features) {
            let mut decay = 1.0;
            for p in p.iter_mut() {
                *p *= decay;
                decay *= self.settings.decay;
            }
            let wanted = self.settings.active / features as f64;
            let factor = match self.settings.rescale {
                true => wanted * features as f64 / p.iter().sum::<f64>(),
                // Every probability was to be the mean one, and the decay then lowered all but the first.
                false => wanted / 0.5,
            };
            p.iter_mut().for_each(|p| *p = (*p * factor).min(1.0));
        }
        p
    }
}

/// Φ(z): the share of normal numbers below z, to 1.2 · 10⁻⁷ (Press et al., Numerical recipes, `erfcc`).
fn normal_share(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    const SERIES: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = SERIES.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = 0.5 * t * (sum - x * x).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// A matrix whose product with its transpose is Σ.
fn factor(correlation: Correlation, count: usize, rng: &mut ChaCha8Rng) -> Result<Option<Array2<f32>>, StudyError> {
    Ok(match correlation {
        Correlation::None => None,
        Correlation::NormalMixing => {
            let scale = 1.0 / (count as f32).sqrt();
            Some(random::normal_matrix::<f32, _>(rng, count, count).mapv(|v| v * scale))
        }
        Correlation::NormalGram => {
            let a: Array2<f32> = random::normal_matrix(rng, count, count);
            let largest = kymograph_linalg::gram(a.view()).iter().fold(0.0f32, |most, v| most.max(v.abs()));
            Some(a.mapv(|v| v / largest.sqrt()))
        }
        Correlation::ShiftedUniform => {
            let drawn = Array2::from_shape_simple_fn((count, count), || random::uniform(rng));
            let symmetric = (&drawn + &drawn.t()) / 2.0;
            let eigen = symmetric_eigen(symmetric.view())?;
            let least = eigen.values.last().copied().unwrap_or(0.0);
            let mut factor = eigen.vectors;
            for (mut column, value) in factor.columns_mut().into_iter().zip(&eigen.values) {
                let scale = (value - 1.001 * least).max(0.0).sqrt();
                column.mapv_inplace(|v| v * scale);
            }
            Some(factor.mapv(|v| v as f32))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_share_is_right() {
        for (z, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (4.0, 0.999_968_329)] {
            assert!((normal_share(z) - expected).abs() < 2e-7, "{z}");
        }
    }
}
