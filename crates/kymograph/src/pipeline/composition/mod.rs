//! Networks that compose group elements: trained here or made elsewhere, measured by their group.

mod curves;
mod embeddings;
mod numbers;
mod page;
mod pictures;
mod rows;
mod subject;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::plan::PlannedComposition;
use kymograph_findings::{Finding, Judging, Plan, Predictions, RunKey, Stated, Subject, Verdict, judge};
use kymograph_report::write_report;
use kymograph_runs::{Experiment, Run, write_whole};
use kymograph_studies::composition::{Settings, Training, group};
use kymograph_studies::{Progress, Study, StudyFile};
use serde_json::json;

use super::derive::Derived;
use super::published::Published;
use super::stating::Stating;
use super::study::{Asked, record};
use super::{Event, Listener};
use crate::error::KymographError;
use numbers::Numbers;
use subject::Composer;

/// Trains what was asked for, and derives the report.
pub(super) fn run(asked: &Asked<'_>, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let Asked { request, study, file, choice } = asked;
    let mut settings = Settings::read(study, file, *choice)?;
    Plan::from_toml(study.plan, "the study's plan.toml")?;
    Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let group = group(&settings.group)?;
    if Path::new(&settings.group).is_file() {
        // The run is opened again from anywhere.
        settings.group = super::absolute(Path::new(&settings.group)).display().to_string();
    }
    let seeds = request.seeds.clone().unwrap_or_else(|| (1..=settings.seeds).collect());
    let network = settings.network();
    let experiment = asked.experiment(&json!(settings), group.name())?;
    for &seed in &seeds {
        let training = Training { study: study.name, network: &network, group: &group, seed, settings: &settings };
        let key = RunKey { network: network.clone(), seed: Some(seed), control: None };
        let manifest = training.manifest()?;
        let train = &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
        record((&experiment, request), &key, &manifest, train, listener)?;
    }
    derive_study(&experiment, study, listener)
}

/// Derives everything from what an experiment recorded.
pub(super) fn derive_study(
    experiment: &Experiment,
    study: &Study,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let file = StudyFile::read(study)?;
    let plan = Plan::from_toml(study.plan, "the study's plan.toml")?;
    let predictions = Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let (composers, settings) = recorded(experiment, listener)?;
    let stating = Stating::of(experiment, study, composers.iter().filter_map(|c| c.key.seed));
    // Numbers published for one recipe are shown beside runs of that recipe only.
    let notebook = kymograph_studies::Choice { recipe: Some("notebook"), ..Default::default() };
    let mut recipe = Settings::read(study, &file, notebook)?;
    recipe.seeds = settings.as_ref().map_or(recipe.seeds, |s| s.seeds);
    let published = match settings.as_ref() == Some(&recipe) {
        true => Published::read(study.published)?,
        false => Published::none(),
    };
    let report = Report {
        experiment,
        title: file.title,
        question: file.question,
        plan: plan.composition.unwrap_or_default(),
        predictions: Some(predictions),
        stated: stating.stated,
        repeat: stating.repeat(),
        remedy: Some(stating.remedy(40)),
        published,
        own: true,
    };
    report.derive(&composers, listener)
}

/// Derives everything for checkpoints made elsewhere.
pub(super) fn derive_analysis(
    experiment: &Experiment,
    title: String,
    subjects: &[Subject],
    (plan, predictions): (&PlannedComposition, Option<Predictions>),
    repeat: String,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let composers = foreign(subjects, plan)?;
    let report = Report {
        experiment,
        title,
        question: "What do these networks compute, seen through their group's representations and cosets?".to_owned(),
        plan: plan.clone(),
        predictions,
        stated: Stated::Afterwards,
        repeat,
        remedy: None,
        published: Published::none(),
        own: false,
    };
    report.derive(&composers, listener)
}

/// The rows of networks made elsewhere, for `kymograph judge`.
pub(super) fn findings_of_subjects(
    subjects: &[Subject],
    plan: &PlannedComposition,
    listener: Listener<'_>,
) -> Result<Vec<Finding>, KymographError> {
    Ok(measured(&foreign(subjects, plan)?, plan, None, listener)?.1)
}

/// The rows of an experiment, for `kymograph judge`.
pub(super) fn findings_of_experiment(
    experiment: &Experiment,
    plan: &PlannedComposition,
    listener: Listener<'_>,
) -> Result<(Vec<Finding>, BTreeMap<String, u64>), KymographError> {
    let (composers, _) = recorded(experiment, listener)?;
    let (_, findings) = measured(&composers, plan, Some(&cache_of(experiment)?), listener)?;
    Ok((findings, step_names(&composers)))
}

fn cache_of(experiment: &Experiment) -> Result<std::path::PathBuf, KymographError> {
    let cache = experiment.derived_folder()?.join("cache").join("composition");
    std::fs::create_dir_all(&cache).map_err(KymographError::file(&cache))?;
    Ok(cache)
}

fn foreign(subjects: &[Subject], plan: &PlannedComposition) -> Result<Vec<Composer>, KymographError> {
    let of = |s: &Subject| Composer::foreign(s.key.clone(), s.parameters.clone(), plan);
    subjects.iter().map(of).collect()
}

/// The finished runs of an experiment, with the settings they share.
fn recorded(
    experiment: &Experiment,
    listener: Listener<'_>,
) -> Result<(Vec<Composer>, Option<Settings>), KymographError> {
    let mut composers = Vec::new();
    let mut settings = None;
    for entry in experiment.runs()? {
        let run = Run::open(&entry.folder)?;
        if !run.is_finished() {
            listener(Event::Warning(format!("{} is not finished and is left out; --resume finishes it", entry.key)));
            continue;
        }
        let key = RunKey { network: entry.key.network.clone(), seed: Some(entry.key.seed), control: None };
        settings = settings.or_else(|| serde_json::from_value(run.manifest().settings["study"].clone()).ok());
        composers.push(Composer::recorded(key, &run)?);
    }
    if composers.is_empty() {
        return Err(KymographError::NothingFinished { folder: experiment.folder().to_path_buf() });
    }
    Ok((composers, settings))
}

/// Columns at every checkpoint and rows at the last one.
fn measured(
    composers: &[Composer],
    plan: &PlannedComposition,
    cache: Option<&Path>,
    listener: Listener<'_>,
) -> Result<(Vec<Numbers>, Vec<Finding>), KymographError> {
    // The rows of a last checkpoint take about as long as the columns of twenty.
    const ROWS: usize = 20;
    let total: usize = composers.iter().map(|c| c.checkpoints.len() + ROWS).sum();
    let mut done = 0;
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for composer in composers {
        let numbers = numbers::numbers(composer, cache, &mut || {
            done += 1;
            listener(Event::Measuring(done, total));
        })?;
        findings.extend(rows::rows(composer, &numbers, plan.draws)?);
        done += ROWS;
        listener(Event::Measuring(done, total));
        all.push(numbers);
    }
    Ok((all, findings))
}

fn step_names(composers: &[Composer]) -> BTreeMap<String, u64> {
    let steps = |c: &Composer| (c.checkpoints.keys().next().copied(), c.checkpoints.keys().next_back().copied());
    let longest = composers.iter().max_by_key(|c| c.checkpoints.keys().next_back().copied());
    let Some((Some(first), Some(last))) = longest.map(steps) else {
        return BTreeMap::new();
    };
    BTreeMap::from([("first".to_owned(), first), ("last".to_owned(), last)])
}

/// Everything a report is made of beside its networks.
struct Report<'a> {
    experiment: &'a Experiment,
    title: String,
    question: String,
    plan: PlannedComposition,
    predictions: Option<Predictions>,
    stated: Stated,
    repeat: String,
    remedy: Option<String>,
    published: Published,
    own: bool,
}

impl Report<'_> {
    fn derive(&self, composers: &[Composer], listener: Listener<'_>) -> Result<Derived, KymographError> {
        let derived = self.experiment.derived_folder()?;
        let (numbers, findings) = measured(composers, &self.plan, Some(&cache_of(self.experiment)?), listener)?;
        let names = step_names(composers);
        let judging =
            Judging { step_names: &names, stated: self.stated, repeat: &self.repeat, remedy: self.remedy.as_deref() };
        let verdicts: Vec<Verdict> =
            self.predictions.as_ref().map_or_else(Vec::new, |predictions| judge(predictions, &findings, &judging));
        listener(Event::Drawing);
        for (composer, numbers) in composers.iter().zip(&numbers) {
            let path = derived.join("metrics").join(format!("{}.csv", composer.key));
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(KymographError::file(parent))?;
            }
            write_whole(&path, tables::csv(numbers).as_bytes())?;
        }
        let page = page::build(self, composers, &numbers, &findings, &verdicts, &names)?;
        let files = write_report(&derived, &page)?;
        Ok(Derived::of(self.experiment, files, findings, verdicts))
    }
}
