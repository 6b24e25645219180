//! How the runs behind a report came about: whether predictions came first, and which commands repeat and decide it.

use kymograph_findings::Stated;
use kymograph_runs::Experiment;
use kymograph_studies::Study;

use super::study::{flags, hash};

/// What a report says of a study's runs.
pub(super) struct Stating {
    study: &'static str,
    pub(super) stated: Stated,
    /// The options the runs were made with.
    flags: String,
    /// The smallest and largest seed.
    pub(super) seeds: (u64, u64),
}

impl Stating {
    pub(super) fn of(experiment: &Experiment, study: &Study, seeds: impl IntoIterator<Item = u64>) -> Self {
        let beforehand = experiment.manifest().predictions_hash.as_deref() == Some(&hash(study.predictions));
        let seeds: Vec<u64> = seeds.into_iter().collect();
        let (low, high) = (seeds.iter().min().copied().unwrap_or(0), seeds.iter().max().copied().unwrap_or(0));
        Self {
            study: study.name,
            stated: if beforehand { Stated::Beforehand } else { Stated::Afterwards },
            flags: flags(&experiment.manifest().settings),
            seeds: (low, high),
        }
    }

    /// The command that makes the same runs again.
    pub(super) fn repeat(&self) -> String {
        let Self { study, flags, seeds: (low, high), .. } = self;
        format!("kymograph run {study}{flags} --seeds {low}..{high} --out kymograph-out/{study}-again")
    }

    /// The command whose runs could decide, up to the seed `last`: the same options but for the small version.
    pub(super) fn remedy(&self, last: u64) -> String {
        self.remedy_with(&self.flags.replace(" --quick", ""), last)
    }

    /// The same with other options.
    pub(super) fn remedy_with(&self, flags: &str, last: u64) -> String {
        let Self { study, seeds: (low, _), .. } = self;
        format!("kymograph run {study}{flags} --seeds {low}..{last} --out kymograph-out/{study}-more-seeds")
    }
}
