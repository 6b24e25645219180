//! A study: its texts, its settings, and the list of all studies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::error::StudyError;
use crate::phases;

/// A built-in study. Everything about it that is text lies in its folder.
pub struct Study {
    /// Name on the command line.
    pub name: &'static str,
    /// `study.toml`.
    pub study: &'static str,
    /// `plan.toml`.
    pub plan: &'static str,
    /// `predictions.toml`.
    pub predictions: &'static str,
    /// The networks it can train.
    pub networks: &'static [&'static str],
    /// The spec of one of them.
    pub network: fn(&str) -> Option<kymograph_nets::NetworkSpec>,
    /// Figures published elsewhere that its report shows beside its own, as TOML.
    pub published: &'static str,
}

impl Study {
    /// The question it asks, in a sentence.
    #[must_use]
    pub fn question(&self) -> String {
        StudyFile::read(self, false, &[]).map(|(file, _)| file.question).unwrap_or_default()
    }
}

static STUDIES: &[&Study] = &[&phases::STUDY];

/// Every study.
#[must_use]
pub fn all() -> &'static [&'static Study] {
    STUDIES
}

/// The study of this name.
///
/// # Errors
/// [`StudyError::Unknown`] with the names there are.
pub fn find(name: &str) -> Result<&'static Study, StudyError> {
    all().iter().copied().find(|s| s.name == name).ok_or_else(|| StudyError::Unknown {
        name: name.to_owned(),
        known: all().iter().map(|s| s.name).collect::<Vec<_>>().join(", "),
    })
}

/// What a study asks, and with which settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Its title.
    pub title: String,
    /// The question in a sentence.
    pub question: String,
    /// Settings unless told otherwise.
    settings: Settings,
    /// What `--quick` changes.
    quick: toml::Table,
    /// The controls it can run, by name.
    #[serde(default)]
    pub controls: BTreeMap<String, Control>,
}

/// Settings of an image-classification study. Every field can be set by `--set key=value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Networks to train.
    pub networks: Vec<String>,
    /// Number of seeds, counted from 0, where none are named.
    pub seeds: u64,
    /// The data set: `mnist` or `fashion-mnist`.
    pub data: String,
    /// Controls to train beside each run, of those the study declares.
    pub controls: Vec<String>,
    /// Optimisation steps.
    pub steps: u64,
    /// Examples in a minibatch.
    pub batch_size: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Held-out examples on which activations are taken; the scores use all held-out examples.
    pub probe_examples: usize,
    /// The step called `early`, as a share of all steps.
    pub early: f64,
    /// The step called `mid`.
    pub mid: f64,
    /// The step called `late`.
    pub late: f64,
}

impl StudyFile {
    /// Reads a built-in study's file, with its settings after `--quick` and `--set key=value`.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown key or a value of another type or out of range.
    pub fn read(study: &Study, quick: bool, set: &[(String, String)]) -> Result<(Self, Settings), StudyError> {
        let refuse = |setting: &str, detail: String| StudyError::Setting {
            study: study.name.to_owned(),
            setting: setting.to_owned(),
            detail,
        };
        let file: Self = toml::from_str(study.study).map_err(|e| refuse("study.toml", e.to_string()))?;
        let mut table = toml::Table::try_from(&file.settings).map_err(|e| refuse("study.toml", e.to_string()))?;
        if quick {
            table.extend(file.quick.clone());
        }
        for (key, text) in set {
            let Some(old) = table.get(key) else {
                let known = table.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(refuse(key, format!("there is no such setting; the settings are {known}")));
            };
            let value = parse(old, text.trim()).map_err(|detail| refuse(key, detail))?;
            table.insert(key.clone(), value);
        }
        let settings: Settings =
            table.try_into().map_err(|e: toml::de::Error| refuse("--set", e.message().to_owned()))?;
        settings.check(study).map_err(|(key, detail)| refuse(key, detail))?;
        if let Some(unknown) = settings.controls.iter().find(|name| !file.controls.contains_key(*name)) {
            let known = file.controls.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(refuse("controls", format!("`{unknown}` is none of {known}")));
        }
        Ok((file, settings))
    }
}

/// A value of the same type as the one it replaces.
fn parse(old: &toml::Value, text: &str) -> Result<toml::Value, String> {
    let wanted = |kind: &str| format!("`{text}` is not {kind}");
    match old {
        toml::Value::Integer(_) => text.parse().map(toml::Value::Integer).map_err(|_| wanted("a whole number")),
        toml::Value::Float(_) => text.parse().map(toml::Value::Float).map_err(|_| wanted("a number")),
        toml::Value::Boolean(_) => text.parse().map(toml::Value::Boolean).map_err(|_| wanted("true or false")),
        toml::Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect()))
        }
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}

impl Settings {
    fn check(&self, study: &Study) -> Result<(), (&'static str, String)> {
        if let Some(network) = self.networks.iter().find(|n| !study.networks.contains(&n.as_str())) {
            return Err(("networks", format!("`{network}` is none of {}", study.networks.join(", "))));
        }
        let mut sorted = self.networks.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() != self.networks.len() || sorted.is_empty() {
            return Err(("networks", "name at least one network, each once".to_owned()));
        }
        if !["mnist", "fashion-mnist"].contains(&self.data.as_str()) {
            return Err(("data", format!("`{}` is none of mnist, fashion-mnist", self.data)));
        }
        let counts = [("seeds", self.seeds), ("steps", self.steps), ("batch_size", self.batch_size as u64)];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err((key, "must be at least 1".to_owned()));
        }
        if self.probe_examples < 10 {
            return Err(("probe_examples", "must be at least 10, or no measure means anything".to_owned()));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate >= 0.0) {
            return Err(("learning_rate", "must be a number of at least 0".to_owned()));
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

    /// The steps at which checkpoints are kept: 0, powers of two, the named steps and the last.
    #[must_use]
    pub fn checkpoint_steps(&self) -> Vec<u64> {
        let powers = (0..63).map(|k| 1_u64 << k).take_while(|&s| s <= self.steps);
        let mut steps: Vec<u64> = powers.chain(self.step_names().into_values()).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(quick: bool, set: &[(&str, &str)]) -> Result<Settings, StudyError> {
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        StudyFile::read(&phases::STUDY, quick, &set).map(|(_, settings)| settings)
    }

    #[test]
    fn published_steps_are_among_the_checkpoints() {
        let steps = read(false, &[]).unwrap().checkpoint_steps();
        assert_eq!(steps, [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2000]);
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
