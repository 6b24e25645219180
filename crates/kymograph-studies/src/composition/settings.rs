//! Settings of a study of networks that compose group elements.

use serde::{Deserialize, Serialize};

use crate::error::StudyError;
use crate::file::{Choice, StudyFile, refuse};
use crate::study::Study;

/// Settings of a study of networks that compose group elements. Every field can be set by `--set key=value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The group: `S5`, `A5`, `C113`, `D59`, `C2xC3`, or a multiplication table as `.csv` or `.npy`.
    pub group: String,
    /// The network.
    pub arch: Arch,
    /// Has the MLP biases?
    pub biases: bool,
    /// Width of the embeddings (of the residual stream in a transformer).
    pub embed_dim: usize,
    /// Hidden units.
    pub hidden_dim: usize,
    /// Share of the pairs that is trained on.
    pub fraction: f64,
    /// Number of seeds, counted from 1, where none are named.
    pub seeds: u64,
    /// Optimisation steps, each on all training pairs.
    pub steps: u64,
    /// Checkpoints, about: half of them spaced by the step's logarithm, half evenly.
    pub checkpoints: u64,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Decay of Adam's mean of gradients.
    pub beta1: f64,
    /// Decay of Adam's mean of squared gradients.
    pub beta2: f64,
    /// How strongly weights are pulled to zero.
    pub weight_decay: f64,
    /// How they are.
    pub decay: Decay,
    /// Precision of weights and loss.
    pub precision: Precision,
    /// The key representations; those whose final trace similarity is above .005 where none are named.
    pub key: Vec<String>,
}

/// A network that takes two elements and gives a logit for each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// Two embeddings, one hidden layer of ReLU.
    Mlp,
    /// The product of two embeddings.
    Bilinear,
    /// One layer of attention and one of ReLU, without normalisation.
    Transformer,
}

/// How weights are pulled to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Apart from the gradient, as in AdamW.
    Decoupled,
    /// As part of the gradient, as in Adam with an L2 penalty.
    Coupled,
}

/// Precision of weights and loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Weights and loss in 32 bits.
    F32,
    /// Weights in 32 bits, logits taken to 64 for the loss.
    F64Loss,
    /// Everything in 64 bits.
    F64,
}

impl Arch {
    /// Its name in settings, run folders and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Bilinear => "bilinear",
            Self::Transformer => "transformer",
        }
    }
}

impl Settings {
    /// The settings of a study of this kind after what was asked for.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown key or recipe, or a value of another type or out of range.
    pub fn read(study: &Study, file: &StudyFile, choice: Choice<'_>) -> Result<Self, StudyError> {
        let settings: Self = file.settings(study, choice)?;
        settings.check().map_err(|(key, detail)| refuse(study, key, detail.to_owned()))?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let counts = [
            ("seeds", self.seeds),
            ("steps", self.steps),
            ("embed_dim", self.embed_dim as u64),
            ("hidden_dim", self.hidden_dim as u64),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err((key, "must be at least 1"));
        }
        if self.embed_dim > 8192 || self.hidden_dim > 8192 {
            return Err(("hidden_dim", "widths above 8192 are refused: they would take hours a step"));
        }
        if self.checkpoints < 2 {
            return Err(("checkpoints", "must be at least 2: the first and the last step"));
        }
        if !(self.fraction > 0.0 && self.fraction < 1.0) {
            return Err(("fraction", "is a share of the pairs, above 0 and below 1, so that some are left to test on"));
        }
        for (key, value) in [("learning_rate", self.learning_rate), ("weight_decay", self.weight_decay)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err((key, "must be a number of at least 0"));
            }
        }
        if let Some((key, _)) =
            [("beta1", self.beta1), ("beta2", self.beta2)].into_iter().find(|(_, b)| !(0.0..1.0).contains(b))
        {
            return Err((key, "must be at least 0 and below 1"));
        }
        if self.biases && self.arch != Arch::Mlp {
            return Err(("biases", "only the MLP has them: --set arch=mlp"));
        }
        Ok(())
    }

    /// The steps at which checkpoints are kept: 0, the last, and between them half spaced by the logarithm of the step,
    /// where memorising happens, half evenly, where generalising does.
    #[must_use]
    pub fn checkpoint_steps(&self) -> Vec<u64> {
        let half = self.checkpoints.div_ceil(2).max(2);
        let last = self.steps as f64;
        let spaced = (0..=half).map(|i| last.powf(i as f64 / half as f64).round() as u64);
        let even = (0..=half).map(|i| (last * i as f64 / half as f64).round() as u64);
        let mut steps: Vec<u64> = spaced.chain(even).chain([0, self.steps]).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// The network's name in run folders and results: `S5-mlp`.
    #[must_use]
    pub fn network(&self) -> String {
        let stem = std::path::Path::new(&self.group).file_stem().map(|s| s.to_string_lossy().into_owned());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let group: String = stem.unwrap_or_default().chars().map(plain).collect();
        format!("{group}-{}", self.arch.name())
    }
}
