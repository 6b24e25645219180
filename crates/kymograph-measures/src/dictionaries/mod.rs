//! What a dictionary of directions found: cosines with true features or with another dictionary, how its latents are used,
//! and what chance gives.
//!
//! Measures of the registry compare two sets of directions, `[unit, input]`; the plain functions go with them.

mod activation_shape;
mod chance;
mod dictionary_agreement;
mod duplicate_directions;
mod known_directions;
mod loss_recovered;
mod maximal_cosines;
mod mean_max_cosine;
mod quantities;
mod share_recovered;
mod usage;
mod variance_explained;

pub use activation_shape::{ActivationShape, activation_shape};
pub use chance::chance_mean_max_cosine;
pub use dictionary_agreement::{DictionaryAgreement, dictionary_agreement};
pub use duplicate_directions::duplicate_directions;
pub use known_directions::{nonnegative_least_squares, nonnegative_matching_pursuit};
pub use loss_recovered::loss_recovered;
pub use maximal_cosines::{MaximalCosines, maximal_cosines};
pub use mean_max_cosine::mean_max_cosine;
pub use quantities::{DictionaryQuantity, find_quantity, quantities};
pub use share_recovered::share_recovered;
pub use usage::{CodeAgreement, code_agreement};
pub use variance_explained::variance_explained;

use crate::registry::{OptionSpec, Setting};
use crate::{Measure, MeasureError};

/// The option that says from which cosine on two directions count as the same.
const SAME: OptionSpec = OptionSpec {
    name: "threshold",
    default: Setting::Real(0.9),
    doc: "cosine from which on two directions are the same",
};

fn check_threshold(measure: &'static str, threshold: f64) -> Result<(), MeasureError> {
    if (-1.0..=1.0).contains(&threshold) {
        return Ok(());
    }
    Err(MeasureError::BadOption {
        measure,
        option: "threshold",
        value: threshold.to_string(),
        expected: "a cosine, from -1 to 1".into(),
    })
}

pub(crate) static MEASURES: &[&Measure] = &[
    &mean_max_cosine::MEASURE,
    &share_recovered::MEASURE,
    &duplicate_directions::MEASURE,
    &variance_explained::MEASURE,
];
