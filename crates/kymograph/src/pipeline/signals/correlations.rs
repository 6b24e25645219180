//! Mean correlations of every two layers at every recorded step: on a minibatch in either mode of batch normalisation, as
//! published, and on the whole probe; written to `corr_means.json` and laid beside the published means.

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::RunKey;
use kymograph_measures::similarity::{
    CorrelationGrid, CorrelationMeans, absolute_correlation_by_chance, correlation_grid,
};
use kymograph_nets::{Mode, Network};
use kymograph_report::{SummaryTable, format_value};
use kymograph_runs::write_whole;
use kymograph_studies::signals::{LAYERS, STUDY};
use ndarray::{ArrayD, ArrayView2, ArrayViewD, Axis, Ix2, Slice};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::super::derive::Derivation;
use super::super::published::Published;
use super::setting;
use crate::error::KymographError;

/// The version of `corr_means.json`, described in docs/run-format.md.
const FORMAT_VERSION: u32 = 1;

/// On which examples, and by which statistics batch normalisation works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) examples: usize,
    pub(super) mode: Mode,
}

/// The grids of one run, by condition and step.
pub(super) struct RunMeans {
    key: RunKey,
    double_softmax: bool,
    steps: Vec<u64>,
    grids: Vec<(Condition, Vec<CorrelationGrid>)>,
}

pub(super) fn take(derivation: &Derivation<'_>) -> Result<Vec<RunMeans>, KymographError> {
    let always = derivation.experiment.manifest().settings["study"]["double_softmax"].as_bool().unwrap_or(false);
    let batch = setting(derivation, "batch_size");
    let mut runs = Vec::new();
    for subject in derivation.subjects {
        let Some(replay) = derivation.replays.get(&subject.key) else { continue };
        let Some(inputs) = replay.inputs()? else { continue };
        let steps = replay.recorded().to_vec();
        let conditions = conditions(inputs.len_of(Axis(0)), batch);
        let at = |&step: &u64| {
            let network = replay.network(step)?;
            conditions.iter().map(|condition| grid(&network, &inputs, *condition)).collect::<Result<Vec<_>, _>>()
        };
        let of_steps = steps.par_iter().map(at).collect::<Result<Vec<_>, KymographError>>()?;
        let of = |i: usize| of_steps.iter().map(|grids| grids[i].clone()).collect();
        runs.push(RunMeans {
            key: subject.key.clone(),
            double_softmax: always || subject.key.control.as_deref() == Some("double_softmax"),
            steps,
            grids: conditions.iter().enumerate().map(|(i, condition)| (*condition, of(i))).collect(),
        });
    }
    Ok(runs)
}

/// A minibatch as in training and as in use, and all examples.
fn conditions(examples: usize, batch: usize) -> Vec<Condition> {
    let batch = batch.min(examples);
    let mut conditions = Vec::new();
    if batch >= 2 {
        conditions.push(Condition { examples: batch, mode: Mode::Train });
        conditions.push(Condition { examples: batch, mode: Mode::Eval });
    }
    if examples > batch {
        conditions.push(Condition { examples, mode: Mode::Eval });
    }
    conditions
}

fn grid(network: &Network<f32>, inputs: &ArrayD<f32>, at: Condition) -> Result<CorrelationGrid, KymographError> {
    let arrays = layers(network, inputs.slice_axis(Axis(0), Slice::from(..at.examples)), at.mode)?;
    let views: Vec<ArrayView2<'_, f32>> = arrays.iter().map(|array| array.view()).collect();
    Ok(correlation_grid(&views)?)
}

/// The outputs of the study's layers, each example × unit.
pub(super) fn layers(
    network: &Network<f32>,
    inputs: ArrayViewD<'_, f32>,
    mode: Mode,
) -> Result<Vec<ndarray::Array2<f32>>, KymographError> {
    let mut taken = network.capture_with(inputs, mode, &LAYERS, &[])?;
    let vectors = LAYERS.iter().filter_map(|layer| taken.remove(*layer)?.into_dimensionality::<Ix2>().ok());
    Ok(vectors.collect())
}

/// `fc1-fc2` and so on with the places of the two layers, i ≤ j.
fn pairs() -> impl Iterator<Item = (String, usize, usize)> {
    (0..LAYERS.len()).flat_map(|i| (i..LAYERS.len()).map(move |j| (format!("{}-{}", LAYERS[i], LAYERS[j]), i, j)))
}

/// Writes the history of every pair's mean, a list over the recorded steps.
pub(super) fn write(folder: &Path, runs: &[RunMeans]) -> Result<(), KymographError> {
    let history = |grids: &[CorrelationGrid], of: &dyn Fn(CorrelationMeans) -> f64| -> BTreeMap<String, Vec<f64>> {
        let list = |i: usize, j: usize| grids.iter().map(|grid| of(grid.means(i, j))).collect();
        pairs().map(|(name, i, j)| (name, list(i, j))).collect()
    };
    let condition = |(at, grids): &(Condition, Vec<CorrelationGrid>)| -> Value {
        let constant: Vec<&[usize]> = grids.iter().map(CorrelationGrid::constant_units).collect();
        json!({
            "examples": at.examples,
            "batch_norm": at.mode,
            "corr_means": history(grids, &|means| means.clipped),
            "absolute": history(grids, &|means| means.absolute),
            "signed": history(grids, &|means| means.signed),
            "by_chance": absolute_correlation_by_chance(at.examples) / 2.0,
            "constant_units": constant,
        })
    };
    let run = |run: &RunMeans| -> Value {
        json!({
            "network": run.key.network,
            "seed": run.key.seed,
            "control": run.key.control,
            "steps": run.steps,
            "conditions": run.grids.iter().map(condition).collect::<Vec<_>>(),
        })
    };
    let file = json!({
        "format_version": FORMAT_VERSION,
        "layers": LAYERS,
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    });
    Ok(write_whole(&folder.join("corr_means.json"), format!("{file}\n").as_bytes())?)
}

/// Published means beside those of our runs with the published loss: over seeds at the last step, and at which steps the
/// published mean lies among them.
pub(super) fn published(runs: &[RunMeans]) -> Result<Option<SummaryTable>, KymographError> {
    let published = Published::read(STUDY.published)?;
    let alike: Vec<&RunMeans> = runs.iter().filter(|run| run.double_softmax).collect();
    let Some(first) = alike.first().filter(|first| !first.steps.is_empty()) else {
        return Ok(None);
    };
    let conditions: Vec<Condition> = first.grids.iter().map(|(condition, _)| *condition).collect();
    let place = |layer: &str| LAYERS.iter().position(|known| *known == layer);
    let mut rows = Vec::new();
    for number in &published.correlations {
        let (Some(i), Some(j)) = (place(&number.layers[0]), place(&number.layers[1])) else { continue };
        let at = |condition: usize, step: usize| -> Vec<f64> {
            let grid = |run: &&RunMeans| Some(run.grids.get(condition)?.1.get(step)?.means(i, j).clipped);
            alike.iter().filter_map(grid).collect()
        };
        let mut row = vec![number.layers.join("–"), format!("{:.4}", number.value)];
        row.extend((0..conditions.len()).map(|condition| range(&at(condition, first.steps.len() - 1))));
        let among = first.steps.iter().enumerate().filter(|(step, _)| {
            let values = at(0, *step);
            let (low, high) = ends(&values);
            // Printed to four digits.
            (low - 5e-5..=high + 5e-5).contains(&number.value)
        });
        let among: Vec<String> = among.map(|(_, step)| step.to_string()).collect();
        row.push(if among.is_empty() { between(number.value, &at, first) } else { among.join(", ") });
        rows.push(row);
    }
    let mut columns = vec!["layers".to_owned(), "published".to_owned()];
    columns.extend(conditions.iter().map(|at| {
        let mode = if at.mode == Mode::Train { "batch statistics" } else { "running statistics" };
        format!("{} examples, {mode}", at.examples)
    }));
    columns.push("published mean among our seeds at steps".to_owned());
    let chance = |n: usize| format_value(absolute_correlation_by_chance(n) / 2.0, 2);
    let mut by_chance: Vec<String> =
        conditions.iter().map(|at| format!("{} for {} examples", chance(at.examples), at.examples)).collect();
    by_chance.dedup();
    Ok((!rows.is_empty()).then(|| SummaryTable {
        title: "Published mean correlations beside ours".to_owned(),
        caption: format!(
            "Mean of max(0, r) over all pairs of units, each unit with itself among them, under the published loss (two \
             softmaxes): mean over {} at step {}, the smallest and largest in brackets. Published: {}. By chance, \
             independent units have {}. The published step, size of batch and mode of batch normalisation are not known, \
             so the last column says at which of our steps the published mean lies within the scatter of our seeds (first \
             condition), or on which side of all of them it lies.",
            if alike.len() == 1 { "1 seed".to_owned() } else { format!("{} seeds", alike.len()) },
            first.steps.last().copied().unwrap_or(0),
            published.source,
            by_chance.join(", ")
        ),
        columns,
        rows,
    }))
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}

fn range(values: &[f64]) -> String {
    let (low, high) = ends(values);
    match values.len() {
        0 => "not measured".to_owned(),
        1 => format!("{low:.4}"),
        n => format!("{:.4} [{low:.4}, {high:.4}]", values.iter().sum::<f64>() / n as f64),
    }
}

/// Where a published mean lies that is among the seeds at no recorded step.
fn between(value: f64, at: &dyn Fn(usize, usize) -> Vec<f64>, run: &RunMeans) -> String {
    let sides: Vec<(u64, bool)> = run
        .steps
        .iter()
        .enumerate()
        .map(|(step, name)| {
            let values = at(0, step);
            (*name, value > values.iter().sum::<f64>() / values.len().max(1) as f64)
        })
        .collect();
    let passed = sides.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    let passed: Vec<String> = passed.map(|pair| format!("{} and {}", pair[0].0, pair[1].0)).collect();
    match sides.iter().all(|(_, above)| *above) {
        _ if !passed.is_empty() => format!("passed between {}", passed.join(", ")),
        true => "none: above ours at all".to_owned(),
        false => "none: below ours at all".to_owned(),
    }
}
