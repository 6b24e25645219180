//! The study `polytopes`: where do the boundaries of a network's affine pieces lie, and what do its codes know of the classes?

mod networks;

pub use networks::network;

use crate::study::{Classification, Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "polytopes",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Classification(Classification { networks: networks::NAMES, network }),
};
