//! A plan's measures of trajectories: the values another measure gave over the steps of a run, as one series.

use std::collections::BTreeMap;

use globset::GlobSet;
use kymograph_measures::{self as measures, Measure};
use serde::{Deserialize, Serialize};

use super::{PlannedMeasure, StepRule, Steps, default_draws, everything, globs, options_from, takes_series};

/// One measure of a series, on the trajectories of another measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTrajectory {
    /// Registry name of a measure of one series.
    pub name: String,
    /// Its options.
    #[serde(default)]
    pub options: BTreeMap<String, toml::Value>,
    /// The measure whose values over the steps are the series; the plan must take it at these steps.
    pub of: String,
    /// Which of its rows: `each`, or for a measure of two steps `consecutive`, `from_first`, `to_last`.
    pub steps: StepRule,
    /// Globs over network names.
    #[serde(default = "everything")]
    pub networks: Vec<String>,
    /// Globs over array names.
    #[serde(default = "everything")]
    pub arrays: Vec<String>,
    /// The nulls to draw.
    #[serde(default)]
    pub nulls: Vec<TrajectoryNull>,
    /// Draws for each null.
    #[serde(default = "default_draws")]
    pub draws: usize,
}

/// Trajectories in which there is no phase to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrajectoryNull {
    /// The same values in random order: no change that lasts.
    PermutedSteps,
    /// A smooth way between the same end points, `1 − e⁻³ˣ` over the recorded steps, with the trajectory's own noise.
    SmoothInterpolation,
}

impl TrajectoryNull {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PermutedSteps => "permuted_steps",
            Self::SmoothInterpolation => "smooth_interpolation",
        }
    }
}

impl PlannedTrajectory {
    pub(super) fn check(&self, planned: &[PlannedMeasure]) -> Result<(), String> {
        let measure = measures::find(&self.name).map_err(|e| e.to_string())?;
        if !takes_series(measure) {
            return Err("is no measure of one series".to_owned());
        }
        self.parsed_options(measure).map_err(|e| e.to_string())?;
        globs(&self.networks)?;
        globs(&self.arrays)?;
        if self.steps == StepRule::AllPairs {
            return Err("every pair of steps makes no series: take `consecutive`, `from_first` or `to_last`".to_owned());
        }
        if !self.nulls.is_empty() && self.draws == 0 {
            return Err("`draws` must be at least 1".to_owned());
        }
        let rule = Steps::Rule(self.steps);
        let gives =
            |p: &&PlannedMeasure| p.steps == rule || (self.pairs() && p.steps == Steps::Rule(StepRule::AllPairs));
        match planned.iter().find(|p| p.name == self.of && gives(p)) {
            Some(_) => Ok(()),
            None => Err(format!("the plan has no [[measure]] `{}` at these steps to make a series of", self.of)),
        }
    }

    /// Whether the series is of a measure of two steps.
    pub(crate) fn pairs(&self) -> bool {
        self.steps != StepRule::Each
    }

    /// The series in words: `debiased linear cka to last`.
    pub(crate) fn series(&self) -> String {
        let way = match self.steps {
            StepRule::Each => "",
            StepRule::Consecutive => " between neighbouring steps",
            StepRule::FromFirst => " from first",
            StepRule::ToLast | StepRule::AllPairs => " to last",
        };
        format!("{}{way}", self.of.replace('_', " "))
    }

    pub(crate) fn parsed_options(&self, measure: &Measure) -> Result<measures::Options, measures::MeasureError> {
        options_from(&self.options, measure)
    }

    pub(crate) fn network_globs(&self) -> GlobSet {
        globs(&self.networks).unwrap_or_default()
    }

    pub(crate) fn array_globs(&self) -> GlobSet {
        globs(&self.arrays).unwrap_or_default()
    }
}
