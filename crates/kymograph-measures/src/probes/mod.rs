//! What can be read out of a representation.

mod cholesky;
mod folds;
mod linear_probe_accuracy;

pub use linear_probe_accuracy::{LinearProbeOptions, linear_probe_accuracy};

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[&linear_probe_accuracy::MEASURE];
