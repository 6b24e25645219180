//! A study of image classifiers: its networks are trained and replayed on the probe.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kymograph_findings::{Plan, Predictions, RunKey, Stated, Subject};
use kymograph_runs::{Experiment, Run, RunEntry, image_data};
use kymograph_studies::classification::{Control, Data, Settings, Training};
use kymograph_studies::{Choice, Classification, Progress, Study, StudyError, StudyFile};
use serde_json::{Value, json};

use super::activations::{self, ACTIVATION_BUDGET, Replays};
use super::capture::Replay;
use super::derive::{Derivation, Derived, derive};
use super::published::Published;
use super::stating::Stating;
use super::study::{Asked, flags, record};
use super::{Event, Listener};
use crate::error::KymographError;

/// Trains what was asked for, and derives the report.
pub(super) fn run(asked: &Asked<'_>, task: &Classification, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let Asked { request, study, file, choice } = asked;
    let settings = Settings::read(study, file, task.networks, *choice)?;
    Plan::from_toml(study.plan, "the study's plan.toml")?;
    Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let seeds = request.seeds.clone().unwrap_or_else(|| (0..settings.seeds).collect());
    let split = image_data(&settings.data, request.data_dir.as_deref())?;
    let experiment = asked.experiment(&json!(settings), &split.note)?;
    let data = Data::of(&split, settings.inputs);
    drop(split);
    let declared = file.controls.iter().filter(|(name, _)| settings.controls.contains(name));
    let controls: Vec<(&str, &Control)> = declared.map(|(name, control)| (name.as_str(), control)).collect();
    for name in &settings.networks {
        let Some(mut spec) = (task.network)(name) else {
            let (study, setting) = (study.name.to_owned(), "networks".to_owned());
            let detail = format!("`{name}` is no network of this study");
            return Err(StudyError::Setting { study, setting, detail }.into());
        };
        // The same layers take images of any size, where they do.
        spec.input = data.train.shape();
        let taken = controls.iter().copied().filter(|(_, control)| control.takes(name));
        for control in std::iter::once(None).chain(taken.map(Some)) {
            let once = control.is_some_and(|(_, control)| control.first_seed_only);
            for &seed in seeds.iter().take(if once { 1 } else { seeds.len() }) {
                let training =
                    Training { study: study.name, spec: &spec, seed, settings: &settings, data: &data, control };
                let control = control.map(|(name, _)| name.to_owned());
                let key = RunKey { network: name.clone(), seed: Some(seed), control };
                let manifest = training.manifest()?;
                let train =
                    &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
                record((&experiment, request), &key, &manifest, train, listener)?;
            }
        }
    }
    let budget = request.activation_budget.unwrap_or(ACTIVATION_BUDGET);
    derive_study(&experiment, study, task, budget, listener)
}

/// What an experiment recorded, with the activations that a plan looks at.
pub(super) struct Recorded {
    file: StudyFile,
    published: Published,
    pub(super) step_names: BTreeMap<String, u64>,
    entries: Vec<RunEntry>,
    runs: Vec<Run>,
    pub(super) replays: Replays,
    pub(super) subjects: Vec<Subject>,
}

impl Recorded {
    /// What is derived from it, before anything is said of it.
    pub(super) fn derivation<'a>(&'a self, experiment: &'a Experiment, plan: &'a Plan) -> Derivation<'a> {
        Derivation {
            experiment,
            title: String::new(),
            question: String::new(),
            plan,
            origin: "the study's plan.toml",
            predictions: None,
            subjects: &self.subjects,
            runs: &self.runs,
            replays: &self.replays,
            step_names: &self.step_names,
            stated: Stated::Afterwards,
            repeat: String::new(),
            remedy: None,
            published: Published::none(),
        }
    }
}

pub(super) fn recorded(
    experiment: &Experiment,
    study: &Study,
    task: &Classification,
    plan: &Plan,
    budget: u64,
    listener: Listener<'_>,
) -> Result<Recorded, KymographError> {
    let settings = &experiment.manifest().settings;
    let file = StudyFile::read(study)?;
    let mut study_settings = settings["study"].clone();
    if let Some(fields) = study_settings.as_object_mut() {
        fields.insert("seeds".to_owned(), json!(1));
    }
    let settings_read: Settings = serde_json::from_value(study_settings).map_err(|e| StudyError::Setting {
        study: study.name.to_owned(),
        setting: "experiment.json".to_owned(),
        detail: e.to_string(),
    })?;
    let step_names = settings_read.step_names();
    // Numbers published for one recipe are shown beside runs of that recipe only.
    let mut recipe = Settings::read(study, &file, task.networks, Choice::default())?;
    (recipe.seeds, recipe.networks, recipe.controls) =
        (settings_read.seeds, settings_read.networks.clone(), settings_read.controls.clone());
    let published = if recipe == settings_read { Published::read(study.published)? } else { Published::none() };
    let (mut entries, mut runs) = (Vec::new(), Vec::new());
    for entry in experiment.runs()? {
        let run = Run::open(&entry.folder)?;
        if run.is_finished() {
            entries.push(entry);
            runs.push(run);
        } else {
            listener(Event::Warning(format!("{} is not finished and is left out; --resume finishes it", entry.key)));
        }
    }
    if runs.is_empty() {
        return Err(KymographError::NothingFinished { folder: experiment.folder().to_path_buf() });
    }
    let key_of = |entry: &RunEntry| RunKey {
        network: entry.key.network.clone(),
        seed: Some(entry.key.seed),
        control: entry.key.control.clone(),
    };
    let mut replays = Replays::new();
    for (entry, run) in entries.iter().zip(&runs) {
        let key = key_of(entry);
        if let Some(replay) = Replay::of(run, &|hook| plan.wants_activation(&key, hook))? {
            replays.insert(key, replay);
        }
    }
    let total: usize = replays.values().map(Replay::steps).sum();
    let mut done = 0;
    let folder = experiment.derived_folder()?.join("cache").join("activations");
    let mut stock = activations::stock(&replays, &folder, budget, &mut || {
        done += 1;
        listener(Event::Capturing(done, total));
    })?;
    let mut subjects = Vec::new();
    for (entry, run) in entries.iter().zip(&runs) {
        let key = key_of(entry);
        let captured = stock.remove(&key).unwrap_or_default();
        let parameters: BTreeMap<u64, PathBuf> = run
            .steps()
            .iter()
            .map(|&step| Ok((step, run.checkpoint(step)?.path().to_path_buf())))
            .collect::<Result<_, KymographError>>()?;
        let labels = run.probe()?.map(|probe| probe.labels).filter(|labels| !labels.is_empty());
        subjects.push(Subject { key, parameters, activations: captured, labels, series: series(run)? });
    }
    Ok(Recorded { file, published, step_names, entries, runs, replays, subjects })
}

/// Derives everything from what an experiment recorded.
pub(super) fn derive_study(
    experiment: &Experiment,
    study: &Study,
    task: &Classification,
    budget: u64,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let plan = &Plan::from_toml(study.plan, "the study's plan.toml")?;
    let recorded = recorded(experiment, study, task, plan, budget, listener)?;
    let predictions = Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let main = recorded.entries.iter().filter(|entry| entry.key.control.is_none());
    let stating = Stating::of(experiment, study, main.map(|entry| entry.key.seed));
    let (low, high) = stating.seeds;
    let needed = predictions.sets.iter().flat_map(|s| &s.predictions).map(|p| p.min_seeds).max().unwrap_or(0) as u64;
    let more = (high - low + 1).max(needed.max(8)) - 1 + low;
    let deciding = deciding(study, task, &recorded.file, &predictions, &experiment.manifest().settings)?;
    let derivation = Derivation {
        title: recorded.file.title.clone(),
        question: recorded.file.question.clone(),
        predictions: Some(&predictions),
        stated: stating.stated,
        repeat: stating.repeat(),
        remedy: Some(stating.remedy_with(&deciding, more)),
        published: recorded.published.clone(),
        ..recorded.derivation(experiment, plan)
    };
    derive(&derivation, listener)
}

/// The options of a run that could decide: not the small version, and with every network that a prediction names unless
/// networks were chosen.
fn deciding(
    study: &Study,
    task: &Classification,
    file: &StudyFile,
    predictions: &Predictions,
    settings: &Value,
) -> Result<String, KymographError> {
    let mut flags = flags(settings).replace(" --quick", "");
    let chosen = |set: &Value| set.as_str().is_some_and(|set| set.starts_with("networks="));
    if settings["set"].as_array().is_some_and(|all| all.iter().any(chosen)) {
        return Ok(flags);
    }
    let choice = Choice { recipe: settings["recipe"].as_str(), ..Choice::default() };
    let trained = Settings::read(study, file, task.networks, choice)?.networks;
    let stated = || predictions.sets.iter().flat_map(|set| &set.predictions).filter_map(|p| p.of.as_ref());
    let named = |network: &&&str| stated().any(|quantity| quantity.network == **network);
    let missing: Vec<&str> =
        task.networks.iter().filter(named).copied().filter(|n| !trained.contains(&(*n).to_owned())).collect();
    if !missing.is_empty() {
        flags.push_str(&format!(" --set networks={},{}", trained.join(","), missing.join(",")));
    }
    Ok(flags)
}

/// What was recorded at checkpoints and at every minibatch, as `table.column`.
fn series(run: &Run) -> Result<BTreeMap<String, BTreeMap<u64, f64>>, KymographError> {
    let mut all = BTreeMap::new();
    for name in ["held_out", "train", "minibatch"] {
        let table = run.series(name)?;
        for (column, _) in &table.columns {
            if let Some((steps, values)) = table.column(column) {
                all.insert(format!("{name}.{column}"), steps.into_iter().zip(values).collect());
            }
        }
    }
    Ok(all)
}
