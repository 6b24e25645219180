//! Reading a run folder, finished or still being recorded, without changing it.

use super::files;
use super::manifest::{Manifest, Status};
use super::maps::{CodeMap, map_path, maps};
use super::recorder::Capture;
use super::series::{Table, read_table, tables};
use crate::RunsError;
use crate::checkpoints::Checkpoint;
use crate::error::shortened;
use ndarray::ArrayD;
use std::path::{Path, PathBuf};

/// A run that was recorded, or is being recorded.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
    manifest: Manifest,
    steps: Vec<u64>,
}

/// The fixed inputs and labels on which a run's activations are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The inputs by name, rows are examples.
    pub arrays: Vec<(String, ArrayD<f32>)>,
    /// One label per example; empty where there are none.
    pub labels: Vec<i64>,
    /// SHA-256 of the probe's file.
    pub hash: String,
}

/// What was captured at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Captures {
    /// The step.
    pub step: u64,
    /// The arrays, each with the rule by which it was reduced.
    pub arrays: Vec<Capture>,
}

impl Run {
    /// Opens a run folder.
    ///
    /// # Errors
    /// [`RunsError::NotFound`] without a `run.json`, [`RunsError::NewerFormat`], [`RunsError::BadManifest`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Run, RunsError> {
        let folder = folder.as_ref().to_path_buf();
        let manifest = Manifest::read(&folder)?;
        let steps = checkpoint_files(&folder)?.into_iter().map(|(step, _)| step).collect();
        Ok(Run { folder, manifest, steps })
    }

    /// The run's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it was recorded to its end.
    pub fn is_finished(&self) -> bool {
        self.manifest.status == Status::Finished
    }

    /// The steps with a checkpoint, ascending.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// The checkpoint at a step.
    ///
    /// # Errors
    /// [`RunsError::NoStep`] when there is none; those of [`Checkpoint::open`].
    pub fn checkpoint(&self, step: u64) -> Result<Checkpoint, RunsError> {
        if !self.steps.contains(&step) {
            let known = shortened(self.steps.iter());
            return Err(RunsError::NoStep { path: self.folder.clone(), step, known });
        }
        Checkpoint::open(checkpoint_path(&self.folder, step))
    }

    /// The names of the series there are.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the folder cannot be listed.
    pub fn tables(&self) -> Result<Vec<String>, RunsError> {
        Ok(tables(&self.folder.join("series"))?.into_keys().collect())
    }

    /// The rows of one series. What a kill left half-written at its end is left out.
    ///
    /// # Errors
    /// [`RunsError::NoSeries`] when there is none of this name, [`RunsError::Damaged`] when its bytes contradict
    /// themselves elsewhere than at the end.
    pub fn series(&self, table: &str) -> Result<Table, RunsError> {
        let tables = tables(&self.folder.join("series"))?;
        match tables.get(table) {
            Some(segments) => read_table(table, segments),
            None => Err(RunsError::NoSeries {
                path: self.folder.clone(),
                table: table.to_string(),
                known: shortened(tables.keys()),
            }),
        }
    }

    /// The probe, if one was recorded.
    ///
    /// # Errors
    /// [`RunsError::Damaged`] when the file is not the one the manifest names.
    pub fn probe(&self) -> Result<Option<Probe>, RunsError> {
        let path = self.folder.join("probe.safetensors");
        let Some(expected) = &self.manifest.probe_hash else {
            return Ok(None);
        };
        let checkpoint = Checkpoint::open(&path)?;
        let hash = checkpoint.content_hash()?;
        if hash != *expected {
            return Err(RunsError::Damaged { path, reason: "its hash is not the one in run.json".into() });
        }
        let mut probe = Probe { arrays: Vec::new(), labels: Vec::new(), hash };
        for info in checkpoint.tensors() {
            if info.name == "labels" {
                probe.labels = checkpoint.read_i64("labels")?.into_iter().collect();
            } else {
                probe.arrays.push((info.name.clone(), checkpoint.read_f32(&info.name)?));
            }
        }
        Ok(Some(probe))
    }

    /// The names of the maps there are.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the folder cannot be listed.
    pub fn maps(&self) -> Result<Vec<String>, RunsError> {
        Ok(maps(&self.folder)?.into_iter().map(|(name, _)| name).collect())
    }

    /// The map of this name, without its codes, which are read in windows.
    ///
    /// # Errors
    /// [`RunsError::NotFound`] when there is none, [`RunsError::Damaged`] when its bytes contradict themselves.
    pub fn map(&self, name: &str) -> Result<CodeMap, RunsError> {
        CodeMap::open(&map_path(&self.folder, name))
    }

    /// The activations recorded at a step, if there are any.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn activations(&self, step: u64) -> Result<Option<Captures>, RunsError> {
        self.captures("activations", step)
    }

    /// The gradients recorded at a step, if there are any.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn gradients(&self, step: u64) -> Result<Option<Captures>, RunsError> {
        self.captures("gradients", step)
    }

    fn captures(&self, part: &str, step: u64) -> Result<Option<Captures>, RunsError> {
        let path = self.folder.join(part).join(format!("step-{step:08}.safetensors"));
        if !path.exists() {
            return Ok(None);
        }
        let file = Checkpoint::open(&path)?;
        let mut arrays = Vec::new();
        for info in file.tensors().iter().chain(file.other_tensors()) {
            let rule = file.about()["rules"][&info.name].as_str().unwrap_or_default().to_string();
            arrays.push(Capture { name: info.name.clone(), rule, values: file.read_f32(&info.name)? });
        }
        Ok(Some(Captures { step, arrays }))
    }
}

/// The checkpoints of a run folder with their steps, ascending.
pub(crate) fn checkpoint_files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, RunsError> {
    let paths = files::entries(&folder.join("checkpoints"))?;
    let mut found: Vec<(u64, PathBuf)> = paths.into_iter().filter_map(|path| Some((step_of(&path)?, path))).collect();
    found.sort();
    Ok(found)
}

pub(crate) fn checkpoint_path(folder: &Path, step: u64) -> PathBuf {
    folder.join("checkpoints").join(format!("step-{step:08}.safetensors"))
}

/// The step of a file called `step-00000100.safetensors`.
pub(crate) fn step_of(path: &Path) -> Option<u64> {
    files::file_name(path).strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}
