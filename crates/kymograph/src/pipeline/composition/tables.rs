//! Tables of the report: scores, published numbers beside ours, interventions, neurons, cosets.

use std::collections::BTreeMap;

use kymograph_findings::Finding;
use kymograph_measures::groups::circuit::disagreement;
use kymograph_report::{SummaryTable, format_interval, format_value};

use super::Report;
use super::numbers::Numbers;
use super::subject::Composer;

/// Tables of more published columns than this show the whole network and its key representations only.
const MOST_COLUMNS: usize = 120;

pub(super) fn all(
    report: &Report<'_>,
    composers: &[Composer],
    numbers: &[Numbers],
    findings: &[Finding],
    step_names: &BTreeMap<String, u64>,
) -> Vec<SummaryTable> {
    let mut tables = vec![scores(composers, numbers)];
    tables.extend(published_of_recipe(report, findings, step_names));
    for (composer, numbers) in composers.iter().zip(numbers) {
        tables.extend(published_of_model(composer, numbers));
    }
    tables.push(right_and_wrong(findings));
    tables.extend(of_measures(
        findings,
        "Interventions",
        "Accuracy and loss over all pairs after one mechanism was changed and nothing trained again; mean over runs, with the \
         smallest and largest. Published: Stander et al. (2023), 128 runs on S5.",
        &[("intervention_accuracy", "accuracy"), ("intervention_loss", "loss (nats)")],
        Some(&stander),
    ));
    tables.extend(of_measures(
        findings,
        "Neurons by representation",
        "Neurons at the published thresholds: squared part above 1 before ReLU on both sides, above 100 after it. Mixed \
         neurons hold several representations, unaccounted ones none.",
        &[("neurons_in_cluster", "before ReLU"), ("neurons_in_cluster_after_relu", "after ReLU")],
        None,
    ));
    tables.extend(of_measures(
        findings,
        "Neurons as functions on cosets",
        "For each neuron the subgroup whose cosets its embedding respects best. Alignment: share of its variance between cosets.",
        &[
            ("median_coset_alignment", "median alignment"),
            ("coset_aligned_energy", "energy aligned ≥ .9"),
            ("neurons_concentrated_on_cosets", "neurons with concentration < 1"),
        ],
        None,
    ));
    tables.extend(of_measures(
        findings,
        "Energy by kind of subgroup",
        "Share of the neurons' energy in those aligned by .9 or more with the cosets of a subgroup of this kind.",
        &[("coset_energy_by_subgroup", "share of energy")],
        None,
    ));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// The columns of every checkpoint as comma-separated text, under their published names.
pub(super) fn csv(numbers: &Numbers) -> String {
    let mut names: Vec<&String> = numbers.by_step.values().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let mut text = String::from("step");
    names.iter().for_each(|name| text.push_str(&format!(",{name}")));
    text.push('\n');
    for (step, columns) in &numbers.by_step {
        text.push_str(&step.to_string());
        for name in &names {
            text.push_str(&columns.get(*name).map_or_else(|| ",".to_owned(), |value| format!(",{value}")));
        }
        text.push('\n');
    }
    text
}

fn table(title: &str, caption: &str, columns: &[&str], rows: Vec<Vec<String>>) -> SummaryTable {
    SummaryTable {
        title: title.to_owned(),
        caption: caption.to_owned(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows,
    }
}

fn scores(composers: &[Composer], numbers: &[Numbers]) -> SummaryTable {
    let rows = composers.iter().zip(numbers).map(|(composer, numbers)| {
        let cell = |name: &str| {
            let value = numbers.last().and_then(|columns| columns.get(name));
            value.map_or_else(String::new, |value| format_value(*value, 4))
        };
        vec![
            composer.key.to_string(),
            composer.last().map_or_else(String::new, |(step, _)| step.to_string()),
            cell("train_loss"),
            cell("test_loss"),
            cell("train_acc"),
            cell("test_acc"),
            numbers.key.join(", "),
            cell("percent_logits_explained"),
            cell("percent_hidden_explained"),
        ]
    });
    table(
        "The networks at their last checkpoint",
        "Losses in nats. Logits explained: the sum of squared trace similarities; hidden layer explained: ρ(a), ρ(b) and ρ(ab) of \
         the key representations.",
        &[
            "run",
            "step",
            "train loss",
            "test loss",
            "train accuracy",
            "test accuracy",
            "key representations",
            "logits explained",
            "hidden explained",
        ],
        rows.collect(),
    )
}

/// A model's published summary beside ours, column by column.
fn published_of_model(composer: &Composer, numbers: &Numbers) -> Option<SummaryTable> {
    let ours = numbers.last().filter(|_| !composer.published.is_empty())?;
    let wide = composer.published.len() > MOST_COLUMNS;
    let key = |column: &str| numbers.key.iter().any(|name| column.contains(&format!("_{name}_rep")));
    let transformer =
        ours.get("sum_of_squared_weights").is_some() && composer.published.get("sum_of_squared_weights") == Some(&0.0);
    let wrong = numbers.published_wrong.as_ref();
    let mut rows = Vec::new();
    let (mut agree, mut all) = (0, 0);
    for (column, published) in &composer.published {
        let Some(&value) = wrong.and_then(|wrong| wrong.get(column)).or_else(|| ours.get(column)) else {
            continue;
        };
        let difference = value - published;
        let relative = difference / published.abs().max(f64::MIN_POSITIVE);
        let same = relative.abs() <= 1e-3 || difference.abs() <= 2e-8;
        let reason = disagreement(composer.group.name(), transformer, wrong.is_some(), column);
        all += 1;
        agree += usize::from(same);
        if wide && same && column.ends_with("_rep") && !key(column) {
            continue;
        }
        let remark = match (same, reason) {
            (true, _) => String::new(),
            (false, Some(reason)) => format!("{}; here: {}", reason.reason, reason.instead),
            (false, None) => "differs".to_owned(),
        };
        let mut row =
            vec![column.clone(), format!("{published:.6e}"), format!("{value:.6e}"), format!("{relative:.1e}")];
        if wrong.is_some() {
            row.push(ours.get(column).map_or_else(String::new, |value| format!("{value:.6e}")));
        }
        row.push(remark);
        rows.push(row);
    }
    let mut heads = vec!["column", "published", "ours", "relative difference"];
    if wrong.is_some() {
        heads.push("with right matrices");
    }
    heads.push("remark");
    let caption = format!(
        "{agree} of {all} columns agree within 1e-3, or within 2e-8 for losses near 1e-7. {}{}",
        if wrong.is_some() { "Ours: with the published matrices, which are no representation of A5. " } else { "" },
        if wide { "Columns that agree and belong to no key representation are left out here." } else { "" }
    );
    Some(table(&format!("{}: published summary beside ours", composer.key), caption.trim(), &heads, rows))
}

/// Numbers published for the recipe of these runs, beside ours with their scatter over seeds.
fn published_of_recipe(
    report: &Report<'_>,
    findings: &[Finding],
    step_names: &BTreeMap<String, u64>,
) -> Option<SummaryTable> {
    let mut groups: Vec<(&Finding, f64, Vec<f64>)> = Vec::new();
    for finding in findings {
        let Some(published) = report.published.value(finding, step_names) else {
            continue;
        };
        let value = finding.value.into_iter();
        match groups.iter_mut().find(|(first, ..)| first.measure == finding.measure && first.array == finding.array) {
            Some(group) => group.2.extend(value),
            None => groups.push((finding, published, value.collect())),
        }
    }
    let rows: Vec<Vec<String>> = groups
        .into_iter()
        .filter(|(_, _, values)| !values.is_empty())
        .map(|(finding, published, values)| {
            let (low, high) = ends(&values);
            let inside = (low..=high).contains(&published);
            vec![
                finding.measure.replace('_', " "),
                finding.array.clone(),
                format_value(published, 4),
                format_value(mean(&values), 4),
                format_interval([low, high], 3),
                values.len().to_string(),
                if inside { "inside" } else { "outside" }.to_owned(),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        table(
            "The notebook's cells beside ours",
            &format!(
                "Published: {}. A run of another seed is another network: what should agree is the range over seeds.",
                report.published.source
            ),
            &["quantity", "of", "published", "mean", "smallest and largest", "runs", "published value lies"],
            rows,
        )
    })
}

/// Published mistakes beside what they should have been.
fn right_and_wrong(findings: &[Finding]) -> SummaryTable {
    let mut rows = Vec::new();
    for network in networks(findings) {
        let value = |measure: &str, array: &str| {
            let fits = |f: &&Finding| f.measure == measure && f.array == array && f.run.network == network;
            let values: Vec<f64> = findings.iter().filter(fits).filter_map(|f| f.value).collect();
            if values.is_empty() { String::new() } else { format_value(mean(&values), 4) }
        };
        let root = format!(
            "a ratio of norms with the constant inside, the root of the uncentred R² ({})",
            value("ols_uncentred_r_squared", "network")
        );
        for (quantity, wrong, right, why) in [
            (
                "baseline loss of the ablations",
                value("sign_cube_loss", "sign"),
                value("all_loss", "network"),
                "the logits had been overwritten by the sign character's",
            ),
            (
                "share of the logits' variance that the characters explain",
                value("ols_norm_ratio", "network"),
                value("ols_r_squared", "network"),
                root.as_str(),
            ),
            (
                "unembedding as a map between matrix entries, standard",
                "0".to_owned(),
                value("unembedding_map_cosine", "standard"),
                "compared with a matrix of falsehoods, in a basis left over from sign",
            ),
        ] {
            if !wrong.is_empty() && !right.is_empty() {
                rows.push(vec![network.to_owned(), quantity.to_owned(), wrong, right, why.to_owned()]);
            }
        }
    }
    table(
        "Published definitions beside right ones",
        "Each published cell computed as it was published, on these networks, and as it should be; mean over runs.",
        &["network", "quantity", "as published", "right", "why they differ"],
        rows,
    )
}

/// The networks that findings are about, in their order.
fn networks(findings: &[Finding]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for finding in findings {
        if !names.contains(&finding.run.network.as_str()) {
            names.push(&finding.run.network);
        }
    }
    names
}

type Published = dyn Fn(&str) -> Option<&'static str>;

/// Rows of some measures as a table: a row an array, a column a measure.
fn of_measures(
    findings: &[Finding],
    title: &str,
    caption: &str,
    measures: &[(&str, &str)],
    published: Option<&Published>,
) -> Option<SummaryTable> {
    let mut subjects: Vec<(&str, &str)> = Vec::new();
    for finding in findings.iter().filter(|f| measures.iter().any(|(name, _)| f.measure == *name)) {
        let subject = (finding.run.network.as_str(), finding.array.as_str());
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let several = networks(findings).len() > 1;
    let rows: Vec<Vec<String>> = subjects
        .into_iter()
        .map(|(network, array)| {
            let mut row = vec![if several { format!("{network}: {array}") } else { array.to_owned() }];
            for (measure, _) in measures {
                let fits = |f: &&Finding| f.measure == *measure && f.array == array && f.run.network == network;
                let of: Vec<&Finding> = findings.iter().filter(fits).collect();
                let values: Vec<f64> = of.iter().filter_map(|f| f.value).collect();
                row.push(match values.as_slice() {
                    [] => String::new(),
                    [one] => format_value(*one, 4),
                    _ => {
                        let (low, high) = ends(&values);
                        format!("{} {}", format_value(mean(&values), 4), format_interval([low, high], 3))
                    }
                });
                row.push(of.first().map_or_else(String::new, |f| nulls(f)));
            }
            row.extend(
                published.map(|of| of(array).filter(|_| network.starts_with("S5")).unwrap_or_default().to_owned()),
            );
            row
        })
        .collect();
    let mut columns = vec!["of".to_owned()];
    for (_, head) in measures {
        columns.extend([(*head).to_owned(), "null".to_owned()]);
    }
    columns.extend(published.map(|_| "published accuracy, loss".to_owned()));
    let mut table = SummaryTable { title: title.to_owned(), caption: caption.to_owned(), columns, rows };
    without_empty_columns(&mut table);
    (!table.rows.is_empty()).then_some(table)
}

fn without_empty_columns(table: &mut SummaryTable) {
    for column in (1..table.columns.len()).rev() {
        if table.rows.iter().all(|row| row.get(column).is_none_or(String::is_empty)) {
            table.columns.remove(column);
            for row in table.rows.iter_mut().filter(|row| row.len() > column) {
                row.remove(column);
            }
        }
    }
}

fn nulls(finding: &Finding) -> String {
    let one = |n: &kymograph_findings::Null| {
        let kind = n.kind.replace('_', " ");
        match n.n {
            0 => format!("{kind} {}", format_value(n.mean, 3)),
            _ => format!("{kind} {} {}", format_value(n.mean, 3), format_interval(n.interval, 2)),
        }
    };
    finding.nulls.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Accuracy and loss of Stander et al. (2023) after each intervention.
fn stander(intervention: &str) -> Option<&'static str> {
    Some(match intervention {
        "none" => ".9999, 1.97e-6",
        "embeddings swapped" => ".01, 4.76",
        "both signs flipped" => "1.00, 1.97e-6",
        "left sign flipped" => ".00, 22.39",
        "right sign flipped" => ".00, 22.36",
        "noise N(0, 0.1)" => ".9999, 2.96e-6",
        "noise N(0, 1)" => ".978, .0017",
        "absolute value for ReLU" => "1.00, 3.69e-13",
        "noise N(1, 1)" => ".88, .029",
        "noise N(-1, 1)" => ".98, .0021",
        _ => return None,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}
