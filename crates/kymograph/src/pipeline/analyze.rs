//! `kymograph analyze`: the same way for checkpoints and runs made elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kymograph_findings::{Plan, Predictions, RunKey, Stated, Subject};
use kymograph_runs::{Checkpoint, Experiment, ExperimentManifest, Run, find_checkpoints, remove_experiment};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::activations::Replays;
use super::derive::{Derivation, Derived, derive};
use super::foreign::{check_finite, check_places, labels_of};
use super::published::Published;
use super::{Event, Listener, absolute, composition, quoted};
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
    /// Labels of the examples that the arrays' rows are: `LABELS.npy`, or `FILE:TENSOR`, whole numbers.
    pub labels: Option<String>,
    /// Folder for the report; `kymograph-out/NAME` when there is none.
    pub out: Option<PathBuf>,
    /// Replace what another analysis left there.
    pub force: bool,
}

/// What `experiment.json` remembers of an analysis, enough to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sources {
    /// The paths as given.
    paths: Vec<PathBuf>,
    /// Plan as given.
    plan: Option<String>,
    /// Predictions as given.
    predictions: Option<String>,
    /// What the plan said, so that the report can be written again when the file has changed or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan_text: Option<String>,
    /// What the predictions said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predictions_text: Option<String>,
    /// Labels as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<String>,
    /// The runs found there.
    pub(super) runs: Vec<Source>,
}

/// One run: a series of checkpoints made elsewhere, or a run recorded by this program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    network: String,
    seed: Option<u64>,
    control: Option<String>,
    checkpoints: Vec<(u64, PathBuf)>,
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
        plan: request.plan.as_deref().map(study_or_absolute),
        predictions: request.predictions.as_deref().map(study_or_absolute),
        plan_text: text_of(request.plan.as_deref(), |study| study.plan)?,
        predictions_text: text_of(request.predictions.as_deref(), |study| study.predictions)?,
        labels: request.labels.as_deref().map(|given| absolute(Path::new(given)).display().to_string()),
        runs: find(&request.paths)?,
    };
    labels_of(sources.labels.as_deref())?;
    let (plan, origin) = plan_of(&sources)?;
    check_places(&plan, &origin, &subjects(&sources.runs))?;
    predictions_of(&sources)?;
    let out = request.out.clone().unwrap_or_else(|| Path::new("kymograph-out").join(name_of(&sources)));
    check_apart(&out, &sources)?;
    check_finite(&subjects(&sources.runs))?;
    let experiment = open(&out, &sources, request.force)?;
    derive_again(&experiment, listener)
}

/// Runs and experiments of this program are taken as such; everything else is searched for checkpoints.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Source>, KymographError> {
    let mut sources = Vec::new();
    let mut foreign = Vec::new();
    for path in paths {
        if path.join("experiment.json").is_file() {
            for entry in Experiment::open(path)?.runs()? {
                sources.push(recorded(&entry.folder)?);
            }
        } else if path.join("run.json").is_file() {
            sources.push(recorded(path)?);
        } else {
            foreign.push(path);
        }
    }
    if !foreign.is_empty() || sources.is_empty() {
        let found = find_checkpoints(if foreign.is_empty() { paths.iter().collect() } else { foreign }.as_slice())?;
        sources.extend(found.into_iter().map(|s| Source {
            network: s.network,
            seed: None,
            control: None,
            checkpoints: s.checkpoints.into_iter().map(|(step, path)| (step, absolute(&path))).collect(),
        }));
    }
    Ok(sources)
}

fn recorded(folder: &Path) -> Result<Source, KymographError> {
    let run = Run::open(folder)?;
    let manifest = run.manifest();
    let checkpoints = run
        .steps()
        .iter()
        .map(|&step| Ok((step, absolute(run.checkpoint(step)?.path()))))
        .collect::<Result<_, KymographError>>()?;
    let network = manifest.network["name"].as_str().unwrap_or("network").to_owned();
    Ok(Source { network, seed: manifest.seed, control: manifest.control.clone(), checkpoints })
}

/// The report's folder must hold nothing of what is analysed, since --force may replace it.
fn check_apart(out: &Path, sources: &Sources) -> Result<(), KymographError> {
    let out = absolute(out);
    let files = sources.runs.iter().flat_map(|run| &run.checkpoints).map(|(_, path)| path);
    match files.into_iter().chain(&sources.paths).find(|path| path.starts_with(&out)) {
        None => Ok(()),
        Some(inside) => Err(KymographError::OtherExperiment {
            folder: out.clone(),
            found: format!("what is to be analysed ({})", inside.display()),
            wanted: "the report".to_owned(),
        }),
    }
}

/// A study's name as it is; a file's path made absolute, so that the report can be written again from anywhere.
fn study_or_absolute(given: &str) -> String {
    match kymograph_studies::find(given) {
        Ok(_) => given.to_owned(),
        Err(_) => absolute(Path::new(given)).display().to_string(),
    }
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
        if same {
            // The same paths with other files, plan or predictions: the cache stays, since it is found by content.
            let manifest = ExperimentManifest::new(SOURCE, json!(sources), None);
            let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
            kymograph_runs::write_whole(&out.join("experiment.json"), text.as_bytes())?;
            return Ok(Experiment::open(out)?);
        }
        if !force || experiment.manifest().study != SOURCE {
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
    paths.iter().map(|p| quoted(&p.display().to_string())).collect::<Vec<_>>().join(" ")
}

fn text_of(
    given: Option<&str>,
    of_study: impl Fn(&kymograph_studies::Study) -> &'static str,
) -> Result<Option<String>, KymographError> {
    given.map(|given| Ok(study_or_file(given, of_study)?.0)).transpose()
}

/// The text that a study's name or a file stands for, and what to call it in messages.
pub(super) fn study_or_file(
    given: &str,
    of_study: impl Fn(&kymograph_studies::Study) -> &'static str,
) -> Result<(String, String), KymographError> {
    if let Ok(study) = kymograph_studies::find(given) {
        return Ok((of_study(study).to_owned(), format!("study `{given}`")));
    }
    let text = std::fs::read_to_string(given).map_err(KymographError::file(given))?;
    Ok((text, given.to_owned()))
}

pub(super) fn plan_of(sources: &Sources) -> Result<(Plan, String), KymographError> {
    match &sources.plan {
        None => default_plan(),
        Some(given) => {
            let (text, origin) = kept_or_read(given, &sources.plan_text, |study| study.plan)?;
            Ok((Plan::from_toml(&text, &origin)?, origin))
        }
    }
}

pub(super) fn default_plan() -> Result<(Plan, String), KymographError> {
    let origin = "the default plan".to_owned();
    Ok((Plan::from_toml(include_str!("default_plan.toml"), &origin)?, origin))
}

/// The copy that experiment.json holds; what it names where it is older than such copies.
fn kept_or_read(
    given: &str,
    kept: &Option<String>,
    of_study: impl Fn(&kymograph_studies::Study) -> &'static str,
) -> Result<(String, String), KymographError> {
    match kept {
        Some(text) => Ok((text.clone(), given.to_owned())),
        None => study_or_file(given, of_study),
    }
}

/// The predictions asked for; else those of the study whose published files these are.
fn predictions_of(sources: &Sources) -> Result<Option<Predictions>, KymographError> {
    let (text, origin) = match (&sources.predictions, recognised(sources)?) {
        (Some(given), _) => kept_or_read(given, &sources.predictions_text, |study| study.predictions)?,
        (None, Some((study, _))) => (study.predictions.to_owned(), format!("study `{}`", study.name)),
        (None, None) => return Ok(None),
    };
    Ok(Some(Predictions::from_toml(&text, &origin)?))
}

/// The study that published exactly these checkpoints, if there is one, with the networks whose every file is its.
fn recognised(sources: &Sources) -> Result<Option<(&'static kymograph_studies::Study, Published)>, KymographError> {
    for study in kymograph_studies::all() {
        let mut published = Published::read(study.published)?;
        let mut known = Vec::new();
        for run in &sources.runs {
            let mut all = true;
            for (_, path) in &run.checkpoints {
                all = all && published.files.contains_key(&Checkpoint::open(path)?.content_hash()?);
            }
            if all {
                known.push(run.network.clone());
            }
        }
        if !known.is_empty() {
            published.only = known;
            return Ok(Some((study, published)));
        }
    }
    Ok(None)
}

/// Derives everything again from the files an analysis was made of.
pub(super) fn derive_again(experiment: &Experiment, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let sources = sources_of(experiment)?;
    let (plan, origin) = plan_of(&sources)?;
    let predictions = predictions_of(&sources)?;
    let mut subjects = subjects(&sources.runs);
    let labels = labels_of(sources.labels.as_deref())?;
    subjects.iter_mut().for_each(|subject| subject.labels.clone_from(&labels));
    let out = experiment.folder().display();
    let mut repeat = format!("kymograph analyze {} --out {}", list(&sources.paths), quoted(&out.to_string()));
    let given = [("--plan", &sources.plan), ("--predictions", &sources.predictions), ("--labels", &sources.labels)];
    for (flag, given) in given {
        if let Some(given) = given {
            repeat.push_str(&format!(" {flag} {}", quoted(given)));
        }
    }
    let title = format!("Analysis of {}", name_of(&sources));
    if let Some(planned) = &plan.composition {
        let asked = (planned, predictions);
        return composition::derive_analysis(experiment, title, &subjects, asked, repeat, listener);
    }
    let recognised = recognised(&sources)?;
    let derivation = Derivation {
        experiment,
        title,
        question: "How do the weights of these checkpoints change, and how does that compare with noise?".to_owned(),
        plan: &plan,
        origin: &origin,
        predictions: predictions.as_ref(),
        subjects: &subjects,
        runs: &[],
        replays: &Replays::new(),
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

pub(super) fn sources_of(experiment: &Experiment) -> Result<Sources, KymographError> {
    serde_json::from_value(experiment.manifest().settings.clone()).map_err(|e| {
        let path = experiment.folder().join("experiment.json");
        kymograph_runs::RunsError::BadManifest { path, reason: e.to_string() }.into()
    })
}

pub(super) fn subjects(runs: &[Source]) -> Vec<Subject> {
    let subject = |run: &Source| Subject {
        key: RunKey { network: run.network.clone(), seed: run.seed, control: run.control.clone() },
        parameters: run.checkpoints.iter().cloned().collect(),
        activations: BTreeMap::new(),
        labels: None,
        series: BTreeMap::new(),
    };
    runs.iter().map(subject).collect()
}

/// `first` and `last` of the longest run, and between them the checkpoints nearest to the shares of the training at
/// which the built-in studies look: 5 %, 50 % and 100 %. A name whose nearest checkpoint another name has is left out.
pub(super) fn step_names(subjects: &[Subject]) -> BTreeMap<String, u64> {
    let longest = subjects.iter().max_by_key(|s| s.parameters.len());
    let steps: Vec<u64> = longest.map(|s| s.parameters.keys().copied().collect()).unwrap_or_default();
    let Some((&first, &last)) = steps.first().zip(steps.last()) else {
        return BTreeMap::new();
    };
    let mut names = BTreeMap::from([("first".to_owned(), first), ("last".to_owned(), last)]);
    let mut taken = Vec::new();
    for (name, share) in [("late", 1.0), ("mid", 0.5), ("early", 0.05)] {
        let wanted = share * last as f64;
        let distance = |step: &u64| (*step as f64 - wanted).abs();
        let nearest = steps.iter().filter(|s| **s > 0).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(&step) = nearest.filter(|s| !taken.contains(*s)) {
            taken.push(step);
            names.insert(name.to_owned(), step);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(steps: &[u64]) -> Vec<Option<u64>> {
        let subject = Subject {
            key: RunKey { network: "n".to_owned(), seed: None, control: None },
            parameters: steps.iter().map(|&s| (s, PathBuf::new())).collect(),
            activations: BTreeMap::new(),
            labels: None,
            series: BTreeMap::new(),
        };
        let names = step_names(&[subject]);
        ["first", "early", "mid", "late", "last"].iter().map(|n| names.get(*n).copied()).collect()
    }

    #[test]
    fn named_steps_are_those_nearest_to_the_shares_of_the_training() {
        assert_eq!(names(&[100, 1000, 2000]), [100, 100, 1000, 2000, 2000].map(Some));
        assert_eq!(names(&[0, 100, 1000, 2000]), [0, 100, 1000, 2000, 2000].map(Some));
        assert_eq!(names(&[1000, 2000]), [Some(1000), None, Some(1000), Some(2000), Some(2000)]);
        assert_eq!(names(&[7]), [Some(7), None, None, Some(7), Some(7)]);
    }
}
