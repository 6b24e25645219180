//! What is measured in networks that compose two elements of a group.

use serde::{Deserialize, Serialize};

/// Asks for everything that `kymograph_measures::groups` knows of a network that composes two elements of a group: the
/// columns of the published summaries at every checkpoint, and at the last one clusters of neurons, interventions and
/// cosets, each with its null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedComposition {
    /// Draws of the nulls that are drawn.
    #[serde(default = "twenty")]
    pub draws: usize,
}

fn twenty() -> usize {
    20
}
