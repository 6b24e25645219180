//! Settings of a study of image classifiers.

use std::collections::BTreeMap;

use kymograph_nets::InitialWeights;
use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use crate::error::StudyError;
use crate::file::{Choice, StudyFile, refuse};
use crate::study::Study;

/// Settings of an image-classification study. Every field can be set by `--set key=value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Networks to train.
    pub networks: Vec<String>,
    /// Number of seeds, counted from 0, where none are named.
    pub seeds: u64,
    /// The data set: `mnist`, `fashion-mnist` or `cifar-10`.
    pub data: String,
    /// How images become inputs: `mnist`, as they are, or `rgb32`, enlarged to 32 × 32 in three channels.
    #[serde(default, skip_serializing_if = "Inputs::is_default")]
    pub inputs: Inputs,
    /// Whose default initial weights networks start with: `pytorch` or `keras`.
    #[serde(default, skip_serializing_if = "is_pytorch")]
    pub initial_weights: InitialWeights,
    /// Controls to train beside each run, of those the study declares.
    pub controls: Vec<String>,
    /// Optimisation steps.
    pub steps: u64,
    /// Examples in a minibatch.
    pub batch_size: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Is the cross-entropy, which holds a softmax, taken of the outputs of a network that ends in one? Published so for
    /// some studies; no loss is then below ln(1 + 9/e) = 1.461 nats for ten classes. Otherwise a softmax at the end of a
    /// network is there to be looked at and takes no part in training.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub double_softmax: bool,
    /// Held-out examples on which activations are taken; the scores use all held-out examples.
    pub probe_examples: usize,
    /// At which steps checkpoints are kept.
    #[serde(default, skip_serializing_if = "Checkpoints::is_default")]
    pub checkpoints: Checkpoints,
    /// Images of the probe whose augmentations are looked at, in studies that do.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub augmented_images: usize,
    /// Augmentations of each of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub augmentations: usize,
    /// Learning rate of networks whose name ends in `_sgd`, which plain gradient descent trains.
    #[serde(default, skip_serializing_if = "is_none")]
    pub sgd_learning_rate: f64,
    /// Are gradients and weights followed at every step?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dynamics: bool,
    /// Every how many steps the gradient of the same minibatch is taken again after the step; 0 for never.
    #[serde(default, skip_serializing_if = "never")]
    pub second_pass_every: u64,
    /// Every how many steps the signs of all gradients are kept; 0 for never.
    #[serde(default, skip_serializing_if = "never")]
    pub signs_every: u64,
    /// Every how many steps the gradients themselves are kept; 0 for never.
    #[serde(default, skip_serializing_if = "never")]
    pub gradients_every: u64,
    /// The step called `early`, as a share of all steps.
    pub early: f64,
    /// The step called `mid`.
    pub mid: f64,
    /// The step called `late`.
    pub late: f64,
}

/// At which steps checkpoints are kept, always 0 and the last among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoints {
    /// At powers of two and at the named steps.
    #[default]
    PowersOfTwo,
    /// At the named steps alone: for large networks.
    Named,
}

impl Checkpoints {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_pytorch(weights: &InitialWeights) -> bool {
    *weights == InitialWeights::PyTorch
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn never(every: &u64) -> bool {
    *every == 0
}

fn is_none(rate: &f64) -> bool {
    *rate == 0.0
}

impl Settings {
    /// The settings of a study of classifiers after what was asked for.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown key or a value of another type or out of range.
    pub fn read(study: &Study, file: &StudyFile, networks: &[&str], choice: Choice<'_>) -> Result<Self, StudyError> {
        let settings: Self = file.settings(study, choice)?;
        settings.check(networks).map_err(|(key, detail)| refuse(study, key, detail))?;
        if let Some(unknown) = settings.controls.iter().find(|name| !file.controls.contains_key(*name)) {
            let known = file.controls.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(refuse(study, "controls", format!("`{unknown}` is none of {known}")));
        }
        Ok(settings)
    }

    fn check(&self, networks: &[&str]) -> Result<(), (&'static str, String)> {
        if let Some(network) = self.networks.iter().find(|n| !networks.contains(&n.as_str())) {
            return Err(("networks", format!("`{network}` is none of {}", networks.join(", "))));
        }
        let mut sorted = self.networks.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() != self.networks.len() || sorted.is_empty() {
            return Err(("networks", "name at least one network, each once".to_owned()));
        }
        if !["mnist", "fashion-mnist", "cifar-10"].contains(&self.data.as_str()) {
            return Err(("data", format!("`{}` is none of mnist, fashion-mnist, cifar-10", self.data)));
        }
        let counts = [("seeds", self.seeds), ("steps", self.steps), ("batch_size", self.batch_size as u64)];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err((key, "must be at least 1".to_owned()));
        }
        if self.probe_examples < 10 {
            return Err(("probe_examples", "must be at least 10, or no measure means anything".to_owned()));
        }
        if self.augmented_images > self.probe_examples {
            return Err(("augmented_images", format!("must be at most the {} of probe_examples", self.probe_examples)));
        }
        if (self.augmented_images > 0) != (self.augmentations > 0)
            || self.augmented_images == 1
            || self.augmentations == 1
        {
            return Err(("augmentations", "take at least 2 of at least 2 augmented_images, or 0 of 0".to_owned()));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate >= 0.0) {
            return Err(("learning_rate", "must be a number of at least 0".to_owned()));
        }
        if !(self.sgd_learning_rate.is_finite() && self.sgd_learning_rate >= 0.0) {
            return Err(("sgd_learning_rate", "must be a number of at least 0".to_owned()));
        }
        let shares = [("early", self.early), ("mid", self.mid), ("late", self.late)];
        if let Some((key, _)) = shares.into_iter().find(|(_, s)| !(0.0..=1.0).contains(s)) {
            return Err((key, "is a share of the steps, between 0 and 1".to_owned()));
        }
        let names = self.step_names();
        if !(0 < names["early"] && names["early"] < names["mid"] && names["mid"] < names["late"]) {
            let detail = format!(
                "0, early, mid and late must be four different steps in this order, and of {} steps they are {names:?}",
                self.steps
            );
            return Err(("early", detail));
        }
        Ok(())
    }

    /// The named steps.
    #[must_use]
    pub fn step_names(&self) -> BTreeMap<String, u64> {
        let at = |share: f64| (share * self.steps as f64).round() as u64;
        [("first", 0), ("early", at(self.early)), ("mid", at(self.mid)), ("late", at(self.late)), ("last", self.steps)]
            .into_iter()
            .map(|(name, step)| (name.to_owned(), step))
            .collect()
    }

    /// The steps at which checkpoints are kept: 0, the named steps, the last, and powers of two unless told otherwise.
    #[must_use]
    pub fn checkpoint_steps(&self) -> Vec<u64> {
        let all = self.checkpoints == Checkpoints::PowersOfTwo;
        let powers = (0..63).map(|k| 1_u64 << k).take_while(|&s| all && s <= self.steps);
        let mut steps: Vec<u64> = powers.chain(self.step_names().into_values()).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases;

    fn read(quick: bool, set: &[(&str, &str)]) -> Result<Settings, StudyError> {
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let file = StudyFile::read(&phases::STUDY)?;
        let choice = Choice { recipe: None, quick, set: &set };
        Settings::read(&phases::STUDY, &file, &["cnn", "mlp", "transformer"], choice)
    }

    #[test]
    fn published_steps_are_among_the_checkpoints() {
        let steps = read(false, &[]).unwrap().checkpoint_steps();
        assert_eq!(steps, [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2000]);
    }

    #[test]
    fn named_checkpoints_leave_the_powers_out() {
        let mut settings = read(false, &[]).unwrap();
        settings.checkpoints = Checkpoints::Named;
        assert_eq!(settings.checkpoint_steps(), [0, 100, 1000, 2000]);
    }

    #[test]
    fn set_wins_over_quick_and_quick_over_the_file() {
        assert_eq!(read(false, &[]).unwrap().networks, ["cnn", "mlp", "transformer"]);
        let quick = read(true, &[]).unwrap();
        assert_eq!((quick.steps, quick.networks), (200, vec!["cnn".to_owned(), "mlp".to_owned()]));
        assert_eq!(read(true, &[("steps", "60")]).unwrap().steps, 60);
        assert_eq!(read(false, &[("networks", "mlp")]).unwrap().networks, ["mlp"]);
        assert!(read(false, &[("controls", "")]).unwrap().controls.is_empty());
    }

    #[test]
    fn bad_settings_say_what_would_be_right() {
        for (key, value, word) in [
            ("stepps", "3", "the settings are"),
            ("steps", "many", "whole number"),
            ("steps", "0", "at least 1"),
            ("steps", "-3", "--set"),
            ("networks", "resnet", "none of cnn, mlp"),
            ("networks", "", "at least one"),
            ("data", "imagenet", "none of mnist, fashion-mnist"),
            ("controls", "other_weather", "none of lr_zero, other_order, shuffled_labels"),
            ("networks", "mlp,mlp", "each once"),
            ("learning_rate", "NaN", "at least 0"),
            ("mid", "0.01", "in this order"),
            ("steps", "5", "in this order"),
        ] {
            let message = read(false, &[(key, value)]).unwrap_err().to_string();
            assert!(message.contains(word), "{key}={value}: {message}");
        }
    }
}
