//! The study `optimization`: what do gradients near zero do while a network learns, and what of it is noise?

mod networks;

pub use networks::network;

use crate::study::{Classification, Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "optimization",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Classification(Classification { networks: &["cnn_adam", "cnn_sgd"], network }),
};
