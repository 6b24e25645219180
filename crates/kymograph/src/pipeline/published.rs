//! Numbers published elsewhere, shown beside ours: beside a study's own runs, and beside foreign checkpoints only when
//! they are byte for byte the files those numbers were computed from.

use std::collections::BTreeMap;

use globset::Glob;
use kymograph_findings::Finding;
use kymograph_findings::plan::StepName;
use kymograph_studies::StudyError;
use serde::Deserialize;

use crate::error::KymographError;

/// A study's `published.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Published {
    /// Where the numbers stand.
    pub(super) source: String,
    /// The published files: SHA-256 to name.
    pub(super) files: BTreeMap<String, String>,
    /// The numbers.
    #[serde(rename = "value")]
    values: Vec<PublishedValue>,
    /// Final test accuracies.
    #[serde(default, rename = "accuracy")]
    accuracies: Vec<PublishedAccuracy>,
    /// Losses of single minibatches.
    #[serde(default, rename = "minibatch_loss")]
    pub(super) losses: Vec<PublishedLosses>,
    /// Singular values, largest first.
    #[serde(default, rename = "spectrum")]
    pub(super) spectra: Vec<PublishedSpectrum>,
    /// Mean correlations between units of two layers.
    #[serde(default, rename = "correlation")]
    pub(super) correlations: Vec<PublishedCorrelation>,
    /// Numbers read off published curves.
    #[serde(default, rename = "curve")]
    pub(super) curves: Vec<PublishedCurve>,
    /// The only networks beside which they may be shown; any when there are none.
    #[serde(skip)]
    pub(super) only: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedValue {
    network: String,
    measure: String,
    array: String,
    steps: Vec<StepName>,
    value: f64,
    /// Is it a mean over the arrays that match?
    #[serde(default)]
    over_arrays: bool,
}

/// Published singular values of a weight or of a layer's features.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedSpectrum {
    pub(super) network: String,
    pub(super) array: String,
    pub(super) values: Vec<f64>,
}

/// Published losses of a network's minibatch at some steps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedLosses {
    network: String,
    pub(super) steps: Vec<u64>,
    pub(super) values: Vec<f64>,
}

impl PublishedLosses {
    pub(super) fn is_of(&self, network: &str) -> bool {
        fits(&self.network, network)
    }
}

/// A published mean over all pairs of a unit of one layer and a unit of another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedCorrelation {
    pub(super) layers: [String; 2],
    pub(super) value: f64,
}

/// Numbers read off a published curve.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedCurve {
    /// The published figure's name.
    pub(super) name: String,
    /// What it shows.
    pub(super) what: String,
    pub(super) epochs: Vec<u64>,
    pub(super) values: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedAccuracy {
    network: String,
    values: Vec<f64>,
}

fn fits(pattern: &str, name: &str) -> bool {
    Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

impl Published {
    pub(super) fn read(text: &str) -> Result<Self, KymographError> {
        toml::from_str(text).map_err(|e| {
            let detail = e.to_string();
            StudyError::Setting { study: String::new(), setting: "published.toml".to_owned(), detail }.into()
        })
    }

    /// Nothing published.
    pub(super) fn none() -> Self {
        Self {
            source: String::new(),
            files: BTreeMap::new(),
            values: Vec::new(),
            accuracies: Vec::new(),
            losses: Vec::new(),
            spectra: Vec::new(),
            correlations: Vec::new(),
            curves: Vec::new(),
            only: Vec::new(),
        }
    }

    /// The published number for a finding's measure, array and steps, whatever main run it is of, and whether it is a mean
    /// over arrays.
    pub(super) fn of(&self, finding: &Finding, step_names: &BTreeMap<String, u64>) -> Option<(f64, bool)> {
        if finding.run.control.is_some() || finding.other_layer().is_some() {
            return None;
        }
        if !self.only.is_empty() && !self.only.contains(&finding.run.network) {
            return None;
        }
        let steps = |names: &[StepName]| names.iter().map(|s| s.resolve(step_names)).collect::<Option<Vec<_>>>();
        self.values
            .iter()
            .find(|p| {
                p.measure == finding.measure
                    && fits(&p.network, &finding.run.network)
                    && fits(&p.array, &finding.array)
                    && steps(&p.steps).as_ref() == Some(&finding.steps)
            })
            .map(|p| (p.value, p.over_arrays))
    }

    /// The published number for a finding of a single array.
    pub(super) fn value(&self, finding: &Finding, step_names: &BTreeMap<String, u64>) -> Option<f64> {
        self.of(finding, step_names).filter(|(_, over_arrays)| !over_arrays).map(|(value, _)| value)
    }

    /// Published final accuracies of a network.
    pub(super) fn accuracies(&self, network: &str) -> &[f64] {
        self.accuracies.iter().find(|p| fits(&p.network, network)).map_or(&[], |p| &p.values)
    }
}
