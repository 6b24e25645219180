//! Whether a series of numbers over the recorded steps jumps, or only changes.
//!
//! A detector is worth what it does where the truth is known: `tests/calibration.rs` runs every one with its defaults on
//! planted jumps, on noise, on ramps, on saturating curves and on series in random order. Nulls that mean something for a
//! series that was measured: its steps in random order, which destroys every trend, and a smooth curve between its ends
//! with noise of the same size, which keeps the trend and has no jump.

mod pelt_change_points;
mod phase_comparison;
mod rolling_z_score_jumps;
mod series;
mod smooth;

pub use pelt_change_points::{PeltOptions, pelt_change_points};
pub use phase_comparison::{PhaseOptions, phase_comparison};
pub use rolling_z_score_jumps::{RollingZScoreOptions, rolling_z_score_jumps};

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] =
    &[&pelt_change_points::MEASURE, &rolling_z_score_jumps::MEASURE, &phase_comparison::MEASURE];
