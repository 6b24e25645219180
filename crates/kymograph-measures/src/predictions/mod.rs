//! What networks say about examples: whether they are right, and whether two networks or two steps of one agree.

mod prediction_disagreement;
mod prediction_divergence;
mod top_1_accuracy;

pub use prediction_disagreement::prediction_disagreement;
pub use prediction_divergence::prediction_divergence;
pub use top_1_accuracy::top_1_accuracy;

pub(crate) use prediction_divergence::jensen_shannon;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] =
    &[&prediction_disagreement::MEASURE, &prediction_divergence::MEASURE, &top_1_accuracy::MEASURE];
