//! What the units of one layer do on a probe.

mod activation_sparsity;
mod dead_units;
mod effective_dimension;

pub use activation_sparsity::activation_sparsity;
pub use dead_units::dead_units;
pub use effective_dimension::effective_dimension;

use crate::{Measure, MeasureError, OptionSpec, Setting};

pub(crate) static MEASURES: &[&Measure] =
    &[&activation_sparsity::MEASURE, &dead_units::MEASURE, &effective_dimension::MEASURE];

const THRESHOLD: OptionSpec = OptionSpec {
    name: "threshold",
    default: Setting::Real(0.0),
    doc: "A unit is inactive on an example when |activation| is at most this; 0 counts exact zeros, which suits ReLU.",
};

fn check_threshold(measure: &'static str, threshold: f64) -> Result<(), MeasureError> {
    if threshold >= 0.0 && threshold.is_finite() {
        Ok(())
    } else {
        Err(MeasureError::BadOption {
            measure,
            option: "threshold",
            value: threshold.to_string(),
            expected: "0 or a positive number".to_string(),
        })
    }
}
