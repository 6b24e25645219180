//! What lies beside a similarity: floors of networks that share nothing, and ceilings of networks that share everything
//! but the order of their examples.

use kymograph_findings::{Finding, Null};
use kymograph_report::{SummaryTable, format_value};

use super::derive::Derivation;
use super::page::mean_of;

/// Same-unit cosine of every layer from early to late, between what is lowest and what is highest for it.
pub(super) fn floors_and_ceilings(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let step = |name: &str| derivation.step_names.get(name).copied();
    let pair = [step("early")?, step("late")?];
    let rows_of = |measure: &str, network: &str, array: &str| -> Vec<&Finding> {
        let fits = |f: &&Finding| {
            f.measure == measure
                && f.run.network == network
                && f.run.control.is_none()
                && f.array == array
                && f.steps == pair
        };
        findings.iter().filter(fits).collect()
    };
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for f in findings.iter().filter(|f| f.measure == "same_index_cosine" && f.ceiling.is_some()) {
        let key = (f.run.network.as_str(), f.array.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let null = |rows: &[&Finding], kind: &str| {
        let one = |f: &&Finding| f.nulls.iter().find(|n| n.kind == kind).map(|n: &Null| n.mean);
        cell(rows.iter().filter_map(one).collect())
    };
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|(network, array)| {
            let same = rows_of("same_index_cosine", network, array);
            let matched = rows_of("matched_cosine", network, array);
            let ceiling =
                |rows: &[&Finding]| cell(rows.iter().filter_map(|f| Some(f.ceiling.as_ref()?.mean)).collect());
            vec![
                network.to_owned(),
                array.to_owned(),
                null(&same, "other_seed"),
                null(&matched, "other_seed"),
                null(&same, "random_walk"),
                null(&same, "control:shuffled_labels"),
                cell(same.iter().filter_map(|f| f.value).collect()),
                ceiling(&same),
                null(&same, "control:lr_zero"),
            ]
        })
        .collect();
    let heads = [
        "network",
        "array",
        "another seed",
        "another seed, units aligned",
        "random walk",
        "shuffled labels",
        "this run",
        "same start, other order",
        "learning rate 0",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Floors and ceilings".to_owned(),
        caption: format!(
            "Same-unit cosine from step {} to step {}, mean over seeds. `Another seed` compares with the later step of a \
             network that began elsewhere, as it is and after the best alignment of its units. `Random walk` goes equally far in a random \
             direction. `Shuffled labels` is the same interval of a training with nothing to generalise. `Same start, \
             other order` compares the later step with that of a training that differs in the order of examples alone: \
             the most that features can be said to be reproduced.",
            pair[0], pair[1]
        ),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

fn cell(values: Vec<f64>) -> String {
    if values.is_empty() { "not measured".to_owned() } else { format_value(mean_of(&values), 3) }
}
