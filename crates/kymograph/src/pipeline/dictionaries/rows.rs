//! What was measured of the dictionaries, as findings with their nulls.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Null, RunKey};
use kymograph_linalg::parallel::map_indices;
use kymograph_measures::dictionaries::mean_max_cosine;
use kymograph_nets::dictionaries::Dictionary;
use kymograph_studies::dictionaries::{Scale, Settings, dictionary_of, sweep_network};
use ndarray::ArrayD;

use super::super::{Event, Listener};
use super::baselines::{Baseline, baselines};
use super::examined::{Examined, SAME, Scores, Truth, examine};
use super::{Recorded, again, given, toy};
use crate::error::KymographError;

/// Dictionaries at least as large as the truth, over all penalties.
pub(super) const LARGE_ENOUGH: &str = "as_many_or_more";
/// The network under which rows about a whole sweep stand.
pub(super) const SWEEP: &str = "sweep";
/// The network under which directions stand that were not learned by a dictionary.
pub(super) const UNLEARNED: &str = "unlearned";

type Mean = fn(&Scores) -> f64;
/// By number of directions: what drawn sets of examples score, and what a random set does.
type Unlearned = BTreeMap<usize, (Vec<Scores>, Scores)>;
/// What is known of the data of a seed, by their name.
type Known = (String, Truth, Unlearned);

/// Every row.
pub(super) fn all(
    recorded: &[Recorded],
    settings: &Settings,
    listener: Listener<'_>,
) -> Result<Vec<Finding>, KymographError> {
    let total = recorded.iter().map(|r| r.network.members.len()).sum();
    let (mut rows, mut done) = (Vec::new(), 0);
    // Runs of one seed on the same data share what is known of them.
    let mut known: Vec<Known> = Vec::new();
    for run in recorded {
        let s = &run.network.settings;
        let name = serde_json::json!([run.seed(), s]).to_string();
        let at = match known.iter().position(|(of, _, _)| *of == name) {
            Some(at) => at,
            None => {
                let truth = Truth::of(run)?;
                let mut key = run.key.clone();
                if s == settings {
                    rows.extend(unlearned(run, &truth, settings)?);
                    key.network = UNLEARNED.into();
                }
                rows.extend(given::oracle(&truth, &key, s.steps)?);
                known.push((name, truth, BTreeMap::new()));
                known.len() - 1
            }
        };
        let (_, truth, nulls) = &mut known[at];
        for member in &run.network.members {
            if let std::collections::btree_map::Entry::Vacant(entry) = nulls.entry(member.spec.latents) {
                entry.insert((truth.of_examples(member.spec.latents)?, truth.of_random(member.spec.latents)?));
            }
        }
        let dictionaries = dictionaries(run)?;
        let members = &run.network.members;
        let examined: Vec<Result<Examined, KymographError>> =
            map_indices(members.len(), |at| examine(truth, &members[at], &dictionaries[at]));
        for (member, examined) in members.iter().zip(examined) {
            let (examples, random) = &nulls[&member.spec.latents];
            rows.extend(of_member(run, &member.name, truth, &examined?, (examples, random, member.spec.latents)));
            rows.push(steps_to(run, &member.name));
            rows.push(steps_to_end(run, &member.name));
        }
        rows.extend(between(run, truth, &dictionaries)?);
        rows.extend(toy::of_toy(run, truth, &dictionaries)?);
        done += members.len();
        listener(Event::Measuring(done, total));
    }
    rows.extend(again::agreements(recorded)?);
    rows.extend(over_penalties(recorded, settings, &rows));
    Ok(rows)
}

/// The dictionaries of a run's last checkpoint, in the order of its members.
pub(super) fn dictionaries(run: &Recorded) -> Result<Vec<Dictionary<f32>>, KymographError> {
    let of = |member: &kymograph_studies::dictionaries::Member| {
        Ok(dictionary_of(member, &tensors(run, &format!("{}.", member.name))?)?)
    };
    run.network.members.iter().map(of).collect()
}

/// The tensors of a run's last checkpoint whose names begin so.
pub(super) fn tensors(run: &Recorded, prefix: &str) -> Result<Vec<(String, ArrayD<f32>)>, KymographError> {
    let Some(&last) = run.run.steps().last() else { return Ok(Vec::new()) };
    let checkpoint = run.run.checkpoint(last)?;
    let names = checkpoint.tensors().iter().map(|tensor| &tensor.name).filter(|name| name.starts_with(prefix));
    names.map(|name| Ok((name.clone(), checkpoint.read_f32(name)?))).collect()
}

pub(super) fn row(key: &RunKey, step: u64, measure: &str, array: &str, value: Option<f64>, n: usize) -> Finding {
    let value = value.filter(|value| value.is_finite());
    Finding {
        measure: measure.to_owned(),
        options: BTreeMap::new(),
        run: key.clone(),
        array: array.to_owned(),
        other_array: None,
        steps: vec![step],
        value,
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(n),
        notes: Vec::new(),
        version: 1,
    }
}

fn of_member(
    run: &Recorded,
    name: &str,
    truth: &Truth,
    e: &Examined,
    (examples, random, latents): (&[Scores], &Scores, usize),
) -> Vec<Finding> {
    let settings = &run.network.settings;
    let (features, held_out) = (truth.features.nrows(), settings.held_out);
    let mut rows = Vec::new();
    let scores: [(&str, Mean, usize); 6] = [
        ("mmcs", |s| s.mmcs, features),
        ("mmcs_of_learned", |s| s.mmcs_of_learned, latents),
        ("recall", |s| s.recall, features),
        ("precision", |s| s.precision, latents),
        ("hungarian_cosine", |s| s.hungarian, features.min(latents)),
        ("duplicate_share", |s| s.duplicates, latents),
    ];
    for (measure, of, n) in scores {
        let value = of(&e.scores);
        let mut finding = row(&run.key, settings.steps, measure, name, Some(value), n);
        let draws: Vec<f64> = examples.iter().map(of).collect();
        finding.nulls.extend(Null::of_draws("examples", &draws, value));
        let by_chance = if measure == "mmcs" { truth.chance(latents) } else { of(random) };
        finding.nulls.push(Null::exact("random_directions", by_chance));
        if measure == "mmcs" {
            finding.parts.insert("per_feature".into(), e.cosines.clone());
            finding.parts.insert("frequency".into(), e.frequencies.clone());
            if settings.scale == Scale::Features || truth.toy.is_some() {
                finding.parts.insert("length".into(), truth.lengths.clone());
            }
        }
        rows.push(finding);
    }
    let principal = truth.principal[(e.l0.round() as usize).min(truth.principal.len() - 1)];
    let never = truth.never_present as f64 / features as f64;
    let codes = &truth.held_out.codes;
    let true_l1 = codes.values.iter().map(|v| f64::from(*v)).sum::<f64>() / codes.examples() as f64;
    let of_examples = [
        ("dead_share", Some(e.dead as f64 / latents as f64), Some(("features_never_present", never))),
        ("dead_latents", Some(e.dead as f64), Some(("features_never_present", truth.never_present as f64))),
        ("l0", Some(e.l0), Some(("true_codes", codes.l0()))),
        ("l1", Some(e.l1), Some(("true_codes", true_l1))),
        ("fvu", Some(e.fvu), Some(("as_many_principal_components", 1.0 - principal))),
        ("loss", Some(e.loss), Some(("no_codes", e.loss_of_nothing))),
        ("precision_in_use", e.precision_in_use, Some(("random_directions", random.precision))),
        ("code_correlation", e.correlation.map(|c| c[0]), e.correlation.map(|c| ("another_feature", c[1]))),
        ("shrinkage_slope", e.slope.map(|s| s[0]), e.slope.map(|s| ("another_feature", s[1]))),
    ];
    for (measure, value, null) in of_examples {
        let mut finding = row(&run.key, settings.steps, measure, name, value, held_out);
        finding.nulls.extend(null.map(|(kind, value)| Null::exact(kind, value)));
        if value.is_none() {
            finding.notes.push("fewer than two features were recovered, or no latent is in use".into());
        }
        rows.push(finding);
    }
    rows
}

/// The first recorded step at which MMCS is .9 or more.
fn steps_to(run: &Recorded, name: &str) -> Finding {
    let column = run.recovery.column(&format!("{name}.mmcs"));
    let step = column.and_then(|(steps, values)| {
        steps.iter().zip(values).find(|(_, mmcs)| *mmcs >= SAME).map(|(step, _)| *step as f64)
    });
    let settings = &run.network.settings;
    let mut finding = row(&run.key, settings.steps, "steps_to_mmcs", name, step, settings.features);
    if step.is_none() {
        finding.notes.push(format!("not reached within {} steps", settings.steps));
    }
    finding
}

/// The first recorded step at which MMCS is .9 of where it ends or more: also of a dictionary that never reaches .9.
fn steps_to_end(run: &Recorded, name: &str) -> Finding {
    let column = run.recovery.column(&format!("{name}.mmcs"));
    let step = column.and_then(|(steps, values)| {
        let end = *values.last()?;
        let mut reached = steps.iter().zip(&values);
        reached.find(|(_, mmcs)| **mmcs >= SAME * end).map(|(step, _)| *step as f64)
    });
    let settings = &run.network.settings;
    let mut finding = row(&run.key, settings.steps, "steps_to_end", name, step, settings.features);
    // A dictionary that stands where it began is there from the first step.
    finding.nulls.push(Null::exact("no_learning", 0.0));
    finding
}

/// Dictionaries of one run with each other: each with the next larger ones, or with the one that started orthogonal.
fn between(run: &Recorded, truth: &Truth, all: &[Dictionary<f32>]) -> Result<Vec<Finding>, KymographError> {
    let settings = &run.network.settings;
    let members = &run.network.members;
    let agreement = |first: usize, second: usize| -> Result<f64, KymographError> {
        Ok(mean_max_cosine(all[first].decoder(), all[second].decoder())?.value)
    };
    let mut rows = Vec::new();
    let mut add = |measure: &str, at: usize, value: f64, chance: f64| {
        let n = members[at].spec.latents;
        let mut finding = row(&run.key, settings.steps, measure, &members[at].name, Some(value), n);
        finding.nulls.push(Null::exact("random_directions", chance));
        rows.push(finding);
    };
    let chance = |at: usize| truth.chance(members[at].spec.latents);
    if run.network.name == "starts" {
        if let Some(first) = members.iter().position(|member| member.name == "orthogonal") {
            for at in (0..members.len()).filter(|&at| at != first) {
                add("agreement_of_starts", at, agreement(at, first)?, chance(first));
            }
        }
    } else if members.windows(2).all(|pair| pair[0].spec.latents < pair[1].spec.latents) {
        for at in 0..members.len().saturating_sub(1) {
            let next = agreement(at, at + 1)?;
            add("agreement_with_larger", at, next, chance(at + 1));
            if at + 2 < members.len() {
                let both = (next + agreement(at, at + 2)?) / 2.0;
                add("agreement_with_two_larger", at, both, (chance(at + 1) + chance(at + 2)) / 2.0);
            }
        }
    }
    Ok(rows)
}

/// Directions that no dictionary learned: as many examples and random ones as there are features, and what classical methods
/// find.
fn unlearned(run: &Recorded, truth: &Truth, settings: &Settings) -> Result<Vec<Finding>, KymographError> {
    let key = RunKey { network: UNLEARNED.into(), seed: run.key.seed, control: None };
    let features = settings.features;
    let examples = truth.of_examples(features)?;
    let random = truth.of_random(features)?;
    // What it is, its scores in several draws, those of as many random directions, and what is to be said of it.
    type Scored = (&'static str, Vec<Scores>, (Scores, usize), Option<String>);
    let mut all: Vec<Scored> = vec![
        ("examples", examples, (random.clone(), features), None),
        ("random", vec![random.clone()], (random.clone(), features), None),
    ];
    for Baseline { array, rows, note } in baselines(truth, run.seed())? {
        let scores = Scores::of(truth.features.view(), rows.view())?;
        all.push((array, vec![scores], (truth.of_random(rows.nrows())?, rows.nrows()), Some(note)));
    }
    let mut rows = Vec::new();
    let measures: [(&str, Mean); 3] =
        [("mmcs", |s| s.mmcs), ("recall", |s| s.recall), ("hungarian_cosine", |s| s.hungarian)];
    for (measure, of) in measures {
        for (array, scores, (random, count), note) in &all {
            let value = scores.iter().map(of).sum::<f64>() / scores.len() as f64;
            let mut finding = row(&key, settings.steps, measure, array, Some(value), features);
            let by_chance = if measure == "mmcs" { truth.chance(*count) } else { of(random) };
            finding.nulls.push(Null::exact("random_directions", by_chance));
            finding.notes.extend(note.clone());
            rows.push(finding);
        }
    }
    let off = (random.mmcs - truth.chance(features)).abs();
    let mut error = row(&key, settings.steps, "chance_error", "random", Some(off), features);
    error.nulls.push(Null::exact("theory", 0.0));
    rows.push(error);
    Ok(rows)
}

/// Rows about all penalties of a seed: the best MMCS of a dictionary large enough, and whether agreement finds its penalty.
fn over_penalties(recorded: &[Recorded], settings: &Settings, rows: &[Finding]) -> Vec<Finding> {
    let mut seeds: Vec<u64> = recorded.iter().map(Recorded::seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut found = Vec::new();
    let take = |network: &str, seed: u64, measure: &str, array: &str| {
        rows.iter()
            .find(|f| f.run.network == network && f.run.seed == Some(seed) && f.measure == measure && f.array == array)
    };
    for seed in seeds {
        let key = RunKey { network: SWEEP.into(), seed: Some(seed), control: None };
        let mut best: Option<&Finding> = None;
        for &alpha in &settings.alphas {
            for size in settings.sizes.iter().filter(|size| **size >= settings.features as f64) {
                let finding = take(&sweep_network(alpha), seed, "mmcs", &format!("n{size}"));
                best = [best, finding]
                    .into_iter()
                    .flatten()
                    .max_by(|a, b| a.value.partial_cmp(&b.value).unwrap_or(std::cmp::Ordering::Equal));
            }
        }
        if let Some(best) = best {
            let mut finding = row(&key, settings.steps, "best_mmcs", LARGE_ENOUGH, best.value, settings.features);
            finding.nulls.clone_from(&best.nulls);
            finding.notes.push(format!("{} of {}", best.array, best.run.network));
            found.push(finding);
        }
        for size in &settings.sizes {
            let array = format!("n{size}");
            let at_best = |measure: &str| {
                let values = settings
                    .alphas
                    .iter()
                    .filter_map(|&alpha| Some((alpha, take(&sweep_network(alpha), seed, measure, &array)?.value?)));
                values.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(alpha, _)| alpha)
            };
            if let (Some(by_agreement), Some(by_truth)) = (at_best("agreement_with_larger"), at_best("mmcs")) {
                let gap = (by_agreement / by_truth).log10().abs();
                let mut finding = row(&key, settings.steps, "penalty_gap", &array, Some(gap), settings.alphas.len());
                let gaps: Vec<f64> = settings.alphas.iter().map(|alpha| (alpha / by_truth).log10().abs()).collect();
                let by_chance = gaps.iter().sum::<f64>() / gaps.len() as f64;
                finding.nulls.push(Null::exact("any_penalty", by_chance));
                found.push(finding);
            }
        }
        let other = |r: &&Recorded| {
            let name = &r.key.network;
            let further = settings.further.contains(name);
            r.seed() == seed && (further || name.starts_with("ratio-") || name.starts_with("active-"))
        };
        let others: Vec<&Recorded> = recorded.iter().filter(other).collect();
        for run in others {
            let of =
                |member: &kymograph_studies::dictionaries::Member| take(&run.key.network, seed, "mmcs", &member.name);
            let members = run.network.members.iter().filter_map(of);
            let best = members.max_by(|a, b| a.value.partial_cmp(&b.value).unwrap_or(std::cmp::Ordering::Equal));
            if let Some(best) = best {
                let features = run.network.settings.features;
                let mut finding = row(&run.key, settings.steps, "best_mmcs", LARGE_ENOUGH, best.value, features);
                finding.nulls.clone_from(&best.nulls);
                finding.notes.push(format!("at {}", best.array));
                found.push(finding);
            }
        }
    }
    found
}
