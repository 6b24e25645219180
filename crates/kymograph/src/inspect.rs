//! `kymograph inspect`: what a checkpoint or a run holds, without any model class.

use std::path::{Path, PathBuf};

use kymograph_runs::{Checkpoint, Experiment, Run, find_checkpoints};
use serde::Serialize;

use crate::error::KymographError;

/// What a path holds.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspected {
    /// One checkpoint.
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// File format.
        format: String,
        /// Step, where name or content tell it.
        step: Option<u64>,
        /// SHA-256 of the file.
        sha256: String,
        /// The network's tensors.
        tensors: Vec<InspectedTensor>,
        /// Names of tensors that are not the network's, such as an optimiser's.
        others: Vec<String>,
        /// Numbers and texts beside the tensors.
        metadata: serde_json::Map<String, serde_json::Value>,
    },
    /// A folder of checkpoints: network, and step with file.
    Checkpoints {
        /// The networks.
        series: Vec<(String, Vec<(u64, PathBuf)>)>,
    },
    /// A run folder.
    Run {
        /// The folder.
        path: PathBuf,
        /// `run.json`.
        manifest: Box<kymograph_runs::Manifest>,
        /// Steps with a checkpoint.
        steps: Vec<u64>,
        /// Names of the series.
        series: Vec<String>,
    },
    /// An experiment folder.
    Experiment {
        /// The folder.
        path: PathBuf,
        /// `experiment.json`.
        manifest: Box<kymograph_runs::ExperimentManifest>,
        /// The runs, with whether each is finished.
        runs: Vec<(String, bool)>,
    },
}

/// One tensor of a checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedTensor {
    /// Name.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Number type.
    pub dtype: String,
    /// Frobenius norm over finite entries; `None` for types without real numbers.
    pub norm: Option<f64>,
    /// Entries that are NaN or infinite.
    pub not_finite: usize,
}

/// Looks at a path.
///
/// # Errors
/// When there is nothing there that can be read.
pub fn inspect(path: &Path) -> Result<Inspected, KymographError> {
    if path.join("experiment.json").is_file() {
        let experiment = Experiment::open(path)?;
        let runs = experiment
            .runs()?
            .into_iter()
            .map(|entry| Ok((entry.key.to_string(), Run::open(&entry.folder)?.is_finished())))
            .collect::<Result<_, KymographError>>()?;
        let manifest = Box::new(experiment.manifest().clone());
        return Ok(Inspected::Experiment { path: path.to_path_buf(), manifest, runs });
    }
    if path.join("run.json").is_file() {
        let run = Run::open(path)?;
        return Ok(Inspected::Run {
            path: path.to_path_buf(),
            manifest: Box::new(run.manifest().clone()),
            steps: run.steps().to_vec(),
            series: run.tables()?,
        });
    }
    if path.is_dir() {
        let series = find_checkpoints(&[path])?.into_iter().map(|s| (s.network, s.checkpoints)).collect();
        return Ok(Inspected::Checkpoints { series });
    }
    let checkpoint = Checkpoint::open(path)?;
    let tensors = checkpoint.tensors().iter().map(|info| tensor(&checkpoint, info)).collect::<Result<_, _>>()?;
    Ok(Inspected::Checkpoint {
        path: path.to_path_buf(),
        format: format!("{:?}", checkpoint.format()),
        step: checkpoint.step(),
        sha256: checkpoint.content_hash()?,
        tensors,
        others: checkpoint.other_tensors().iter().map(|t| t.name.clone()).collect(),
        metadata: checkpoint.metadata().clone(),
    })
}

fn tensor(checkpoint: &Checkpoint, info: &kymograph_runs::TensorInfo) -> Result<InspectedTensor, KymographError> {
    let (mut norm, mut not_finite) = (None, 0);
    if info.dtype.is_float() {
        let values = checkpoint.read_f64(&info.name)?;
        not_finite = values.iter().filter(|v| !v.is_finite()).count();
        norm = Some(values.iter().filter(|v| v.is_finite()).fold(0.0, |sum, v| sum + v * v).sqrt());
    }
    Ok(InspectedTensor {
        name: info.name.clone(),
        shape: info.shape.clone(),
        dtype: info.dtype.to_string(),
        norm,
        not_finite,
    })
}
