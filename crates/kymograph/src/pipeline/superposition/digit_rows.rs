//! Rows about the classifier and the autoencoders of its hidden units, each number beside its null.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random::{permutation, stream_at, uniform};
use kymograph_measures::superposition::{
    Interference, angles, feature_norms, interference, kuiper_test, published_importance, random_directions,
    rank_correlation, rayleigh_test, resultant, top_share_in_corner,
};
use kymograph_studies::superposition::Squeeze;
use ndarray::Array2;

use super::recorded::{Epoch, Recorded, Squeezed, column};
use super::{WHOLE, row};
use crate::error::KymographError;

/// Draws of a drawn null.
const DRAWS: usize = 200;
/// The corner that the notebook shows, and the share of entries that it keeps.
const CORNER: usize = 5;
pub(super) const TOP: f64 = 0.01;

/// Accuracies and losses of the classifiers.
pub(super) fn of_classifiers(recorded: &Recorded) -> Vec<Finding> {
    let mut rows = Vec::new();
    for (key, table) in &recorded.classifiers {
        for (measure, chance) in [("accuracy", 0.1), ("loss_of_last_minibatch", 10f64.ln())] {
            for (epoch, value) in column(table, measure) {
                let mut finding = row(key, measure, WHOLE, epoch, value, 1);
                finding.nulls = vec![Null::exact("guessing", chance)];
                rows.push(finding);
            }
        }
    }
    rows
}

/// How an autoencoder treats its units after one epoch.
pub(super) struct View {
    /// From 0 to 1, as published.
    pub(super) importance: Vec<f64>,
    pub(super) norms: Vec<f64>,
    /// decoder × encoder: unit × unit.
    pub(super) product: Array2<f64>,
    /// Units, most important first.
    pub(super) order: Vec<usize>,
}

impl View {
    pub(super) fn of(epoch: &Epoch) -> Result<Self, KymographError> {
        let importance = published_importance(&epoch.added)?;
        let norms = feature_norms(epoch.encoder.view())?;
        let product = epoch.decoder.dot(&epoch.encoder);
        let mut order: Vec<usize> = (0..importance.len()).collect();
        order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]));
        Ok(Self { importance, norms, product, order })
    }

    /// decoder × encoder with rows and columns in the order of importance.
    pub(super) fn sorted_product(&self) -> Array2<f64> {
        let n = self.order.len();
        Array2::from_shape_fn((n, n), |(a, b)| self.product[[self.order[a], self.order[b]]])
    }

    /// Entries that make the top 1 %.
    pub(super) fn top(&self) -> usize {
        ((self.product.len() as f64 * TOP).ceil() as usize).max(1)
    }
}

/// The angle of each arrow, from the origin or from the common offset.
pub(super) fn arrows(epoch: &Epoch, without_offset: bool) -> Vec<f64> {
    let [x, y] = if without_offset { epoch.offset } else { [0.0, 0.0] };
    epoch.points.rows().into_iter().map(|p| (p[1] - y).atan2(p[0] - x)).collect()
}

/// Every row of one autoencoder: of the published kind at every epoch, of the others at the last one.
pub(super) fn rows(run: &Squeezed, recorded: &Recorded) -> Result<Vec<Finding>, KymographError> {
    let Some((last, _)) = run.last() else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    let published = run.key.network == Squeeze::Untied.network();
    let mut before: Option<&Epoch> = None;
    for (&epoch, found) in &run.epochs {
        if published || epoch == last {
            errors(run, recorded, epoch, &mut rows);
            directions(run, epoch, (found, before), &mut rows)?;
        }
        before = Some(found);
    }
    by_importance(run, &mut rows)?;
    columns(run, &mut rows)?;
    if published {
        let mean = run.unit_zero.iter().sum::<f64>() / run.unit_zero.len().max(1) as f64;
        let mut finding = row(&run.key, "unit_sparsity", WHOLE, 0, mean, run.unit_zero.len());
        finding.nulls = vec![Null::exact("units_symmetric_about_0", 0.5)];
        finding.parts = BTreeMap::from([("by_unit".to_owned(), run.unit_zero.clone())]);
        rows.push(finding);
    }
    Ok(rows)
}

fn errors(run: &Squeezed, recorded: &Recorded, epoch: u64, rows: &mut Vec<Finding>) {
    let at = |name: &str, epoch: u64| column(&run.numbers, name).get(&epoch).copied();
    let baseline = |name: &str| column(&run.baseline, name).values().next().copied();
    let last = run.last().map_or(0, |(last, _)| last);
    for (measure, ending) in [
        ("training_error", "training_error"),
        ("test_error", "test_error"),
        ("loss_of_last_minibatch", "training_error"),
    ] {
        let Some(value) = at(measure, epoch) else { continue };
        let mut finding = row(&run.key, measure, WHOLE, epoch, value, run.unit_zero.len());
        for (kind, name) in [("predict_the_mean", "mean"), ("two_principal_components", "pca")] {
            finding.nulls.extend(baseline(&format!("{name}_{ending}")).map(|value| Null::exact(kind, value)));
        }
        finding.nulls.extend(at(ending, 0).filter(|_| epoch > 0).map(|value| Null::exact("untrained", value)));
        let linear = recorded
            .squeezed
            .iter()
            .find(|other| other.key.network == Squeeze::Linear.network() && other.key.seed == run.key.seed);
        if run.key.network != Squeeze::Linear.network() {
            let value = linear.and_then(|other| column(&other.numbers, ending).get(&epoch).copied());
            finding.nulls.extend(value.map(|value| Null::exact("linear_autoencoder", value)));
        }
        rows.push(finding);
        if epoch == last && measure != "loss_of_last_minibatch" {
            for (array, name) in [("mean", "mean"), ("pca", "pca")] {
                if let Some(value) = baseline(&format!("{name}_{ending}")) {
                    rows.push(row(&run.key, measure, array, epoch, value, run.unit_zero.len()));
                }
            }
        }
    }
    if let Some(value) = at("r_squared", epoch) {
        let mut finding = row(&run.key, "r_squared", WHOLE, epoch, value, run.unit_zero.len());
        finding.nulls.push(Null::exact("predict_the_mean", 0.0));
        if let (Some(pca), Some(mean)) = (baseline("pca_test_error"), baseline("mean_test_error")) {
            finding.nulls.push(Null::exact("two_principal_components", 1.0 - pca / mean));
        }
        rows.push(finding);
    }
}

/// Draws of a statistic with angles spread evenly in place of those found.
fn even_angles(
    run: &Squeezed,
    purpose: &str,
    count: usize,
    statistic: impl Fn(&[f64]) -> Result<f64, KymographError>,
) -> Result<Vec<f64>, KymographError> {
    let draw = |index: usize| {
        let mut rng = stream_at(run.key.seed.unwrap_or(0), purpose, index as u64);
        statistic(&(0..count).map(|_| TAU * uniform(&mut rng)).collect::<Vec<_>>())
    };
    (0..DRAWS).map(draw).collect()
}

fn directions(
    run: &Squeezed,
    epoch: u64,
    (found, before): (&Epoch, Option<&Epoch>),
    rows: &mut Vec<Finding>,
) -> Result<(), KymographError> {
    let importance = published_importance(&found.added)?;
    let n = importance.len();
    for (measure, fold, without_offset) in [
        ("two_axes", 4, false),
        ("two_axes_without_offset", 4, true),
        ("one_way", 1, false),
        ("one_way_without_offset", 1, true),
    ] {
        let value = resultant(&arrows(found, without_offset), &importance, fold)?;
        let mut finding = row(&run.key, measure, WHOLE, epoch, value, n);
        let draws =
            even_angles(run, &format!("null: {measure}"), n, |angles| Ok(resultant(angles, &importance, fold)?))?;
        finding.nulls.extend(Null::of_draws("even_angles", &draws, value));
        if let Some(first) = run.epochs.get(&0).filter(|_| epoch > 0) {
            let untrained = resultant(&arrows(first, without_offset), &published_importance(&first.added)?, fold)?;
            finding.nulls.push(Null::exact("untrained", untrained));
        }
        rows.push(finding);
    }
    if let Some(before) = before {
        let (mut sum, mut total) = (0.0, 0.0);
        for ((now, then), weight) in arrows(found, false).iter().zip(arrows(before, false)).zip(&importance) {
            let turn = (now - then).rem_euclid(TAU);
            sum += weight * turn.min(TAU - turn);
            total += weight;
        }
        let value = if total > 0.0 { (sum / total).to_degrees() } else { 0.0 };
        let mut finding = row(&run.key, "directions_turned", WHOLE, epoch, value, n);
        finding.nulls.push(Null::exact("unrelated_directions", 90.0));
        rows.push(finding);
    }
    Ok(())
}

/// Rank correlations with importance, beside units in random order and the untrained autoencoder.
fn by_importance(run: &Squeezed, rows: &mut Vec<Finding>) -> Result<(), KymographError> {
    let (Some((last, found)), Some(first)) = (run.last(), run.epochs.get(&0)) else {
        return Ok(());
    };
    let (view, untrained) = (View::of(found)?, View::of(first)?);
    let n = view.norms.len();
    let pairs = |view: &View, epoch: &Epoch| {
        let diagonal: Vec<f64> = view.product.diag().to_vec();
        [
            ("norm_by_importance", view.norms.clone(), view.importance.clone()),
            ("diagonal_by_importance", diagonal, view.importance.clone()),
            ("bias_by_importance", epoch.decoder_bias.clone(), view.importance.clone()),
            ("norm_by_variance", view.norms.clone(), run.unit_variance.clone()),
        ]
    };
    for ((measure, a, b), (_, a_first, b_first)) in pairs(&view, found).into_iter().zip(pairs(&untrained, first)) {
        let Some(value) = rank_correlation(&a, &b)? else { continue };
        let mut finding = row(&run.key, measure, WHOLE, last, value, n);
        let draw = |index: usize| {
            let mut rng = stream_at(run.key.seed.unwrap_or(0), &format!("null: {measure}"), index as u64);
            let shuffled: Vec<f64> = permutation(&mut rng, n).into_iter().map(|unit| b[unit]).collect();
            Ok(rank_correlation(&a, &shuffled)?.unwrap_or(0.0))
        };
        let draws: Vec<f64> = (0..DRAWS).map(draw).collect::<Result<_, KymographError>>()?;
        finding.nulls.extend(Null::of_draws("permuted_units", &draws, value));
        let before = rank_correlation(&a_first, &b_first)?;
        finding.nulls.extend(before.map(|value| Null::exact("untrained", value)));
        rows.push(finding);
    }
    let corner = CORNER.min(n);
    let value = top_share_in_corner(view.sorted_product().view(), view.top(), corner)?;
    let mut finding = row(&run.key, "top_entries_in_corner", WHOLE, last, value, view.product.len());
    finding.nulls.push(Null::exact("entries_in_random_places", (corner * corner) as f64 / (n * n) as f64));
    let before = top_share_in_corner(untrained.sorted_product().view(), untrained.top(), corner)?;
    finding.nulls.push(Null::exact("untrained", before));
    rows.push(finding);
    Ok(())
}

/// The encoder's columns and the decoder's rows as directions.
fn columns(run: &Squeezed, rows: &mut Vec<Finding>) -> Result<(), KymographError> {
    let (Some((last, found)), Some(first)) = (run.last(), run.epochs.get(&0)) else {
        return Ok(());
    };
    let n = found.encoder.ncols();
    let (at, at_first) = (angles(found.encoder.view())?, angles(first.encoder.view())?);
    for (measure, fold) in [("column_two_axes", 4), ("column_antipodality", 2)] {
        let value = rayleigh_test(&at, fold)?.statistic;
        let mut finding = row(&run.key, measure, WHOLE, last, value, n);
        let draws = even_angles(run, &format!("null: {measure}"), at.len(), |a| Ok(rayleigh_test(a, fold)?.statistic))?;
        finding.nulls.extend(Null::of_draws("even_angles", &draws, value));
        finding.nulls.push(Null::exact("untrained", rayleigh_test(&at_first, fold)?.statistic));
        rows.push(finding);
    }
    for (measure, value, untrained) in [
        ("column_kuiper_p", kuiper_test(&at, 1)?.p, kuiper_test(&at_first, 1)?.p),
        ("column_rayleigh_p", rayleigh_test(&at, 2)?.p, rayleigh_test(&at_first, 2)?.p),
    ] {
        let mut finding = row(&run.key, measure, WHOLE, last, value, n);
        finding.nulls = vec![Null::exact("even_angles", 0.5), Null::exact("untrained", untrained)];
        rows.push(finding);
    }
    let mean = |w: &Array2<f64>, by| -> Result<f64, KymographError> {
        Ok(interference(w.view(), by)?.iter().sum::<f64>() / n as f64)
    };
    let (decoder, decoder_first) = (found.decoder.t().to_owned(), first.decoder.t().to_owned());
    for (measure, w, w_first, by) in [
        ("encoder_interference", &found.encoder, &first.encoder, Interference::Raw),
        ("encoder_interference_cosine", &found.encoder, &first.encoder, Interference::Cosine),
        ("decoder_interference", &decoder, &decoder_first, Interference::Raw),
        ("decoder_interference_cosine", &decoder, &decoder_first, Interference::Cosine),
    ] {
        let value = mean(w, by)?;
        let mut finding = row(&run.key, measure, WHOLE, last, value, n);
        let norms = feature_norms(w.view())?;
        let draw = |index: usize| {
            // Directions at random, each as long as the column it stands for.
            let mut rng = stream_at(run.key.seed.unwrap_or(0), &format!("null: {measure}"), index as u64);
            let mut drawn = random_directions(&mut rng, 2, n);
            drawn.columns_mut().into_iter().zip(&norms).for_each(|(mut column, norm)| column *= *norm);
            mean(&drawn, by)
        };
        let draws: Vec<f64> = (0..DRAWS).map(draw).collect::<Result<_, _>>()?;
        finding.nulls.extend(Null::of_draws("random_directions", &draws, value));
        finding.nulls.push(Null::exact("untrained", mean(w_first, by)?));
        rows.push(finding);
    }
    Ok(())
}
