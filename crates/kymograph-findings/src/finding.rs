//! A finding: one number, about one array or pair of arrays of one run, beside what noise would give.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the second array of a row is called when it is the probe's labels.
pub(crate) const LABELS: &str = "labels";

/// Which run a finding speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// The network's name, such as `cnn`, or the file stem of foreign checkpoints.
    pub network: String,
    /// The run's seed; `None` where a foreign run does not tell.
    pub seed: Option<u64>,
    /// The control this run belongs to, such as `other_order`; `None` for a main run.
    pub control: Option<String>,
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.network)?;
        if let Some(seed) = self.seed {
            write!(f, "/seed-{seed}")?;
        }
        if let Some(control) = &self.control {
            write!(f, ".{control}")?;
        }
        Ok(())
    }
}

/// What a measure gives where there is nothing to find: the distribution of its value over draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// How the null was drawn, such as `permuted_units` (see [`crate::plan::NullKind`]).
    pub kind: String,
    /// Mean over the draws.
    pub mean: f64,
    /// The 2.5 % and 97.5 % quantiles of the draws.
    pub interval: [f64; 2],
    /// Number of draws.
    pub n: usize,
    /// Two-sided permutation p-value, (1 + draws at least as far from the null's mean) / (1 + draws);
    /// `None` for fewer than 19 draws, which cannot reach .05.
    pub p: Option<f64>,
}

impl Null {
    /// Of values drawn where there is nothing to find, beside what was observed; `None` without draws.
    #[must_use]
    pub fn of_draws(kind: impl Into<String>, draws: &[f64], observed: f64) -> Option<Self> {
        crate::evidence::summarise(kind.into(), draws, observed).ok()
    }

    /// A value that follows from theory: no draws, no interval, no p-value.
    #[must_use]
    pub fn exact(kind: impl Into<String>, value: f64) -> Self {
        Self { kind: kind.into(), mean: value, interval: [value, value], n: 0, p: None }
    }
}

/// One row of `findings.json`. Figures, verdicts and the page are drawn from these rows alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The measure's registry name.
    pub measure: String,
    /// All its options, defaults included.
    pub options: BTreeMap<String, String>,
    /// The run measured.
    pub run: RunKey,
    /// The parameter (`conv1.weight`) or hook point (`relu1`) measured.
    pub array: String,
    /// The second array, where it has another name than the first: a hook point, or `labels`.
    pub other_array: Option<String>,
    /// One step, or the two steps compared.
    pub steps: Vec<u64>,
    /// The number; `None` when it could not be measured, and then `notes` says why.
    pub value: Option<f64>,
    /// 95 % bootstrap interval over units (weights) or examples (activations), where the measure is a mean over them;
    /// it speaks of this run alone.
    pub interval: Option<[f64; 2]>,
    /// What noise gives, by each null the plan asked for; the first is the main one.
    pub nulls: Vec<Null>,
    /// What the best case gives (same initial weights, other data order), where such a control was run.
    pub ceiling: Option<Null>,
    /// The measure's further results: per-unit values, spectra, one value a k-means seed …
    pub parts: BTreeMap<String, Vec<f64>>,
    /// Rows the number rests on: units for weights, examples for activations.
    pub n: Option<usize>,
    /// What a reader must know: reductions applied, degenerate units, why a value is missing.
    pub notes: Vec<String>,
    /// The measure's version.
    pub version: u32,
}

impl Finding {
    /// The second layer, where the row compares two layers at one step instead of one array at two.
    #[must_use]
    pub fn other_layer(&self) -> Option<&str> {
        let one_step = self.steps.first().is_some_and(|first| self.steps.iter().all(|step| step == first));
        self.other_array.as_deref().filter(|other| one_step && *other != LABELS)
    }

    /// The main null, if one was drawn.
    #[must_use]
    pub fn null(&self) -> Option<&Null> {
        self.nulls.first()
    }
}
