//! The study `superposition`: how features share fewer dimensions, in toy models and in a squeezed layer of an image
//! classifier.

mod autoencoder;
mod classifier;
mod digits;
mod settings;
mod sweeps;
mod toys;

pub use autoencoder::{AutoencoderTraining, CAPTURED, Squeeze};
pub use classifier::ClassifierTraining;
pub use digits::{Digits, Units, units};
pub use settings::{Part, Settings};
pub use sweeps::{Cell, Sweep, sweeps};
pub use toys::ToyTraining;

use crate::study::{Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "superposition",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Superposition,
};
