//! Dictionaries of each place: a sweep, other first weights, every step, and what nulls reach.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::statistics::median;
use kymograph_linalg::{covariance, random, symmetric_eigen};
use kymograph_measures::dictionaries::{loss_recovered, variance_explained};
use kymograph_nets::Edit;
use kymograph_studies::StudyError;
use kymograph_studies::dictionaries::{Codes, Decoder, Fit, Fitted, Settings, normal_like};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::look::{Look, Place};
use crate::error::KymographError;

/// A null's name in arrays and rows.
pub(super) const FROZEN_RANDOM: &str = "frozen_random_decoder";
pub(super) const FROZEN_EXAMPLES: &str = "frozen_examples";
pub(super) const FROZEN_UNTRAINED: &str = "decoder_of_untrained_network";
pub(super) const NORMAL: &str = "fitted_to_normal_numbers";
pub(super) const UNFITTED: &str = "random_directions";
pub(super) const PRINCIPAL: &str = "principal_directions";

/// The dictionaries of one place.
pub(super) struct Fits {
    /// The standard one at each step, all from the same first weights.
    pub(super) own: Vec<Fitted>,
    /// The same from other first weights.
    pub(super) other: Vec<Fitted>,
    /// The other numbers of latents a token, at the last step.
    pub(super) sweep: Vec<(usize, Fitted)>,
    /// Nulls at the last step.
    pub(super) nulls: Vec<(&'static str, Fitted)>,
    /// What the dictionary of normal numbers explains of such numbers.
    of_normal: Option<f64>,
}

/// What a fit is for.
#[derive(Clone, Copy)]
enum What {
    Own,
    Other,
    Sweep(usize),
    Null(&'static str),
}

/// Fits every dictionary of a transformer, each on its own thread.
pub(super) fn all(look: &Look, settings: &Settings) -> Result<Vec<Fits>, KymographError> {
    let steps = settings.microscope_fit_steps;
    let ks: Vec<usize> = settings.microscope_ks.iter().map(|k| *k as usize).collect();
    // Directions and data that are not the place's own.
    let mut normals = Vec::new();
    let mut examples = Vec::new();
    for place in &look.places {
        let x = place.fitted(place.last());
        normals.push(normal_like(x, 2 * x.nrows(), look.seed, u64::MAX)?);
        let mean = x.mean_axis(Axis(0)).unwrap_or_default();
        let rng = &mut random::stream(look.seed, "microscope: examples as directions");
        let rows = random::sample(rng, x.nrows(), place.latents().min(x.nrows()));
        examples.push(x.select(Axis(0), &rows) - mean);
    }
    let mut jobs: Vec<(usize, usize, What)> = Vec::new();
    for (at, place) in look.places.iter().enumerate() {
        jobs.extend((0..place.steps()).flat_map(|step| [(at, step, What::Own), (at, step, What::Other)]));
        let last = place.last();
        if place.hook.is_some() {
            let others = ks.iter().copied().filter(|k| *k != place.k && *k <= place.width());
            jobs.extend(others.map(|k| (at, last, What::Sweep(k))));
            jobs.extend([FROZEN_EXAMPLES].map(|null| (at, last, What::Null(null))));
        }
        jobs.extend([FROZEN_RANDOM, NORMAL].map(|null| (at, last, What::Null(null))));
    }
    let fit = |at: usize, step: usize, what: What, frozen: Option<ArrayView2<'_, f32>>| {
        let place = &look.places[at];
        let (mut x, mut decoder, mut k, mut seed) = (place.fitted(step), Decoder::Random, place.k, look.seed);
        match what {
            What::Own => {}
            What::Other => seed = look.seed + 1_000_003,
            What::Sweep(other) => k = other,
            What::Null(FROZEN_RANDOM) => decoder = Decoder::FrozenRandom,
            What::Null(FROZEN_EXAMPLES) => decoder = Decoder::Frozen(examples[at].view()),
            What::Null(NORMAL) => x = normals[at].slice(s![..x.nrows(), ..]),
            What::Null(_) => decoder = frozen.map_or(Decoder::FrozenRandom, Decoder::Frozen),
        }
        Fit { x, latents: place.latents(), k, steps, decoder, seed }.run()
    };
    let fitted = map_indices(jobs.len(), |job| fit(jobs[job].0, jobs[job].1, jobs[job].2, None));
    let mut fits: Vec<Fits> = Vec::new();
    for _ in &look.places {
        fits.push(Fits { own: Vec::new(), other: Vec::new(), sweep: Vec::new(), nulls: Vec::new(), of_normal: None });
    }
    for ((at, _, what), fitted) in jobs.into_iter().zip(fitted) {
        let (of_place, fitted) = (&mut fits[at], fitted?);
        match what {
            What::Own => of_place.own.push(fitted),
            What::Other => of_place.other.push(fitted),
            What::Sweep(k) => of_place.sweep.push((k, fitted)),
            What::Null(null) => of_place.nulls.push((null, fitted)),
        }
    }
    let again: Vec<usize> = (0..fits.len()).filter(|&at| look.places[at].steps() > 1).collect();
    let untrained = map_indices(again.len(), |job| {
        let (at, place) = (again[job], &look.places[again[job]]);
        fit(at, place.last(), What::Null(FROZEN_UNTRAINED), Some(fits[at].own[0].dictionary.decoder()))
    });
    for (at, fitted) in again.into_iter().zip(untrained) {
        fits[at].nulls.push((FROZEN_UNTRAINED, fitted?));
    }
    for ((of_place, place), drawn) in fits.iter_mut().zip(&look.places).zip(&normals) {
        if let Some((_, fitted)) = of_place.nulls.iter().find(|(null, _)| *null == NORMAL) {
            let held = drawn.slice(s![place.fitted(0).nrows().., ..]);
            let rebuilt = fitted.decode(&fitted.encode(held)?);
            of_place.of_normal = Some(variance_explained(held, rebuilt.view())?.value);
        }
    }
    Ok(fits)
}

/// Losses of a network at a step: as it is, and with a place's activations at zero and at their mean.
pub(super) struct Losses {
    clean: f64,
    zero: f64,
    mean: f64,
}

impl Losses {
    pub(super) fn of(look: &Look, place: &Place, at: usize) -> Result<Self, KymographError> {
        let mean: Array1<f32> = place.fitted(at).mean_axis(Axis(0)).unwrap_or_default();
        Ok(Self {
            clean: look.loss(at, place, None)?,
            zero: look.loss(at, place, Some(Edit::Zero))?,
            mean: look.loss(at, place, Some(Edit::Replace(mean.into_dyn())))?,
        })
    }
}

/// How good a reconstruction is.
pub(super) struct Quality {
    explained: f64,
    /// Losses: clean, rebuilt, at zero, at the mean.
    losses: Vec<f64>,
    /// Against zeros, and against the mean; or why not.
    recovered: Option<[Result<f64, String>; 2]>,
}

impl Quality {
    /// Of what some rows were rebuilt to, in the network at a step.
    pub(super) fn of(
        look: &Look,
        (place, at): (&Place, usize),
        losses: Option<&Losses>,
        rebuilt: ArrayView2<'_, f32>,
    ) -> Result<Self, KymographError> {
        let explained = variance_explained(place.measured(at), rebuilt)?.value;
        let (mut recovered, mut all) = (None, Vec::new());
        if let Some(losses) = losses {
            let loss = look.loss(at, place, Some(look.replacement(place, rebuilt)))?;
            let of = |ablated: f64| loss_recovered(losses.clean, loss, ablated).map_err(|error| error.to_string());
            recovered = Some([of(losses.zero), of(losses.mean)]);
            all = vec![losses.clean, loss, losses.zero, losses.mean];
        }
        Ok(Self { explained, losses: all, recovered })
    }

    fn values(&self) -> [(&'static str, Result<f64, String>); 3] {
        let of = |at: usize| match &self.recovered {
            Some(recovered) => recovered[at].clone(),
            None => Err("no network reads the toy data".into()),
        };
        [("variance_explained", Ok(self.explained)), ("loss_recovered", of(0)), ("loss_recovered_of_mean", of(1))]
    }
}

/// The share of rows that use each latent.
pub(super) fn densities(codes: &Codes<f32>) -> Vec<f64> {
    let mut counts = vec![0usize; codes.width];
    codes.latents.iter().for_each(|latent| counts[*latent as usize] += 1);
    counts.into_iter().map(|count| count as f64 / codes.examples().max(1) as f64).collect()
}

/// Rows of every place: the dictionaries of the sweep and of every step beside what nulls reach.
pub(super) fn rows(look: &Look, fits: &[Fits]) -> Result<Vec<Finding>, KymographError> {
    let mut rows = Vec::new();
    for (place, fits) in look.places.iter().zip(fits) {
        let last = place.last();
        let x = place.measured(last);
        let losses = place.hook.as_ref().map(|_| Losses::of(look, place, last)).transpose()?;
        let at_last = |fitted: &Fitted| -> Result<Quality, KymographError> {
            let rebuilt = fitted.decode(&fitted.encode(x)?);
            Quality::of(look, (place, last), losses.as_ref(), rebuilt.view())
        };
        let mut nulls: Vec<(&str, Quality)> = Vec::new();
        for (null, fitted) in &fits.nulls {
            nulls.push((null, at_last(fitted)?));
        }
        let step = look.step(place, last);
        for (null, quality) in &nulls {
            let array = format!("{}.{null}", place.name);
            rows.extend(quality_rows(look, &array, step, quality, x.nrows()));
        }
        let principal = Principal::of(place.fitted(last))?;
        let all = std::iter::once((place.k, &fits.own[last])).chain(fits.sweep.iter().map(|(k, fitted)| (*k, fitted)));
        for (k, fitted) in all {
            let standard = k == place.k;
            let array = if standard { place.name.to_owned() } else { format!("{}.k{k}", place.name) };
            let codes = fitted.encode(x)?;
            let quality = Quality::of(look, (place, last), losses.as_ref(), fitted.decode(&codes).view())?;
            let unfitted = Fit { k, steps: 0, ..random_directions(look, place) }.run()?;
            let cheap = [
                (UNFITTED, at_last(&unfitted)?),
                (PRINCIPAL, Quality::of(look, (place, last), losses.as_ref(), principal.rebuilt(x, k).view())?),
            ];
            let mut of_quality = quality_rows(look, &array, step, &quality, x.nrows());
            for (at, finding) in of_quality.iter_mut().enumerate() {
                let beside = nulls.iter().filter(|_| standard).chain(&cheap);
                for (null, quality) in beside {
                    if let (_, Ok(value)) = &quality.values()[at] {
                        finding.nulls.push(Null::exact(*null, *value));
                    }
                }
                finding.options.insert("k".into(), k.to_string());
                if let (true, 0, Some(value)) = (standard, at, fits.of_normal) {
                    finding.nulls.push(Null::exact("normal_numbers_with_their_own", value));
                }
            }
            rows.extend(of_quality);
            rows.extend(use_rows(look, &array, step, &codes));
            for (null, quality) in cheap.iter().filter(|_| standard) {
                let array = format!("{}.{null}", place.name);
                rows.extend(quality_rows(look, &array, step, quality, x.nrows()));
            }
        }
        // Earlier steps: what the same fit reaches there.
        for at in 0..last {
            let losses = Losses::of(look, place, at)?;
            let codes = fits.own[at].encode(place.measured(at))?;
            let rebuilt = fits.own[at].decode(&codes);
            let quality = Quality::of(look, (place, at), Some(&losses), rebuilt.view())?;
            let unfitted = Fit { x: place.fitted(at), steps: 0, ..random_directions(look, place) }.run()?;
            let null = unfitted.decode(&unfitted.encode(place.measured(at))?);
            let null = Quality::of(look, (place, at), Some(&losses), null.view())?;
            let mut of_quality = quality_rows(look, place.name, look.steps[at], &quality, x.nrows());
            for (finding, (_, value)) in of_quality.iter_mut().zip(null.values()) {
                finding.nulls.extend(value.ok().map(|value| Null::exact(UNFITTED, value)));
            }
            rows.extend(of_quality);
            rows.extend(use_rows(look, place.name, look.steps[at], &codes));
        }
    }
    Ok(rows)
}

/// Directions that nothing trained, the encoder being their transpose.
fn random_directions<'a>(look: &Look, place: &'a Place) -> Fit<'a> {
    let x = place.fitted(place.last());
    Fit { x, latents: place.latents(), k: place.k, steps: 0, decoder: Decoder::FrozenRandom, seed: look.seed }
}

fn quality_rows(look: &Look, array: &str, step: u64, quality: &Quality, n: usize) -> Vec<Finding> {
    let mut rows = Vec::new();
    for (measure, value) in quality.values() {
        let n = if measure == "variance_explained" { n } else { look.loss_images() };
        let mut finding = look.row(measure, array, step, value.as_ref().ok().copied(), n);
        finding.notes.extend(value.err());
        if measure != "variance_explained" && !quality.losses.is_empty() {
            finding.parts.insert("losses_clean_rebuilt_zero_mean".into(), quality.losses.clone());
        }
        rows.push(finding);
    }
    // The toy data are read by no network.
    rows.retain(|finding| quality.recovered.is_some() || finding.value.is_some());
    rows
}

/// How latents are used.
fn use_rows(look: &Look, array: &str, step: u64, codes: &Codes<f32>) -> Vec<Finding> {
    let densities = densities(codes);
    let used: Vec<f64> = densities.iter().copied().filter(|density| *density > 0.0).collect();
    let dead = 1.0 - used.len() as f64 / densities.len() as f64;
    let even = codes.l0() / codes.width as f64;
    let mut rows = Vec::new();
    for (measure, value, null) in [
        ("l0", Some(codes.l0()), None),
        ("dead_share", Some(dead), None),
        ("latent_density", median(&used).ok(), Some(Null::exact("all_latents_alike", even))),
    ] {
        let mut finding = look.row(measure, array, step, value, codes.examples());
        finding.nulls.extend(null);
        if measure == "latent_density" {
            finding.parts.insert("per_latent".into(), densities.clone());
        }
        rows.push(finding);
    }
    rows
}

/// Principal directions of the rows that are fitted.
struct Principal {
    mean: Array1<f32>,
    /// width × component, most variance first.
    vectors: Array2<f32>,
}

impl Principal {
    fn of(x: ArrayView2<'_, f32>) -> Result<Self, KymographError> {
        let eigen = covariance(x).and_then(|c| symmetric_eigen(c.view())).map_err(StudyError::from)?;
        let mean = x.mean_axis(Axis(0)).unwrap_or_default();
        Ok(Self { mean, vectors: eigen.vectors.mapv(|v| v as f32) })
    }

    /// Rows on the first `k` of them.
    fn rebuilt(&self, x: ArrayView2<'_, f32>, k: usize) -> Array2<f32> {
        let first = self.vectors.slice(s![.., ..k.min(self.vectors.ncols())]);
        let centred = &x - &self.mean;
        kymograph_linalg::matmul_nt(kymograph_linalg::matmul(centred.view(), first).view(), first) + &self.mean
    }
}
