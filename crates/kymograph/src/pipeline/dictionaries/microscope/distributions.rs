//! What activations look like before a dictionary is fitted: the toy data's beside those of two places in a transformer.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::statistics::median;
use kymograph_linalg::{matmul_nt, random};
use kymograph_measures::dictionaries::activation_shape;
use kymograph_measures::neurons::effective_dimension;
use kymograph_measures::similarity::{absolute_correlation_by_chance, mean_absolute_correlation_within};
use kymograph_studies::StudyError;
use kymograph_studies::dictionaries::normal_like;
use ndarray::ArrayView2;

use super::look::{Look, Place};
use crate::error::KymographError;

/// Draws of normal numbers with a place's mean and covariance.
const DRAWS: usize = 5;
/// Random directions on which activations are projected.
const DIRECTIONS: usize = 64;

/// The measures, in the order of [`numbers`].
const MEASURES: [&str; 10] = [
    "share_of_zeros",
    "share_of_negatives",
    "active_units",
    "unit_skewness",
    "unit_excess_kurtosis",
    "direction_excess_kurtosis",
    "mean_norm_share",
    "norm_variance_share",
    "participation_share",
    "unit_correlation",
];

/// Rows of every place at the last step, each beside normal numbers of the same mean and covariance, and beside the untrained
/// network.
pub(super) fn rows(look: &Look) -> Result<Vec<Finding>, KymographError> {
    let mut rows = Vec::new();
    for place in &look.places {
        let x = place.measured(place.last());
        let directions = random::stream(look.seed, "directions to look along");
        let directions = random::normal_matrix::<f32, _>(&mut directions.clone(), DIRECTIONS, place.width());
        let found = numbers(x, directions.view())?;
        let draws = map_indices(DRAWS, |draw| {
            let drawn = normal_like(x, x.nrows(), look.seed, draw as u64)?;
            numbers(drawn.view(), directions.view())
        });
        let draws = draws.into_iter().collect::<Result<Vec<_>, StudyError>>()?;
        let untrained = match place.steps() {
            1 => None,
            _ => Some(numbers(place.measured(0), directions.view())?),
        };
        for (at, measure) in MEASURES.iter().enumerate() {
            let step = look.step(place, place.last());
            let mut finding = look.row(measure, place.name, step, found[at], x.nrows());
            let drawn: Vec<f64> = draws.iter().filter_map(|numbers| numbers[at]).collect();
            let value = found[at].unwrap_or_default();
            finding.nulls.extend(Null::of_draws("normal_of_same_covariance", &drawn, value));
            if *measure == "unit_correlation" {
                let by_chance = absolute_correlation_by_chance(x.nrows());
                finding.nulls.insert(0, Null::exact("independent_units", by_chance));
                finding.notes.push("tokens of one image are not independent, so chance gives somewhat more".into());
            }
            if let Some(untrained) = untrained.as_ref().and_then(|numbers| numbers[at]) {
                finding.nulls.push(Null::exact("untrained_network", untrained));
            }
            if found[at].is_none() {
                finding.notes.push("fewer than two units vary".into());
            }
            rows.push(finding);
        }
    }
    Ok(rows)
}

fn numbers(x: ArrayView2<'_, f32>, directions: ArrayView2<'_, f32>) -> Result<Vec<Option<f64>>, StudyError> {
    let shape = activation_shape(x)?;
    let along = activation_shape(matmul_nt(x, directions).view())?;
    let middle = |values: &[f64]| median(values).ok();
    Ok(vec![
        Some(shape.zeros),
        Some(shape.negatives),
        Some(shape.active),
        middle(&shape.skewness),
        middle(&shape.excess_kurtosis),
        middle(&along.excess_kurtosis),
        Some(shape.mean_norm),
        Some(shape.norm_variance),
        effective_dimension(x).ok().map(|ratio| ratio / x.ncols() as f64),
        mean_absolute_correlation_within(x).ok().map(|reading| reading.value),
    ])
}

/// Values for a histogram: every unit that varies less its mean over its deviation, at most so many of them, spread over all.
pub(super) fn standardised(place: &Place, step: usize, most: usize) -> Vec<f64> {
    let x = place.measured(step);
    let n = x.nrows() as f64;
    let mut columns = Vec::new();
    for column in x.columns() {
        let mean = column.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = column.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        columns.push((variance > 0.0).then(|| (mean, variance.sqrt())));
    }
    let stride = (x.len() / most.max(1)).max(1) | 1;
    let value = |at: usize| {
        let (row, column) = (at / x.ncols(), at % x.ncols());
        columns[column].map(|(mean, deviation)| (f64::from(x[[row, column]]) - mean) / deviation)
    };
    (0..x.len()).step_by(stride).filter_map(value).collect()
}
