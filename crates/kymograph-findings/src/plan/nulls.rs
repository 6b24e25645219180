//! The nulls a plan may ask for.

use kymograph_measures::{Change, Kind, Measure, Transform};
use serde::{Deserialize, Serialize};

use super::{Pairs, compares_steps};

/// What noise of the same shape is drawn as, or which other run is looked at instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NullKind {
    /// `permuted_units`. Pairs of weights: the second array's units in random order. Keeps both arrays, breaks which
    /// unit is which.
    PermutedUnits,
    /// `permuted_examples`. Pairs of activations, of two steps or two layers, or activations and labels: the second array's
    /// examples in random order.
    PermutedExamples,
    /// `random_walk`. Pairs: the second array becomes the first plus Gaussian noise of the same Frobenius displacement,
    /// which is how far training moved but in no particular direction.
    RandomWalk,
    /// `shuffled_columns`. One array: every column's entries in random order. Keeps each column's distribution, breaks
    /// joint structure.
    ShuffledColumns,
    /// `permuted_keys`. Measures that compare the heads of an attention pattern: the keys of every head in an order of its
    /// own. Keeps how sharp each head is, breaks what the heads look at together.
    PermutedKeys,
    /// `untrained`. The array at step 0 of the run's sister seeds (its own step 0 when it has none); in a pair, in the
    /// first place.
    Untrained,
    /// `other_seed`. Pairs: the second array is that of the run's sister seeds at the same step: what two networks have
    /// in common that share nothing but their task.
    OtherSeed,
    /// `control:NAME`. The same arrays at the same steps of the runs of a control, of every seed.
    Control(String),
}

const DRAWN: [NullKind; 7] = [
    NullKind::PermutedUnits,
    NullKind::PermutedExamples,
    NullKind::RandomWalk,
    NullKind::ShuffledColumns,
    NullKind::PermutedKeys,
    NullKind::Untrained,
    NullKind::OtherSeed,
];

impl TryFrom<String> for NullKind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if let Some(control) = name.strip_prefix("control:").filter(|control| !control.is_empty()) {
            return Ok(Self::Control(control.to_owned()));
        }
        let known = || DRAWN.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        DRAWN
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("there is no null `{name}`; there are {}, and control:NAME", known()))
    }
}

impl From<NullKind> for String {
    fn from(kind: NullKind) -> Self {
        kind.name()
    }
}

impl NullKind {
    /// The name used in files.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::PermutedUnits => "permuted_units".to_owned(),
            Self::PermutedExamples => "permuted_examples".to_owned(),
            Self::RandomWalk => "random_walk".to_owned(),
            Self::ShuffledColumns => "shuffled_columns".to_owned(),
            Self::PermutedKeys => "permuted_keys".to_owned(),
            Self::Untrained => "untrained".to_owned(),
            Self::OtherSeed => "other_seed".to_owned(),
            Self::Control(name) => format!("control:{name}"),
        }
    }

    /// Whether the null can be drawn for a measure of such inputs.
    pub(super) fn fits(&self, measure: &Measure, pairs: Pairs) -> bool {
        if pairs == Pairs::Layers {
            return *self == Self::PermutedExamples;
        }
        let pair = compares_steps(measure);
        let labelled = measure.inputs.iter().any(|input| input.kind == Kind::Labels);
        match self {
            Self::PermutedUnits | Self::RandomWalk | Self::OtherSeed => pair,
            Self::PermutedExamples => pair || labelled,
            Self::ShuffledColumns => measure.inputs.len() == 1 && measure.inputs[0].is_matrix(),
            Self::PermutedKeys => measure.changed_by.contains(&Transform::joint(Change::PermuteKeysByHead)),
            Self::Untrained | Self::Control(_) => true,
        }
    }
}
