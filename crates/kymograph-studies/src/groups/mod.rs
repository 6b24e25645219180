//! The study `groups`: how networks that compose group elements do it.

use crate::study::{Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "groups",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Composition,
};
