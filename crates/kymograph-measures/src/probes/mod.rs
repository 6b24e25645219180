//! What can be read out of a representation.

mod cholesky;
mod folds;
mod linear_probe_accuracy;
mod probe_transfer;
mod ridge;

pub use linear_probe_accuracy::{LinearProbeOptions, linear_probe_accuracy};
pub use probe_transfer::probe_transfer;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[&linear_probe_accuracy::MEASURE, &probe_transfer::MEASURE];
