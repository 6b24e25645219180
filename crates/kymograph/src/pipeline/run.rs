//! `kymograph run`: trains a study's networks, records them, and derives everything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kymograph_findings::{Plan, Predictions, RunKey, Stated, Subject};
use kymograph_runs::{
    Experiment, ExperimentManifest, Manifest, Recorder, Run, RunEntry, Split, image_data, remove_experiment,
};
use kymograph_studies::training::{Data, Training};
use kymograph_studies::{Control, Settings, Study, StudyError, StudyFile};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::activations::{self, ACTIVATION_BUDGET, Replays};
use super::capture::Replay;
use super::derive::{Derivation, Derived, derive};
use super::published::Published;
use super::{Event, Listener, absolute, quoted};
use crate::error::KymographError;

/// What `kymograph run` was asked for.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// The study's name.
    pub study: String,
    /// Seeds; the study's own number of them, from 0, when there are none.
    pub seeds: Option<Vec<u64>>,
    /// Settings to change.
    pub set: Vec<(String, String)>,
    /// The small version.
    pub quick: bool,
    /// Folder with data sets.
    pub data_dir: Option<PathBuf>,
    /// Experiment folder; `kymograph-out/STUDY` when there is none.
    pub out: Option<PathBuf>,
    /// Go on with what is there.
    pub resume: bool,
    /// Replace what is there.
    pub force: bool,
    /// Bytes of activations kept on disk; [`ACTIVATION_BUDGET`] when there are none given. What does not fit is taken again
    /// when it is needed, to the same bits.
    pub activation_budget: Option<u64>,
}

/// Trains, records, measures, judges and reports.
///
/// # Errors
/// When the study or a setting does not exist, when the experiment folder holds something else, or when training,
/// measuring or writing fails. What was recorded until then stays and can be gone on from.
pub fn run_study(request: &RunRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<Derived, KymographError> {
    let study = kymograph_studies::find(&request.study)?;
    let (file, settings) = StudyFile::read(study, request.quick, &request.set)?;
    let plan = Plan::from_toml(study.plan, "the study's plan.toml")?;
    Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let seeds = request.seeds.clone().unwrap_or_else(|| (0..settings.seeds).collect());
    let split = image_data(&settings.data, request.data_dir.as_deref())?;
    let out = request.out.clone().unwrap_or_else(|| Path::new("kymograph-out").join(study.name));
    let experiment = open(request, study, &settings, &split, &out)?;
    let data = Data::of(&split);
    drop(split);
    let declared = file.controls.iter().filter(|(name, _)| settings.controls.contains(name));
    let controls: Vec<(&str, &Control)> = declared.map(|(name, control)| (name.as_str(), control)).collect();
    for name in &settings.networks {
        let Some(spec) = (study.network)(name) else {
            let (study, setting) = (study.name.to_owned(), "networks".to_owned());
            let detail = format!("`{name}` is no network of this study");
            return Err(StudyError::Setting { study, setting, detail }.into());
        };
        let taken = controls.iter().copied().filter(|(_, control)| control.takes(name));
        for control in std::iter::once(None).chain(taken.map(Some)) {
            for &seed in &seeds {
                let training =
                    Training { study: study.name, spec: &spec, seed, settings: &settings, data: &data, control };
                train(&experiment, &training, listener)?;
            }
        }
    }
    let budget = request.activation_budget.unwrap_or(ACTIVATION_BUDGET);
    derive_study(&experiment, study, &plan, budget, listener)
}

/// Derives everything again from an experiment that `kymograph run` recorded.
pub(super) fn derive_again(experiment: &Experiment, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let study = kymograph_studies::find(&experiment.manifest().study)?;
    let plan = Plan::from_toml(study.plan, "the study's plan.toml")?;
    derive_study(experiment, study, &plan, ACTIVATION_BUDGET, listener)
}

fn open(
    request: &RunRequest,
    study: &Study,
    settings: &Settings,
    split: &Split,
    out: &Path,
) -> Result<Experiment, KymographError> {
    // Seeds are not part of what an experiment is: more of them can be added later.
    let mut shared = json!(settings);
    if let Some(fields) = shared.as_object_mut() {
        fields.remove("seeds");
    }
    let wanted = json!({
        "study": shared,
        "data": split.note,
        "quick": request.quick,
        "set": request.set.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
        "data_dir": request.data_dir.as_deref().map(absolute),
    });
    if out.join("experiment.json").exists() {
        if request.force {
            remove_experiment(out)?;
        } else if request.resume {
            let experiment = Experiment::open(out)?;
            let found = experiment.manifest();
            if found.study != study.name || found.settings != wanted {
                return Err(KymographError::OtherExperiment {
                    folder: out.to_path_buf(),
                    found: format!("study `{}` with settings {}", found.study, found.settings),
                    wanted: format!("study `{}` with settings {wanted}", study.name),
                });
            }
            return Ok(experiment);
        }
    }
    let predictions = hash(study.predictions);
    Ok(Experiment::create(out, &ExperimentManifest::new(study.name, wanted, Some(predictions)))?)
}

pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn train(experiment: &Experiment, training: &Training<'_>, listener: Listener<'_>) -> Result<(), KymographError> {
    let manifest = training.manifest()?;
    let control = training.control.map(|(name, _)| name);
    let folder = experiment.run_folder(&training.spec.name, training.seed, control);
    let key = RunKey {
        network: training.spec.name.clone(),
        seed: Some(training.seed),
        control: control.map(ToOwned::to_owned),
    };
    let mut progress = |p: kymograph_studies::training::Progress<'_>| listener(Event::Training(&p));
    if !folder.join("run.json").exists() {
        training.run(Recorder::create(&folder, &manifest)?, &mut progress)?;
        return Ok(());
    }
    let run = Run::open(&folder)?;
    check_same(&folder, run.manifest(), &manifest)?;
    if run.is_finished() {
        listener(Event::AlreadyThere { run: key.to_string() });
        return Ok(());
    }
    if run.manifest().cpu_features != manifest.cpu_features {
        listener(Event::Warning(format!(
            "{key} was begun on other CPU features ({}); its last bits may differ from an uninterrupted run",
            run.manifest().cpu_features.join(" ")
        )));
    }
    let (recorder, saved) = Recorder::resume(&folder)?;
    training.resume(recorder, saved, &mut progress)?;
    Ok(())
}

fn check_same(folder: &Path, found: &Manifest, wanted: &Manifest) -> Result<(), KymographError> {
    let seedless = |settings: &serde_json::Value| {
        let mut settings = settings.clone();
        if let Some(study) = settings.get_mut("study").and_then(|s| s.as_object_mut()) {
            study.remove("seeds");
            study.remove("networks");
            study.remove("controls");
        }
        settings
    };
    let detail = if found.network != wanted.network {
        "the network"
    } else if found.settings.get("control") != wanted.settings.get("control") {
        "what the control changes"
    } else if seedless(&found.settings) != seedless(&wanted.settings) {
        "the settings in run.json"
    } else {
        return Ok(());
    };
    let run = folder.display().to_string();
    Err(StudyError::OtherSettings { run, detail: detail.to_owned() }.into())
}

/// What an experiment recorded, with the activations that a plan looks at.
pub(super) struct Recorded {
    file: StudyFile,
    published: Published,
    pub(super) step_names: BTreeMap<String, u64>,
    runs: Vec<(RunEntry, Run)>,
    pub(super) replays: Replays,
    pub(super) subjects: Vec<Subject>,
}

pub(super) fn recorded(
    experiment: &Experiment,
    study: &Study,
    plan: &Plan,
    budget: u64,
    listener: Listener<'_>,
) -> Result<Recorded, KymographError> {
    let settings = &experiment.manifest().settings;
    let quick = settings["quick"].as_bool().unwrap_or(false);
    let (file, _) = StudyFile::read(study, quick, &[])?;
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
    let (_, mut recipe) = StudyFile::read(study, false, &[])?;
    (recipe.seeds, recipe.networks, recipe.controls) =
        (settings_read.seeds, settings_read.networks.clone(), settings_read.controls.clone());
    let published = if recipe == settings_read { Published::read(study.published)? } else { Published::none() };
    let mut runs: Vec<(RunEntry, Run)> = Vec::new();
    for entry in experiment.runs()? {
        let run = Run::open(&entry.folder)?;
        if run.is_finished() {
            runs.push((entry, run));
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
    for (entry, run) in &runs {
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
    for (entry, run) in &runs {
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
    Ok(Recorded { file, published, step_names, runs, replays, subjects })
}

fn derive_study(
    experiment: &Experiment,
    study: &Study,
    plan: &Plan,
    budget: u64,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let Recorded { file, published, step_names, runs, replays, subjects } =
        recorded(experiment, study, plan, budget, listener)?;
    let settings = &experiment.manifest().settings;
    let quick = settings["quick"].as_bool().unwrap_or(false);
    let predictions = Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let stated = if experiment.manifest().predictions_hash.as_deref() == Some(&hash(study.predictions)) {
        Stated::Beforehand
    } else {
        Stated::Afterwards
    };
    let mut flags = if quick { " --quick".to_owned() } else { String::new() };
    for set in settings["set"].as_array().into_iter().flatten().filter_map(|s| s.as_str()) {
        flags.push_str(&format!(" --set {}", quoted(set)));
    }
    if let Some(folder) = settings["data_dir"].as_str() {
        flags.push_str(&format!(" --data-dir {}", quoted(folder)));
    }
    let main = |(entry, _): &&(RunEntry, Run)| entry.key.control.is_none();
    let seeds: Vec<u64> = runs.iter().filter(main).map(|(entry, _)| entry.key.seed).collect();
    let (low, high) = (seeds.iter().min().copied().unwrap_or(0), seeds.iter().max().copied().unwrap_or(0));
    let needed = predictions.sets.iter().flat_map(|s| &s.predictions).map(|p| p.min_seeds).max().unwrap_or(0) as u64;
    let more = (high - low + 1).max(needed.max(8)) - 1 + low;
    let derivation = Derivation {
        experiment,
        title: file.title,
        question: file.question,
        plan,
        origin: "the study's plan.toml",
        predictions: Some(&predictions),
        subjects: &subjects,
        runs: &runs.iter().map(|(_, run)| run.clone()).collect::<Vec<_>>(),
        replays: &replays,
        step_names: &step_names,
        stated,
        repeat: format!(
            "kymograph run {}{flags} --seeds {low}..{high} --out kymograph-out/{}-again",
            study.name, study.name
        ),
        remedy: Some(format!(
            "kymograph run {}{} --seeds {low}..{more} --out kymograph-out/{}-{}-seeds",
            study.name,
            flags.replace(" --quick", ""),
            study.name,
            more - low + 1
        )),
        published,
    };
    derive(&derivation, listener)
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
