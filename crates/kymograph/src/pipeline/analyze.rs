//! `kymograph analyze`: the same way for checkpoints and runs made elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kymograph_findings::{Plan, Predictions, RunKey, Stated, Subject};
use kymograph_runs::{Checkpoint, Experiment, ExperimentManifest, find_checkpoints, remove_experiment};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::derive::{Derivation, Derived, derive};
use super::published::Published;
use super::{Event, Listener, absolute};
use crate::error::KymographError;

/// What `experiment.json` of an analysis calls itself.
pub(super) const SOURCE: &str = "analyze";

/// What `kymograph analyze` was asked for.
#[derive(Clone, Debug, Default)]
pub struct AnalyzeRequest {
    /// Checkpoints, folders of them, run folders or experiment folders.
    pub paths: Vec<PathBuf>,
    /// A plan file or a study's name.
    pub plan: Option<String>,
    /// A predictions file or a study's name.
    pub predictions: Option<String>,
    /// Folder for the report; `kymograph-out/NAME` when there is none.
    pub out: Option<PathBuf>,
    /// Replace what another analysis left there.
    pub force: bool,
}

/// What `experiment.json` remembers of an analysis, enough to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sources {
    /// The paths as given.
    paths: Vec<PathBuf>,
    /// Plan as given.
    plan: Option<String>,
    /// Predictions as given.
    predictions: Option<String>,
    /// Checkpoints by network.
    networks: BTreeMap<String, Vec<(u64, PathBuf)>>,
}

/// Measures, judges and reports checkpoints that somebody else's program wrote. Nothing in them is executed, and
/// nothing of theirs is changed or copied.
///
/// # Errors
/// When a path holds no checkpoint, when files that belong together hold different networks, when a tensor that is to be
/// measured is not finite, or when the report's folder holds something else. Nothing is written before the files have
/// been opened.
pub fn analyze(request: &AnalyzeRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<Derived, KymographError> {
    let sources = Sources {
        paths: request.paths.iter().map(|p| absolute(p)).collect(),
        plan: request.plan.clone(),
        predictions: request.predictions.clone(),
        networks: find(&request.paths)?,
    };
    plan_of(&sources)?;
    predictions_of(&sources)?;
    let out = request.out.clone().unwrap_or_else(|| Path::new("kymograph-out").join(name_of(&sources)));
    check_finite(&sources)?;
    let experiment = open(&out, &sources, request.force)?;
    derive_again(&experiment, listener)
}

/// Checkpoints by network; those of one run folder are its `checkpoints/`.
fn find(paths: &[PathBuf]) -> Result<BTreeMap<String, Vec<(u64, PathBuf)>>, KymographError> {
    let series = find_checkpoints(paths)?;
    Ok(series
        .into_iter()
        .map(|s| (s.network, s.checkpoints.into_iter().map(|(step, path)| (step, absolute(&path))).collect()))
        .collect())
}

/// NaN and infinities are refused before anything is written.
fn check_finite(sources: &Sources) -> Result<(), KymographError> {
    for (_, path) in sources.networks.values().flatten() {
        Checkpoint::open(path)?.check_finite()?;
    }
    Ok(())
}

fn name_of(sources: &Sources) -> String {
    let first = sources.paths.first().and_then(|p| p.file_stem()).map(|s| s.to_string_lossy().into_owned());
    first.unwrap_or_else(|| "analysis".to_owned())
}

/// An analysis of the same paths is done again in place (what is unchanged comes from the cache); any other needs force.
fn open(out: &Path, sources: &Sources, force: bool) -> Result<Experiment, KymographError> {
    if out.join("experiment.json").exists() {
        let experiment = Experiment::open(out)?;
        let found: Option<Sources> = serde_json::from_value(experiment.manifest().settings.clone()).ok();
        let same = experiment.manifest().study == SOURCE && found.as_ref().is_some_and(|f| f.paths == sources.paths);
        if same && found.as_ref() == Some(sources) {
            return Ok(experiment);
        }
        if !force && !same {
            return Err(KymographError::OtherExperiment {
                folder: out.to_path_buf(),
                found: match found {
                    Some(found) => format!("the analysis of {}", list(&found.paths)),
                    None => format!("an experiment of study `{}`", experiment.manifest().study),
                },
                wanted: format!("that of {}", list(&sources.paths)),
            });
        }
        remove_experiment(out)?;
    }
    Ok(Experiment::create(out, &ExperimentManifest::new(SOURCE, json!(sources), None))?)
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn study_or_file(
    given: &str,
    of_study: impl Fn(&kymograph_studies::Study) -> &'static str,
) -> Result<(String, String), KymographError> {
    if let Ok(study) = kymograph_studies::find(given) {
        return Ok((of_study(study).to_owned(), format!("study `{given}`")));
    }
    let text = std::fs::read_to_string(given).map_err(KymographError::file(given))?;
    Ok((text, given.to_owned()))
}

fn plan_of(sources: &Sources) -> Result<(Plan, String), KymographError> {
    match &sources.plan {
        None => {
            Ok((Plan::from_toml(include_str!("default_plan.toml"), "the default plan")?, "the default plan".to_owned()))
        }
        Some(given) => {
            let (text, origin) = study_or_file(given, |study| study.plan)?;
            Ok((Plan::from_toml(&text, &origin)?, origin))
        }
    }
}

/// The predictions asked for; else those of the study whose published files these are.
fn predictions_of(sources: &Sources) -> Result<Option<Predictions>, KymographError> {
    let (text, origin) = match (&sources.predictions, recognised(sources)?) {
        (Some(given), _) => study_or_file(given, |study| study.predictions)?,
        (None, Some((study, _))) => (study.predictions.to_owned(), format!("study `{}`", study.name)),
        (None, None) => return Ok(None),
    };
    Ok(Some(Predictions::from_toml(&text, &origin)?))
}

/// The study that published exactly these checkpoints, if there is one: every file of some network is among its files.
fn recognised(sources: &Sources) -> Result<Option<(&'static kymograph_studies::Study, Published)>, KymographError> {
    for study in kymograph_studies::all() {
        let published = Published::read(study.published)?;
        for checkpoints in sources.networks.values() {
            let mut known = true;
            for (_, path) in checkpoints {
                known = known && published.files.contains_key(&Checkpoint::open(path)?.content_hash()?);
            }
            if known {
                return Ok(Some((study, published)));
            }
        }
    }
    Ok(None)
}

/// Derives everything again from the files an analysis was made of.
pub(super) fn derive_again(experiment: &Experiment, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let sources: Sources = serde_json::from_value(experiment.manifest().settings.clone()).map_err(|e| {
        kymograph_runs::RunsError::BadManifest {
            path: experiment.folder().join("experiment.json"),
            reason: e.to_string(),
        }
    })?;
    let (plan, origin) = plan_of(&sources)?;
    let predictions = predictions_of(&sources)?;
    let recognised = recognised(&sources)?;
    let subjects: Vec<Subject> = sources
        .networks
        .iter()
        .map(|(network, checkpoints)| Subject {
            key: RunKey { network: network.clone(), seed: None, control: None },
            parameters: checkpoints.iter().cloned().collect(),
            activations: BTreeMap::new(),
            labels: None,
        })
        .collect();
    let out = experiment.folder().display();
    let mut repeat = format!("kymograph analyze {} --out {out}", list(&sources.paths));
    for (flag, given) in [("--plan", &sources.plan), ("--predictions", &sources.predictions)] {
        if let Some(given) = given {
            repeat.push_str(&format!(" {flag} {given}"));
        }
    }
    let derivation = Derivation {
        experiment,
        title: format!("Analysis of {}", name_of(&sources)),
        question: "How do the weights of these checkpoints change, and how does that compare with noise?".to_owned(),
        plan: &plan,
        origin: &origin,
        predictions: predictions.as_ref(),
        subjects: &subjects,
        runs: &[],
        step_names: &step_names(&subjects),
        stated: Stated::Afterwards,
        repeat,
        remedy: recognised.as_ref().map(|(study, _)| {
            format!("kymograph run {} --seeds 0..7 --out kymograph-out/{}-8-seeds", study.name, study.name)
        }),
        published: match recognised {
            Some((_, published)) => published,
            None => Published::none(),
        },
    };
    derive(&derivation, listener)
}

/// `first` and `early` are the first checkpoint, `mid` the middle one, `late` and `last` the last, of the longest run.
fn step_names(subjects: &[Subject]) -> BTreeMap<String, u64> {
    let longest = subjects.iter().max_by_key(|s| s.parameters.len());
    let steps: Vec<u64> = longest.map(|s| s.parameters.keys().copied().collect()).unwrap_or_default();
    let Some((&first, &last)) = steps.first().zip(steps.last()) else {
        return BTreeMap::new();
    };
    let mid = steps[steps.len() / 2];
    [("first", first), ("early", first), ("mid", mid), ("late", last), ("last", last)]
        .into_iter()
        .map(|(name, step)| (name.to_owned(), step))
        .collect()
}
