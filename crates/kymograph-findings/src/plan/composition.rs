//! What is measured in networks that compose two elements of a group.

use serde::{Deserialize, Serialize};

/// Asks for everything that `kymograph_measures::groups` knows of a network that composes two elements of a group: the
/// columns of the published summaries at every checkpoint, and at the last one clusters of neurons, interventions and
/// cosets, each with its null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedComposition {
    /// The group, as a study's setting names it; for networks made elsewhere without a `cfg.json` that tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The seed and the share by which their pairs were split; all pairs count as trained on where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<PlannedSplit>,
    /// The key representations; those of final trace similarity above .005 where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Draws of the nulls that are drawn.
    #[serde(default = "twenty")]
    pub draws: usize,
}

/// Which pairs were trained on: PyTorch's `manual_seed(seed)`, `randperm`, and the first share of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSplit {
    /// The seed.
    pub seed: u64,
    /// The share.
    pub fraction: f64,
}

fn twenty() -> usize {
    20
}

impl Default for PlannedComposition {
    fn default() -> Self {
        Self { group: None, split: None, key: Vec::new(), draws: twenty() }
    }
}
