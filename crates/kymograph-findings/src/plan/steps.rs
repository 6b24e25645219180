//! The steps at which a plan measures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The steps of a planned measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Steps {
    /// A rule over the recorded steps.
    Rule(StepRule),
    /// Chosen steps, or chosen pairs of them.
    Chosen(Vec<StepOrPair>),
}

/// Rules that pick steps from whatever a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepRule {
    /// Every step (measures of one array).
    Each,
    /// Each step with the next.
    Consecutive,
    /// Each step with the last.
    ToLast,
    /// The first step with each later one.
    FromFirst,
    /// Every pair, earlier step first.
    AllPairs,
}

/// One step or a pair of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepOrPair {
    /// One step.
    One(StepName),
    /// Two steps.
    Pair([StepName; 2]),
}

/// A step by number or by a name that the study gives it: `early`, `mid`, `late`, and always `first` and `last`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepName {
    /// Optimisation steps since initialisation.
    Number(u64),
    /// A named step.
    Named(String),
}

impl StepName {
    /// The step's number, if the name is known.
    #[must_use]
    pub fn resolve(&self, names: &BTreeMap<String, u64>) -> Option<u64> {
        match self {
            Self::Number(step) => Some(*step),
            Self::Named(name) => names.get(name).copied(),
        }
    }
}

/// A step in messages.
pub(super) fn show(name: &StepName) -> String {
    match name {
        StepName::Number(step) => step.to_string(),
        StepName::Named(name) => format!("`{name}`"),
    }
}
