//! The findings again for other programs: one JSON file a network, grouped by measure with the seeds side by side, and a
//! summary of the experiment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kymograph_findings::{Finding, Null, Outcome, Stated, Subject, Verdict, adjusted_p};
use kymograph_linalg::statistics::t_interval;
use kymograph_report::slug;
use kymograph_runs::write_whole;
use serde::Serialize;
use serde_json::{Value, json};

use super::derive::Derivation;
use super::page::{mean_of, networks};
use crate::error::KymographError;

/// The version of both kinds of file, described in docs/run-format.md.
const FORMAT_VERSION: u32 = 1;
/// The scores that stand in the summary, of those that a run records at its checkpoints.
const SCORES: [&str; 7] = [
    "held_out.accuracy",
    "held_out.loss",
    "held_out.macro_f1",
    "held_out.macro_precision",
    "held_out.macro_recall",
    "train.accuracy",
    "train.loss",
];

/// A measure of one network.
#[derive(Serialize)]
struct Measured<'a> {
    measure: &'a str,
    version: u32,
    rows: Vec<Row<'a>>,
}

/// The findings that differ in their seed alone.
#[derive(Serialize)]
struct Row<'a> {
    array: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_array: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    options: &'a BTreeMap<String, String>,
    steps: &'a [u64],
    seeds: Vec<Option<u64>>,
    values: Vec<Option<f64>>,
    mean: Option<f64>,
    interval: Option<[f64; 2]>,
    nulls: Vec<Beside>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling: Option<f64>,
    /// Why a value is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The rows' numbers in findings.json, from 0.
    findings: Vec<usize>,
}

/// A null, averaged over seeds.
#[derive(Serialize)]
struct Beside {
    kind: String,
    mean: f64,
    interval: [f64; 2],
    /// One a seed.
    p: Vec<Option<f64>>,
    /// Of the main null alone, after the correction for many findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    adjusted_p: Option<Vec<Option<f64>>>,
}

/// Writes `networks/<network>.json` and `summary.json` into the folder of what is derived.
pub(super) fn write(
    folder: &Path,
    derivation: &Derivation<'_>,
    findings: &[Finding],
    verdicts: &[Verdict],
) -> Result<(), KymographError> {
    let place = folder.join("networks");
    // A network that is no longer there leaves no file behind.
    if place.exists() {
        fs::remove_dir_all(&place).map_err(KymographError::file(&place))?;
    }
    fs::create_dir_all(&place).map_err(KymographError::file(&place))?;
    let adjusted = adjusted_p(findings);
    let mut listed = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for network in networks(derivation) {
        let mut name = slug(&network);
        while taken.contains(&name) {
            name.push_str("-2");
        }
        let file = json!({
            "format_version": FORMAT_VERSION,
            "network": network,
            "runs": runs(&network, derivation),
            "step_names": derivation.step_names,
            "scores": scores(&network, derivation),
            "measures": measures(&network, findings, &adjusted),
            "predictions": predictions(&network, findings, verdicts),
        });
        write_json(&place.join(format!("{name}.json")), &file.to_string())?;
        listed.push(json!({
            "network": network,
            "file": format!("networks/{name}.json"),
            "runs": runs(&network, derivation),
            "scores": scores(&network, derivation),
            "published_accuracies": derivation.published.accuracies(&network),
        }));
        taken.push(name);
    }
    let manifest = derivation.experiment.manifest();
    let below = |limit: f64| adjusted.iter().flatten().filter(|p| **p <= limit).count();
    let summary = json!({
        "format_version": FORMAT_VERSION,
        "title": derivation.title,
        "question": derivation.question,
        "study": manifest.study,
        "settings": manifest.settings,
        "predictions_hash": manifest.predictions_hash,
        "software": { "recorded_by": manifest.software, "measured_by": kymograph_runs::software() },
        "cpu_features": manifest.cpu_features,
        "step_names": derivation.step_names,
        "repeat": derivation.repeat,
        "networks": listed,
        "verdicts": verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "findings": {
            "rows": findings.len(),
            "measured": findings.iter().filter(|f| f.value.is_some()).count(),
            "with_p": adjusted.iter().flatten().count(),
            "beyond_null_after_correction": below(0.05),
        },
    });
    let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
    write_json(&folder.join("summary.json"), &text)
}

fn write_json(path: &Path, text: &str) -> Result<(), KymographError> {
    Ok(write_whole(path, format!("{text}\n").as_bytes())?)
}

fn of_network<'a>(network: &'a str, derivation: &Derivation<'a>) -> impl Iterator<Item = &'a Subject> {
    derivation.subjects.iter().filter(move |s| s.key.network == network)
}

/// Seed, control and recorded steps of every run.
fn runs(network: &str, derivation: &Derivation<'_>) -> Vec<Value> {
    let run = |s: &Subject| {
        let steps: Vec<u64> = s.parameters.keys().copied().collect();
        json!({ "seed": s.key.seed, "control": s.key.control, "steps": steps })
    };
    of_network(network, derivation).map(run).collect()
}

/// The last recorded scores of the main runs: their mean, and one a seed.
fn scores(network: &str, derivation: &Derivation<'_>) -> BTreeMap<&'static str, Value> {
    let main = || of_network(network, derivation).filter(|s| s.key.control.is_none());
    let last =
        |s: &Subject, name: &str| s.series.get(name)?.last_key_value().map(|(_, v)| *v).filter(|v| v.is_finite());
    let mut scores = BTreeMap::new();
    for name in SCORES {
        let values: Vec<Option<f64>> = main().map(|s| last(s, name)).collect();
        let there: Vec<f64> = values.iter().copied().flatten().collect();
        if !there.is_empty() {
            let seeds: Vec<Option<u64>> = main().map(|s| s.key.seed).collect();
            scores.insert(name, json!({ "mean": mean_of(&there), "seeds": seeds, "values": values }));
        }
    }
    scores
}

fn measures<'a>(network: &str, findings: &'a [Finding], adjusted: &[Option<f64>]) -> Vec<Measured<'a>> {
    let mut groups: BTreeMap<Key<'a>, Vec<usize>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (index, finding) in findings.iter().enumerate().filter(|(_, f)| f.run.network == network) {
        if !order.contains(&finding.measure.as_str()) {
            order.push(&finding.measure);
        }
        groups.entry(Key::of(finding)).or_default().push(index);
    }
    let mut by_measure: BTreeMap<&str, Vec<(usize, Row<'a>)>> = BTreeMap::new();
    for (key, members) in groups {
        by_measure.entry(key.measure).or_default().push((members[0], row(&members, findings, adjusted)));
    }
    let measured = |measure: &'a str| {
        let mut rows = by_measure.remove(measure).unwrap_or_default();
        rows.sort_by_key(|(first, _)| *first);
        let version = rows.first().map_or(0, |(first, _)| findings[*first].version);
        Measured { measure, version, rows: rows.into_iter().map(|(_, row)| row).collect() }
    };
    order.into_iter().map(measured).collect()
}

/// What findings of different seeds have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    measure: &'a str,
    array: &'a str,
    other_array: Option<&'a str>,
    control: Option<&'a str>,
    options: &'a BTreeMap<String, String>,
    steps: &'a [u64],
}

impl<'a> Key<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            measure: &finding.measure,
            array: &finding.array,
            other_array: finding.other_array.as_deref(),
            control: finding.run.control.as_deref(),
            options: &finding.options,
            steps: &finding.steps,
        }
    }
}

fn row<'a>(members: &[usize], findings: &'a [Finding], adjusted: &[Option<f64>]) -> Row<'a> {
    let rows: Vec<&Finding> = members.iter().map(|&i| &findings[i]).collect();
    let key = Key::of(rows[0]);
    let values: Vec<Option<f64>> = rows.iter().map(|f| f.value).collect();
    let there: Vec<f64> = values.iter().copied().flatten().collect();
    let interval = if there.len() > 1 { t_interval(&there, 0.95).ok() } else { None };
    let ceilings: Vec<f64> = rows.iter().filter_map(|f| Some(f.ceiling.as_ref()?.mean)).collect();
    let mut kinds: Vec<&str> = Vec::new();
    for null in rows.iter().flat_map(|f| &f.nulls) {
        if !kinds.contains(&null.kind.as_str()) {
            kinds.push(&null.kind);
        }
    }
    let main = rows.iter().find_map(|f| f.null()).map(|null| null.kind.as_str());
    let beside = |kind: &str| {
        let of_kind = |f: &&Finding| f.nulls.iter().find(|null| null.kind == kind).cloned();
        let nulls: Vec<Option<Null>> = rows.iter().map(of_kind).collect();
        let drawn: Vec<&Null> = nulls.iter().flatten().collect();
        let mean = |of: fn(&Null) -> f64| mean_of(&drawn.iter().map(|null| of(null)).collect::<Vec<_>>());
        Beside {
            kind: kind.to_owned(),
            mean: mean(|n| n.mean),
            interval: [mean(|n| n.interval[0]), mean(|n| n.interval[1])],
            p: nulls.iter().map(|null| null.as_ref().and_then(|null| null.p)).collect(),
            adjusted_p: (main == Some(kind)).then(|| members.iter().map(|&i| adjusted[i]).collect()),
        }
    };
    let silent = rows.iter().find(|f| f.value.is_none());
    Row {
        array: key.array,
        other_array: key.other_array,
        control: key.control,
        options: key.options,
        steps: key.steps,
        seeds: rows.iter().map(|f| f.run.seed).collect(),
        mean: (!there.is_empty()).then(|| mean_of(&there)),
        values,
        interval: interval.map(|i| [i.low, i.high]),
        nulls: kinds.into_iter().map(beside).collect(),
        ceiling: (!ceilings.is_empty()).then(|| mean_of(&ceilings)),
        reason: silent.and_then(|f| f.notes.first()).map(String::as_str),
        findings: members.to_vec(),
    }
}

/// The predictions that rest on findings of the network.
fn predictions(network: &str, findings: &[Finding], verdicts: &[Verdict]) -> Vec<Value> {
    let about = |row: &usize| findings.get(*row).is_some_and(|f| f.run.network == network);
    let mut rows = Vec::new();
    for verdict in verdicts {
        for p in verdict.predictions.iter().filter(|p| p.rows.iter().any(about)) {
            rows.push(json!({
                "verdict": verdict.title, "name": p.name, "hypothesis": p.hypothesis, "quantity": p.quantity,
                "decision": p.decision, "judgement": p.judgement, "estimate": p.estimate, "interval": p.interval,
                "per_seed": p.per_seed, "null": p.null, "reason": p.reason, "findings": p.rows,
            }));
        }
    }
    rows
}

fn verdict(verdict: &Verdict) -> Value {
    let outcome = match &verdict.outcome {
        Outcome::Hypothesis(name) => name.as_str(),
        Outcome::Neither => "neither",
        Outcome::Undecided => "undecided",
    };
    let prediction = |p: &kymograph_findings::JudgedPrediction| {
        json!({
            "name": p.name, "hypothesis": p.hypothesis, "decision": p.decision, "judgement": p.judgement,
            "estimate": p.estimate, "interval": p.interval, "seeds": p.n_seeds, "seeds_needed": p.min_seeds,
        })
    };
    json!({
        "title": verdict.title,
        "hypotheses": verdict.hypotheses,
        "outcome": outcome,
        "sentence": verdict.sentence,
        "stated_beforehand": verdict.stated == Stated::Beforehand,
        "remedy": verdict.remedy,
        "predictions": verdict.predictions.iter().map(prediction).collect::<Vec<_>>(),
    })
}
