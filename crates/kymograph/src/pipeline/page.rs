//! The report page of an experiment: which figures, tables and facts, in which order.

use kymograph_findings::{Finding, Subject, Verdict, adjusted_p};
use kymograph_report::{Page, PageKind, SummaryTable, format_interval, format_value};

use kymograph_runs::Checkpoint;

use super::derive::Derivation;
use super::{beside, commands, sections, trajectories};
use crate::error::KymographError;

pub(super) fn build(
    derivation: &Derivation<'_>,
    findings: &[Finding],
    verdicts: &[Verdict],
) -> Result<Page, KymographError> {
    let own = !derivation.runs.is_empty();
    Ok(Page {
        title: derivation.title.clone(),
        subtitle: derivation.question.clone(),
        kind: if own { PageKind::Study } else { PageKind::Analysis },
        verdicts: verdicts.to_vec(),
        findings: findings.to_vec(),
        sections: sections::all(derivation, findings, verdicts)?,
        tables: [
            scores(derivation)?,
            published(derivation, findings),
            beside::losses(derivation)?,
            layers(derivation, findings),
            beside::floors_and_ceilings(derivation, findings),
            trajectories::levels(findings),
            trajectories::change_points(findings),
            beyond_nulls(findings),
        ]
        .into_iter()
        .flatten()
        .collect(),
        facts: facts(derivation),
        warnings: warnings(derivation),
        repeat: derivation.repeat.clone(),
        commands: commands::all(derivation, findings)?,
    })
}

/// Networks in the order of the subjects.
pub(super) fn networks(derivation: &Derivation<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for subject in derivation.subjects {
        if !names.contains(&subject.key.network) {
            names.push(subject.key.network.clone());
        }
    }
    names
}

/// Final held-out scores, a row a network, beside the published accuracy.
fn scores(derivation: &Derivation<'_>) -> Result<Option<SummaryTable>, KymographError> {
    let mut rows = Vec::new();
    for network in networks(derivation) {
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 5];
        for (subject, run) in derivation.subjects.iter().zip(derivation.runs) {
            if subject.key.network != network || subject.key.control.is_some() {
                continue;
            }
            let table = run.series("held_out")?;
            for (name, values) in
                ["accuracy", "loss", "macro_f1", "macro_precision", "macro_recall"].iter().zip(&mut columns)
            {
                values.extend(table.column(name).and_then(|(_, v)| v.last().copied()));
            }
        }
        if columns[0].is_empty() {
            continue;
        }
        let mut row = vec![network.clone(), columns[0].len().to_string()];
        row.extend(columns.iter().map(|values| mean_and_range(values)));
        let published = derivation.published.accuracies(&network);
        row.push(published.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(", "));
        rows.push(row);
    }
    let mut heads = vec!["network", "seeds", "accuracy", "loss", "macro F1", "macro precision", "macro recall"];
    let mut caption = "Mean over seeds, with the smallest and largest in brackets.".to_owned();
    if rows.iter().any(|row| row.last().is_some_and(|published| !published.is_empty())) {
        heads.push("published accuracy");
        caption.push_str(
            " The published accuracies were measured on MNIST's full test split after training on all 60,000 images.",
        );
    }
    rows.iter_mut().for_each(|row| row.truncate(heads.len()));
    Ok((!rows.is_empty()).then(|| SummaryTable {
        title: "Held-out scores at the last step".to_owned(),
        caption,
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    }))
}

fn mean_and_range(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() == 1 { format!("{mean:.4}") } else { format!("{mean:.4} [{low:.4}, {high:.4}]") }
}

/// Every number that was published for what was measured here, beside ours and the null.
fn published(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let mut groups: Vec<(Vec<&Finding>, f64, bool)> = Vec::new();
    for finding in findings {
        let Some((value, over_arrays)) = derivation.published.of(finding, derivation.step_names) else {
            continue;
        };
        let same = |g: &&mut (Vec<&Finding>, f64, bool)| {
            let first = g.0[0];
            first.measure == finding.measure
                && first.run.network == finding.run.network
                && (over_arrays || first.array == finding.array)
                && first.steps == finding.steps
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.0.push(finding),
            None => groups.push((vec![finding], value, over_arrays)),
        }
    }
    let rows: Vec<Vec<String>> = groups
        .iter()
        .filter_map(|(rows, published, over_arrays)| {
            let values: Vec<f64> = rows.iter().filter_map(|f| f.value).collect();
            let first = rows.first()?;
            let steps: Vec<String> = first.steps.iter().map(u64::to_string).collect();
            let measured = (!values.is_empty()).then(|| mean_of(&values))?;
            let runs = rows.iter().map(|f| &f.run).collect::<std::collections::BTreeSet<_>>().len();
            let array = if *over_arrays { "mean over layers" } else { first.array.as_str() };
            let remark = rows.iter().find_map(|f| silhouette_remark(f, *published)).unwrap_or_default();
            Some(vec![
                first.measure.replace('_', " "),
                format!("{} {array}", first.run.network),
                steps.join(" → "),
                format!("{published:.5}").trim_end_matches('0').to_owned(),
                format!("{measured:.5}"),
                runs.to_string(),
                null_text(first),
                remark,
            ])
        })
        .collect();
    let heads = ["measure", "array", "steps", "published", "measured", "seeds", "null", "remark"];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Published numbers beside ours".to_owned(),
        caption: format!("Published: {}. Measured: the mean over seeds.", derivation.published.source),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

pub(super) fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Where a published silhouette falls among those of single k-means runs, since the clustering is not unique.
fn silhouette_remark(finding: &Finding, published: f64) -> Option<String> {
    let by_seed = finding.parts.get("silhouette_by_seed")?;
    let low = by_seed.iter().copied().fold(f64::INFINITY, f64::min);
    let high = by_seed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let below = by_seed.iter().filter(|v| **v <= published).count();
    let place = if published < low || published > high { "outside" } else { "inside" };
    Some(format!(
        "published value lies {place} the {} k-means seeds ({low:.3} to {high:.3}, {below} at or below it); the clustering \
         of best inertia has {:.3}",
        by_seed.len(),
        finding.value?
    ))
}

/// The nulls of a finding in a cell.
fn null_text(finding: &Finding) -> String {
    let one = |n: &kymograph_findings::Null| {
        format!("{} {} {}", n.kind.replace('_', " "), format_value(n.mean, 3), format_interval(n.interval, 2))
    };
    finding.nulls.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// How many findings of each measure lie beyond their main null, one by one and when all are looked at together.
fn beyond_nulls(findings: &[Finding]) -> Option<SummaryTable> {
    let mut lists: Vec<(&Finding, Vec<(f64, f64)>)> = Vec::new();
    let main = findings.iter().zip(adjusted_p(findings)).filter(|(f, _)| f.run.control.is_none());
    for (finding, adjusted) in main {
        let (Some(null), Some(adjusted)) = (finding.null(), adjusted) else { continue };
        let Some(p) = null.p else { continue };
        let same = |(first, _): &&mut (&Finding, _)| {
            first.measure == finding.measure
                && first.run.network == finding.run.network
                && first.null().is_some_and(|other| other.kind == null.kind)
        };
        match lists.iter_mut().find(same) {
            Some((_, list)) => list.push((p, adjusted)),
            None => lists.push((finding, vec![(p, adjusted)])),
        }
    }
    let rows: Vec<Vec<String>> = lists
        .iter()
        .map(|(first, list)| {
            let below = |of: fn(&(f64, f64)) -> f64| list.iter().filter(|p| of(p) <= 0.05).count().to_string();
            let kind = first.null().map(|null| null.kind.replace('_', " ")).unwrap_or_default();
            vec![
                first.measure.replace('_', " "),
                first.run.network.clone(),
                kind,
                list.len().to_string(),
                below(|(p, _)| *p),
                below(|(_, adjusted)| *adjusted),
            ]
        })
        .collect();
    let heads = ["measure", "network", "main null", "findings", "p ≤ .05", "after correction"];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Findings beyond their null".to_owned(),
        caption: "Of the main runs' findings with 19 or more draws of their main null, how many lie beyond it: one by one, and \
                  after Benjamini and Hochberg's correction over the findings of the row, which keeps the expected share of \
                  false ones below 5 %. With 20 draws no p-value is below 1/21, so a row keeps either nearly all of its \
                  findings or none."
            .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

/// Same-unit cosine and displacement of every layer between the named steps, with nulls.
fn layers(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let step = |name: &str| derivation.step_names.get(name).copied();
    let (early, mid, late) = (step("early")?, step("mid")?, step("late")?);
    let pairs = [vec![early, mid], vec![mid, late], vec![early, late]];
    let mut keys: Vec<(String, String)> = Vec::new();
    for finding in findings.iter().filter(|f| f.measure == "same_index_cosine") {
        let key = (finding.run.network.clone(), finding.array.clone());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let cell = |measure: &str, key: &(String, String), steps: &[u64]| -> Vec<&Finding> {
        let fits = |f: &&Finding| {
            f.measure == measure
                && f.run.network == key.0
                && f.array == key.1
                && f.steps == steps
                && f.run.control.is_none()
        };
        findings.iter().filter(fits).collect()
    };
    let value = |rows: &[&Finding]| {
        let values: Vec<f64> = rows.iter().filter_map(|f| f.value).collect();
        if values.is_empty() { "not measured".to_owned() } else { format!("{:.3}", mean_of(&values)) }
    };
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            let mut row = vec![key.0.clone(), key.1.clone()];
            row.extend(pairs.iter().map(|steps| value(&cell("same_index_cosine", key, steps))));
            let whole = cell("same_index_cosine", key, &pairs[2]);
            row.push(whole.first().map(|f| null_text(f)).unwrap_or_default());
            row.push(value(&cell("relative_displacement", key, &pairs[2])));
            row
        })
        .collect();
    let mut columns = vec!["network".to_owned(), "array".to_owned()];
    columns.extend(pairs.iter().map(|p| format!("cosine {} → {}", p[0], p[1])));
    columns.push(format!("nulls of {early} → {late}"));
    columns.push(format!("relative displacement {early} → {late}"));
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Every layer, not only the first".to_owned(),
        caption:
            "Mean over units of the cosine between a unit's weights at two steps. The null `random walk` moves the \
                  weights equally far in a random direction: where the cosine lies close to it, it says how far the \
                  weights moved and nothing about features."
                .to_owned(),
        columns,
        rows,
    })
}

fn facts(derivation: &Derivation<'_>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(run) = derivation.runs.first() {
        let settings = &run.manifest().settings;
        add("Data", settings["data"].as_str().unwrap_or_default().to_owned());
        add("Settings", derivation.experiment.manifest().settings["study"].to_string());
        add("Optimiser", settings["optimiser"].to_string());
        add("Recorded by", run.manifest().software.clone());
        add("CPU features", run.manifest().cpu_features.join(" "));
    }
    for subject in derivation.subjects {
        let steps: Vec<String> = subject.parameters.keys().map(u64::to_string).collect();
        add(&format!("Checkpoints of {}", subject.key), format!("steps {}", steps.join(", ")));
    }
    let labels = derivation.subjects.iter().find_map(|s| s.labels.as_ref());
    if let Some(labels) = labels {
        add("Probe", format!("{} held-out examples, the same at every step", labels.len()));
    }
    let named: Vec<String> = derivation.step_names.iter().map(|(name, step)| format!("{name} = {step}")).collect();
    add("Named steps", named.join(", "));
    add("Plan", derivation.origin.to_owned());
    if let Some(hash) = &derivation.experiment.manifest().predictions_hash {
        add("SHA-256 of the predictions", hash.clone());
    }
    add("Measured by", kymograph_runs::software());
    facts
}

fn warnings(derivation: &Derivation<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for network in networks(derivation) {
        let main = |s: &&Subject| s.key.network == network && s.key.control.is_none();
        let seeds = derivation.subjects.iter().filter(main).count();
        if seeds < 2 {
            warnings.push(format!("{network}: one run. Nothing here says how much another seed would differ."));
        }
    }
    if derivation.runs.is_empty() {
        warnings.push(
            "These checkpoints come without their network and data, so only weights are measured: no activations, no \
             untrained network, no other seed."
                .to_owned(),
        );
        for subject in derivation.subjects {
            let stepless = |path: &std::path::PathBuf| Checkpoint::open(path).is_ok_and(|c| c.step().is_none());
            if subject.parameters.len() == 1 && subject.parameters.values().any(stepless) {
                warnings.push(format!(
                    "{}: neither the file's name nor its content tells the step, so it stands at step 0 without being \
                     known to be untrained. Name files by their step, such as model_00100.pt.",
                    subject.key
                ));
            }
        }
        if !derivation.subjects.iter().any(|s| s.parameters.contains_key(&0)) {
            warnings.push(
                "No checkpoint at step 0: whatever happened before the first one cannot be seen, and nothing can be \
                 said about the initial weights."
                    .to_owned(),
            );
        }
    }
    warnings
}
