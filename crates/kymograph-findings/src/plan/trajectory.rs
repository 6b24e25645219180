//! A plan's measures of trajectories: the values another measure gave over the steps of a run, or a recorded series, as one
//! series of numbers.

use std::collections::BTreeMap;

use globset::GlobSet;
use kymograph_measures::{self as measures, Measure};
use serde::{Deserialize, Serialize};

use super::{Pairs, PlannedMeasure, StepRule, Steps, default_draws, everything, globs, options_from, takes_series};

/// One measure of a series, on the trajectories of another measure or on recorded series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTrajectory {
    /// Registry name of a measure of one series.
    pub name: String,
    /// Its options.
    #[serde(default)]
    pub options: BTreeMap<String, toml::Value>,
    /// The measure whose values over the steps are the series; the plan must take it at these steps. Without it the series
    /// are those that the runs recorded, such as `minibatch.loss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Which of the measure's rows: `each`, or for a measure of two steps `consecutive`, `from_first`, `to_last`. A recorded
    /// series is taken at all of its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<StepRule>,
    /// Globs over network names.
    #[serde(default = "everything")]
    pub networks: Vec<String>,
    /// Globs over array names, or over the names of recorded series.
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
        if self.steps == Some(StepRule::AllPairs) {
            return Err("every pair of steps makes no series: take `consecutive`, `from_first` or `to_last`".to_owned());
        }
        if !self.nulls.is_empty() && self.draws == 0 {
            return Err("`draws` must be at least 1".to_owned());
        }
        let (of, rule) = match (&self.of, self.steps) {
            (Some(of), Some(rule)) => (of, Steps::Rule(rule)),
            (Some(_), None) => return Err("`steps` says which rows of the measure make the series".to_owned()),
            (None, Some(_)) => {
                return Err("a recorded series has its own steps: give `of`, or leave `steps` out".to_owned());
            }
            (None, None) => return Ok(()),
        };
        let gives =
            |p: &&PlannedMeasure| p.steps == rule || (self.pairs() && p.steps == Steps::Rule(StepRule::AllPairs));
        match planned.iter().find(|p| p.name == *of && p.pairs == Pairs::Steps && gives(p)) {
            Some(_) => Ok(()),
            None => Err(format!("the plan has no [[measure]] `{}` at these steps to make a series of", of)),
        }
    }

    /// Whether the series is of a measure of two steps.
    pub(crate) fn pairs(&self) -> bool {
        self.steps.is_some_and(|rule| rule != StepRule::Each)
    }

    /// The series in words: `debiased linear cka to last`.
    pub(crate) fn series(&self) -> String {
        let Some(of) = &self.of else { return "as recorded".to_owned() };
        let way = match self.steps {
            None | Some(StepRule::Each) => "",
            Some(StepRule::Consecutive) => " between neighbouring steps",
            Some(StepRule::FromFirst) => " from first",
            Some(StepRule::ToLast | StepRule::AllPairs) => " to last",
        };
        format!("{}{way}", of.replace('_', " "))
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
