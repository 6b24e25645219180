//! One row of evidence: the measure's value, a bootstrap interval over its units, and its nulls.

use kymograph_linalg::random::stream_at;
use kymograph_linalg::statistics::bootstrap_interval;
use kymograph_measures::{Measure, Options};
use ndarray::Array1;
use sha2::{Digest, Sha256};

use super::arrays::{BySteps, Column, wants_labels};
use super::nulls::{self, Inputs, Observed};
use super::{Job, measure_of};
use crate::finding::{Finding, LABELS, RunKey};
use crate::plan::{NullKind, On, PlannedMeasure};

/// Bumped when the way rows, intervals or nulls are computed changes.
const ROW_VERSION: u32 = 4;
const RESAMPLES: usize = 1000;

/// SHA-256 over everything the row depends on, in hexadecimal.
pub(super) fn content_key(planned: &PlannedMeasure, job: &Job, column: &Column<'_>) -> String {
    let measure = measure_of(planned);
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&ROW_VERSION.to_string());
    add(measure.name);
    add(&measure.version.to_string());
    for (key, value) in options_of(planned, measure, &job.steps).map(|o| o.to_text()).unwrap_or_default() {
        add(&key);
        add(&value);
    }
    for null in planned.nulls.iter().chain(&planned.ceiling) {
        add(&null.name());
    }
    add(&planned.draws.to_string());
    add(&job.array);
    for step in &job.steps {
        add(&step.to_string());
        add(column.steps.get(step).map_or("", |s| &s.content));
    }
    if let Some(other) = &job.other {
        add("and");
        add(other);
        for step in &job.steps {
            add(column.other_layer(other, *step).map_or("", |s| &s.content));
        }
    }
    if planned.nulls.contains(&NullKind::Untrained) {
        for source in &column.untrained {
            add(&source.content);
        }
    }
    let mut add_run = |run: &BySteps| {
        for step in &job.steps {
            add(run.get(step).map_or("", |s| &s.content));
        }
    };
    if planned.nulls.contains(&NullKind::OtherSeed) {
        column.sisters.iter().for_each(&mut add_run);
    }
    for name in planned.controls_beside() {
        for (_, run) in column.controls.get(name).into_iter().flatten() {
            add_run(run);
        }
    }
    if wants_labels(planned) {
        for label in column.labels.unwrap_or_default() {
            add(&label.to_string());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn compute(planned: &PlannedMeasure, job: &Job, column: &Column<'_>, key: &str) -> Finding {
    let measure = measure_of(planned);
    let mut finding = Finding {
        measure: measure.name.to_owned(),
        options: options_of(planned, measure, &job.steps).map(|o| o.to_text()).unwrap_or_default(),
        run: RunKey { network: String::new(), seed: None, control: None },
        array: String::new(),
        other_array: job.other.clone().or_else(|| wants_labels(planned).then(|| LABELS.to_owned())),
        steps: job.steps.clone(),
        value: None,
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: Default::default(),
        n: None,
        notes: Vec::new(),
        version: measure.version,
    };
    finding.options.extend(planned.rows.map(|rows| ("rows".to_owned(), rows.name())));
    finding.options.extend(planned.hard_code.then(|| ("hard_code".to_owned(), "true".to_owned())));
    match fill(&mut finding, planned, measure, job, column, key) {
        Ok(()) => {}
        Err(note) => finding.notes.push(note),
    }
    finding
}

fn fill(
    finding: &mut Finding,
    planned: &PlannedMeasure,
    measure: &'static Measure,
    job: &Job,
    column: &Column<'_>,
    key: &str,
) -> Result<(), String> {
    if let Some(missing) = &job.missing {
        return Err(format!("not measured: {missing}"));
    }
    let options = options_of(planned, measure, &job.steps)?;
    let find = |step: &u64| column.steps.get(step).ok_or_else(|| format!("not measured: no array at step {step}"));
    let mut arrays = job.steps.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if let Some(other) = &job.other {
        let layer = |step: &u64| {
            column.other_layer(other, *step).ok_or_else(|| format!("not measured: no array {other} at step {step}"))
        };
        arrays.extend(job.steps.iter().map(layer).collect::<Result<Vec<_>, _>>()?);
    }
    let labels = match (wants_labels(planned), column.row_labels.as_deref().or(column.labels)) {
        (false, _) => None,
        (true, Some(labels)) => Some(Array1::from(labels.to_vec())),
        (true, None) => return Err("not measured: the probe has no labels".to_owned()),
    };
    let inputs = Inputs { arrays, labels, steps: &job.steps };
    finding.n = inputs.arrays.first().map(|s| s.matrix.rows());
    let reading = measure.apply(&inputs.views(measure), &options).map_err(|e| format!("not measured: {e}"))?;
    finding.value = Some(reading.value);
    finding.notes.extend(reading.notes);
    let seed = u64::from_str_radix(&key[..16], 16).unwrap_or_default();
    // Rows are what could have been others: units of a weight, examples of a representation.
    let resampled = if column.on == On::Activations { "per_row" } else { "per_unit" };
    for part in reading.parts {
        if part.name == resampled && part.values.len() > 1 {
            let mut rng = stream_at(seed, "bootstrap", 0);
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            match bootstrap_interval(&part.values, mean, RESAMPLES, 0.95, &mut rng) {
                Ok(interval) => finding.interval = Some([interval.low, interval.high]),
                Err(e) => finding.notes.push(format!("no interval: {e}")),
            }
        }
        finding.parts.insert(part.name.to_owned(), part.values);
    }
    let observed = Observed { measure, options: &options, inputs: &inputs, column, value: reading.value, seed };
    for kind in &planned.nulls {
        match nulls::draw(kind, planned.draws, &observed) {
            Ok(null) => finding.nulls.push(null),
            Err(note) => finding.notes.push(note),
        }
    }
    if let Some(kind) = &planned.ceiling {
        match nulls::ceiling(kind, &job.steps, &observed) {
            Ok(ceiling) => finding.ceiling = Some(ceiling),
            Err(note) => finding.notes.push(note),
        }
    }
    if column.untrained_is_own && !job.steps.contains(&0) && planned.nulls.contains(&NullKind::Untrained) {
        finding.notes.push("null `untrained` is this run's own step 0: there is no other seed".to_owned());
    }
    if column.on == On::Activations && finding.n.is_some() {
        finding.notes.push("on the probe's activations; convolutions as spatial means".to_owned());
    }
    if column.on == On::Folded && finding.n.is_some() {
        finding.notes.push("on the weight times the scale of the batch normalisation behind it".to_owned());
    }
    Ok(())
}

/// The plan's options; a measure per step between two steps learns how far apart they are unless the plan says.
fn options_of(planned: &PlannedMeasure, measure: &Measure, steps: &[u64]) -> Result<Options, String> {
    let mut options = planned.parsed_options(measure).map_err(|e| e.to_string())?;
    let wants_interval =
        measure.options.iter().any(|o| o.name == "interval") && !planned.options.contains_key("interval");
    if let (true, [from, to]) = (wants_interval, steps) {
        options.set("interval", &from.abs_diff(*to).to_string()).map_err(|e| e.to_string())?;
    }
    Ok(options)
}
