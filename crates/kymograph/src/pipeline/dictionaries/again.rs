//! Dictionaries of the sweep beside those trained once more on the same examples from other first weights.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random;
use kymograph_measures::dictionaries::dictionary_agreement;
use kymograph_nets::dictionaries::Dictionary;
use kymograph_studies::dictionaries::{AGAIN, sweep_network};

use super::Recorded;
use super::examined::SAME;
use super::rows::{dictionaries, row};
use crate::error::KymographError;

/// Agreement between two trainings, at every penalty at which both are there.
pub(super) fn agreements(recorded: &[Recorded]) -> Result<Vec<Finding>, KymographError> {
    let mut rows = Vec::new();
    for run in recorded.iter().filter(|run| run.network.name == AGAIN) {
        let settings = &run.network.settings;
        let again = dictionaries(run)?;
        // All have one size, so one draw is the null of all.
        let size = run.network.members.first().map_or(1, |member| member.spec.latents);
        let directions = |index| {
            let rng = &mut random::stream_at(run.seed(), "null: two sets of random directions", index);
            random::normal_matrix::<f32, _>(rng, size, settings.width)
        };
        let random = dictionary_agreement(directions(0).view(), directions(1).view(), SAME)?;
        for (member, dictionary) in run.network.members.iter().zip(&again) {
            let network = sweep_network(member.alpha);
            let is = |other: &&Recorded| other.network.name == network && other.seed() == run.seed();
            let Some(other) = recorded.iter().find(is) else { continue };
            let all: Vec<Dictionary<f32>> = dictionaries(other)?;
            let Some(at) = other.network.members.iter().position(|m| m.spec.latents == size) else { continue };
            let found = dictionary_agreement(dictionary.decoder(), all[at].decoder(), SAME)?;
            for (measure, value, by_chance) in [
                ("agreement_of_seeds", found.matched_cosine, random.matched_cosine),
                ("share_agreed_of_seeds", found.share, random.share),
                ("pw_mcc_of_seeds", found.absolute, random.absolute),
            ] {
                let mut finding = row(&run.key, settings.steps, measure, &member.name, Some(value), size);
                finding.nulls.push(Null::exact("random_directions", by_chance));
                if measure == "agreement_of_seeds" {
                    finding.parts.insert("per_unit".into(), found.per_unit.clone());
                }
                finding.notes.push(format!("with {} of {network}", other.network.members[at].name));
                rows.push(finding);
            }
        }
    }
    Ok(rows)
}
