//! A plan: which measures to take on which arrays at which steps, and which nulls to draw beside them.

mod composition;
mod nulls;
mod selection;
mod steps;
mod trajectory;

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use kymograph_measures::{self as measures, Input, Kind, Measure};
use serde::{Deserialize, Serialize};

pub use composition::{PlannedComposition, PlannedSplit};
pub use nulls::NullKind;
pub use selection::Rows;
use steps::show;
pub use steps::{StepName, StepOrPair, StepRule, Steps};
pub use trajectory::{PlannedTrajectory, TrajectoryNull};

use crate::error::FindingsError;
use crate::finding::RunKey;

/// What to compute. Read from TOML; an unknown key is an error that names the line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The measures, in the order they are computed and reported.
    #[serde(default, rename = "measure", skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<PlannedMeasure>,
    /// Measures of whole trajectories: what the measures above gave over the steps, or what was recorded.
    #[serde(default, rename = "trajectory", skip_serializing_if = "Vec::is_empty")]
    pub trajectories: Vec<PlannedTrajectory>,
    /// Whether these are networks that compose two elements of a group, and how they are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composition: Option<PlannedComposition>,
}

/// One measure, on every array that matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMeasure {
    /// Registry name.
    pub name: String,
    /// Options as in `kymograph measure --set`.
    #[serde(default)]
    pub options: BTreeMap<String, toml::Value>,
    /// Globs over network names.
    #[serde(default = "everything")]
    pub networks: Vec<String>,
    /// Controls in whose runs it is taken too, beside the main runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// Whether `arrays` names parameters or hook points.
    #[serde(default)]
    pub on: On,
    /// Globs over parameter or hook-point names. Parameters of fewer than two axes are passed over.
    #[serde(default = "everything")]
    pub arrays: Vec<String>,
    /// Only arrays stored with this many axes: 4 for kernels of 2-d convolutions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axes: Option<usize>,
    /// Arrays of more entries are passed over: the way to keep costly measures off large models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<usize>,
    /// Arrays of fewer entries are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest: Option<usize>,
    /// Which places of arrays of sequences or images are their examples. Arrays of another number of axes are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// Whether the hard code of the array is measured, 1 where it is above zero and 0 elsewhere: the spline code of ReLUs
    /// whose pre-activations it holds.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hard_code: bool,
    /// What a measure of two arrays compares.
    #[serde(default)]
    pub pairs: Pairs,
    /// At which steps or between which.
    pub steps: Steps,
    /// The nulls to draw; the first is the main one.
    #[serde(default)]
    pub nulls: Vec<NullKind>,
    /// For measures of two arrays: the control whose run of the same seed is compared with this one at the later step,
    /// as the most that can be expected: `control:other_order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<NullKind>,
    /// Draws for each null.
    #[serde(default = "default_draws")]
    pub draws: usize,
}

/// Where a planned measure looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The weights in the checkpoints, each as units × inputs.
    #[default]
    Parameters,
    /// The activations on the probe, each as examples × features.
    Activations,
    /// The weights of layers with a batch normalisation behind them, multiplied into it as at inference: `fc1.folded`.
    Folded,
    /// The recorded series, such as `held_out.loss`, each as one number a step.
    Series,
}

/// What the name of a folded weight ends in.
pub const FOLDED: &str = ".folded";

/// The pairs that a measure of two arrays is taken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairs {
    /// The same array at two steps.
    #[default]
    Steps,
    /// Every two of the arrays at the same step, the network's earlier one first.
    Layers,
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

fn is_false(value: &bool) -> bool {
    !value
}

fn default_draws() -> usize {
    100
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`FindingsError::Syntax`] with line and column for what is not a plan; [`FindingsError::Invalid`] for an unknown
    /// measure or option, a null or step rule that does not fit the measure, or a bad glob.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, FindingsError> {
        let plan: Self = toml::from_str(text).map_err(|e| FindingsError::Syntax {
            origin: origin.to_owned(),
            what: "a plan",
            detail: e.to_string(),
        })?;
        for (index, planned) in plan.measures.iter().enumerate() {
            planned.check().map_err(|detail| FindingsError::Invalid {
                origin: origin.to_owned(),
                place: format!("[[measure]] number {} (`{}`)", index + 1, planned.name),
                detail,
            })?;
        }
        for (index, planned) in plan.trajectories.iter().enumerate() {
            planned.check(&plan.measures).map_err(|detail| FindingsError::Invalid {
                origin: origin.to_owned(),
                place: format!("[[trajectory]] number {} (`{}`)", index + 1, planned.name),
                detail,
            })?;
        }
        Ok(plan)
    }
}

impl Plan {
    /// Whether some measure looks at the activations of this hook point in this run, or at this folded weight, on its own or
    /// beside another run.
    #[must_use]
    pub fn wants_activation(&self, run: &RunKey, hook: &str) -> bool {
        let on = if hook.ends_with(FOLDED) { On::Folded } else { On::Activations };
        let looks = |planned: &&PlannedMeasure| {
            let control = run.control.as_deref();
            planned.takes_control(control) || planned.controls_beside().any(|beside| Some(beside) == control)
        };
        self.measures
            .iter()
            .filter(|planned| planned.on == on)
            .filter(looks)
            .any(|planned| planned.network_globs().is_match(&run.network) && planned.array_globs().is_match(hook))
    }

    /// Checks that the places which measures take of an array of sequences or images are there.
    ///
    /// # Errors
    /// [`FindingsError::Invalid`] naming measure and array.
    pub fn check_places(&self, origin: &str, run: &RunKey, array: &str, shape: &[usize]) -> Result<(), FindingsError> {
        for (index, planned) in self.measures.iter().enumerate() {
            let Some(rows) = planned.rows.filter(|rows| rows.axes() == shape.len()) else { continue };
            if planned.network_globs().is_match(&run.network) && planned.array_globs().is_match(array) {
                rows.check(shape).map_err(|reason| FindingsError::Invalid {
                    origin: origin.to_owned(),
                    place: format!("[[measure]] number {} (`{}`)", index + 1, planned.name),
                    detail: format!("array `{array}` of {run} {reason}"),
                })?;
            }
        }
        Ok(())
    }

    /// Whether rows of this name are planned, as a measure or as a trajectory of one.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.measures.iter().any(|planned| planned.name == name)
            || self.trajectories.iter().any(|planned| planned.name == name)
    }
}

impl PlannedMeasure {
    fn check(&self) -> Result<(), String> {
        let measure = measures::find(&self.name).map_err(|e| e.to_string())?;
        supplied(measure)?;
        self.parsed_options(measure).map_err(|e| e.to_string())?;
        globs(&self.networks)?;
        globs(&self.arrays)?;
        if self.pairs == Pairs::Layers && !compares_steps(measure) {
            return Err("takes one array: `pairs = \"layers\"` is for measures of two".to_owned());
        }
        if self.pairs == Pairs::Layers && self.on != On::Activations {
            return Err("layers are compared on the same examples: give `on = \"activations\"`".to_owned());
        }
        let two_steps = compares_steps(measure) && self.pairs == Pairs::Steps;
        let fitting = match &self.steps {
            Steps::Rule(StepRule::Each) => !two_steps,
            Steps::Rule(_) => two_steps,
            Steps::Chosen(list) => list.iter().all(|s| matches!(s, StepOrPair::Pair(_)) == two_steps),
        };
        if !fitting {
            return Err(if two_steps {
                "compares two steps: `steps` must be `consecutive`, `to_last`, `from_first`, `all_pairs` or a list of pairs".to_owned()
            } else {
                "takes one step at a time: `steps` must be `each` or a list of steps".to_owned()
            });
        }
        if let Some(null) = self.nulls.iter().find(|n| !n.fits(measure, self.pairs)) {
            return Err(format!("the null `{}` cannot be drawn for this measure", null.name()));
        }
        match &self.ceiling {
            None => {}
            Some(NullKind::Control(_)) if two_steps => {}
            Some(NullKind::Control(_)) => return Err("only measures between two steps have a ceiling".to_owned()),
            Some(other) => {
                return Err(format!("`{}` is no ceiling: it is the run of a control, `control:NAME`", other.name()));
            }
        }
        if !self.nulls.is_empty() && self.draws == 0 {
            return Err("`draws` must be at least 1".to_owned());
        }
        Ok(())
    }

    pub(crate) fn parsed_options(&self, measure: &Measure) -> Result<measures::Options, measures::MeasureError> {
        options_from(&self.options, measure)
    }

    /// Whether the measure is taken in this control's runs, or in main runs where there is none.
    pub(crate) fn takes_control(&self, control: Option<&str>) -> bool {
        control.is_none_or(|name| self.controls.iter().any(|taken| taken == name))
    }

    /// The controls that its nulls and its ceiling look at.
    pub(crate) fn controls_beside(&self) -> impl Iterator<Item = &str> {
        self.nulls.iter().chain(&self.ceiling).filter_map(|kind| match kind {
            NullKind::Control(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub(crate) fn network_globs(&self) -> GlobSet {
        globs(&self.networks).unwrap_or_default()
    }

    pub(crate) fn array_globs(&self) -> GlobSet {
        globs(&self.arrays).unwrap_or_default()
    }

    /// The steps of this measure in a run that recorded `recorded` (ascending): one or two steps an entry. Chosen steps
    /// that the run lacks come back as the text that could not be resolved.
    pub(crate) fn step_sets(&self, recorded: &[u64], names: &BTreeMap<String, u64>) -> Vec<Result<Vec<u64>, String>> {
        let last = recorded.last().copied();
        match &self.steps {
            Steps::Rule(rule) => {
                let pairs: Vec<Vec<u64>> = match rule {
                    StepRule::Each => recorded.iter().map(|&s| vec![s]).collect(),
                    StepRule::Consecutive => recorded.windows(2).map(<[u64]>::to_vec).collect(),
                    StepRule::ToLast => {
                        recorded.iter().filter(|&&s| Some(s) != last).filter_map(|&s| Some(vec![s, last?])).collect()
                    }
                    StepRule::FromFirst => recorded.iter().skip(1).map(|&s| vec![recorded[0], s]).collect(),
                    StepRule::AllPairs => {
                        let later = |i: usize| recorded[i + 1..].iter().map(move |&s| vec![recorded[i], s]);
                        (0..recorded.len()).flat_map(later).collect()
                    }
                };
                pairs.into_iter().map(Ok).collect()
            }
            Steps::Chosen(list) => list
                .iter()
                .map(|choice| {
                    let wanted: Vec<&StepName> = match choice {
                        StepOrPair::One(step) => vec![step],
                        StepOrPair::Pair([a, b]) => vec![a, b],
                    };
                    wanted
                        .into_iter()
                        .map(|name| {
                            name.resolve(names)
                                .filter(|step| recorded.contains(step))
                                .ok_or_else(|| format!("the run has no checkpoint at step {}", show(name)))
                        })
                        .collect()
                })
                .collect(),
        }
    }
}

/// Whether a measure takes one series, a number a step.
pub(crate) fn takes_series(measure: &Measure) -> bool {
    matches!(measure.inputs, [input] if input.kind == Kind::Real && input.axes.len() == 1)
}

/// Whether a measure's first two inputs are the same array at two steps (and not an array and labels).
pub(crate) fn compares_steps(measure: &Measure) -> bool {
    measure.inputs.len() >= 2 && measure.inputs[..2].iter().all(Input::is_matrix)
}

/// What a plan has to give: an array at one step or at two, the probe's labels after it, or one pattern of attention.
fn supplied(measure: &Measure) -> Result<(), String> {
    let arrays = measure.inputs.iter().take_while(|input| input.is_matrix()).count();
    let (others, pattern) = (&measure.inputs[arrays..], measure.inputs.len() == 1 && measure.inputs[0].axes.len() == 4);
    let labels = others.len() <= 1 && others.iter().all(|input| input.kind == Kind::Labels);
    if pattern || ((1..=2).contains(&arrays) && labels) {
        return Ok(());
    }
    if takes_series(measure) {
        return Err(
            "takes a series: ask for it in a [[trajectory]], which makes one of another measure's rows".to_owned()
        );
    }
    let inputs: Vec<String> = measure.inputs.iter().map(|i| format!("{} [{}]", i.name, i.axes.join(", "))).collect();
    Err(format!(
        "takes {}, and a plan supplies arrays at one or two steps, with the probe's labels; use `kymograph measure`",
        inputs.join(" and ")
    ))
}

fn options_from(
    given: &BTreeMap<String, toml::Value>,
    measure: &Measure,
) -> Result<measures::Options, measures::MeasureError> {
    let text = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let pairs: Vec<(&str, String)> = given.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
    measure.options(pairs.iter().map(|(key, value)| (*key, value.as_str())))
}

pub(crate) fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|e| format!("bad glob: {e}"))?);
    }
    set.build().map_err(|e| format!("bad globs: {e}"))
}
