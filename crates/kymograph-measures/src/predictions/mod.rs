//! What two networks, or two steps of one, say about the same examples.

mod prediction_disagreement;
mod prediction_divergence;

pub use prediction_disagreement::prediction_disagreement;
pub use prediction_divergence::prediction_divergence;

pub(crate) use prediction_divergence::jensen_shannon;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[&prediction_disagreement::MEASURE, &prediction_divergence::MEASURE];
