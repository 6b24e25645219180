//! `kymograph judge`: predictions judged on what was recorded already, without training or drawing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kymograph_findings::{Finding, Gathering, Judging, Plan, Predictions, RunKey, Stated, Subject, Verdict, gather};
use kymograph_runs::{Experiment, Run};
use kymograph_studies::classification::Settings;
use kymograph_studies::{Study, Task};

use super::activations::{self, ACTIVATION_BUDGET, Replays};
use super::analyze::{self, default_plan, step_names, study_or_file};
use super::own::Own;
use super::{Event, Listener, absolute, composition, dictionaries, quoted, run, study, superposition};
use crate::error::KymographError;

/// What `kymograph judge` was asked for.
#[derive(Clone, Debug, Default)]
pub struct JudgeRequest {
    /// Experiment folders, run folders, checkpoints or folders of them.
    pub paths: Vec<PathBuf>,
    /// A predictions file or a study's name.
    pub predictions: String,
    /// A plan file or a study's name; the plan of the study that was run when there is none.
    pub plan: Option<String>,
}

/// What became of the predictions.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The rows that the verdicts rest on.
    pub findings: Vec<Finding>,
    /// A verdict for each set of rival hypotheses.
    pub verdicts: Vec<Verdict>,
}

/// Runs that are measured by one plan.
struct Group {
    subjects: Vec<Subject>,
    replays: Replays,
    plan: Plan,
    origin: String,
    step_names: BTreeMap<String, u64>,
    cache: Option<PathBuf>,
    stated: Stated,
    /// Rows of the study's own, which are not gathered by the plan's measures.
    beyond: Vec<Finding>,
}

/// Measures what the predictions need, taking from an experiment's cache what is there, and judges. Of the plan only the
/// measures that a prediction names are computed, and those whose trajectories it names; what a study takes beyond its plan is
/// taken where a prediction names a measure that is not planned. Nothing is written but files below the experiment's `derived/`.
///
/// Predictions whose SHA-256 an experiment noted before its runs are judged as stated beforehand, all others as stated
/// afterwards.
///
/// # Errors
/// When predictions, plan or a path cannot be read, when a run is named twice, and when the paths name different steps
/// alike.
pub fn judge(request: &JudgeRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<Judged, KymographError> {
    let (text, origin) = study_or_file(&request.predictions, |study| study.predictions)?;
    let predictions = Predictions::from_toml(&text, &origin)?;
    let plan = match &request.plan {
        None => None,
        Some(given) => {
            let (text, origin) = study_or_file(given, |study| study.plan)?;
            Some((Plan::from_toml(&text, &origin)?, origin))
        }
    };
    let measures = measures_of(&predictions);
    let mut groups = Vec::new();
    let mut loose = Vec::new();
    for path in &request.paths {
        if path.join("experiment.json").is_file() {
            groups.push(of_experiment(path, &plan, (&study::hash(&text), &measures), listener)?);
        } else if path.join("run.json").is_file() {
            groups.push(of_run(path, &plan)?);
        } else {
            loose.push(path.clone());
        }
    }
    if !loose.is_empty() || groups.is_empty() {
        groups.push(of_sources(analyze::subjects(&analyze::find(&loose)?), &plan, listener)?);
    }
    let step_names = check_same(&groups)?;
    let mut findings = Vec::new();
    for group in &mut groups {
        group.plan.trajectories.retain(|planned| measures.contains(planned.name.as_str()));
        let of: BTreeSet<&str> = group.plan.trajectories.iter().filter_map(|planned| planned.of.as_deref()).collect();
        let needed = |name: &str| measures.contains(name) || of.contains(name);
        group.plan.measures.retain(|planned| needed(&planned.name));
        findings.append(&mut group.beyond);
        // Predictions that nothing planned can answer are not measured, which is no error.
        if group.plan.measures.is_empty() && group.plan.trajectories.is_empty() {
            continue;
        }
        findings.extend(gather(&Gathering {
            plan: &group.plan,
            origin: &group.origin,
            subjects: &group.subjects,
            step_names: &group.step_names,
            cache: group.cache.as_deref(),
            again: &|key, step, array| activations::again(&group.replays, key, step, array),
            progress: &|done, all| listener(Event::Measuring(done, all)),
        })?);
    }
    let stated = match groups.iter().all(|group| group.stated == Stated::Beforehand) {
        true => Stated::Beforehand,
        false => Stated::Afterwards,
    };
    let judging = Judging { step_names: &step_names, stated, repeat: &repeat(request), remedy: None };
    let verdicts = kymograph_findings::judge(&predictions, &findings, &judging);
    Ok(Judged { findings, verdicts })
}

fn of_experiment(
    folder: &Path,
    plan: &Option<(Plan, String)>,
    (predictions, measures): (&str, &BTreeSet<&str>),
    listener: Listener<'_>,
) -> Result<Group, KymographError> {
    let experiment = Experiment::open(folder)?;
    let cache = Some(experiment.derived_folder()?.join("cache"));
    if experiment.manifest().study == analyze::SOURCE {
        let sources = analyze::sources_of(&experiment)?;
        let plan = Some(plan.clone().map_or_else(|| analyze::plan_of(&sources), Ok)?);
        return Ok(Group { cache, ..of_sources(analyze::subjects(&sources.runs), &plan, listener)? });
    }
    let study = kymograph_studies::find(&experiment.manifest().study)?;
    let (plan, origin) = plan.clone().map_or_else(|| plan_of_study(study), Ok)?;
    let stated = match experiment.manifest().predictions_hash.as_deref() == Some(predictions) {
        true => Stated::Beforehand,
        false => Stated::Afterwards,
    };
    match &study.task {
        Task::Classification(task) => {
            let recorded = run::recorded(&experiment, study, task, &plan, ACTIVATION_BUDGET, listener)?;
            let beyond = match measures.iter().all(|name| plan.names(name)) {
                true => Vec::new(),
                false => {
                    let folder = experiment.derived_folder()?;
                    Own::take(&recorded.derivation(&experiment, &plan), &folder, listener)?.rows()
                }
            };
            let run::Recorded { subjects, replays, step_names, .. } = recorded;
            Ok(Group { subjects, replays, plan, origin, step_names, cache, stated, beyond })
        }
        Task::Composition => {
            let planned = plan.composition.clone().unwrap_or_default();
            let (beyond, step_names) = composition::findings_of_experiment(&experiment, &planned, listener)?;
            let (subjects, replays) = (Vec::new(), Replays::new());
            Ok(Group { subjects, replays, plan, origin, step_names, cache, stated, beyond })
        }
        Task::Superposition => {
            // Its rows come with the plan's on trajectories, which nothing else can gather.
            let (beyond, step_names) = superposition::findings_of_experiment(&experiment, &plan, listener)?;
            let plan = Plan { measures: Vec::new(), trajectories: Vec::new(), ..plan };
            let (subjects, replays) = (Vec::new(), Replays::new());
            Ok(Group { subjects, replays, plan, origin, step_names, cache, stated, beyond })
        }
        Task::Dictionaries => {
            let (beyond, step_names) = dictionaries::findings_of_experiment(&experiment, study, listener)?;
            let (subjects, replays) = (Vec::new(), Replays::new());
            Ok(Group { subjects, replays, plan, origin, step_names, cache, stated, beyond })
        }
    }
}

/// A run alone has its weights; activations and other runs to compare with are known where its experiment is named.
fn of_run(folder: &Path, plan: &Option<(Plan, String)>) -> Result<Group, KymographError> {
    let subjects = analyze::subjects(&analyze::find(&[folder.to_path_buf()])?);
    let manifest = Run::open(folder)?.manifest().clone();
    let study = manifest.source.strip_prefix("study ").and_then(|name| kymograph_studies::find(name).ok());
    let settings: Option<Settings> = serde_json::from_value(manifest.settings["study"].clone()).ok();
    let (Some(study), Some(settings)) = (study, settings) else {
        return of_sources(subjects, plan, &|_| {});
    };
    let (plan, origin) = plan.clone().map_or_else(|| plan_of_study(study), Ok)?;
    let step_names = settings.step_names();
    let replays = Replays::new();
    Ok(Group {
        subjects,
        replays,
        plan,
        origin,
        step_names,
        cache: None,
        stated: Stated::Afterwards,
        beyond: Vec::new(),
    })
}

fn of_sources(
    subjects: Vec<Subject>,
    plan: &Option<(Plan, String)>,
    listener: Listener<'_>,
) -> Result<Group, KymographError> {
    let (plan, origin) = plan.clone().map_or_else(default_plan, Ok)?;
    let step_names = step_names(&subjects);
    let replays = Replays::new();
    let beyond = match &plan.composition {
        Some(planned) => composition::findings_of_subjects(&subjects, planned, listener)?,
        None => Vec::new(),
    };
    Ok(Group { subjects, replays, plan, origin, step_names, cache: None, stated: Stated::Afterwards, beyond })
}

fn plan_of_study(study: &Study) -> Result<(Plan, String), KymographError> {
    let origin = format!("the plan of study `{}`", study.name);
    Ok((Plan::from_toml(study.plan, &origin)?, origin))
}

fn measures_of(predictions: &Predictions) -> BTreeSet<&str> {
    let all = predictions.sets.iter().flat_map(|set| &set.predictions);
    all.flat_map(|p| {
        let first = p.of.as_ref().map(|quantity| quantity.measure.as_str());
        let second = p.minus.as_ref().and_then(|quantity| quantity.measure.as_deref());
        first.into_iter().chain(second)
    })
    .collect()
}

/// The names of steps that all groups share, after checking that no run is there twice.
fn check_same(groups: &[Group]) -> Result<BTreeMap<String, u64>, KymographError> {
    let refuse = |argument: String, detail: String| KymographError::Argument { argument, detail };
    let mut seen: BTreeSet<&RunKey> = BTreeSet::new();
    for subject in groups.iter().flat_map(|group| &group.subjects) {
        if !seen.insert(&subject.key) {
            let detail = "this run is named twice; judge each run once".to_owned();
            return Err(refuse(subject.key.to_string(), detail));
        }
    }
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    for (name, &step) in groups.iter().flat_map(|group| &group.step_names) {
        if let Some(other) = names.insert(name.clone(), step).filter(|other| *other != step) {
            let detail = format!("is step {other} of one path and {step} of another; judge them apart");
            return Err(refuse(name.clone(), detail));
        }
    }
    Ok(names)
}

fn repeat(request: &JudgeRequest) -> String {
    let file = |given: &str| match kymograph_studies::find(given) {
        Ok(_) => given.to_owned(),
        Err(_) => absolute(Path::new(given)).display().to_string(),
    };
    let mut command = "kymograph judge".to_owned();
    for path in &request.paths {
        command.push_str(&format!(" {}", quoted(&absolute(path).display().to_string())));
    }
    for (flag, given) in [("--predictions", Some(&request.predictions)), ("--plan", request.plan.as_ref())] {
        if let Some(given) = given {
            command.push_str(&format!(" {flag} {}", quoted(&file(given))));
        }
    }
    command
}
