//! The table of all evidence: one row a finding, each number beside its null.

use std::collections::BTreeSet;

use kymograph_findings::{Finding, Null, adjusted_p};
use serde::Serialize;

use super::Page;
use super::view::{null_words, null_words_adjusted};
use crate::number::{format_interval, format_value, grouped};

/// Rows above which a browser becomes slow; the rest stands in `findings.json`.
pub(super) const MOST_ROWS: usize = 3000;

#[derive(Serialize)]
pub(super) struct EvidenceRow {
    /// Number of the row in `findings.json`, from 0.
    index: usize,
    run: String,
    measure: String,
    options: String,
    array: String,
    steps: String,
    value: String,
    /// The value with all its digits; empty when there is none.
    exact: String,
    interval: String,
    null: String,
    more_nulls: Vec<String>,
    ceiling: String,
    n: String,
    notes: String,
    version: u32,
    /// Names of the further results that `findings.json` holds, with how many numbers each.
    parts: String,
    /// The command that takes this value again; empty when there is none.
    command: String,
}

/// A page's findings with what only all of them together tell.
pub(super) struct Evidence<'a> {
    pub(super) page: &'a Page,
    adjusted: Vec<Option<f64>>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(page: &'a Page) -> Self {
        Self { page, adjusted: adjusted_p(&page.findings) }
    }
}

/// A finding as a row of text.
pub(super) fn row(evidence: &Evidence<'_>, index: usize, finding: &Finding) -> EvidenceRow {
    let page = evidence.page;
    let adjusted = evidence.adjusted.get(index).copied().flatten();
    let options: Vec<String> = finding.options.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let parts: Vec<String> =
        finding.parts.iter().map(|(name, values)| format!("{} ({})", name.replace('_', " "), values.len())).collect();
    let steps: Vec<String> = finding.steps.iter().map(|s| grouped(*s)).collect();
    let array = match &finding.other_array {
        Some(other) => format!("{} · {other}", finding.array),
        None => finding.array.clone(),
    };
    EvidenceRow {
        index,
        run: finding.run.to_string(),
        measure: finding.measure.clone(),
        options: options.join(", "),
        array,
        steps: steps.join(" → "),
        value: finding.value.map_or_else(|| "not measured".into(), |v| format_value(v, 4)),
        exact: finding.value.map(|v| v.to_string()).unwrap_or_default(),
        interval: finding.interval.map(|i| format_interval(i, 3)).unwrap_or_default(),
        null: finding.null().map(|null| null_words_adjusted(null, adjusted)).unwrap_or_default(),
        more_nulls: finding.nulls.iter().skip(1).map(null_words).collect(),
        ceiling: finding.ceiling.as_ref().map(|c: &Null| null_words(c)).unwrap_or_default(),
        n: finding.n.map(|n| grouped(n as u64)).unwrap_or_default(),
        notes: finding.notes.join("; "),
        version: finding.version,
        parts: parts.join(", "),
        command: page.commands.get(&index).cloned().unwrap_or_default(),
    }
}

/// The rows shown, in the findings' order: those that predictions rest on always, then the others up to the limit.
pub(super) fn rows(evidence: &Evidence<'_>, limit: usize) -> Vec<EvidenceRow> {
    let page = evidence.page;
    let cited: BTreeSet<usize> =
        page.verdicts.iter().flat_map(|v| &v.predictions).flat_map(|p| p.rows.iter().copied()).collect();
    let mut chosen: BTreeSet<usize> = cited.iter().copied().filter(|i| *i < page.findings.len()).take(limit).collect();
    for index in 0..page.findings.len() {
        if chosen.len() >= limit {
            break;
        }
        chosen.insert(index);
    }
    chosen.into_iter().map(|i| row(evidence, i, &page.findings[i])).collect()
}
