//! The study `phases`: do features pass through qualitative phases while a network learns, or are they only refined?

mod networks;

pub use networks::network;

use crate::study::{Classification, Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "phases",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Classification(Classification { networks: &["cnn", "mlp", "transformer"], network }),
};
