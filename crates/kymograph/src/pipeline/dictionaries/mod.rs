//! Dictionaries trained on activations of known features: trained, measured against the truth and against nulls, reported.

mod again;
mod baselines;
mod examined;
mod figures;
mod further;
mod given;
mod microscope;
mod page;
mod rows;
mod tables;
mod toy;

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{Finding, Judging, Plan, Predictions, RunKey, Verdict, judge};
use kymograph_report::write_report;
use kymograph_runs::{Experiment, Run, Table};
use kymograph_studies::dictionaries::{Network, Settings, Training, networks};
use kymograph_studies::{Progress, Study, StudyError, StudyFile};
use serde_json::json;

use super::derive::Derived;
use super::stating::Stating;
use super::study::{Asked, record};
use super::{Event, Listener, absolute};
use crate::error::KymographError;

/// Trains what was asked for, and derives the report.
pub(super) fn run(asked: &Asked<'_>, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let Asked { request, study, file, choice } = asked;
    let settings = Settings::read(study, file, *choice)?;
    Plan::from_toml(study.plan, "the study's plan.toml")?;
    Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let seeds = request.seeds.clone().unwrap_or_else(|| (0..settings.seeds).collect());
    let mut settings = settings;
    if !settings.phases_run.is_empty() {
        settings.phases_run = absolute(Path::new(&settings.phases_run)).display().to_string();
    }
    let prepared = microscope::prepare(asked, &settings)?;
    let note = "examples made of known features as they are needed";
    let experiment = asked.experiment(&json!(settings), note)?;
    for network in &networks(&settings) {
        for &seed in &seeds {
            let training = Training { study: study.name, network, seed };
            let key = RunKey { network: network.name.clone(), seed: Some(seed), control: None };
            let train =
                &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
            record((&experiment, request), &key, &training.manifest(), train, listener)?;
        }
    }
    prepared.train(asked, (&settings, &seeds), &experiment, listener)?;
    derive_study(&experiment, study, listener)
}

/// A finished run of the study.
pub(super) struct Recorded {
    pub(super) key: RunKey,
    pub(super) network: Network,
    pub(super) run: Run,
    /// The maximal cosines' means over training.
    pub(super) recovery: Table,
}

impl Recorded {
    pub(super) fn seed(&self) -> u64 {
        self.key.seed.unwrap_or(0)
    }
}

/// Derives everything from what an experiment recorded.
pub(super) fn derive_study(
    experiment: &Experiment,
    study: &Study,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let file = StudyFile::read(study)?;
    let predictions = Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let (recorded, settings) = recorded(experiment, study, listener)?;
    let mut findings = rows::all(&recorded, &settings, listener)?;
    let seen = microscope::take(experiment, &settings, listener)?;
    findings.extend(seen.rows.iter().cloned());
    let stating = Stating::of(experiment, study, recorded.iter().map(Recorded::seed));
    let report = Report { experiment, title: file.title, question: file.question, settings, repeat: stating.repeat() };
    let remedy = stating.remedy(stating.seeds.1.max(stating.seeds.0 + 7));
    let mut names = step_names(&report.settings);
    names.extend(seen.step_names.clone());
    let judging = Judging { step_names: &names, stated: stating.stated, repeat: &report.repeat, remedy: Some(&remedy) };
    let verdicts: Vec<Verdict> = judge(&predictions, &findings, &judging);
    listener(Event::Drawing);
    let derived = experiment.derived_folder()?;
    let mut page = page::build(&report, &recorded, &findings, &verdicts)?;
    microscope::show(&seen, &mut page, &derived, &report.settings)?;
    let files = write_report(&derived, &page)?;
    Ok(Derived::of(experiment, files, findings, verdicts))
}

/// The rows of an experiment, for `kymograph judge`.
pub(super) fn findings_of_experiment(
    experiment: &Experiment,
    study: &Study,
    listener: Listener<'_>,
) -> Result<(Vec<Finding>, BTreeMap<String, u64>), KymographError> {
    let (recorded, settings) = recorded(experiment, study, listener)?;
    let (mut rows, mut names) = (rows::all(&recorded, &settings, listener)?, step_names(&settings));
    let seen = microscope::take(experiment, &settings, listener)?;
    rows.extend(seen.rows);
    names.extend(seen.step_names);
    Ok((rows, names))
}

fn step_names(settings: &Settings) -> BTreeMap<String, u64> {
    BTreeMap::from([("first".to_owned(), 0), ("last".to_owned(), settings.steps)])
}

/// The finished runs of an experiment, in the order in which they are trained, with its settings.
fn recorded(
    experiment: &Experiment,
    study: &Study,
    listener: Listener<'_>,
) -> Result<(Vec<Recorded>, Settings), KymographError> {
    let mut values = experiment.manifest().settings["study"].clone();
    if let Some(fields) = values.as_object_mut() {
        fields.insert("seeds".to_owned(), json!(1));
    }
    let settings: Settings = serde_json::from_value(values).map_err(|e| StudyError::Setting {
        study: study.name.to_owned(),
        setting: "experiment.json".to_owned(),
        detail: e.to_string(),
    })?;
    let known = networks(&settings);
    let mut all = Vec::new();
    for entry in experiment.runs()? {
        let run = Run::open(&entry.folder)?;
        if !run.is_finished() {
            listener(Event::Warning(format!("{} is not finished and is left out; --resume finishes it", entry.key)));
            continue;
        }
        let Some(place) = known.iter().position(|network| network.name == entry.key.network) else { continue };
        let key = RunKey { network: entry.key.network.clone(), seed: Some(entry.key.seed), control: None };
        let recovery = run.series("recovery")?;
        all.push((place, Recorded { key, network: known[place].clone(), run, recovery }));
    }
    if all.is_empty() {
        return Err(KymographError::NothingFinished { folder: experiment.folder().to_path_buf() });
    }
    all.sort_by_key(|(place, recorded)| (*place, recorded.seed()));
    Ok((all.into_iter().map(|(_, recorded)| recorded).collect(), settings))
}

/// Everything a report is made of beside its runs.
struct Report<'a> {
    experiment: &'a Experiment,
    title: String,
    question: String,
    settings: Settings,
    repeat: String,
}
