//! The report page of networks that compose group elements.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Verdict};
use kymograph_report::{Page, PageKind};
use kymograph_runs::Table;

use super::super::sections;
use super::numbers::Numbers;
use super::subject::Composer;
use super::{Report, curves, pictures, tables};
use crate::error::KymographError;

pub(super) fn build(
    report: &Report<'_>,
    composers: &[Composer],
    numbers: &[Numbers],
    findings: &[Finding],
    verdicts: &[Verdict],
    step_names: &BTreeMap<String, u64>,
) -> Result<Page, KymographError> {
    let mut sections = vec![sections::judged(verdicts, findings)];
    let histories: Vec<Table> = composers.iter().zip(numbers).map(|(c, n)| n.table(c)).collect();
    let mut networks: Vec<&str> = composers.iter().map(|c| c.key.network.as_str()).collect();
    networks.dedup();
    for network in networks {
        let of: Vec<usize> = (0..composers.len()).filter(|&i| composers[i].key.network == network).collect();
        let runs: Vec<curves::History<'_>> = of
            .iter()
            .map(|&i| {
                (composers[i].key.seed.map_or_else(|| network.to_owned(), |s| format!("seed {s}")), &histories[i])
            })
            .collect();
        let Some(&first) = of.first() else {
            continue;
        };
        let names: Vec<String> = numbers[first].irreps.iter().map(|irrep| irrep.name.clone()).collect();
        sections.push(curves::section(network, &runs, &names));
        sections.push(pictures::over_runs(network, findings, &names));
        sections.push(pictures::section(&composers[first], &numbers[first])?);
    }
    sections.retain(|section| !section.figures.is_empty());
    Ok(Page {
        title: report.title.clone(),
        subtitle: report.question.clone(),
        kind: if report.own { PageKind::Study } else { PageKind::Analysis },
        verdicts: verdicts.to_vec(),
        findings: findings.to_vec(),
        sections,
        tables: tables::all(report, composers, numbers, findings, step_names),
        facts: facts(report, composers, numbers),
        warnings: warnings(composers, numbers),
        repeat: report.repeat.clone(),
        commands: BTreeMap::new(),
    })
}

fn facts(report: &Report<'_>, composers: &[Composer], numbers: &[Numbers]) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    let manifest = report.experiment.manifest();
    if report.own {
        add("Settings", manifest.settings["study"].to_string());
    }
    for (composer, numbers) in composers.iter().zip(numbers) {
        let group = &composer.group;
        let trained = composer.train.as_ref().map_or_else(
            || "which pairs were trained on is not known, so all count as trained on".to_owned(),
            |train| format!("{} of {} pairs trained on", train.iter().filter(|t| **t).count(), train.len()),
        );
        let key = if composer.fixed_key.is_empty() { "by final trace similarity" } else { "fixed beforehand" };
        add(
            &composer.key.to_string(),
            format!(
                "{}, {} elements; {trained}; {} checkpoints; key representations ({key}): {}",
                group.name(),
                group.order(),
                composer.checkpoints.len(),
                if numbers.key.is_empty() { "none".to_owned() } else { numbers.key.join(", ") }
            ),
        );
    }
    add("Draws of drawn nulls", report.plan.draws.to_string());
    if let Some(hash) = &manifest.predictions_hash {
        add("SHA-256 of the predictions", hash.clone());
    }
    add("Measured by", kymograph_runs::software());
    facts
}

fn warnings(composers: &[Composer], numbers: &[Numbers]) -> Vec<String> {
    let mut warnings = Vec::new();
    if let [one] = composers {
        warnings.push(format!("{}: one run. Nothing here says how much another seed would differ.", one.key));
    }
    for (composer, numbers) in composers.iter().zip(numbers) {
        let accuracy = numbers.last().and_then(|c| c.get("test_acc")).copied();
        if let Some(accuracy) = accuracy.filter(|a| *a < 0.99) {
            warnings.push(format!(
                "{}: test accuracy {accuracy:.4} at the last step. It has not generalised, and what stands here of it is not \
                 about how composition is done.",
                composer.key
            ));
        }
        if composer.fixed_key.is_empty() && !numbers.key.is_empty() {
            warnings.push(format!(
                "{}: its key representations were chosen on the network that they then explain.",
                composer.key
            ));
        }
    }
    warnings
}
