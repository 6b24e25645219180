//! The study `squeeze`: what is left of a digit behind a layer of s units, and how it looks there.

mod networks;

pub use networks::{SWEEP, network, squeeze_width};

use crate::study::{Classification, Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "squeeze",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Classification(Classification { networks: networks::NAMES, network }),
};
