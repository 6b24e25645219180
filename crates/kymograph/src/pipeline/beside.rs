//! What lies beside a run: its controls, floors of networks that share nothing, ceilings of networks that share everything
//! but the order of their examples, and its loss beside its features.

use kymograph_findings::{Finding, Null};
use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{Figure, SummaryTable, format_value};

use super::derive::Derivation;
use super::page::{mean_of, networks};
use crate::error::KymographError;

/// Same-unit cosine of every layer from early to late, between what is lowest and what is highest for it.
pub(super) fn floors_and_ceilings(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let step = |name: &str| derivation.step_names.get(name).copied();
    let pair = [step("early")?, step("late")?];
    let rows_of = |measure: &str, network: &str, array: &str| -> Vec<&Finding> {
        let fits = |f: &&Finding| {
            f.measure == measure
                && f.run.network == network
                && f.run.control.is_none()
                && f.array == array
                && f.steps == pair
        };
        findings.iter().filter(fits).collect()
    };
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for f in findings.iter().filter(|f| f.measure == "same_index_cosine" && f.ceiling.is_some()) {
        let key = (f.run.network.as_str(), f.array.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let null = |rows: &[&Finding], kind: &str| {
        let one = |f: &&Finding| f.nulls.iter().find(|n| n.kind == kind).map(|n: &Null| n.mean);
        cell(rows.iter().filter_map(one).collect())
    };
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|(network, array)| {
            let same = rows_of("same_index_cosine", network, array);
            let matched = rows_of("matched_cosine", network, array);
            let ceiling =
                |rows: &[&Finding]| cell(rows.iter().filter_map(|f| Some(f.ceiling.as_ref()?.mean)).collect());
            vec![
                network.to_owned(),
                array.to_owned(),
                null(&same, "other_seed"),
                null(&matched, "other_seed"),
                null(&same, "random_walk"),
                null(&same, "control:shuffled_labels"),
                cell(same.iter().filter_map(|f| f.value).collect()),
                ceiling(&same),
                null(&same, "control:lr_zero"),
            ]
        })
        .collect();
    let heads = [
        "network",
        "array",
        "another seed",
        "another seed, units aligned",
        "random walk",
        "shuffled labels",
        "this run",
        "same start, other order",
        "learning rate 0",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Floors and ceilings".to_owned(),
        caption: format!(
            "Same-unit cosine from step {} to step {}, mean over seeds. `Another seed` compares with the later step of a \
             network that began elsewhere, as it is and after the best alignment of its units. `Random walk` goes equally far in a random \
             direction. `Shuffled labels` is the same interval of a training with nothing to generalise. `Same start, \
             other order` compares the later step with that of a training that differs in the order of examples alone: \
             the most that features can be said to be reproduced.",
            pair[0], pair[1]
        ),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

pub(super) fn cell(values: Vec<f64>) -> String {
    if values.is_empty() { "not measured".to_owned() } else { format_value(mean_of(&values), 3) }
}

/// Held-out loss and accuracy of a network's main runs and of its controls.
pub(super) fn controls(network: &str, derivation: &Derivation<'_>) -> Option<Figure> {
    let runs = derivation.subjects.iter().filter(|s| s.key.network == network);
    let mut traces = Vec::new();
    for run in runs {
        let label = run.key.control.as_ref().map_or_else(|| "main run".to_owned(), |name| name.replace('_', " "));
        for (series, panel) in [("held_out.loss", "held-out loss (nats)"), ("held_out.accuracy", "held-out accuracy")] {
            let Some(values) = run.series.get(series) else { continue };
            traces.push(Trace {
                panel: panel.to_owned(),
                label: label.clone(),
                run: format!("seed {}", run.key.seed.unwrap_or(0)),
                steps: values.keys().copied().collect(),
                values: values.values().copied().collect(),
            });
        }
    }
    let controlled = traces.iter().any(|trace| trace.label != "main run");
    controlled.then(|| training_curves(&format!("{network}: controls"), &traces)).flatten()
}

/// The share of the whole change that is reached by each step, of loss and of weights.
pub(super) fn shares(network: &str, derivation: &Derivation<'_>, findings: &[Finding]) -> Option<Figure> {
    let last = derivation.step_names.get("late").copied()?;
    let from_first = |f: &&Finding| {
        f.measure == "relative_displacement"
            && f.run.network == network
            && f.run.control.is_none()
            && f.steps.first() == Some(&0)
    };
    let mut traces: Vec<Trace> = Vec::new();
    for finding in findings.iter().filter(from_first) {
        let (Some(value), [_, step]) = (finding.value, finding.steps.as_slice()) else { continue };
        let label = match finding.array.as_str() {
            "held_out.loss" => "held-out loss",
            array => array,
        };
        let run = format!("seed {}", finding.run.seed.unwrap_or(0));
        let trace = match traces.iter().position(|t| t.label == label && t.run == run) {
            Some(at) => &mut traces[at],
            None => {
                let panel = "share of the whole change reached".to_owned();
                traces.push(Trace { panel, label: label.to_owned(), run, ..Trace::default() });
                traces.last_mut()?
            }
        };
        trace.steps.push(*step);
        trace.values.push(value);
    }
    traces.retain(|trace| trace.steps.contains(&last));
    for trace in &mut traces {
        let whole = trace.steps.iter().zip(&trace.values).find(|(step, _)| **step == last).map_or(1.0, |(_, v)| *v);
        trace.values.iter_mut().for_each(|value| *value /= whole);
    }
    let has_loss = traces.iter().any(|trace| trace.label == "held-out loss");
    has_loss.then(|| training_curves(&format!("{network}: how far training has gone"), &traces)).flatten()
}

/// Published losses of single minibatches beside ours, and beside what they stand for: the loss on all held-out images.
pub(super) fn losses(derivation: &Derivation<'_>) -> Result<Option<SummaryTable>, KymographError> {
    let mut rows = Vec::new();
    for network in networks(derivation) {
        let Some(published) = derivation.published.losses.iter().find(|losses| losses.is_of(&network)) else {
            continue;
        };
        for (step, value) in published.steps.iter().zip(&published.values) {
            let (mut here, mut around, mut held_out) = (Vec::new(), Vec::new(), Vec::new());
            let main = derivation.subjects.iter().zip(derivation.runs);
            for (subject, run) in main.filter(|(s, _)| s.key.network == network && s.key.control.is_none()) {
                let Some((steps, values)) = run.series("minibatch")?.column("loss") else { continue };
                let near = |at: &&(u64, f64)| at.0.abs_diff(*step) <= 50;
                let all: Vec<(u64, f64)> = steps.into_iter().zip(values).collect();
                here.extend(all.iter().filter(|(at, _)| at == step).map(|(_, loss)| *loss));
                around.extend(all.iter().filter(near).map(|(_, loss)| *loss));
                held_out.extend(subject.series.get("held_out.loss").and_then(|s| s.get(step)).copied());
            }
            if here.is_empty() {
                continue;
            }
            around.sort_by(f64::total_cmp);
            let at = |share: f64| around[((around.len() - 1) as f64 * share).round() as usize];
            rows.push(vec![
                network.clone(),
                step.to_string(),
                format!("{value}"),
                format_value(mean_of(&here), 3),
                format!("{} to {}", format_value(at(0.025), 2), format_value(at(0.975), 2)),
                cell(held_out),
            ]);
        }
    }
    let heads =
        ["network", "step", "published minibatch loss", "ours", "minibatches within 50 steps, 95 %", "held-out loss"];
    Ok((!rows.is_empty()).then(|| SummaryTable {
        title: "Loss of single minibatches".to_owned(),
        caption:
            "The published losses are those of one minibatch of 64 images each. How far single minibatches scatter \
                  around the same step says how little one of them tells; the held-out loss is on all held-out images, \
                  mean over seeds."
                .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    }))
}
