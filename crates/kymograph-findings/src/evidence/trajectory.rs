//! Measures of trajectories: rows made of rows, each the values of one measure on one array over a run's steps, or of a
//! series that the run recorded.

use std::collections::BTreeMap;

use kymograph_linalg::random::{permutation, stream_at};
use kymograph_linalg::statistics::quantile;
use kymograph_measures::{self as measures, Array, Measure, Options};
use ndarray::Array1;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Subject, nulls};
use crate::finding::{Finding, RunKey};
use crate::plan::{Plan, PlannedTrajectory, StepRule, TrajectoryNull};

/// The option that tells rows on different trajectories apart.
pub(crate) const SERIES_OPTION: &str = "series";

/// The rows of the plan's trajectories, made from those of its measures and from what the runs recorded.
pub(super) fn rows(plan: &Plan, findings: &[Finding], subjects: &[Subject]) -> Vec<Finding> {
    let all = |planned: &PlannedTrajectory| match (&planned.of, planned.steps) {
        (Some(of), Some(rule)) => series_of(planned, of, rule, findings),
        _ => recorded(planned, subjects),
    };
    let jobs: Vec<(&PlannedTrajectory, Series)> =
        plan.trajectories.iter().flat_map(|p| all(p).into_iter().map(move |s| (p, s))).collect();
    jobs.par_iter().map(|(planned, series)| row(planned, series)).collect()
}

/// The values of one measure on one array of one run, by the step that moves.
struct Series {
    run: RunKey,
    array: String,
    values: BTreeMap<u64, Option<f64>>,
    ends: [u64; 2],
}

/// The recorded series of the main runs; a value that is not finite is one that is missing.
fn recorded(planned: &PlannedTrajectory, subjects: &[Subject]) -> Vec<Series> {
    let (networks, arrays) = (planned.network_globs(), planned.array_globs());
    let main = subjects.iter().filter(|s| s.key.control.is_none() && networks.is_match(&s.key.network));
    let of_run = |subject: &Subject| {
        let named = subject.series.iter().filter(|(name, _)| arrays.is_match(name));
        let series = named.filter_map(|(name, values)| {
            let ends = [*values.first_key_value()?.0, *values.last_key_value()?.0];
            let values = values.iter().map(|(step, value)| (*step, Some(*value).filter(|v| v.is_finite()))).collect();
            Some(Series { run: subject.key.clone(), array: name.clone(), values, ends })
        });
        series.collect::<Vec<_>>()
    };
    main.flat_map(of_run).collect()
}

fn series_of(planned: &PlannedTrajectory, of: &str, rule: StepRule, findings: &[Finding]) -> Vec<Series> {
    let (networks, arrays) = (planned.network_globs(), planned.array_globs());
    let mut groups: Vec<(&Finding, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        let fits = finding.measure == of
            && finding.run.control.is_none()
            && finding.other_layer().is_none()
            && finding.steps.len() == 1 + usize::from(planned.pairs())
            && networks.is_match(&finding.run.network)
            && arrays.is_match(&finding.array);
        if !fits {
            continue;
        }
        // An option that follows from the steps, such as the interval of a speed, does not make another series.
        let same = |first: &Finding| first.run == finding.run && first.array == finding.array;
        match groups.iter_mut().find(|(first, _)| same(first)) {
            Some((_, rows)) => rows.push(finding),
            None => groups.push((finding, vec![finding])),
        }
    }
    groups.into_iter().filter_map(|(first, rows)| series(rule, first, &rows)).collect()
}

fn series(rule: StepRule, first: &Finding, rows: &[&Finding]) -> Option<Series> {
    let mut steps: Vec<u64> = rows.iter().flat_map(|row| row.steps.iter().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let ends = [*steps.first()?, *steps.last()?];
    let mut values = BTreeMap::new();
    for row in rows {
        let moving = match (rule, row.steps.as_slice()) {
            (StepRule::Each, [step]) => Some(*step),
            (StepRule::FromFirst, [from, step]) if *from == ends[0] => Some(*step),
            (StepRule::ToLast, [step, to]) if *to == ends[1] => Some(*step),
            (StepRule::Consecutive, [from, step])
                if steps.iter().position(|s| s == from).map(|at| at + 1) == steps.iter().position(|s| s == step) =>
            {
                Some(*step)
            }
            _ => None,
        };
        if let Some(step) = moving {
            values.entry(step).or_insert(row.value);
        }
    }
    Some(Series { run: first.run.clone(), array: first.array.clone(), values, ends })
}

fn row(planned: &PlannedTrajectory, series: &Series) -> Finding {
    let measure = measures::find(&planned.name).expect("plans are checked against the registry when they are read");
    let options = planned.parsed_options(measure).expect("options are checked when the plan is read");
    let mut finding = Finding {
        measure: measure.name.to_owned(),
        options: options.to_text(),
        run: series.run.clone(),
        array: series.array.clone(),
        other_array: planned.of.is_some().then(|| planned.series()),
        steps: series.ends.to_vec(),
        value: None,
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(series.values.len()),
        notes: Vec::new(),
        version: measure.version,
    };
    finding.options.insert(SERIES_OPTION.to_owned(), planned.series());
    if let Err(note) = fill(&mut finding, planned, series, measure, &options) {
        finding.notes.push(note);
    }
    finding
}

fn fill(
    finding: &mut Finding,
    planned: &PlannedTrajectory,
    series: &Series,
    measure: &Measure,
    options: &Options,
) -> Result<(), String> {
    let missing = series.values.iter().find(|(_, value)| value.is_none());
    if let Some((step, _)) = missing {
        let of = planned.of.as_deref().unwrap_or(&series.array);
        return Err(format!("not measured: {of} was not measured at step {step}"));
    }
    let values: Vec<f64> = series.values.values().copied().flatten().collect();
    let apply = |values: &[f64]| {
        let array = Array1::from(values.to_vec()).into_dyn();
        measure.apply(&[Array::F64(array.view())], options)
    };
    let reading = apply(&values).map_err(|e| format!("not measured: {e}"))?;
    finding.value = Some(reading.value);
    finding.notes.extend(reading.notes);
    finding.parts.extend(reading.parts.into_iter().map(|part| (part.name.to_owned(), part.values)));
    let steps: Vec<f64> = series.values.keys().map(|step| *step as f64).collect();
    if let Some(positions) = finding.parts.get("positions") {
        let at = positions.iter().filter_map(|position| steps.get(*position as usize).copied()).collect();
        finding.parts.insert("position_steps".to_owned(), at);
    }
    // What was recorded stands in the run already, and may have a value for every step.
    if planned.of.is_some() {
        finding.parts.insert("series".to_owned(), values.clone());
        finding.parts.insert("series_steps".to_owned(), steps);
    }
    let seed = seed_of(planned, series, &values);
    for null in &planned.nulls {
        let draws: Result<Vec<f64>, String> = (0..planned.draws)
            .map(|draw| {
                let mut rng = stream_at(seed, null.name(), draw as u64);
                apply(&drawn(*null, &values, &mut rng)).map(|r| r.value).map_err(|e| e.to_string())
            })
            .collect();
        match draws.and_then(|draws| {
            nulls::summarise(null.name().to_owned(), &draws, reading.value).map_err(|e| e.to_string())
        }) {
            Ok(null) => finding.nulls.push(null),
            Err(reason) => finding.notes.push(format!("null `{}` not measured: {reason}", null.name())),
        }
    }
    Ok(())
}

/// Draws derive from what the row depends on, as those of other rows do.
fn seed_of(planned: &PlannedTrajectory, series: &Series, values: &[f64]) -> u64 {
    let mut hash = Sha256::new();
    for text in [&planned.name, &planned.series(), &series.run.to_string(), &series.array] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    values.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
    hash.finalize().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

fn drawn(null: TrajectoryNull, values: &[f64], rng: &mut impl Rng) -> Vec<f64> {
    match null {
        TrajectoryNull::PermutedSteps => permutation(rng, values.len()).into_iter().map(|at| values[at]).collect(),
        TrajectoryNull::SmoothInterpolation => {
            let (first, last) = (values[0], values[values.len() - 1]);
            let noise = noise(values);
            let end = (values.len() - 1).max(1) as f64;
            let share = |at: usize| (1.0 - (-3.0 * at as f64 / end).exp()) / (1.0 - (-3.0_f64).exp());
            (0..values.len())
                .map(|at| {
                    let z: f64 = StandardNormal.sample(rng);
                    first + (last - first) * share(at) + noise * z
                })
                .collect()
        }
    }
}

/// The deviation of independent noise, from second differences, whose variance is six times that of the noise: a curve
/// adds little to them. Their median is taken, so that a jump adds little as well (von Neumann 1941; Rousseeuw and Croux
/// 1993 for the factor of the median).
fn noise(values: &[f64]) -> f64 {
    let second: Vec<f64> = values.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).collect();
    quantile(&second, 0.5).map_or(0.0, |median| 1.4826 * median / 6.0_f64.sqrt())
}
