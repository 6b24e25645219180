//! Short tables: the notebook's numbers beside ours, errors beside their nulls, figures by sparsity.

use std::collections::BTreeMap;

use kymograph_findings::Finding;
use kymograph_linalg::statistics::{mean, standard_deviation};
use kymograph_measures::superposition::{Shapes, arrangement};
use kymograph_report::{SummaryTable, format_interval, format_value};
use kymograph_studies::superposition::Squeeze;

use super::page::Report;
use super::recorded::FOLLOWED;
use super::{WHOLE, toy_rows};

pub(super) fn all(report: &Report<'_>) -> Vec<SummaryTable> {
    let mut tables = vec![published(report), errors(report), arrangements(report), diagrams(report)];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(title: &str, caption: &str, columns: &[&str], rows: Vec<Vec<String>>) -> SummaryTable {
    let columns = columns.iter().map(|c| (*c).to_owned()).collect();
    SummaryTable { title: title.to_owned(), caption: caption.to_owned(), columns, rows }
}

fn ends(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(*v), high.max(*v)])
}

fn values<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<f64> {
    findings.filter_map(|f| f.value).collect()
}

/// The notebook's output beside the scatter of our seeds.
fn published(report: &Report<'_>) -> SummaryTable {
    let names = report.recorded.step_names();
    let mut rows = Vec::new();
    for (network, measure, what) in [
        ("classifier", "accuracy", "accuracy of the classifier"),
        ("autoencoder", "loss_of_last_minibatch", "loss of the autoencoder's last minibatch"),
    ] {
        let mut by_epoch: BTreeMap<u64, Vec<&Finding>> = BTreeMap::new();
        for finding in report.of(network, measure, None).filter(|f| f.array == WHOLE) {
            by_epoch.entry(finding.steps[0]).or_default().push(finding);
        }
        for (epoch, findings) in by_epoch {
            let Some(published) = report.published.value(findings[0], &names) else { continue };
            let ours = values(findings.into_iter());
            let (Ok(centre), [low, high]) = (mean(&ours), ends(&ours)) else { continue };
            let deviation = standard_deviation(&ours).unwrap_or(0.0);
            rows.push(vec![
                what.to_owned(),
                epoch.to_string(),
                format_value(published, 4),
                format_value(centre, 4),
                format_value(deviation, 2),
                format_interval([low, high], 4),
                if (low..=high).contains(&published) { "inside" } else { "outside" }.to_owned(),
            ]);
        }
    }
    table(
        "The notebook's printed numbers beside ours",
        "Published: one run without a seed, on MNIST's 60,000 training images and 10,000 test images. Ours: mean, standard \
         deviation and range over seeds. What should agree is the range.",
        &["number", "epoch", "published", "mean", "deviation", "smallest and largest", "published value lies"],
        rows,
    )
}

/// Reconstruction errors on held-out images beside what simpler things leave.
fn errors(report: &Report<'_>) -> SummaryTable {
    let Some(last) = report.last_epoch() else { return SummaryTable::default() };
    let mut rows = Vec::new();
    let mut add = |what: &str, found: Vec<f64>, constant: f64| {
        if let Ok(centre) = mean(&found) {
            let share = if constant > 0.0 { format_value(1.0 - centre / constant, 3) } else { String::new() };
            rows.push(vec![
                what.to_owned(),
                format_value(centre, 4),
                format_interval(ends(&found), 4),
                share,
                found.len().to_string(),
            ]);
        }
    };
    let network = Squeeze::Untied.network();
    let of =
        |network: &str, array: &str| values(report.of(network, "test_error", Some(last)).filter(|f| f.array == array));
    let constant = mean(&of(network, "mean")).unwrap_or(0.0);
    for (what, network, array) in [
        ("autoencoder, as published", Squeeze::Untied.network(), WHOLE),
        ("autoencoder, tied", Squeeze::Tied.network(), WHOLE),
        ("autoencoder, linear", Squeeze::Linear.network(), WHOLE),
        ("two principal components", network, "pca"),
        ("predict the mean", network, "mean"),
    ] {
        add(what, of(network, array), constant);
    }
    let untrained: Vec<f64> = report
        .of(network, "test_error", Some(last))
        .filter(|f| f.array == WHOLE)
        .filter_map(|f| f.nulls.iter().find(|null| null.kind == "untrained").map(|null| null.mean))
        .collect();
    add("untrained autoencoder (training images)", untrained, constant);
    table(
        "What two numbers keep of 49 units",
        "Mean squared error on held-out images after the last epoch; R² against predicting the training mean.",
        &["what", "mean error", "smallest and largest", "R²", "seeds"],
        rows,
    )
}

/// How often each arrangement is found, by sparsity.
fn arrangements(report: &Report<'_>) -> SummaryTable {
    let mut counts: BTreeMap<usize, (String, BTreeMap<String, usize>)> = BTreeMap::new();
    for toy in report.recorded.toys.iter().filter(|toy| toy.key.network == FOLLOWED) {
        let Some((_, all)) = toy.last() else { continue };
        for (number, (cell, w)) in toy.cells.iter().zip(all).enumerate() {
            let Ok(components) = arrangement(w.view()) else { continue };
            let entry = counts.entry(number).or_insert_with(|| (cell.name.clone(), BTreeMap::new()));
            *entry.1.entry(Shapes::of(&components).to_string()).or_insert(0) += 1;
        }
    }
    let rows = counts.into_values().map(|(cell, found)| {
        let mut found: Vec<(String, usize)> = found.into_iter().collect();
        found.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), name.clone()));
        let text: Vec<String> = found.into_iter().map(|(name, count)| format!("{name}: {count}")).collect();
        vec![cell, text.join("; ")]
    });
    table(
        "Which figures five features form in two dimensions",
        "Runs in which the represented features form each arrangement after the last step, by the probability with which a \
         feature is active.",
        &["probability", "arrangements: runs"],
        rows.collect(),
    )
}

fn diagrams(report: &Report<'_>) -> SummaryTable {
    let mut rows = Vec::new();
    for network in ["phase_2_1", "phase_3_2"] {
        let found: Vec<&Finding> = report.of(network, "agreement_with_cheapest_solution", None).collect();
        let agreement = values(found.iter().copied());
        let (Ok(centre), Some(first)) = (mean(&agreement), found.first()) else { continue };
        let phases = first.parts.get("phase").cloned().unwrap_or_default();
        let share = |code: f64| {
            let here = phases.iter().filter(|phase| **phase == code).count();
            format_value(here as f64 / phases.len().max(1) as f64, 2)
        };
        rows.push(vec![
            network.to_owned(),
            phases.len().to_string(),
            share(toy_rows::DROPPED),
            share(toy_rows::ALONE),
            share(toy_rows::SHARED),
            format_value(centre, 3),
            format_interval(ends(&agreement), 3),
            first.null().map(|null| format_value(null.mean, 2)).unwrap_or_default(),
        ]);
    }
    table(
        "Phase diagrams",
        "Shares of cells in which the extra feature is dropped, replaces another one, or shares a dimension, in the first run; \
         and the share of cells in the phase of the cheapest of three hand-made solutions, beside cells in random order.",
        &["sweep", "cells", "dropped", "alone", "shared", "agreement", "smallest and largest", "random order"],
        rows,
    )
}
