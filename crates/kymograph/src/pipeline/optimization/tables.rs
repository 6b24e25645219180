//! Tables of key numbers: the published curves' ends beside ours, and what exact zeros and noise make of them.

use kymograph_findings::Finding;
use kymograph_report::{SummaryTable, format_value};

use super::super::published::Published;
use super::history::History;
use super::rows::{PUBLISHED, WHOLE};

pub(super) fn all(histories: &[History], rows: &[Finding], published: &Published) -> Vec<SummaryTable> {
    [read_off(histories, published), around(rows)].into_iter().flatten().collect()
}

/// What was read off the published figures.
fn read_off(histories: &[History], published: &Published) -> Option<SummaryTable> {
    let first = histories.iter().find(|h| h.key.control.is_none())?;
    let rows = published
        .curves
        .iter()
        .map(|curve| {
            let points: Vec<String> = curve
                .epochs
                .iter()
                .zip(&curve.values)
                .map(|(epoch, value)| format!("{} at {epoch}", format_value(*value, 3)))
                .collect();
            vec![curve.name.clone(), curve.what.clone(), points.join(", ")]
        })
        .collect();
    Some(SummaryTable {
        title: "Published curves, read off".to_owned(),
        caption: format!(
            "Source: {}. An epoch there has 48 minibatches of 1,024 images, here {}. The figures are not of the released network, \
             since they show parameter 500,000: counts cannot be compared, and fractions in shape only.",
            published.source, first.per_epoch
        ),
        columns: ["figure", "what", "values at epochs"].map(str::to_owned).to_vec(),
        rows,
    })
}

/// Every number about the whole network around the named steps.
fn around(findings: &[Finding]) -> Option<SummaryTable> {
    let main = |f: &&Finding| f.run.control.is_none() && f.array == WHOLE;
    let published = |f: &&Finding| f.options.get("threshold").is_none_or(|name| name == PUBLISHED);
    let mut keys: Vec<(String, String, String)> = Vec::new();
    for f in findings.iter().filter(main).filter(published) {
        let key = (f.run.network.clone(), f.measure.clone(), f.options.get("lag").cloned().unwrap_or_default());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut steps: Vec<u64> = findings.iter().filter(main).filter_map(|f| f.steps.first().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|(network, measure, lag)| {
            let of = |step: u64| -> Vec<&Finding> {
                let same = |f: &&Finding| {
                    f.run.network == *network
                        && f.measure == *measure
                        && f.options.get("lag").map_or("", String::as_str) == lag
                        && f.steps == [step]
                };
                findings.iter().filter(main).filter(published).filter(same).collect()
            };
            let mean =
                |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
            let cell = |step: &u64| {
                let value = mean(of(*step).iter().filter_map(|f| f.value).collect());
                let null = mean(of(*step).iter().filter_map(|f| Some(f.null()?.mean)).collect());
                match (value, null) {
                    (Some(value), Some(null)) => format!("{} ({})", format_value(value, 3), format_value(null, 3)),
                    (Some(value), None) => format_value(value, 3),
                    (None, _) => String::new(),
                }
            };
            let lag = if lag.is_empty() { String::new() } else { format!(", after {lag}") };
            let mut row = vec![network.clone(), format!("{}{lag}", measure.replace('_', " "))];
            row.extend(steps.iter().map(cell));
            row
        })
        .collect();
    let mut columns = vec!["network".to_owned(), "number".to_owned()];
    columns.extend(steps.iter().map(|step| format!("step {step} (null)")));
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Gradients near zero, at 1e-5".to_owned(),
        caption: "Means over the last twentieth of the training before each step and over seeds, with what independent minibatches \
                  or sets would give in brackets."
            .to_owned(),
        columns,
        rows,
    })
}
