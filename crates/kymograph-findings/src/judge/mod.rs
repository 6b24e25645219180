//! Judging: each prediction's interval over seeds against its frozen decision, and from those the verdict.

mod predictions;
mod quantity;

use std::collections::BTreeMap;

use kymograph_linalg::statistics::{mean, t_interval, wilson_interval};

pub use predictions::{PartialQuantity, Prediction, PredictionSet, Predictions, Quantity, Reduction, Statistic};

use crate::finding::Finding;
use crate::verdict::{JudgedPrediction, Judgement, Outcome, Stated, Verdict};

const RULE: &str = "A prediction holds or is refuted when the whole 95 % interval over seeds lies on one side of its \
threshold, and with fewer seeds than it asks for it stays undecided. A hypothesis is rejected when a prediction of it is \
refuted; it stands when none is refuted and more of its measured predictions hold than stay undecided. The outcome names \
the hypothesis that stands while all its rivals are rejected, `neither` when all are rejected, and is undecided otherwise.";

/// What judging needs beside the findings.
pub struct Judging<'a> {
    /// Names of steps.
    pub step_names: &'a BTreeMap<String, u64>,
    /// When the predictions were fixed.
    pub stated: Stated,
    /// The command that repeats the findings.
    pub repeat: &'a str,
    /// The command that would gather enough seeds, where there is one.
    pub remedy: Option<&'a str>,
}

/// Judges every set of predictions.
#[must_use]
pub fn judge(predictions: &Predictions, findings: &[Finding], judging: &Judging<'_>) -> Vec<Verdict> {
    predictions.sets.iter().map(|set| judge_set(set, findings, judging)).collect()
}

fn judge_set(set: &PredictionSet, findings: &[Finding], judging: &Judging<'_>) -> Verdict {
    let judged: Vec<JudgedPrediction> =
        set.predictions.iter().map(|p| judge_prediction(p, findings, judging)).collect();
    let standing: BTreeMap<&str, Standing> =
        set.hypotheses.keys().map(|name| (name.as_str(), Standing::of(name, &judged))).collect();
    let rejected = |name: &str| standing[name].refuted > 0;
    let stands: Vec<&str> = standing.iter().filter(|(_, s)| s.stands()).map(|(name, _)| *name).collect();
    let outcome = if standing.keys().all(|name| rejected(name)) {
        Outcome::Neither
    } else if let [winner] = stands.as_slice()
        && standing.keys().all(|name| name == winner || rejected(name))
    {
        Outcome::Hypothesis((*winner).to_owned())
    } else {
        Outcome::Undecided
    };
    let remedy = judging.remedy.filter(|_| outcome == Outcome::Undecided).map(ToOwned::to_owned);
    Verdict {
        title: set.title.clone(),
        hypotheses: set.hypotheses.clone(),
        sentence: sentence(&outcome, &standing, &judged),
        outcome,
        stated: judging.stated,
        rule: RULE.to_owned(),
        predictions: judged,
        remedy,
    }
}

/// How a hypothesis' predictions came out.
struct Standing {
    held: usize,
    refuted: usize,
    undecided: usize,
    not_measured: usize,
}

impl Standing {
    fn of(hypothesis: &str, judged: &[JudgedPrediction]) -> Self {
        let count = |j: Judgement| judged.iter().filter(|p| p.hypothesis == hypothesis && p.judgement == j).count();
        Self {
            held: count(Judgement::Held),
            refuted: count(Judgement::Refuted),
            undecided: count(Judgement::Undecided),
            not_measured: count(Judgement::NotMeasured),
        }
    }

    fn stands(&self) -> bool {
        self.refuted == 0 && self.held > self.undecided
    }
}

fn sentence(outcome: &Outcome, standing: &BTreeMap<&str, Standing>, judged: &[JudgedPrediction]) -> String {
    let counts: Vec<String> = standing
        .iter()
        .map(|(name, s)| {
            let mut parts = Vec::new();
            for (n, word) in
                [(s.held, "held"), (s.refuted, "refuted"), (s.undecided, "undecided"), (s.not_measured, "not measured")]
            {
                if n > 0 {
                    parts.push(format!("{n} {word}"));
                }
            }
            format!("of {name}'s predictions {}", parts.join(", "))
        })
        .collect();
    let opening = match outcome {
        Outcome::Hypothesis(name) => format!("Hypothesis {name} stands and its rivals are rejected"),
        Outcome::Neither => "Neither hypothesis survives its own predictions".to_owned(),
        Outcome::Undecided => "The evidence does not decide".to_owned(),
    };
    let seeds = judged.iter().map(|p| p.n_seeds).max().unwrap_or(0);
    let needed = judged.iter().filter(|p| p.judgement == Judgement::Undecided).map(|p| p.min_seeds).max();
    let plural = if seeds == 1 { "" } else { "s" };
    let certainty = match needed {
        Some(needed) if seeds < needed => format!("{seeds} seed{plural}, where deciding asks for at least {needed}"),
        _ if judged.iter().any(|p| p.interval.is_some()) => format!("{seeds} seed{plural}, 95 % intervals over seeds"),
        _ => format!("{seeds} seed{plural}, no interval"),
    };
    format!("{opening}: {} ({certainty}).", counts.join("; "))
}

fn judge_prediction(prediction: &Prediction, findings: &[Finding], judging: &Judging<'_>) -> JudgedPrediction {
    let mut judged = JudgedPrediction {
        name: prediction.name.clone(),
        hypothesis: prediction.hypothesis.clone(),
        text: prediction.text.clone(),
        source: prediction.source.clone(),
        quantity: String::new(),
        estimate: None,
        interval: None,
        per_seed: Vec::new(),
        n_seeds: 0,
        min_seeds: prediction.min_seeds,
        decision: prediction.decision(),
        thresholds: match (prediction.above, prediction.below, prediction.within, prediction.share) {
            (_, _, _, Some(share)) => vec![share],
            (_, _, Some(ends), _) => ends.to_vec(),
            (above, below, ..) => above.into_iter().chain(below).collect(),
        },
        null: None,
        judgement: Judgement::NotMeasured,
        reason: String::new(),
        rows: Vec::new(),
        repeat: judging.repeat.to_owned(),
    };
    if let Some(reason) = &prediction.not_measured {
        judged.reason.clone_from(reason);
        return judged;
    }
    if let Err(reason) = measure(&mut judged, prediction, findings, judging) {
        judged.reason = reason;
    }
    judged
}

fn measure(
    judged: &mut JudgedPrediction,
    prediction: &Prediction,
    findings: &[Finding],
    judging: &Judging<'_>,
) -> Result<(), String> {
    let of = prediction.of.as_ref().ok_or("the prediction names no quantity")?;
    judged.quantity = quantity::describe_rows(of, findings, &[]);
    let first = quantity::collect(of, findings, judging.step_names)?;
    judged.quantity = quantity::describe_rows(of, findings, &first.rows);
    judged.rows.clone_from(&first.rows);
    let mut values: Vec<f64> = first.values.values().copied().collect();
    let null = |of: &Quantity, rows: &[usize]| {
        // The smallest of several arrays and a share have other nulls than the rows, whose nulls alone are known here.
        let known = of.over_arrays == Reduction::Mean && of.relative_to.is_none();
        if known { quantity::average_null(findings, rows) } else { None }
    };
    judged.null = null(of, &first.rows);
    if let Some(other) = prediction.subtrahend() {
        let second = quantity::collect(&other, findings, judging.step_names)?;
        let taken = quantity::describe_rows(&other, findings, &second.rows);
        judged.quantity = format!("{} minus {taken}", judged.quantity);
        judged.null = match (&judged.null, null(&other, &second.rows)) {
            (Some(first), Some(second)) => quantity::difference_null(first, &second),
            _ => None,
        };
        judged.rows.extend(&second.rows);
        let across = prediction.minus.as_ref().is_some_and(|minus| minus.network.is_some());
        let partner = second.partner(across)?;
        values = first.values.iter().filter_map(|(run, v)| Some(v - partner(run)?)).collect();
        if values.is_empty() {
            return Err("no seed has both quantities of the contrast".to_owned());
        }
    }
    judged.n_seeds = values.len();
    judged.per_seed.clone_from(&values);
    match prediction.share {
        None => {
            judged.estimate = mean(&values).ok();
            judged.interval = match values.as_slice() {
                [] | [_] => None,
                several => t_interval(several, 0.95).ok().map(|i| [i.low, i.high]),
            };
        }
        Some(_) => {
            let met = values.iter().filter(|v| position(prediction, [**v, **v]) == Side::Inside).count();
            judged.estimate = Some(met as f64 / values.len() as f64);
            judged.interval = wilson_interval(met, values.len(), 0.95).ok().map(|i| [i.low, i.high]);
        }
    }
    (judged.judgement, judged.reason) = decide(prediction, judged);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Inside,
    Outside,
    Across,
}

/// Where an interval lies relative to the region in which the prediction holds.
fn position(prediction: &Prediction, [low, high]: [f64; 2]) -> Side {
    let (from, to) = match (prediction.above, prediction.below, prediction.within) {
        (Some(t), _, _) => (t, f64::INFINITY),
        (_, Some(t), _) => (f64::NEG_INFINITY, t),
        (_, _, Some([a, b])) => (a, b),
        _ => return Side::Across,
    };
    let margin = prediction.within.is_some();
    if (low > from && high < to) || (margin && low >= from && high <= to) {
        Side::Inside
    } else if (margin && (high < from || low > to)) || (!margin && (high <= from || low >= to)) {
        Side::Outside
    } else {
        Side::Across
    }
}

fn decide(prediction: &Prediction, judged: &JudgedPrediction) -> (Judgement, String) {
    let estimate = judged.estimate.unwrap_or_default();
    let side = |interval: [f64; 2]| match prediction.share {
        None => position(prediction, interval),
        Some(share) if interval[0] >= share => Side::Inside,
        Some(share) if interval[1] < share => Side::Outside,
        Some(_) => Side::Across,
    };
    if judged.n_seeds < prediction.min_seeds {
        let leaning = match side([estimate, estimate]) {
            Side::Inside => "the estimate lies where it was predicted",
            _ => "the estimate does not lie where it was predicted",
        };
        let (n, needed) = (judged.n_seeds, prediction.min_seeds);
        return (Judgement::Undecided, format!("{leaning}, but {n} of the {needed} seeds needed were run"));
    }
    let Some(interval) = judged.interval else {
        return (Judgement::Undecided, "one seed gives no interval".to_owned());
    };
    let decision = &judged.decision;
    match side(interval) {
        Side::Inside => (Judgement::Held, format!("the whole interval lies {decision}")),
        Side::Outside => (Judgement::Refuted, format!("the whole interval lies outside `{decision}`")),
        Side::Across => (Judgement::Undecided, format!("the interval straddles the end of `{decision}`")),
    }
}
