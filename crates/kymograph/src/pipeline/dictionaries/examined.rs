//! One dictionary against the features that made its examples, and what other sets of directions of its size score.

use kymograph_linalg::{covariance, eigenvalues, random};
use kymograph_measures::MeasureError;
use kymograph_measures::dictionaries::{
    chance_mean_max_cosine, code_agreement, duplicate_directions, maximal_cosines, mean_max_cosine, share_recovered,
    variance_explained,
};
use kymograph_measures::similarity::matched_cosine;
use kymograph_nets::dictionaries::Dictionary;
use kymograph_studies::dictionaries::{Codes, Examples, HELD_OUT, Member, Synthetic, Toy, UNREPRESENTED};
use ndarray::{Array2, ArrayD, ArrayView2, Axis};

use super::Recorded;
use crate::error::KymographError;

/// Cosine from which on two directions count as the same.
pub(super) const SAME: f64 = 0.9;
/// Sets of examples drawn for a null.
const DRAWS: usize = 5;

/// What sets of directions that were not learned score against the truth.
#[derive(Clone, Debug, Default)]
pub(super) struct Scores {
    pub(super) mmcs: f64,
    pub(super) mmcs_of_learned: f64,
    pub(super) recall: f64,
    pub(super) precision: f64,
    pub(super) hungarian: f64,
    pub(super) duplicates: f64,
}

impl Scores {
    pub(super) fn of(truth: ArrayView2<'_, f32>, rows: ArrayView2<'_, f32>) -> Result<Self, MeasureError> {
        Ok(Self {
            mmcs: mean_max_cosine(truth, rows)?.value,
            mmcs_of_learned: mean_max_cosine(rows, truth)?.value,
            recall: share_recovered(truth, rows, SAME)?.value,
            precision: share_recovered(rows, truth, SAME)?.value,
            hungarian: matched_cosine(truth, rows)?.value,
            duplicates: if rows.nrows() > 1 { duplicate_directions(rows, SAME)?.value } else { 0.0 },
        })
    }
}

/// What is known of a run's data, the same for all its dictionaries.
pub(super) struct Truth {
    /// Those that are represented: all, but for a toy model's that it left out.
    pub(super) features: Array2<f32>,
    /// Their lengths.
    pub(super) lengths: Vec<f64>,
    /// Of every feature, represented or not.
    pub(super) all_lengths: Vec<f64>,
    /// Features that a toy model left out.
    pub(super) unrepresented: Vec<usize>,
    pub(super) toy: Option<Toy>,
    pub(super) toy_tensors: Vec<(String, ArrayD<f32>)>,
    pub(super) held_out: Examples,
    /// Share of the variance about the mean in the first principal components: none, one, two, …
    pub(super) principal: Vec<f64>,
    /// Features that no held-out example holds.
    pub(super) never_present: usize,
    examples: Array2<f32>,
    seed: u64,
}

impl Truth {
    pub(super) fn of(recorded: &Recorded) -> Result<Self, KymographError> {
        let settings = &recorded.network.settings;
        let toy_tensors = super::rows::tensors(recorded, "toy.")?;
        let data = Synthetic::of_run(settings, recorded.seed(), &toy_tensors)?;
        let all_lengths: Vec<f64> = data.lengths().iter().map(|length| f64::from(*length)).collect();
        let left_out = |feature: &usize| data.toy().is_some() && all_lengths[*feature] < UNREPRESENTED;
        let (unrepresented, kept): (Vec<usize>, Vec<usize>) = (0..settings.features).partition(left_out);
        let mut held_out = data.apart(HELD_OUT, settings.held_out);
        if !unrepresented.is_empty() {
            held_out.codes = of_kept(&held_out.codes, &kept);
        }
        let largest = recorded.network.members.iter().map(|m| m.spec.latents).max().unwrap_or(1);
        let examples = data.apart("null: examples", DRAWS * largest.max(settings.features)).x;
        let values = covariance(held_out.x.view()).and_then(|c| eigenvalues(c.view()));
        let values = values.map_err(kymograph_studies::StudyError::from)?;
        let total: f64 = values.iter().sum();
        let mut principal = vec![0.0];
        principal.extend(values.iter().scan(0.0, |sum, value| {
            *sum += value / total;
            Some(*sum)
        }));
        let mut present = vec![false; kept.len()];
        held_out.codes.latents.iter().for_each(|feature| present[*feature as usize] = true);
        Ok(Self {
            features: data.features().select(Axis(0), &kept),
            lengths: kept.iter().map(|&feature| all_lengths[feature]).collect(),
            all_lengths,
            unrepresented,
            toy: data.toy().cloned(),
            toy_tensors,
            principal,
            never_present: present.iter().filter(|present| !**present).count(),
            held_out,
            examples,
            seed: recorded.seed(),
        })
    }

    /// What as many examples score as a dictionary has directions, for each of some draws.
    pub(super) fn of_examples(&self, count: usize) -> Result<Vec<Scores>, MeasureError> {
        let rng = &mut random::stream_at(self.seed, "null: drawn examples", count as u64);
        (0..DRAWS)
            .map(|_| {
                let rows = random::sample(rng, self.examples.nrows(), count.min(self.examples.nrows()));
                Scores::of(self.features.view(), self.examples.select(ndarray::Axis(0), &rows).view())
            })
            .collect()
    }

    /// What as many random directions score, once.
    pub(super) fn of_random(&self, count: usize) -> Result<Scores, MeasureError> {
        let rng = &mut random::stream_at(self.seed, "null: random directions", count as u64);
        Scores::of(self.features.view(), random::normal_matrix::<f32, _>(rng, count, self.features.ncols()).view())
    }

    /// The chance level of MMCS for dictionaries of a size.
    pub(super) fn chance(&self, count: usize) -> f64 {
        chance_mean_max_cosine(self.features.ncols(), count)
    }
}

/// Codes of some features alone, which are numbered anew.
fn of_kept(codes: &Codes<f32>, kept: &[usize]) -> Codes<f32> {
    let mut places = vec![None; codes.width];
    kept.iter().enumerate().for_each(|(place, &feature)| places[feature] = Some(place as u32));
    let mut found = Codes { starts: vec![0], latents: Vec::new(), values: Vec::new(), width: kept.len() };
    for example in 0..codes.examples() {
        let (features, values) = codes.row(example);
        for (place, value) in features.iter().zip(values).filter_map(|(f, v)| Some((places[*f as usize]?, *v))) {
            found.latents.push(place);
            found.values.push(value);
        }
        found.starts.push(found.latents.len());
    }
    found
}

/// One dictionary against the truth.
pub(super) struct Examined {
    pub(super) scores: Scores,
    /// Cosine of each true feature with the nearest direction.
    pub(super) cosines: Vec<f64>,
    /// Share of held-out examples in which each feature is present.
    pub(super) frequencies: Vec<f64>,
    pub(super) precision_in_use: Option<f64>,
    pub(super) dead: usize,
    pub(super) l0: f64,
    pub(super) l1: f64,
    pub(super) fvu: f64,
    pub(super) loss: f64,
    /// Median over recovered features, with the same of the next feature's codes.
    pub(super) correlation: Option<[f64; 2]>,
    pub(super) slope: Option<[f64; 2]>,
    /// Loss of predicting nothing.
    pub(super) loss_of_nothing: f64,
}

pub(super) fn examine(
    truth: &Truth,
    member: &Member,
    dictionary: &Dictionary<f32>,
) -> Result<Examined, KymographError> {
    let x = truth.held_out.x.view();
    let codes = dictionary.encode(x)?;
    let rebuilt = dictionary.decode(&codes);
    let decoder = dictionary.decoder();
    let nearest = maximal_cosines(truth.features.view(), decoder, false)?;
    let back = maximal_cosines(decoder, truth.features.view(), false)?;
    let examples = x.nrows() as f64;
    let mut used = vec![false; member.spec.latents];
    codes.latents.iter().for_each(|latent| used[*latent as usize] = true);
    let in_use: Vec<f64> = (0..used.len()).filter(|&latent| used[latent]).map(|latent| back.cosines[latent]).collect();
    let fvu = 1.0 - variance_explained(x, rebuilt.view())?.value;
    let l1 = codes.values.iter().map(|v| f64::from(*v)).sum::<f64>() / examples;
    let squares = |x: ArrayView2<'_, f32>| x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
    let error = squares((&x - &rebuilt).view());
    let mut frequencies = vec![0.0; truth.features.nrows()];
    truth.held_out.codes.latents.iter().for_each(|feature| frequencies[*feature as usize] += 1.0 / examples);
    let recovered = (0..nearest.cosines.len()).filter(|&feature| nearest.cosines[feature] >= SAME);
    let pairs: Vec<(usize, usize)> = recovered.map(|feature| (feature, nearest.indices[feature])).collect();
    let (correlation, slope) = agreement(&truth.held_out.codes, &codes, &pairs);
    Ok(Examined {
        scores: Scores::of(truth.features.view(), decoder)?,
        cosines: nearest.cosines,
        frequencies,
        precision_in_use: (!in_use.is_empty())
            .then(|| in_use.iter().filter(|cosine| **cosine >= SAME).count() as f64 / in_use.len() as f64),
        dead: used.iter().filter(|used| !**used).count(),
        l0: codes.l0(),
        l1,
        fvu,
        loss: error + member.alpha * l1 / member.spec.latents as f64,
        correlation,
        slope,
        loss_of_nothing: squares(x),
    })
}

/// Correlation and shrinkage of codes, `pairs` telling which latent stands for which feature: medians over pairs, each with
/// that of the next feature's codes. None for fewer than two pairs.
pub(super) fn agreement(
    truth: &Codes<f32>,
    learned: &Codes<f32>,
    pairs: &[(usize, usize)],
) -> (Option<[f64; 2]>, Option<[f64; 2]>) {
    if pairs.len() < 2 {
        return (None, None);
    }
    let columns = |codes: &Codes<f32>, of: &dyn Fn(&(usize, usize)) -> usize| -> Vec<Vec<f64>> {
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); codes.width];
        pairs.iter().enumerate().for_each(|(place, pair)| places[of(pair)].push(place));
        let mut columns = vec![vec![0.0; codes.examples()]; pairs.len()];
        let rows = (0..codes.examples()).map(|example| codes.row(example));
        for (example, (latents, values)) in rows.enumerate() {
            for (&latent, &value) in latents.iter().zip(values) {
                places[latent as usize].iter().for_each(|&place| columns[place][example] = f64::from(value));
            }
        }
        columns
    };
    let known = columns(truth, &|pair| pair.0);
    let learned = columns(learned, &|pair| pair.1);
    let with = |shift: usize| {
        let count = pairs.len();
        let found = (0..count).filter_map(|at| code_agreement(&known[(at + shift) % count], &learned[at]).ok());
        let (mut correlations, mut slopes) = (Vec::new(), Vec::new());
        for agreement in found {
            correlations.push(agreement.correlation);
            slopes.push(agreement.slope);
        }
        let median = |values: &[f64]| kymograph_linalg::statistics::median(values).ok();
        (median(&correlations), median(&slopes))
    };
    let (own, other) = (with(0), with(1));
    (own.0.zip(other.0).map(<[f64; 2]>::from), own.1.zip(other.1).map(<[f64; 2]>::from))
}
