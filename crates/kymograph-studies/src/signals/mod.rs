//! The study `signals`: how are the features of a network's layers related, and how invariant are they to augmentations?

pub mod augment;
mod networks;

pub use networks::network;

use crate::study::{Classification, Study, Task};

/// The layers whose outputs are compared, as published: before the rectifiers.
pub const LAYERS: [&str; 8] = ["fc1", "bn1", "fc2", "bn2", "fc3", "bn3", "fc4", "softmax"];

/// The study.
pub static STUDY: Study = Study {
    name: "signals",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Classification(Classification { networks: &["mlp"], network }),
};
