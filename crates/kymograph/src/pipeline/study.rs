//! `kymograph run`: opens the experiment folder, lets the study's networks be trained into it, and derives everything else.

use std::path::{Path, PathBuf};

use kymograph_findings::RunKey;
use kymograph_runs::{
    EventWriter, Experiment, ExperimentManifest, Manifest, Recorder, Run, SavedState, remove_experiment,
};
use kymograph_studies::{Choice, Progress, Study, StudyError, StudyFile, Task};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::activations::ACTIVATION_BUDGET;
use super::derive::Derived;
use super::{Event, Listener, absolute, composition, dictionaries, quoted, run, superposition, tensorboard};
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
    /// Named settings of the study.
    pub recipe: Option<String>,
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
    /// Bytes of activations kept on disk; 2 GB when there are none given. What does not fit is taken again when it is
    /// needed, to the same bits.
    pub activation_budget: Option<u64>,
    /// Write TensorBoard's event files too, while the runs go on: `tensorboard/` in the experiment folder.
    pub tensorboard: bool,
}

/// Trains, records, measures, judges and reports.
///
/// # Errors
/// When the study or a setting does not exist, when the experiment folder holds something else, or when training,
/// measuring or writing fails. What was recorded until then stays and can be gone on from.
pub fn run_study(request: &RunRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<Derived, KymographError> {
    let study = kymograph_studies::find(&request.study)?;
    let file = StudyFile::read(study)?;
    let choice = Choice { recipe: request.recipe.as_deref(), quick: request.quick, set: &request.set };
    let asked = Asked { request, study, file, choice };
    let derived = match &study.task {
        Task::Classification(task) => run::run(&asked, task, listener),
        Task::Composition => composition::run(&asked, listener),
        Task::Superposition => superposition::run(&asked, listener),
        Task::Dictionaries => dictionaries::run(&asked, listener),
    }?;
    if request.tensorboard {
        tensorboard::figures(&derived)?;
    }
    Ok(derived)
}

/// Derives everything again from an experiment that `kymograph run` recorded.
pub(super) fn derive_again(experiment: &Experiment, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let study = kymograph_studies::find(&experiment.manifest().study)?;
    match &study.task {
        Task::Classification(task) => run::derive_study(experiment, study, task, ACTIVATION_BUDGET, listener),
        Task::Composition => composition::derive_study(experiment, study, listener),
        Task::Superposition => superposition::derive_study(experiment, study, listener),
        Task::Dictionaries => dictionaries::derive_study(experiment, study, listener),
    }
}

/// A study to run, and what was asked of it.
pub(super) struct Asked<'a> {
    pub(super) request: &'a RunRequest,
    pub(super) study: &'static Study,
    pub(super) file: StudyFile,
    pub(super) choice: Choice<'a>,
}

impl Asked<'_> {
    /// The experiment folder: a new one, or with `--resume` one of the same settings.
    pub(super) fn experiment(&self, settings: &Value, data: &str) -> Result<Experiment, KymographError> {
        let (request, study) = (self.request, self.study);
        let out = request.out.clone().unwrap_or_else(|| Path::new("kymograph-out").join(study.name));
        // Seeds are not part of what an experiment is: more of them can be added later.
        let mut shared = settings.clone();
        if let Some(fields) = shared.as_object_mut() {
            fields.remove("seeds");
        }
        let mut wanted = json!({
            "study": shared,
            "data": data,
            "quick": request.quick,
            "set": request.set.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
            "data_dir": request.data_dir.as_deref().map(absolute),
        });
        if let Some(recipe) = &request.recipe {
            wanted["recipe"] = json!(recipe);
        }
        if out.join("experiment.json").exists() {
            if request.force {
                remove_experiment(&out)?;
            } else if request.resume {
                let experiment = Experiment::open(&out)?;
                let found = experiment.manifest();
                if found.study != study.name || found.settings != wanted {
                    let told = |study: &str, settings: &Value, other: &Value| match differing(settings, other) {
                        list if list.is_empty() => format!("study `{study}`"),
                        list => format!("study `{study}` with {}", list.join(", ")),
                    };
                    return Err(KymographError::OtherExperiment {
                        folder: out,
                        found: told(&found.study, &found.settings, &wanted),
                        wanted: told(study.name, &wanted, &found.settings),
                    });
                }
                return Ok(experiment);
            }
        }
        let predictions = hash(study.predictions);
        Ok(Experiment::create(&out, &ExperimentManifest::new(study.name, wanted, Some(predictions)))?)
    }
}

/// The settings that are otherwise, or are not, in another experiment.
fn differing(settings: &Value, other: &Value) -> Vec<String> {
    let Value::Object(fields) = settings else { return Vec::new() };
    let mut apart: Vec<_> = fields.iter().filter(|(name, value)| other.get(*name) != Some(value)).collect();
    // What `--set` was given stands among the study's settings too, unless it is what they are anyway.
    if apart.len() > 1 {
        apart.retain(|(name, _)| *name != "set");
    }
    apart
        .into_iter()
        .flat_map(|(name, value)| match value {
            Value::Object(_) => differing(value, &other[name]),
            _ => vec![format!("{name} = {value}")],
        })
        .collect()
}

pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The options of `kymograph run` under which an experiment was made, as its repetition needs them.
pub(super) fn flags(settings: &Value) -> String {
    let mut flags = String::new();
    if let Some(recipe) = settings["recipe"].as_str() {
        flags.push_str(&format!(" --recipe {}", quoted(recipe)));
    }
    if settings["quick"].as_bool().unwrap_or(false) {
        flags.push_str(" --quick");
    }
    for set in settings["set"].as_array().into_iter().flatten().filter_map(|s| s.as_str()) {
        flags.push_str(&format!(" --set {}", quoted(set)));
    }
    if let Some(folder) = settings["data_dir"].as_str() {
        flags.push_str(&format!(" --data-dir {}", quoted(folder)));
    }
    flags
}

/// A training that records: from the beginning, or from a saved state.
type Train<'a> = dyn Fn(Recorder, Option<SavedState>, &mut dyn FnMut(Progress<'_>)) -> Result<(), StudyError> + 'a;

/// Trains one network: from the beginning, from the last checkpoint of a killed run, or not at all if it is finished.
pub(super) fn record(
    (experiment, request): (&Experiment, &RunRequest),
    key: &RunKey,
    manifest: &Manifest,
    train: &Train<'_>,
    listener: Listener<'_>,
) -> Result<(), KymographError> {
    let folder = experiment.run_folder(&key.network, key.seed.unwrap_or(0), key.control.as_deref());
    let events = request.tensorboard.then(|| tensorboard::of_run(experiment, &folder));
    let watched = |recorder: Recorder| match &events {
        Some(events) => recorder.with_events(events),
        None => Ok(recorder),
    };
    let mut progress = |p: Progress<'_>| listener(Event::Training(&p));
    if !folder.join("run.json").exists() {
        return Ok(train(watched(Recorder::create(&folder, manifest)?)?, None, &mut progress)?);
    }
    let run = Run::open(&folder)?;
    check_same(&folder, run.manifest(), manifest)?;
    if run.is_finished() {
        listener(Event::AlreadyThere { run: key.to_string() });
        if let Some(events) = events.filter(|events| !events.exists()) {
            EventWriter::create(&events, 0)?.run(&run)?;
        }
        return Ok(());
    }
    if run.manifest().cpu_features != manifest.cpu_features {
        listener(Event::Warning(format!(
            "{key} was begun on other CPU features ({}); its last bits may differ from an uninterrupted run",
            run.manifest().cpu_features.join(" ")
        )));
    }
    let (recorder, saved) = Recorder::resume(&folder)?;
    Ok(train(watched(recorder)?, saved, &mut progress)?)
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
