//! Everything that can go wrong in a study.

use kymograph_nets::NetsError;
use kymograph_runs::RunsError;
use thiserror::Error;

/// Errors of studies.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// No study has this name.
    #[error("there is no study `{name}`; the studies are {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A setting does not exist or cannot have this value.
    #[error("setting `{setting}` of study `{study}`: {detail}")]
    Setting {
        /// The study.
        study: String,
        /// The key.
        setting: String,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// A run was made with other settings than those asked for now.
    #[error("{run} was begun with other settings ({detail}); give the same settings, or another --out")]
    OtherSettings {
        /// The run's folder.
        run: String,
        /// What differs.
        detail: String,
    },
    /// Training produced a loss that is not a number.
    #[error(
        "{network}, seed {seed}: the loss is {loss} at step {step}; the run holds everything up to the step before; try a smaller learning_rate"
    )]
    Diverged {
        /// The network.
        network: String,
        /// Its seed.
        seed: u64,
        /// The step.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// A network's output is not one row of logits an example.
    #[error("the network's output is not one row of logits an example: {0}")]
    Shape(ndarray::ShapeError),
    /// There is no such group.
    #[error("group `{name}`: {reason}")]
    Group {
        /// As it was given.
        name: String,
        /// Why not.
        reason: kymograph_measures::groups::GroupError,
    },
    /// Gradients cannot be followed.
    #[error(transparent)]
    Gradients(#[from] kymograph_measures::gradients::GradientError),
    /// A number of a dictionary cannot be taken.
    #[error(transparent)]
    Measures(#[from] kymograph_measures::MeasureError),
    /// A matrix could not be factorised.
    #[error(transparent)]
    Linalg(#[from] kymograph_linalg::LinalgError),
    /// A network refused its input.
    #[error(transparent)]
    Nets(#[from] NetsError),
    /// The run folder or the data could not be read or written.
    #[error(transparent)]
    Runs(#[from] RunsError),
}
