//! Verdicts: predictions that were written down beforehand, and what the findings say of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Null;

/// What became of a set of rival hypotheses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This hypothesis stands and every rival is rejected.
    Hypothesis(String),
    /// Every hypothesis had a prediction refuted.
    Neither,
    /// The evidence does not decide.
    Undecided,
}

/// When the predictions were fixed, relative to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stated {
    /// Before the run: their hash stands in `experiment.json`.
    Beforehand,
    /// After the run was made.
    Afterwards,
}

/// What the findings say of one prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The whole interval lies where the prediction said.
    Held,
    /// The whole interval lies elsewhere.
    Refuted,
    /// The interval straddles the threshold, or there are too few seeds.
    Undecided,
    /// Nothing of the kind was measured.
    NotMeasured,
}

/// One prediction beside the evidence for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPrediction {
    /// Short unique name.
    pub name: String,
    /// The hypothesis that makes it: `A`.
    pub hypothesis: String,
    /// The prediction in words.
    pub text: String,
    /// Where it was published, with its figures as published.
    pub source: String,
    /// The quantity judged, in words: measure, array, steps, reduction.
    pub quantity: String,
    /// The estimate over seeds.
    pub estimate: Option<f64>,
    /// Its 95 % interval over seeds: t-interval of a mean, Wilson interval of a proportion.
    pub interval: Option<[f64; 2]>,
    /// The quantity in each seed, in order of seed.
    pub per_seed: Vec<f64>,
    /// Seeds the estimate rests on.
    pub n_seeds: usize,
    /// Seeds below which nothing is decided.
    pub min_seeds: usize,
    /// The decision rule in words: `above 0.7`.
    pub decision: String,
    /// Thresholds of the decision, for drawing: one, or the two ends of an equivalence margin.
    pub thresholds: Vec<f64>,
    /// The main null of the rows judged, averaged over them, and for a contrast that of the difference; `None` for shares
    /// and for the smallest or largest of several arrays, whose nulls are others.
    pub null: Option<Null>,
    /// The outcome.
    pub judgement: Judgement,
    /// Why, in a sentence.
    pub reason: String,
    /// Indices into the findings.
    pub rows: Vec<usize>,
    /// The command that repeats it.
    pub repeat: String,
}

/// The verdict over one set of rival hypotheses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The question, short.
    pub title: String,
    /// Each hypothesis by its letter, in a sentence.
    pub hypotheses: BTreeMap<String, String>,
    /// What came out.
    pub outcome: Outcome,
    /// The same in a sentence or two, with the counts and the certainty.
    pub sentence: String,
    /// When the predictions were fixed.
    pub stated: Stated,
    /// The rule that turns judged predictions into the outcome.
    pub rule: String,
    /// Every prediction, judged.
    pub predictions: Vec<JudgedPrediction>,
    /// The command that would decide what is undecided.
    pub remedy: Option<String>,
}
