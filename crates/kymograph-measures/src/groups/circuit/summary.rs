//! The summary of a circuit: every column of the published `summary_metrics.json`, and those of the older `metrics.csv`.

use std::collections::BTreeMap;

use kymograph_linalg::{Real, matmul, matmul_tn};
use ndarray::{Array2, ArrayView2};

use super::losses::logit_table_loss;
use super::{Ablation, Base, Circuit, Coordinate, Pairs, Tables, ablated_losses, tables};
use crate::groups::{Group, Irrep};
use crate::{MeasureError, check};

/// How much of a network that composes group elements is told by each representation, and what happens without it?
///
/// One number a column, by the names of the published `summary_metrics.json` (`<r>` an irreducible representation):
/// * `train_loss`, `test_loss`, `all_loss`, `train_acc`, `test_acc` (nats, shares; no `test_…` when all pairs were trained on);
/// * `logit_<r>_rep_trace_similarity`: cosine of the logits, centred pair by pair, with χ(abc⁻¹); not for the trivial one;
/// * `percent_x_embed_<r>_rep`, `percent_y_embed_…`, `percent_unembed_…`: share of the squared entries that lies in the
///   span of the representation's matrix entries, in [0, 1], not centred;
/// * `percent_hidden_x_<r>_rep`, `…_y_…`, `…_xy_…`: the same of the hidden layer, each neuron centred over all pairs, for
///   the entries of ρ(a), ρ(b), ρ(ab); `total_percent_hidden_…` their sum. `percent_hidden_<r>_rep` is the older definition of
///   `metrics.csv`: ρ(ab), not centred;
/// * `hidden_excluded_loss_<r>_rep`: ρ(ab) taken out of the hidden layer, loss on the TRAINING pairs;
///   `hidden_restricted_loss_…`: nothing but ρ(ab) left, loss on ALL pairs; `logit_excluded_loss_…`,
///   `logit_restricted_loss_…`: the same with similarity · ‖logits‖ · χ(abc⁻¹)/‖χ‖ in the logits;
/// * `percent_…_explained`: sums over the key representations; `percent_logits_explained` Σ similarity² over all given
///   but the trivial one; `total_…_loss`: all key representations taken out or kept together;
/// * `test_loss_restricted_loss_ratio`, and `sum_of_squared_weights` if it is known.
///
/// What it does not say: see [`super::disagreement`] and the nulls beside it. Any function with the right answers has
/// logits that resemble every character.
///
/// # Errors
/// As [`super::tables()`]; a key representation that is not among `irreps`; embeddings, unembedding, logits or a hidden layer that
/// are zero or do not vary.
///
/// # References
/// Chughtai, Chan & Nanda 2023, A toy model of universality (arXiv:2302.03025), sections 4 and 5, and their
/// `utils/metrics.py`.
pub fn summary<T: Real>(
    circuit: &Circuit<'_, T>,
    irreps: &[Irrep],
    key: &[String],
) -> Result<BTreeMap<String, f64>, MeasureError> {
    summary_of(circuit, &tables(circuit)?, irreps, key)
}

/// [`summary`] where the tables are known already.
///
/// # Errors
/// As [`summary`].
pub fn summary_of<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    irreps: &[Irrep],
    key: &[String],
) -> Result<BTreeMap<String, f64>, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, irreps, key)?;
    let mut columns = BTreeMap::new();
    columns.insert("train_loss".to_owned(), tables.train.loss);
    columns.insert("train_acc".to_owned(), tables.train.accuracy);
    if let Some(test) = tables.test {
        columns.insert("test_loss".to_owned(), test.loss);
        columns.insert("test_acc".to_owned(), test.accuracy);
    }
    columns.insert("all_loss".to_owned(), tables.all.loss);
    weights(circuit, irreps, &mut columns)?;
    hidden(tables, irreps, &mut columns)?;
    let order = circuit.group.order();
    let norm = tables.centred_logit_squares.sqrt();
    let unembed = circuit.unembed.mapv(Real::to_f64);
    let is_key = |irrep: &Irrep| key.contains(&irrep.name);
    let mut taken = vec![];
    let [mut key_logits, mut key_hidden] = [0, 1].map(|_| Array2::<f64>::zeros((order, order)));
    for (irrep, similarity) in irreps.iter().zip(similarities(circuit.group, tables, irreps)?) {
        let name = &irrep.name;
        if let Some(similarity) = similarity {
            columns.insert(format!("logit_{name}_rep_trace_similarity"), similarity);
            let cube = trace_table(circuit.group, irrep);
            let table = cube * (similarity * norm / cube_norm(irrep));
            columns.insert(format!("logit_restricted_loss_{name}_rep"), logit_table_loss(table.view()));
            if is_key(irrep) {
                key_logits += &table;
            }
            taken.push((format!("logit_excluded_loss_{name}_rep"), table, Base::Logits));
        }
        let table = product_part(irrep, tables, unembed.view());
        columns.insert(format!("hidden_restricted_loss_{name}_rep"), logit_table_loss(table.view()));
        if is_key(irrep) {
            key_hidden += &table;
        }
        taken.push((format!("hidden_excluded_loss_{name}_rep"), table, Base::HiddenTimesUnembed));
    }
    let restricted = logit_table_loss(key_hidden.view());
    columns.insert("total_logit_restricted_loss".to_owned(), logit_table_loss(key_logits.view()));
    columns.insert("total_hidden_restricted_loss".to_owned(), restricted);
    taken.push(("total_logit_excluded_loss".to_owned(), key_logits, Base::Logits));
    taken.push(("total_hidden_excluded_loss".to_owned(), key_hidden, Base::HiddenTimesUnembed));
    let (names, ablations): (Vec<_>, Vec<_>) = taken
        .into_iter()
        .map(|(name, table, base)| (name, Ablation { table, by: Coordinate::Product, base, pairs: Pairs::Train }))
        .unzip();
    columns.extend(names.into_iter().zip(ablated_losses(circuit, &ablations)?));
    if let Some(test) = tables.test.filter(|_| restricted > 0.0) {
        columns.insert("test_loss_restricted_loss_ratio".to_owned(), test.loss / restricted);
    }
    if let Some(squares) = circuit.squared_weights {
        columns.insert("sum_of_squared_weights".to_owned(), squares);
    }
    totals(irreps, key, &mut columns);
    match columns.iter().find(|(_, value)| !value.is_finite()) {
        Some((_, &value)) => Err(MeasureError::Overflow { measure: "the circuit's summary", value }),
        None => Ok(columns),
    }
}

/// How much do the logits resemble each character, in the order of `irreps`? The cosine of χ(abc⁻¹) with the logits,
/// centred over the elements c for each pair and taken as one long vector; `None` for the trivial representation.
///
/// # Errors
/// Logits that are the same for all elements.
pub fn similarities(group: &Group, tables: &Tables, irreps: &[Irrep]) -> Result<Vec<Option<f64>>, MeasureError> {
    check_irreps(group, irreps, &[])?;
    let norm = tables.centred_logit_squares.sqrt();
    if norm == 0.0 {
        return Err(MeasureError::NoVariation { input: "logits", what: "they are the same for every element" });
    }
    let centred = tables.centred_logits_by_product();
    let similarity = |irrep| (&centred * &trace_table(group, irrep)).sum() / (norm * cube_norm(irrep));
    Ok(irreps.iter().map(|irrep| (!is_trivial(irrep)).then(|| similarity(irrep))).collect())
}

/// Which representations do the logits resemble by more than `threshold`? The published rule is .005 on the final network.
///
/// It misleads where a network has merely memorised: narrow ones reach it with four to six representations. And it
/// chooses the representations by the network they then explain.
///
/// # Errors
/// As [`similarities`].
pub fn key_by_similarity(
    group: &Group,
    tables: &Tables,
    irreps: &[Irrep],
    threshold: f64,
) -> Result<Vec<String>, MeasureError> {
    let found = similarities(group, tables, irreps)?;
    let above = irreps.iter().zip(found).filter(|(_, similarity)| similarity.is_some_and(|s| s > threshold));
    Ok(above.map(|(irrep, _)| irrep.name.clone()).collect())
}

/// χ(g c⁻¹): product × element.
pub(super) fn trace_table(group: &Group, irrep: &Irrep) -> Array2<f64> {
    let order = group.order();
    Array2::from_shape_fn((order, order), |(g, c)| irrep.character[group.product(g, group.inverse(c))])
}

/// Norm of χ(abc⁻¹) over all a, b, c.
pub(super) fn cube_norm(irrep: &Irrep) -> f64 {
    irrep.character.len() as f64 * irrep.character.dot(&irrep.character).sqrt()
}

/// The logits that the ρ(ab) part of the hidden layer writes: product × element.
pub(super) fn product_part(irrep: &Irrep, tables: &Tables, unembed: ArrayView2<'_, f64>) -> Array2<f64> {
    part_of(irrep.span.view(), tables.hidden_by_product.view(), unembed)
}

/// The part of a table of hidden sums that lies in `span`, per pair, times the unembedding.
pub(super) fn part_of(
    span: ArrayView2<'_, f64>,
    sums: ArrayView2<'_, f64>,
    unembed: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let coefficients = matmul_tn(span, sums);
    matmul(span, matmul(coefficients.view(), unembed).view()) / sums.nrows() as f64
}

/// Whether all its matrices are the number one.
pub(super) fn is_trivial(irrep: &Irrep) -> bool {
    irrep.degree == 1 && irrep.character.iter().all(|&x| (x - 1.0).abs() < 1e-6)
}

/// Σ over `span`'s functions of their squared products with the columns of `x`.
pub(super) fn squares_in(span: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> f64 {
    matmul_tn(span, x).iter().map(|c| c * c).sum()
}

pub(super) fn squares(x: ArrayView2<'_, f64>) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// The representations belong to the group, and the key ones are among them.
pub(super) fn check_irreps(group: &Group, irreps: &[Irrep], key: &[String]) -> Result<(), MeasureError> {
    for irrep in irreps {
        let rows = [irrep.span.nrows(), irrep.character.len(), irrep.matrices.dim().0];
        for size in rows {
            check::same_size("elements", ("group", group.order()), ("irreps", size))?;
        }
    }
    match key.iter().find(|name| !irreps.iter().any(|irrep| &&irrep.name == name)) {
        Some(name) => Err(MeasureError::BadOption {
            measure: "summary",
            option: "key",
            value: name.clone(),
            expected: format!(
                "one of the group's representations ({})",
                irreps.iter().map(|irrep| irrep.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }),
        None => Ok(()),
    }
}

/// Which share of a table's squared entries lies in the span of each representation's matrix entries? In [0, 1], in the order
/// of `irreps`, and 1 in sum over all that the group has. Axes: `table` is element × feature; `input` is what errors call it.
///
/// # Errors
/// A table that is zero, or of another number of rows than the representations.
pub fn shares(input: &'static str, table: ArrayView2<'_, f64>, irreps: &[Irrep]) -> Result<Vec<f64>, MeasureError> {
    let all = squares(table);
    if all == 0.0 {
        return Err(MeasureError::NoVariation { input, what: "every entry is zero" });
    }
    for irrep in irreps {
        check::same_size("elements", (input, table.nrows()), ("irreps", irrep.span.nrows()))?;
    }
    Ok(irreps.iter().map(|irrep| squares_in(irrep.span.view(), table) / all).collect())
}

fn weights<T: Real>(
    circuit: &Circuit<'_, T>,
    irreps: &[Irrep],
    columns: &mut BTreeMap<String, f64>,
) -> Result<(), MeasureError> {
    let arrays = [
        ("x_embed", "embed_x", circuit.embed_x),
        ("y_embed", "embed_y", circuit.embed_y),
        ("unembed", "unembed", circuit.unembed.reversed_axes()),
    ];
    for (name, input, x) in arrays {
        let shares = shares(input, x.mapv(Real::to_f64).view(), irreps)?;
        for (irrep, share) in irreps.iter().zip(shares) {
            columns.insert(format!("percent_{name}_{}_rep", irrep.name), share);
        }
    }
    Ok(())
}

fn hidden(tables: &Tables, irreps: &[Irrep], columns: &mut BTreeMap<String, f64>) -> Result<(), MeasureError> {
    let order = tables.order() as f64;
    let means = tables.hidden_means();
    let uncentred = tables.hidden_squares.sum();
    let centred = uncentred - order * order * means.dot(&means);
    // A layer that does not vary leaves rounding behind, of this size.
    if centred <= 1e-12 * uncentred {
        return Err(MeasureError::NoVariation { input: "hidden", what: "it is the same for every pair" });
    }
    let shift = &means * order;
    let sums = [
        ("x", &tables.hidden_by_left - &shift),
        ("y", &tables.hidden_by_right - &shift),
        ("xy", &tables.hidden_by_product - &shift),
    ];
    for irrep in irreps {
        let mut total = 0.0;
        for (name, sums) in &sums {
            let share = squares_in(irrep.span.view(), sums.view()) / order / centred;
            columns.insert(format!("percent_hidden_{name}_{}_rep", irrep.name), share);
            total += share;
        }
        columns.insert(format!("total_percent_hidden_{}_rep", irrep.name), total);
        let older = squares_in(irrep.span.view(), tables.hidden_by_product.view()) / order / uncentred;
        columns.insert(format!("percent_hidden_{}_rep", irrep.name), older);
    }
    Ok(())
}

fn totals(irreps: &[Irrep], key: &[String], columns: &mut BTreeMap<String, f64>) {
    let logits = irreps.iter().filter_map(|irrep| columns.get(&format!("logit_{}_rep_trace_similarity", irrep.name)));
    let logits = logits.map(|s| s * s).sum();
    columns.insert("percent_logits_explained".to_owned(), logits);
    for (total, each) in [
        ("percent_hidden_explained", "total_percent_hidden"),
        ("percent_hidden_xy_explained", "percent_hidden_xy"),
        ("percent_x_embed_explained", "percent_x_embed"),
        ("percent_y_embed_explained", "percent_y_embed"),
        ("percent_unembed_explained", "percent_unembed"),
    ] {
        let sum = key.iter().filter_map(|name| columns.get(&format!("{each}_{name}_rep"))).sum();
        columns.insert(total.to_owned(), sum);
    }
}
