//! Features followed over a network's training, and how far first weights decide them.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::random;
use kymograph_linalg::statistics::median;
use kymograph_measures::dictionaries::{code_agreement, mean_max_cosine, variance_explained};
use kymograph_measures::similarity::matched_cosine;
use kymograph_studies::StudyError;
use kymograph_studies::dictionaries::{Codes, Fitted};
use ndarray::{Array2, ArrayView2, Axis};

use super::fits::{Fits, NORMAL, densities};
use super::look::{Look, Place};
use crate::error::KymographError;

/// What is compared with the last dictionary, or with its like from other first weights.
enum Pair {
    /// The dictionary of an earlier step.
    Steps(usize),
    /// The other first weights at a step.
    FirstWeights(usize),
    /// One that shares first weights with the last and no data.
    NoData,
    /// Random directions.
    Chance,
}

/// Rows of every place.
pub(super) fn rows(look: &Look, fits: &[Fits]) -> Result<Vec<Finding>, KymographError> {
    let mut rows = Vec::new();
    for (place, fits) in look.places.iter().zip(fits) {
        let last = place.last();
        let own = fits.own.iter().enumerate().map(|(at, fitted)| in_use(place, at, fitted));
        let own = own.collect::<Result<Vec<_>, KymographError>>()?;
        let other = fits.other.iter().enumerate().map(|(at, fitted)| in_use(place, at, fitted));
        let other = other.collect::<Result<Vec<_>, KymographError>>()?;
        let normal = fits.nulls.iter().find(|(null, _)| *null == NORMAL).map(|(_, fitted)| fitted);
        let normal = normal.map_or_else(|| own[last].clone(), |fitted| fitted.dictionary.decoder().to_owned());
        let rng = &mut random::stream(look.seed, "microscope: directions by chance");
        let chance: Array2<f32> = random::normal_matrix(rng, other[last].nrows(), place.width());
        let mut pairs: Vec<Pair> = (0..=last).map(Pair::FirstWeights).chain([Pair::NoData, Pair::Chance]).collect();
        pairs.extend((0..last).map(Pair::Steps));
        let scores = map_indices(pairs.len(), |pair| match pairs[pair] {
            Pair::Steps(at) => scores(own[at].view(), own[last].view()),
            Pair::FirstWeights(at) => scores(own[at].view(), other[at].view()),
            Pair::NoData => scores(normal.view(), own[last].view()),
            Pair::Chance => scores(own[last].view(), chance.view()),
        });
        let scores = scores.into_iter().collect::<Result<Vec<_>, KymographError>>()?;
        let of = |wanted: &dyn Fn(&Pair) -> bool| pairs.iter().position(wanted).map(|at| scores[at]);
        let by_chance = of(&|pair| matches!(pair, Pair::Chance)).unwrap_or_default();
        let no_data = of(&|pair| matches!(pair, Pair::NoData)).unwrap_or_default();
        let others = of(&|pair| matches!(pair, Pair::FirstWeights(at) if *at == last)).unwrap_or_default();
        for (pair, found) in pairs.iter().zip(&scores) {
            let (names, steps, n) = match pair {
                Pair::Steps(at) => (
                    ["matched_over_steps", "mmcs_over_steps"],
                    vec![look.steps[*at], look.step(place, last)],
                    own[*at].nrows(),
                ),
                Pair::FirstWeights(at) => (
                    ["agreement_of_first_weights", "mmcs_of_first_weights"],
                    vec![look.step(place, *at)],
                    own[*at].nrows(),
                ),
                Pair::NoData | Pair::Chance => continue,
            };
            for (which, name) in names.into_iter().enumerate() {
                let mut finding = look.row(name, place.name, steps[0], Some(found[which]), n);
                finding.steps.clone_from(&steps);
                finding.nulls.push(Null::exact("random_directions", by_chance[which]));
                if matches!(pair, Pair::Steps(_)) {
                    // Both began at the same first weights, which alone makes them somewhat alike.
                    finding.nulls.insert(0, Null::exact("same_first_weights_on_normal_numbers", no_data[which]));
                    finding.nulls.push(Null::exact("other_first_weights_at_the_last_step", others[which]));
                }
                rows.push(finding);
            }
        }
        rows.extend(read_back(look, place, fits)?);
    }
    Ok(rows)
}

/// The last dictionary on what earlier steps' networks make of the same images.
fn read_back(look: &Look, place: &Place, fits: &Fits) -> Result<Vec<Finding>, KymographError> {
    let last = place.last();
    let fitted = &fits.own[last];
    let at_last = columns(&fitted.encode(place.measured(last))?);
    let mut rows = Vec::new();
    for at in 0..last {
        let x = place.measured(at);
        let step = look.steps[at];
        let codes = fitted.encode(x)?;
        let explained = |fitted: &Fitted| -> Result<f64, KymographError> {
            Ok(variance_explained(x, fitted.decode(&fitted.encode(x)?).view())?.value)
        };
        let mut finding =
            look.row("read_back_variance_explained", place.name, step, Some(explained(fitted)?), x.nrows());
        if let Some((_, normal)) = fits.nulls.iter().find(|(null, _)| *null == NORMAL) {
            finding.nulls.push(Null::exact("fitted_to_normal_numbers", explained(normal)?));
        }
        finding.ceiling = Some(Null::exact("dictionary_of_that_step", explained(&fits.own[at])?));
        rows.push(finding);
        let earlier = columns(&codes);
        let order =
            random::permutation(&mut random::stream(look.seed, "microscope: tokens in another order"), x.nrows());
        let used: Vec<usize> = (0..at_last.len()).filter(|&latent| at_last[latent].iter().any(|v| *v > 0.0)).collect();
        let correlations = map_indices(used.len(), |at| {
            let latent = used[at];
            let moved: Vec<f64> = order.iter().map(|&row| earlier[latent][row]).collect();
            // A latent that is silent at the earlier step does not follow.
            [&earlier[latent], &moved]
                .map(|codes| code_agreement(&at_last[latent], codes).map_or(0.0, |c| c.correlation))
        });
        let of = |which: usize| median(&correlations.iter().map(|pair| pair[which]).collect::<Vec<_>>()).ok();
        let mut finding = look.row("read_back_correlation", place.name, step, of(0), used.len());
        finding.nulls.extend(of(1).map(|value| Null::exact("tokens_in_another_order", value)));
        finding.parts.insert("per_latent".into(), correlations.iter().map(|pair| pair[0]).collect());
        rows.push(finding);
    }
    Ok(rows)
}

/// Matched and maximal cosine.
fn scores(x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> Result<[f64; 2], KymographError> {
    Ok([matched_cosine(x, y)?.value, mean_max_cosine(x, y)?.value])
}

/// The directions of the latents that measured rows use.
fn in_use(place: &Place, at: usize, fitted: &Fitted) -> Result<Array2<f32>, KymographError> {
    let densities = densities(&fitted.encode(place.measured(at))?);
    let used: Vec<usize> = (0..densities.len()).filter(|&latent| densities[latent] > 0.0).collect();
    if used.is_empty() {
        let what = "no latent is in use";
        return Err(StudyError::from(kymograph_measures::MeasureError::NoVariation { input: "codes", what }).into());
    }
    Ok(fitted.dictionary.decoder().select(Axis(0), &used))
}

/// Codes by latent: latent, row.
fn columns(codes: &Codes<f32>) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![0.0; codes.examples()]; codes.width];
    let rows = (0..codes.examples()).map(|example| (example, codes.row(example)));
    for (example, (latents, values)) in rows {
        for (&latent, &value) in latents.iter().zip(values) {
            columns[latent as usize][example] = f64::from(value);
        }
    }
    columns
}
