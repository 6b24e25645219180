//! Settings of the study of superposition.

use kymograph_nets::{OptimiserSpec, Schedule};
use serde::{Deserialize, Serialize};

use crate::error::StudyError;
use crate::file::{Choice, StudyFile, refuse};
use crate::study::Study;

/// Settings of the study. Every field can be set by `--set key=value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is trained: `digits`, `toys` or both.
    pub parts: Vec<Part>,
    /// Number of seeds of the classifier and its autoencoders, counted from 0, where none are named.
    pub seeds: u64,
    /// Seeds among them with which small toy models are trained too.
    pub toy_seeds: u64,
    /// Seeds among them with which toy models of a hundred features are.
    pub large_seeds: u64,
    /// Images: `mnist` or `fashion-mnist`.
    pub data: String,
    /// Images of a minibatch.
    pub batch_size: usize,
    /// Images that make an epoch; where there are fewer, they are gone through several times in an epoch.
    pub epoch_images: usize,
    /// Epochs of the classifier.
    pub classifier_epochs: u64,
    /// Its learning rate.
    pub classifier_learning_rate: f64,
    /// Epochs of the autoencoders.
    pub autoencoder_epochs: u64,
    /// Their learning rate.
    pub autoencoder_learning_rate: f64,
    /// Which autoencoders are trained: `untied`, as published, `tied`, and `linear`, a null.
    pub autoencoders: Vec<String>,
    /// The sweeps of toy models that are trained.
    pub sweeps: Vec<String>,
    /// Steps of toy models.
    pub toy_steps: u64,
    /// Examples of a step of theirs.
    pub toy_batch: usize,
    /// Their learning rate.
    pub toy_learning_rate: f64,
    /// How it changes.
    pub toy_schedule: Decay,
    /// Checkpoints of toy models, about: half of them spaced by the step's logarithm, half evenly.
    pub toy_checkpoints: u64,
    /// Cells of a phase diagram along each of its sides.
    pub grid: usize,
}

/// What can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A classifier of digits, and autoencoders of its hidden layer.
    Digits,
    /// Sweeps of toy models.
    Toys,
}

/// How a learning rate changes over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    Constant,
    /// In a line to zero.
    Linear,
    /// By half a cosine to zero.
    Cosine,
}

impl Settings {
    /// The settings of the study after what was asked for.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown key or recipe, or a value of another type or out of range.
    pub fn read(study: &Study, file: &StudyFile, choice: Choice<'_>) -> Result<Self, StudyError> {
        let settings: Self = file.settings(study, choice)?;
        settings.check().map_err(|(key, detail)| refuse(study, key, detail))?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let counts = [
            ("seeds", self.seeds),
            ("toy_seeds", self.toy_seeds),
            ("large_seeds", self.large_seeds),
            ("batch_size", self.batch_size as u64),
            ("epoch_images", self.epoch_images as u64),
            ("classifier_epochs", self.classifier_epochs),
            ("autoencoder_epochs", self.autoencoder_epochs),
            ("toy_steps", self.toy_steps),
            ("toy_batch", self.toy_batch as u64),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err((key, "must be at least 1".to_owned()));
        }
        if self.toy_checkpoints < 2 {
            return Err(("toy_checkpoints", "must be at least 2: the first and the last step".to_owned()));
        }
        if !(2..=64).contains(&self.grid) {
            return Err(("grid", "must be from 2 to 64".to_owned()));
        }
        if self.parts.is_empty() {
            return Err(("parts", "names nothing to train; take digits, toys or both".to_owned()));
        }
        let unlike =
            |known: &[&str], given: &[String]| given.iter().find(|name| !known.contains(&name.as_str())).cloned();
        for (key, known, given) in [
            ("data", &["mnist", "fashion-mnist"][..], std::slice::from_ref(&self.data)),
            ("autoencoders", &super::autoencoder::NAMES[..], &self.autoencoders[..]),
            ("sweeps", &super::sweeps::NAMES[..], &self.sweeps[..]),
        ] {
            if let Some(name) = unlike(known, given) {
                return Err((key, format!("`{name}` is none of {}", known.join(", "))));
            }
        }
        for (key, rate) in [
            ("classifier_learning_rate", self.classifier_learning_rate),
            ("autoencoder_learning_rate", self.autoencoder_learning_rate),
            ("toy_learning_rate", self.toy_learning_rate),
        ] {
            if !(rate.is_finite() && rate >= 0.0) {
                return Err((key, "must be a number of at least 0".to_owned()));
            }
        }
        Ok(())
    }

    /// Adam for toy models.
    #[must_use]
    pub fn toy_optimiser(&self) -> OptimiserSpec {
        let (steps, lowest) = (self.toy_steps, 0.0);
        let schedule = match self.toy_schedule {
            Decay::Constant => Schedule::Constant,
            Decay::Linear => Schedule::Linear { steps, lowest },
            Decay::Cosine => Schedule::Cosine { steps, lowest },
        };
        let (betas, eps, weight_decay) = ([0.9, 0.999], 1e-8, 0.0);
        OptimiserSpec::Adam { lr: self.toy_learning_rate, betas, eps, weight_decay, schedule }
    }

    /// The steps at which checkpoints of toy models are kept: 0, the last, and between them half spaced by the logarithm of
    /// the step, half evenly.
    #[must_use]
    pub fn toy_checkpoint_steps(&self) -> Vec<u64> {
        let half = self.toy_checkpoints.div_ceil(2).max(1);
        let last = self.toy_steps as f64;
        let spaced = (0..=half).map(|i| last.powf(i as f64 / half as f64).round() as u64);
        let even = (0..=half).map(|i| (last * i as f64 / half as f64).round() as u64);
        let mut steps: Vec<u64> = spaced.chain(even).chain([0, self.toy_steps]).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}
