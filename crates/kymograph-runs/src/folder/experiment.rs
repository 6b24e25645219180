//! The experiment folder: one study's runs, its controls beside them, and what is derived from them.

use super::files;
use super::lock::Lock;
use super::manifest::{FORMAT_VERSION, cpu_features, now, read_json, software, write_json};
use super::run::Run;
use crate::RunsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// `experiment.json`: what all runs of an experiment have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentManifest {
    /// The version of the folder format.
    pub format_version: u32,
    /// The study's name, or `analyze` for checkpoints made elsewhere.
    pub study: String,
    /// Everything that was set.
    pub settings: Value,
    /// SHA-256 of the predictions as they stood before the runs, if there were any.
    #[serde(default)]
    pub predictions_hash: Option<String>,
    /// Program and version that began it.
    pub software: String,
    /// CPU features on which last bits may depend.
    pub cpu_features: Vec<String>,
    /// When it was begun (UTC).
    pub created: String,
}

impl ExperimentManifest {
    /// A manifest for an experiment that begins now, by this program, on this machine.
    pub fn new(study: impl Into<String>, settings: Value, predictions_hash: Option<String>) -> ExperimentManifest {
        ExperimentManifest {
            format_version: FORMAT_VERSION,
            study: study.into(),
            settings,
            predictions_hash,
            software: software(),
            cpu_features: cpu_features(),
            created: now(),
        }
    }
}

/// Which run of an experiment: network, seed and, for a control, its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// The network's name.
    pub network: String,
    /// The seed.
    pub seed: u64,
    /// The control, if it is one.
    pub control: Option<String>,
}

impl std::fmt::Display for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/seed-{}", self.network, self.seed)?;
        self.control.iter().try_for_each(|control| write!(f, ".{control}"))
    }
}

/// A run of an experiment and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// Which run.
    pub key: RunKey,
    /// Its folder.
    pub folder: PathBuf,
}

/// An experiment folder.
#[derive(Clone, Debug)]
pub struct Experiment {
    folder: PathBuf,
    manifest: ExperimentManifest,
}

impl Experiment {
    /// Begins an experiment in `folder`, which must not hold one.
    ///
    /// # Errors
    /// [`RunsError::Exists`] when one is there, or anything else is.
    pub fn create(folder: impl AsRef<Path>, manifest: &ExperimentManifest) -> Result<Experiment, RunsError> {
        let folder = folder.as_ref().to_path_buf();
        let path = folder.join("experiment.json");
        if path.exists() {
            return Err(RunsError::Exists {
                path: folder,
                what: "an experiment",
                remedy: "go on with it (--resume), replace it (--force), or choose another folder (--out)",
            });
        }
        // An experiment killed as it began leaves an empty `runs`, and --force could never tell ours from other things.
        let ours = |entry: &PathBuf| files::file_name(entry) == "runs";
        if files::entries(&folder)?.iter().any(|entry| !ours(entry)) {
            return Err(RunsError::Exists {
                path: folder,
                what: "something that is not an experiment",
                remedy: "choose another folder (--out)",
            });
        }
        files::create_folder(&folder.join("runs"))?;
        write_json(&path, manifest)?;
        Ok(Experiment { folder, manifest: manifest.clone() })
    }

    /// Opens an experiment folder.
    ///
    /// # Errors
    /// [`RunsError::NotFound`] without an `experiment.json`, [`RunsError::NewerFormat`], [`RunsError::BadManifest`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Experiment, RunsError> {
        let folder = folder.as_ref().to_path_buf();
        let manifest = read_json(&folder.join("experiment.json"))?;
        Ok(Experiment { folder, manifest })
    }

    /// The experiment's manifest.
    pub fn manifest(&self) -> &ExperimentManifest {
        &self.manifest
    }

    /// The experiment's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a run is or will be: `runs/<network>/seed-N` or `runs/<network>/seed-N.<control>`.
    pub fn run_folder(&self, network: &str, seed: u64, control: Option<&str>) -> PathBuf {
        let name = match control {
            None => format!("seed-{seed}"),
            Some(control) => format!("seed-{seed}.{control}"),
        };
        self.folder.join("runs").join(network).join(name)
    }

    /// The runs there are, ordered by network, seed and control; folders without a `run.json` are not runs.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the folder cannot be listed.
    pub fn runs(&self) -> Result<Vec<RunEntry>, RunsError> {
        let mut runs = Vec::new();
        for network in files::entries(&self.folder.join("runs"))?.into_iter().filter(|path| path.is_dir()) {
            for folder in files::entries(&network)? {
                let name = files::file_name(&folder);
                let Some(rest) = name.strip_prefix("seed-") else {
                    continue;
                };
                let (seed, control) = match rest.split_once('.') {
                    Some((seed, control)) => (seed, Some(control.to_string())),
                    None => (rest, None),
                };
                if let Ok(seed) = seed.parse()
                    && folder.join("run.json").is_file()
                {
                    let key = RunKey { network: files::file_name(&network), seed, control };
                    runs.push(RunEntry { key, folder });
                }
            }
        }
        runs.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(runs)
    }

    /// Opens one of the runs.
    ///
    /// # Errors
    /// Those of [`Run::open`].
    pub fn open_run(&self, key: &RunKey) -> Result<Run, RunsError> {
        Run::open(self.run_folder(&key.network, key.seed, key.control.as_deref()))
    }

    /// The folder of everything derived from the runs (`derived/`), made if it is not there. It may be deleted at any
    /// time and is computed again.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be made.
    pub fn derived_folder(&self) -> Result<PathBuf, RunsError> {
        let folder = self.folder.join("derived");
        files::create_folder(&folder)?;
        Ok(folder)
    }
}

const RUN_PARTS: &[&str] =
    &["run.json", "probe.safetensors", "series", "checkpoints", "activations", "gradients", "maps", "lock"];

/// Deletes a run folder so that another can take its place (what `--force` asks for). `beside` names files that whoever
/// recorded the run wrote into its folder.
///
/// # Errors
/// [`RunsError::NotReplaceable`] when the folder is not a run of ours, holds anything else besides, is a link, or is
/// being recorded; nothing is deleted then.
pub fn remove_run(folder: impl AsRef<Path>, beside: &[&str]) -> Result<(), RunsError> {
    let folder = folder.as_ref();
    check_run(folder, beside)?;
    fs::remove_dir_all(folder).map_err(RunsError::io("remove", folder))
}

/// Deletes an experiment folder with all its runs so that another can take its place (what `--force` asks for).
///
/// # Errors
/// [`RunsError::NotReplaceable`] when the folder is not an experiment of ours, holds anything else besides, is a
/// link, or one of its runs is being recorded; nothing is deleted then.
pub fn remove_experiment(folder: impl AsRef<Path>) -> Result<(), RunsError> {
    let folder = folder.as_ref();
    check_parts(folder, "experiment.json", &["experiment.json", "runs", "derived", "tensorboard"])?;
    read_json::<ExperimentManifest>(&folder.join("experiment.json"))?;
    for network in files::entries(&folder.join("runs"))? {
        for run in files::entries(&network)? {
            // A run killed before its manifest was written leaves an empty folder or one with a lock.
            if run.join("run.json").exists() {
                check_run(&run, &[])?;
            } else {
                check_only(&run, RUN_PARTS)?;
            }
        }
    }
    fs::remove_dir_all(folder).map_err(RunsError::io("remove", folder))
}

fn check_run(folder: &Path, beside: &[&str]) -> Result<(), RunsError> {
    check_parts(folder, "run.json", &[RUN_PARTS, beside].concat())?;
    read_json::<super::manifest::Manifest>(&folder.join("run.json"))?;
    if Lock::is_held(folder) {
        return Err(refusal(folder, "it is being recorded by another process".into()));
    }
    Ok(())
}

fn check_parts(folder: &Path, manifest: &str, known: &[&str]) -> Result<(), RunsError> {
    let about = fs::symlink_metadata(folder).map_err(RunsError::io("look at", folder))?;
    if !about.is_dir() {
        return Err(refusal(folder, "it is not a folder itself (a link or a file)".into()));
    }
    if !folder.join(manifest).is_file() {
        return Err(refusal(folder, format!("it has no {manifest}, so it was not made by kymograph")));
    }
    check_only(folder, known)
}

fn check_only(folder: &Path, known: &[&str]) -> Result<(), RunsError> {
    for path in files::entries(folder)? {
        let name = files::file_name(&path);
        if !known.contains(&name.strip_suffix(files::TEMPORARY).unwrap_or(&name)) {
            return Err(refusal(folder, format!("it also holds `{name}`, which is no part of it")));
        }
    }
    Ok(())
}

fn refusal(folder: &Path, reason: String) -> RunsError {
    RunsError::NotReplaceable { path: folder.to_path_buf(), reason }
}
