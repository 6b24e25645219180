//! `kymograph export`: checkpoints of any kind that can be read, written as safetensors or for PyTorch.

use std::path::{Path, PathBuf};

use kymograph_runs::{Checkpoint, ExportFormat, Run, RunsError, find_checkpoints};

use crate::error::KymographError;
use crate::pipeline::absolute;

/// What `kymograph export` was asked for.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Checkpoint files, folders of them, or run folders.
    pub paths: Vec<PathBuf>,
    /// What to write.
    pub format: ExportFormat,
    /// Where to; `kymograph-out/export` when there is none.
    pub out: Option<PathBuf>,
    /// Replace what is there.
    pub force: bool,
}

/// Writes each checkpoint under its own name with the format's ending, and gives the files written, in order.
///
/// # Errors
/// When a path holds no checkpoint, when two would be written to one file, when a file is there already and `force` is
/// not set, or when the folder lies in a run, which never changes. Nothing is written unless all can be opened.
pub fn export(request: &ExportRequest) -> Result<Vec<PathBuf>, KymographError> {
    let out = request.out.clone().unwrap_or_else(|| Path::new("kymograph-out").join("export"));
    outside_runs(&out)?;
    let mut planned: Vec<(Checkpoint, PathBuf)> = Vec::new();
    for path in sources(&request.paths)? {
        let checkpoint = Checkpoint::open(&path)?;
        let target = out.join(format!("{}.{}", name_of(&path), request.format.ending()));
        if let Some((other, _)) = planned.iter().find(|(_, taken)| *taken == target) {
            let first = other.path().display();
            return Err(KymographError::Argument {
                argument: path.display().to_string(),
                detail: format!(
                    "{first} and it would both be written to {}; export them one after the other, each with its own --out",
                    target.display()
                ),
            });
        }
        if target.exists() && !request.force {
            let remedy = "replace it with --force, or choose another folder with --out";
            return Err(RunsError::Exists { path: target, what: "something", remedy }.into());
        }
        planned.push((checkpoint, target));
    }
    for (checkpoint, target) in &planned {
        kymograph_runs::export(checkpoint, request.format, target, request.force)?;
    }
    Ok(planned.into_iter().map(|(_, target)| target).collect())
}

fn sources(paths: &[PathBuf]) -> Result<Vec<PathBuf>, KymographError> {
    let mut files = Vec::new();
    for path in paths {
        if path.join("run.json").is_file() {
            let run = Run::open(path)?;
            for &step in run.steps() {
                files.push(run.checkpoint(step)?.path().to_path_buf());
            }
        } else if path.is_dir() {
            files.extend(find_checkpoints(&[path])?.into_iter().flat_map(|s| s.checkpoints).map(|(_, file)| file));
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The file's name without its ending; of an index (`model.safetensors.index.json`) without all three.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".index.json").unwrap_or(&name);
    Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A run's folder holds what was recorded and nothing else.
pub(crate) fn outside_runs(out: &Path) -> Result<(), KymographError> {
    let out = absolute(out);
    match out.ancestors().find(|folder| folder.join("run.json").exists()) {
        None => Ok(()),
        Some(run) => Err(RunsError::Exists {
            path: run.to_path_buf(),
            what: "a run, to which nothing is added,",
            remedy: "choose another folder with --out",
        }
        .into()),
    }
}
