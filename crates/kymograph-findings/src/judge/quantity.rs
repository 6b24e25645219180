//! A prediction's quantity, read off the findings: one number a seed, and the rows it rests on.

use std::collections::{BTreeMap, BTreeSet};

use super::predictions::{Quantity, Reduction};
use crate::finding::{Finding, Null};
use crate::plan::{StepName, globs};

/// A run by its network and seed.
type NamedRun = (String, Option<u64>);

/// The quantity's value in each run, with the rows behind it.
#[derive(Clone, Debug, Default)]
pub(super) struct BySeed {
    pub(super) values: BTreeMap<NamedRun, f64>,
    pub(super) rows: Vec<usize>,
}

impl BySeed {
    /// The value to take away from that of a run: the same run's, or that of the one other network with the same seed.
    pub(super) fn partner(&self, across: bool) -> Result<impl Fn(&NamedRun) -> Option<f64>, String> {
        let networks: BTreeSet<&String> = self.values.keys().map(|(network, _)| network).collect();
        if across && networks.len() > 1 {
            return Err(format!("the contrast takes away one network, and {} match", networks.len()));
        }
        let by_seed: BTreeMap<Option<u64>, f64> = match across {
            true => self.values.iter().map(|((_, seed), value)| (*seed, *value)).collect(),
            false => BTreeMap::new(),
        };
        Ok(move |run: &NamedRun| match across {
            true => by_seed.get(&run.1).copied(),
            false => self.values.get(run).copied(),
        })
    }
}

/// Collects a quantity from the main runs, or from those of its control.
pub(super) fn collect(
    quantity: &Quantity,
    findings: &[Finding],
    names: &BTreeMap<String, u64>,
) -> Result<BySeed, String> {
    let mut found = at(quantity, &quantity.steps, findings, names)?;
    let Some(unit_steps) = &quantity.relative_to else {
        return Ok(found);
    };
    let unit = at(quantity, unit_steps, findings, names)?;
    found.values = found
        .values
        .into_iter()
        .filter_map(|(seed, value)| {
            let unit = unit.values.get(&seed).copied().filter(|unit| *unit != 0.0)?;
            Some((seed, value / unit))
        })
        .collect();
    if found.values.is_empty() {
        return Err(format!("{} changes nowhere, so no share of its change can be told", describe(quantity)));
    }
    found.rows.extend(unit.rows.into_iter().filter(|row| !found.rows.contains(row)).collect::<Vec<_>>());
    Ok(found)
}

fn at(
    quantity: &Quantity,
    steps: &[StepName],
    findings: &[Finding],
    names: &BTreeMap<String, u64>,
) -> Result<BySeed, String> {
    let steps: Vec<u64> = steps
        .iter()
        .map(|s| s.resolve(names).ok_or_else(|| format!("no step is named {s:?} here")))
        .collect::<Result<_, _>>()?;
    let glob = globs(std::slice::from_ref(&quantity.arrays))?;
    let other = quantity.other_array.as_ref().map(|other| globs(std::slice::from_ref(other))).transpose()?;
    let fits_arrays = |finding: &Finding| match (&other, finding.other_layer()) {
        (None, None) => glob.is_match(&finding.array),
        (Some(other), Some(layer)) => {
            let (a, b) = (finding.array.as_str(), layer);
            (glob.is_match(a) && other.is_match(b)) || (glob.is_match(b) && other.is_match(a))
        }
        _ => false,
    };
    let networks = globs(std::slice::from_ref(&quantity.network))?;
    let mut values: BTreeMap<(String, Option<u64>), Vec<f64>> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut refusal = None;
    for (index, finding) in findings.iter().enumerate() {
        let fits = finding.measure == quantity.measure
            && networks.is_match(&finding.run.network)
            && finding.run.control == quantity.control
            && finding.steps == steps
            && fits_arrays(finding)
            && quantity.options.iter().all(|(k, v)| finding.options.get(k) == Some(v));
        if !fits {
            continue;
        }
        match finding.value {
            Some(value) => {
                values.entry((finding.run.network.clone(), finding.run.seed)).or_default().push(value);
                rows.push(index);
            }
            None => refusal = finding.notes.first().cloned(),
        }
    }
    if values.is_empty() {
        let what = describe(quantity);
        return Err(refusal.unwrap_or_else(|| format!("the findings have no row for {what}")));
    }
    let values = values.into_iter().map(|(seed, v)| (seed, reduce(&v, quantity.over_arrays))).collect();
    Ok(BySeed { values, rows })
}

fn reduce(values: &[f64], reduction: Reduction) -> f64 {
    match reduction {
        Reduction::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Reduction::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Reduction::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The quantity in words: by the arrays it was read off where there are rows, else by its globs.
pub(super) fn describe_rows(quantity: &Quantity, findings: &[Finding], rows: &[usize]) -> String {
    let mut named = quantity.clone();
    let one = |name: &dyn Fn(&Finding) -> String| {
        let names: BTreeSet<String> = rows.iter().map(|&i| name(&findings[i])).collect();
        (names.len() == 1).then(|| names.into_iter().next()).flatten()
    };
    if let Some(network) = one(&|f| f.run.network.clone()) {
        named.network = network;
    }
    if let Some(array) = one(&|f| f.array.clone()).filter(|_| quantity.other_array.is_none()) {
        named.arrays = array;
    }
    describe(&named)
}

fn describe(quantity: &Quantity) -> String {
    let named = |steps: &[StepName]| {
        let names = steps.iter().map(|s| match s {
            StepName::Number(step) => step.to_string(),
            StepName::Named(name) => name.clone(),
        });
        names.collect::<Vec<_>>().join(" → ")
    };
    let several = |globs: &String| globs.contains(['*', '?', '{', '[']);
    let reduction = match (quantity.over_arrays, several(&quantity.arrays) || quantity.other_array.iter().any(several))
    {
        (_, false) => "",
        (Reduction::Mean, _) => ", mean over arrays",
        (Reduction::Min, _) => ", smallest over arrays",
        (Reduction::Max, _) => ", largest over arrays",
    };
    let share =
        quantity.relative_to.as_ref().map_or_else(String::new, |unit| format!(" as a share of {}", named(unit)));
    let control = quantity.control.as_ref().map_or_else(String::new, |name| format!(" under the control `{name}`"));
    let (network, arrays, measure) = (&quantity.network, &quantity.arrays, quantity.measure.replace('_', " "));
    let other = quantity.other_array.as_ref().map_or_else(String::new, |other| format!(" and {other}"));
    format!("{measure} of {network} {arrays}{other} at {}{share}{reduction}{control}", named(&quantity.steps))
}

/// The main nulls of the rows, averaged: the level a mean over these rows would have if there were nothing to find.
pub(super) fn average_null(findings: &[Finding], rows: &[usize]) -> Option<Null> {
    let nulls: Vec<&Null> = rows.iter().filter_map(|&i| findings[i].null()).collect();
    let first = nulls.first()?;
    if nulls.iter().any(|n| n.kind != first.kind) {
        return None;
    }
    let mean = |f: &dyn Fn(&Null) -> f64| nulls.iter().map(|n| f(n)).sum::<f64>() / nulls.len() as f64;
    Some(Null {
        kind: first.kind.clone(),
        mean: mean(&|n| n.mean),
        interval: [mean(&|n| n.interval[0]), mean(&|n| n.interval[1])],
        n: nulls.iter().map(|n| n.n).sum(),
        p: None,
    })
}

/// The null of a difference of two quantities whose nulls were drawn apart from each other: their means' difference, and
/// the half-widths added as those of independent normal variables.
pub(super) fn difference_null(first: &Null, second: &Null) -> Option<Null> {
    if first.kind != second.kind {
        return None;
    }
    let mean = first.mean - second.mean;
    let below = (first.mean - first.interval[0]).hypot(second.interval[1] - second.mean);
    let above = (first.interval[1] - first.mean).hypot(second.mean - second.interval[0]);
    Some(Null {
        kind: first.kind.clone(),
        mean,
        interval: [mean - below, mean + above],
        n: first.n.min(second.n),
        p: None,
    })
}
