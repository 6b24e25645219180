//! Where the heads of a layer look: entropy of their attention, and how far they differ from each other.
//!
//! All take a pattern `[example, head, query, key]` after the softmax, so that every row over the keys sums to 1. Nulls that
//! mean something: the untrained network on the same examples (`untrained`), since chance attention is nearly uniform and
//! its heads already differ by their random weights; and, for the two that compare heads, each head's keys in an order of
//! its own (`permuted_keys`), which keeps every head's entropy and breaks what the heads share.

mod attention_entropy;
mod head_correlation;
mod head_specialisation;
mod pattern;

pub use attention_entropy::attention_entropy;
pub use head_correlation::head_correlation;
pub use head_specialisation::head_specialisation;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] =
    &[&attention_entropy::MEASURE, &head_correlation::MEASURE, &head_specialisation::MEASURE];
