//! Summaries, intervals, permutation tests and corrections for many tests, on slices of f64.

mod bootstrap;
mod intervals;
mod multiple;
mod permutation;
mod summary;

pub use bootstrap::{bootstrap_interval, hierarchical_bootstrap_interval};
pub use intervals::{Interval, t_interval, wilson_interval};
pub use multiple::benjamini_hochberg;
pub use permutation::{PermutationTest, Tail, permutation_p_value, permutation_test};
pub use summary::{mean, median, quantile, standard_deviation, variance};

use crate::LinalgError;

fn check_level(level: f64) -> Result<(), LinalgError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(LinalgError::Domain { name: "the confidence level", value: level, range: "(0, 1), such as 0.95" })
}

fn check_count(what: &'static str, found: usize, needed: usize) -> Result<(), LinalgError> {
    if found >= needed {
        return Ok(());
    }
    Err(LinalgError::TooFew { what, needed, found })
}
