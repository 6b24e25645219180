//! What detectors say of whole trajectories, in tables: levels or a curve, and where the level jumps.

use kymograph_findings::Finding;
use kymograph_report::{SummaryTable, format_value, grouped};

use super::beside::cell;

/// The findings of some measures that differ in their seed alone, in the findings' order.
fn over_seeds<'a>(findings: &'a [Finding], measures: &[&str]) -> Vec<Vec<&'a Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings.iter().filter(|f| measures.contains(&f.measure.as_str())) {
        let same = |g: &&mut Vec<&Finding>| {
            let first = g[0];
            first.measure == finding.measure
                && first.run.network == finding.run.network
                && first.array == finding.array
                && first.other_array == finding.other_array
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// The null's mean over seeds.
fn null(group: &[&Finding], kind: &str) -> String {
    let one = |f: &&Finding| f.nulls.iter().find(|n| n.kind == kind).map(|n| n.mean);
    cell(group.iter().filter_map(one).collect())
}

/// The values' smallest and largest, where several seeds were run.
fn range(group: &[&Finding]) -> String {
    let values: Vec<f64> = group.iter().filter_map(|f| f.value).collect();
    let end = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).map(|v| format_value(v, 3));
    match (end(f64::min), end(f64::max)) {
        (Some(low), Some(high)) if values.len() > 1 => format!("{low} to {high}"),
        _ => String::new(),
    }
}

/// The comparison of levels with a smooth curve on every trajectory.
pub(super) fn levels(findings: &[Finding]) -> Option<SummaryTable> {
    let row = |group: &Vec<&Finding>| {
        let first = group[0];
        vec![
            first.run.network.clone(),
            first.array.clone(),
            first.other_array.clone().unwrap_or_default(),
            first.n.map(|n| n.to_string()).unwrap_or_default(),
            cell(group.iter().filter_map(|f| f.value).collect()),
            range(group),
            cell(group.iter().filter_map(|f| f.parts.get("misfit")?.first().copied()).collect()),
            null(group, "permuted_steps"),
            null(group, "smooth_interpolation"),
        ]
    };
    let rows: Vec<Vec<String>> = over_seeds(findings, &["phase_comparison"]).iter().map(row).collect();
    let heads = [
        "network",
        "array",
        "trajectory",
        "steps",
        "BIC difference",
        "over seeds",
        "misfit",
        "steps permuted",
        "smooth way",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Levels or a smooth curve".to_owned(),
        caption: "Difference of Schwarz' criterion between one smooth monotone curve and levels with jumps between them, over \
                  the recorded steps as they are spaced, mean over seeds: above 6 strong evidence for levels, below −6 for a \
                  curve. A misfit far above 1 says that neither tells the trajectory well. Nulls: the same values in random \
                  order, and a smooth way between the same ends with the trajectory's own noise."
            .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

/// Where each detector says that the level of a trajectory or of the loss jumps.
pub(super) fn change_points(findings: &[Finding]) -> Option<SummaryTable> {
    let row = |group: &Vec<&Finding>| {
        let first = group[0];
        let steps = |f: &&Finding| {
            let steps = f.parts.get("position_steps").filter(|steps| !steps.is_empty())?;
            let steps: Vec<String> = steps.iter().map(|step| grouped(*step as u64)).collect();
            let seed = f.run.seed.map(|seed| format!("seed {seed}: ")).unwrap_or_default();
            Some(format!("{seed}{}", steps.join(", ")))
        };
        vec![
            first.measure.replace('_', " "),
            first.run.network.clone(),
            first.array.clone(),
            first.other_array.clone().unwrap_or_else(|| "as recorded".to_owned()),
            first.n.map(|n| n.to_string()).unwrap_or_default(),
            cell(group.iter().filter_map(|f| f.value).collect()),
            range(group),
            group.iter().filter_map(steps).collect::<Vec<_>>().join("; "),
            null(group, "permuted_steps"),
            null(group, "smooth_interpolation"),
        ]
    };
    let groups = over_seeds(findings, &["pelt_change_points", "rolling_z_score_jumps"]);
    let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
    let heads = [
        "detector",
        "network",
        "array",
        "trajectory",
        "steps",
        "change points",
        "over seeds",
        "first step of each new level",
        "steps permuted",
        "smooth way",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Change points".to_owned(),
        caption: "How often the level of a series jumps, mean over seeds, and where. With their defaults both detectors find at most two jumps in \
                  1,000 steps of noise, ramps and saturating curves. Nulls: the same values in random order, and a smooth way \
                  between the same ends with the series' own noise. A trajectory of a dozen steps can hold few jumps, and a \
                  fall that takes few steps counts as one."
            .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}
