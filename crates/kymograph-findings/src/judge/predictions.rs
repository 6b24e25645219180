//! The predictions file: hypotheses, what each predicts of which quantity, and by which frozen decision it is judged.

use std::collections::{BTreeMap, BTreeSet};

use kymograph_measures as measures;
use serde::{Deserialize, Serialize};

use crate::error::FindingsError;
use crate::evidence::trajectory::SERIES_OPTION;
use crate::plan::{StepName, compares_steps, globs, takes_series};

/// A predictions file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Each set of rival hypotheses gets a verdict of its own.
    #[serde(rename = "verdict")]
    pub sets: Vec<PredictionSet>,
}

/// Rival hypotheses and their predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionSet {
    /// The question.
    pub title: String,
    /// Each hypothesis by its letter, in a sentence.
    pub hypotheses: BTreeMap<String, String>,
    /// What each of them predicts.
    #[serde(rename = "prediction")]
    pub predictions: Vec<Prediction>,
}

/// One prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Short unique name.
    pub name: String,
    /// The hypothesis that makes it.
    pub hypothesis: String,
    /// The prediction in words, with its figures as published.
    pub text: String,
    /// Where it was published.
    #[serde(default)]
    pub source: String,
    /// Why nothing can be measured; then no quantity is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// The quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Quantity>,
    /// For a contrast: the quantity taken away from the first. Keys left out are those of `of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minus: Option<PartialQuantity>,
    /// What is estimated over seeds.
    #[serde(default)]
    pub statistic: Statistic,
    /// Holds when the whole interval lies above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Holds when the whole interval lies below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Holds when the whole interval lies inside these two ends: the equivalence margin that "stable" needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<[f64; 2]>,
    /// For `statistic = "proportion"`: the share of seeds that must meet the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Seeds below which nothing is decided.
    #[serde(default = "five")]
    pub min_seeds: usize,
}

/// A number each run yields: a measure on arrays at one step or between two, reduced over the arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Registry name.
    pub measure: String,
    /// Glob over network names.
    pub network: String,
    /// Glob over array names.
    pub arrays: String,
    /// In rows that compare two layers at one step: glob over the name of one of them, `arrays` being the other. Such rows
    /// count for no quantity without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_array: Option<String>,
    /// One step, or two for measures that compare steps.
    pub steps: Vec<StepName>,
    /// How several arrays become one number.
    #[serde(default)]
    pub over_arrays: Reduction,
    /// The control in whose runs it is read; the main runs where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// Other steps at which the same quantity is the unit of this one: with `steps = [0, "early"]` and
    /// `relative_to = [0, "late"]`, the share of the whole change that is reached early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_to: Option<Vec<StepName>>,
    /// Options the rows must have been measured with; those left out may be anything.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// The keys in which the second quantity of a contrast differs from the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialQuantity {
    /// Another network, which must be one: its run of the same seed is taken away.
    pub network: Option<String>,
    /// Another measure.
    pub measure: Option<String>,
    /// Another array.
    pub arrays: Option<String>,
    /// Other steps.
    pub steps: Option<Vec<StepName>>,
    /// The runs of a control.
    pub control: Option<String>,
}

/// A reduction over arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Arithmetic mean.
    #[default]
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// A statistic over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The mean, with a t-interval.
    #[default]
    Mean,
    /// The share of seeds that meet the condition, with a Wilson interval, against `share`.
    Proportion,
}

fn five() -> usize {
    5
}

impl Predictions {
    /// Reads and checks a predictions file.
    ///
    /// # Errors
    /// [`FindingsError::Syntax`] with line and column; [`FindingsError::Invalid`] for a prediction without a decision
    /// or with several, an unknown measure, hypothesis or option, or a name used twice.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, FindingsError> {
        let file: Self = toml::from_str(text).map_err(|e| FindingsError::Syntax {
            origin: origin.to_owned(),
            what: "predictions",
            detail: e.to_string(),
        })?;
        let mut seen = BTreeSet::new();
        for set in &file.sets {
            for prediction in &set.predictions {
                let checked = prediction.check(set).and_then(|()| {
                    if seen.insert(&prediction.name) { Ok(()) } else { Err("the name is used twice".to_owned()) }
                });
                checked.map_err(|detail| FindingsError::Invalid {
                    origin: origin.to_owned(),
                    place: format!("prediction `{}`", prediction.name),
                    detail,
                })?;
            }
            let silent = set.hypotheses.keys().find(|h| !set.predictions.iter().any(|p| p.hypothesis == **h));
            let detail = match (set.hypotheses.is_empty(), silent) {
                (true, _) => Some("a verdict needs at least one hypothesis".to_owned()),
                (_, Some(name)) => Some(format!("hypothesis `{name}` predicts nothing: give it a prediction")),
                _ => None,
            };
            if let Some(detail) = detail {
                let place = format!("verdict `{}`", set.title);
                return Err(FindingsError::Invalid { origin: origin.to_owned(), place, detail });
            }
        }
        Ok(file)
    }
}

impl Prediction {
    fn check(&self, set: &PredictionSet) -> Result<(), String> {
        if !set.hypotheses.contains_key(&self.hypothesis) {
            return Err(format!("`hypothesis = \"{}\"` is not among the verdict's hypotheses", self.hypothesis));
        }
        let quantity = match (&self.of, &self.not_measured) {
            (Some(quantity), None) => quantity,
            (None, Some(_)) => return Ok(()),
            _ => return Err("give `of`, or `not_measured` with the reason, and not both".to_owned()),
        };
        let decisions = [self.above.is_some(), self.below.is_some(), self.within.is_some()];
        if decisions.iter().filter(|d| **d).count() != 1 {
            return Err("give exactly one of `above`, `below`, `within`".to_owned());
        }
        if self.within.is_some_and(|[low, high]| low >= high) {
            return Err("`within` needs its lower end first".to_owned());
        }
        if (self.statistic == Statistic::Proportion) != self.share.is_some_and(|s| s > 0.0 && s < 1.0) {
            return Err("`share` (between 0 and 1) goes with `statistic = \"proportion\"`, and only with it".to_owned());
        }
        quantity.check()?;
        self.subtrahend().map_or(Ok(()), |other| other.check())
    }

    /// The decision in words.
    #[must_use]
    pub fn decision(&self) -> String {
        let condition = match (self.above, self.below, self.within) {
            (Some(t), _, _) => format!("above {t}"),
            (_, Some(t), _) => format!("below {t}"),
            (_, _, Some([low, high])) => format!("within {low} to {high}"),
            _ => String::new(),
        };
        match self.share {
            Some(share) => format!("{condition} in at least {} % of seeds", share * 100.0),
            None => condition,
        }
    }

    /// The second quantity of a contrast, completed from the first.
    pub(crate) fn subtrahend(&self) -> Option<Quantity> {
        let (of, minus) = (self.of.as_ref()?, self.minus.as_ref()?);
        let mut quantity = of.clone();
        if let Some(network) = &minus.network {
            quantity.network.clone_from(network);
        }
        if let Some(measure) = &minus.measure {
            quantity.measure.clone_from(measure);
        }
        if let Some(arrays) = &minus.arrays {
            quantity.arrays.clone_from(arrays);
        }
        if let Some(steps) = &minus.steps {
            quantity.steps.clone_from(steps);
        }
        if let Some(control) = &minus.control {
            quantity.control = Some(control.clone());
        }
        Some(quantity)
    }
}

impl Quantity {
    fn check(&self) -> Result<(), String> {
        let of_gradients = measures::gradients::find_quantity(&self.measure).is_some();
        let of_splines = measures::splines::find_quantity(&self.measure).is_some();
        if of_gradients || of_splines || measures::groups::find_quantity(&self.measure).is_some() {
            if [Some(&self.steps), self.relative_to.as_ref()].into_iter().flatten().any(|given| given.len() != 1) {
                return Err(format!("`steps` and `relative_to` of `{}` have 1 entry", self.measure));
            }
            return globs(&[self.arrays.clone(), self.network.clone()]).map(|_| ());
        }
        let measure = measures::find(&self.measure).map_err(|e| e.to_string())?;
        let on_series = takes_series(measure);
        let known = |key: &str| measure.options.iter().any(|o| o.name == key) || (on_series && key == SERIES_OPTION);
        if let Some(key) = self.options.keys().find(|key| !known(key)) {
            return Err(format!("the measure `{}` has no option `{key}`", self.measure));
        }
        if self.other_array.is_some() && !compares_steps(measure) {
            return Err(format!(
                "`other_array` is for measures that compare two arrays, and `{}` takes one",
                self.measure
            ));
        }
        let steps = 1 + usize::from((compares_steps(measure) && self.other_array.is_none()) || on_series);
        if [Some(&self.steps), self.relative_to.as_ref()].into_iter().flatten().any(|given| given.len() != steps) {
            return Err(format!("`steps` and `relative_to` of `{}` have {steps} entries", self.measure));
        }
        let other = self.other_array.clone();
        globs(&[self.arrays.clone(), self.network.clone()].into_iter().chain(other).collect::<Vec<_>>()).map(|_| ())
    }
}
