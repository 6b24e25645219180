//! The usual figures, made from findings. Each function returns `None` when no finding fits the selection, so that a
//! page leaves out what was not measured.

mod attention;
mod distributions;
mod filters;
mod layers;
mod maps;
mod over_steps;
mod seeds;
mod training;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use kymograph_findings::Finding;

pub use attention::attention_maps;
pub use distributions::{MarkedValue, parts_histogram};
pub use filters::{filter_frames, filter_grid, filter_images};
pub use layers::layer_maps;
pub use maps::{pair_table, similarity_maps};
pub use over_steps::{PairAxis, curves_over_steps};
pub use training::{Trace, training_curves};
pub use verdicts::verdict_forest;

/// Which findings a figure is drawn from: main runs of one network (never controls), one measure, one set of options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// The network's name.
    pub network: &'a str,
    /// The measure's registry name.
    pub measure: &'a str,
    /// Options that must have these values. Where an array's findings have several sets of options, the set that comes
    /// first is drawn, for a curve must not mix them.
    pub options: &'a [(&'a str, &'a str)],
    /// Names of the arrays wanted, in order; all, in the findings' order, when empty.
    pub arrays: &'a [&'a str],
}

impl<'a> Selection<'a> {
    /// All arrays of one network under one measure.
    #[must_use]
    pub fn new(network: &'a str, measure: &'a str) -> Self {
        Selection { network, measure, ..Selection::default() }
    }

    /// The findings selected.
    pub(crate) fn of<'f>(&self, findings: &'f [Finding]) -> Vec<&'f Finding> {
        let fits = |f: &&Finding| {
            f.measure == self.measure
                && f.run.network == self.network
                && f.run.control.is_none()
                && (self.arrays.is_empty() || self.arrays.contains(&f.array.as_str()))
                && self.options.iter().all(|(k, v)| f.options.get(*k).map(String::as_str) == Some(*v))
        };
        let mut chosen: Vec<&Finding> = findings.iter().filter(fits).collect();
        let mut first: BTreeMap<String, &BTreeMap<String, String>> = BTreeMap::new();
        chosen.retain(|f| *first.entry(array_name(f)).or_insert(&f.options) == &f.options);
        chosen
    }
}

/// The names of the arrays, as the selection orders them or in the findings' order.
pub(crate) fn arrays(selection: &Selection<'_>, findings: &[&Finding]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for finding in findings {
        let name = array_name(finding);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if !selection.arrays.is_empty() {
        names.sort_by_key(|n| selection.arrays.iter().position(|a| n == a || n.starts_with(&format!("{a} · "))));
    }
    names
}

/// What one array is called in figures.
pub(crate) fn array_name(finding: &Finding) -> String {
    match &finding.other_array {
        Some(other) => format!("{} · {other}", finding.array),
        None => finding.array.clone(),
    }
}

/// All steps that occur, ascending.
pub(crate) fn steps(findings: &[&Finding]) -> Vec<u64> {
    findings.iter().flat_map(|f| f.steps.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Number of distinct runs.
pub(crate) fn runs(findings: &[&Finding]) -> usize {
    findings.iter().map(|f| &f.run).collect::<BTreeSet<_>>().len()
}

/// `1 seed`, `3 seeds`.
pub(crate) fn seed_count(n: usize) -> String {
    if n == 1 { "1 seed".into() } else { format!("{n} seeds") }
}

/// A registry name as words: `same_index_cosine` is `same index cosine`.
pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests;
