//! Training autoencoders that squeeze the classifier's hidden units into two numbers. Their steps are epochs.

use std::fmt;

use kymograph_measures::embeddings::pca;
use kymograph_nets::{OptimiserSpec, ToyActivation, ToyFeatures, ToyInstance, ToyModels, ToySpec};
use kymograph_runs::{Capture, Manifest, Recorder, SavedState};
use ndarray::{Array1, Array2, ArrayD, Axis};
use serde_json::json;

use super::digits::{UNITS, Units, mean_squared, order};
use super::settings::Settings;
use crate::error::StudyError;
use crate::progress::Progress;

/// Units of the squeeze.
const SQUEEZE: usize = 2;
/// Which autoencoders there are.
pub(super) const NAMES: [&str; 3] = ["untied", "tied", "linear"];

/// What is captured at every epoch, and at the first one of the units themselves: what each ablation adds to the loss (unit),
/// the mean code of the images of which only one unit is kept (unit × 2), the code of nothing (2), the share of images on
/// which a unit is 0, its mean and its variance (unit).
pub const CAPTURED: [&str; 6] = ["added_loss", "points", "offset", "unit_zero", "unit_mean", "unit_variance"];

/// A kind of autoencoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squeeze {
    /// As published: tanh, tanh and ReLU, with weights of its own in the decoder.
    Untied,
    /// The same with the encoder transposed as decoder.
    Tied,
    /// Without tanh and ReLU: at its best, the plane of two principal components.
    Linear,
}

impl Squeeze {
    /// Those that the settings name.
    #[must_use]
    pub fn of(settings: &Settings) -> Vec<Self> {
        let all = [Self::Untied, Self::Tied, Self::Linear];
        all.into_iter()
            .zip(NAMES)
            .filter(|(_, name)| settings.autoencoders.iter().any(|s| s == name))
            .map(|(s, _)| s)
            .collect()
    }

    /// Its name in run folders and results.
    #[must_use]
    pub fn network(self) -> &'static str {
        match self {
            Self::Untied => "autoencoder",
            Self::Tied => "autoencoder_tied",
            Self::Linear => "autoencoder_linear",
        }
    }

    fn spec(self) -> ToySpec {
        let spec = ToySpec::tanh_autoencoder(UNITS, SQUEEZE, self == Self::Tied);
        match self {
            Self::Linear => ToySpec {
                hidden_activation: ToyActivation::Identity,
                output_activation: ToyActivation::Identity,
                ..spec
            },
            Self::Untied | Self::Tied => spec,
        }
    }
}

/// One training run of an autoencoder.
pub struct AutoencoderTraining<'a> {
    /// The study's name.
    pub study: &'a str,
    /// Which autoencoder.
    pub squeeze: Squeeze,
    /// Which data these are.
    pub note: &'a str,
    /// Seed of the initial weights and of the order of images, and of the classifier.
    pub seed: u64,
    /// Settings of the study.
    pub settings: &'a Settings,
}

struct Errors {
    training: f64,
    held_out: f64,
    r_squared: f64,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: training {:.4} held out {:.4}, R² {:.3}", self.training, self.held_out, self.r_squared)
    }
}

impl AutoencoderTraining<'_> {
    /// The manifest of this run.
    ///
    /// # Errors
    /// When the settings describe no autoencoder.
    pub fn manifest(&self) -> Result<Manifest, StudyError> {
        self.models()?;
        let network = json!({ "name": self.squeeze.network(), "toy": self.squeeze.spec() });
        let settings =
            json!({ "study": self.settings, "data": self.note, "optimiser": self.optimiser(), "step": "epoch" });
        Ok(Manifest::new(format!("study {}", self.study), network, settings, Some(self.seed)))
    }

    fn optimiser(&self) -> OptimiserSpec {
        OptimiserSpec::adam(self.settings.autoencoder_learning_rate)
    }

    fn models(&self) -> Result<ToyModels, StudyError> {
        // What features are drawn like plays no part where rows are given.
        let features = ToyFeatures::independent(1.0);
        let instance = ToyInstance { importance: vec![1.0; UNITS], features, seed: self.seed };
        Ok(ToyModels::new(self.squeeze.spec(), vec![instance], self.optimiser(), self.settings.batch_size)?)
    }

    /// Trains on the units of a classifier and records into `recorder`'s folder: from the beginning, or from the last
    /// complete checkpoint of a killed run, to the same bits as if it had not been killed.
    ///
    /// # Errors
    /// [`StudyError::Diverged`] when the loss stops being a number; errors of writing.
    pub fn run(
        &self,
        units: &Units,
        mut recorder: Recorder,
        saved: Option<SavedState>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let mut models = self.models()?;
        let mean = units.train.mapv(f64::from).mean_axis(Axis(0)).unwrap_or_default();
        let constant = [&units.train, &units.held_out].map(|set| mean_squared(set.view(), |_, unit| mean[unit]));
        let mut first = 0;
        match saved {
            Some(saved) => {
                let steps = saved.state["optimiser_steps"].as_u64().unwrap_or(0);
                models.load(steps, &saved.tensors, &saved.optimiser)?;
                first = saved.step;
            }
            None => {
                baselines(&mut recorder, units, constant)?;
                self.keep(&mut recorder, &models, units, (0, None), constant[1])?;
            }
        }
        for epoch in first + 1..=self.settings.autoencoder_epochs {
            let order = order(self.seed, "autoencoder order", epoch, units.train.nrows(), self.settings.epoch_images);
            let batches = order.chunks(self.settings.batch_size);
            let losses = match models.train_on(0, units.train.view(), batches) {
                Ok(losses) => losses,
                Err(kymograph_nets::NetsError::NotFinite { .. }) => {
                    recorder.flush()?;
                    let (network, seed) = (self.squeeze.network().to_owned(), self.seed);
                    return Err(StudyError::Diverged { network, seed, step: epoch, loss: f64::NAN });
                }
                Err(other) => return Err(other.into()),
            };
            let last = losses.last().copied();
            let errors = self.keep(&mut recorder, &models, units, (epoch, last), constant[1])?;
            progress(Progress {
                network: self.squeeze.network(),
                seed: self.seed,
                control: None,
                step: epoch,
                steps: self.settings.autoencoder_epochs,
                loss: last.unwrap_or(f64::NAN),
                scores: (epoch == self.settings.autoencoder_epochs).then_some(&errors as &dyn fmt::Display),
            });
        }
        recorder.finish()?;
        Ok(())
    }

    /// Errors, captures and a checkpoint of an epoch.
    fn keep(
        &self,
        recorder: &mut Recorder,
        models: &ToyModels,
        units: &Units,
        (epoch, last): (u64, Option<f64>),
        constant: f64,
    ) -> Result<Errors, StudyError> {
        let ablations = models.ablations(0, units.train.view())?;
        let held_out = models.mean_squared_error(0, units.held_out.view())?;
        let errors = Errors { training: ablations.loss, held_out, r_squared: 1.0 - held_out / constant };
        let mut row =
            vec![("training_error", errors.training), ("test_error", errors.held_out), ("r_squared", errors.r_squared)];
        row.extend(last.map(|loss| ("loss_of_last_minibatch", loss)));
        recorder.series("epoch", epoch, &row)?;
        let (points, offset) = self.points(models, &units.train);
        let added = Array1::from_iter(ablations.without.iter().map(|loss| (loss - ablations.loss) as f32));
        let mut captures = vec![
            of_units("added_loss", added),
            capture("points", "unit × 2", points.into_dyn()),
            capture("offset", "2", offset.into_dyn()),
        ];
        if epoch == 0 {
            captures.extend(of_the_units(&units.train));
        }
        recorder.activations(epoch, &captures)?;
        let state = json!({ "optimiser_steps": models.steps(0) });
        recorder.checkpoint(epoch, &models.state_dict(), &models.optimiser_state(), &state)?;
        Ok(errors)
    }

    /// The mean code of all images with one unit kept and the others at 0, for each unit; and the code of zeros.
    fn points(&self, models: &ToyModels, train: &Array2<f32>) -> (Array2<f32>, Array1<f32>) {
        let (encoder, bias) = (models.encoder(0), models.encoder_bias(0));
        let bend = |x: f64| if self.squeeze == Squeeze::Linear { x } else { x.tanh() };
        let mut points = Array2::zeros((UNITS, SQUEEZE));
        for (unit, mut point) in points.rows_mut().into_iter().enumerate() {
            for (code, value) in point.iter_mut().enumerate() {
                let (weight, bias) = (f64::from(encoder[[code, unit]]), f64::from(bias[code]));
                let zero = bend(bias);
                // A unit is 0 on many images, whose code is that of zeros.
                let on = |&x: &f32| if x == 0.0 { zero } else { bend(weight * f64::from(x) + bias) };
                let sum: f64 = train.column(unit).iter().map(on).sum();
                *value = (sum / train.nrows().max(1) as f64) as f32;
            }
        }
        let offset = bias.mapv(|b| bend(f64::from(b)) as f32);
        (points, offset)
    }
}

fn capture(name: &str, rule: &str, values: ArrayD<f32>) -> Capture {
    Capture { name: name.to_owned(), rule: rule.to_owned(), values }
}

fn of_units(name: &str, values: Array1<f32>) -> Capture {
    capture(name, "unit", values.into_dyn())
}

/// How often each unit is 0, its mean and its variance.
fn of_the_units(train: &Array2<f32>) -> Vec<Capture> {
    let count = train.nrows().max(1) as f64;
    let of = |name, number: &dyn Fn(&[f64]) -> f64| {
        let values = train.columns().into_iter().map(|column| {
            let column: Vec<f64> = column.iter().map(|v| f64::from(*v)).collect();
            number(&column) as f32
        });
        of_units(name, values.collect())
    };
    let mean = |column: &[f64]| column.iter().sum::<f64>() / count;
    vec![
        of("unit_zero", &|column| column.iter().filter(|v| **v == 0.0).count() as f64 / count),
        of("unit_mean", &mean),
        of("unit_variance", &|column| {
            let mean = mean(column);
            column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count
        }),
    ]
}

/// What predicting the mean and two principal components of the training units leave of the error.
fn baselines(recorder: &mut Recorder, units: &Units, constant: [f64; 2]) -> Result<(), StudyError> {
    let mut row = vec![("mean_training_error", constant[0]), ("mean_test_error", constant[1])];
    // Units that never vary have no components.
    if let Ok(found) = pca(units.train.view(), SQUEEZE) {
        for (name, set) in [("pca_training_error", &units.train), ("pca_test_error", &units.held_out)] {
            let centred = set.mapv(f64::from) - &found.mean;
            let scores = centred.dot(&found.axes.t());
            let squares = |a: &Array2<f64>| a.iter().map(|v| v * v).sum::<f64>();
            row.push((name, (squares(&centred) - squares(&scores)).max(0.0) / set.len().max(1) as f64));
        }
    }
    Ok(recorder.series("baseline", 0, &row)?)
}
