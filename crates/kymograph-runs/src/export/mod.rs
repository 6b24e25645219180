//! Writing a checkpoint's network for other programs: safetensors, and a state dict that `torch.load` reads. One tensor
//! at a time is in memory.

mod safetensors;
mod torch;
mod zip;

use crate::checkpoints::Checkpoint;
use crate::folder::Outgoing;
use crate::{RunsError, TensorInfo};
use std::path::Path;

/// A file format that checkpoints are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// safetensors, with `format: pt` and the step as its metadata.
    Safetensors,
    /// PyTorch's zip archive of a state dict, for `torch.load(path, weights_only=True)`.
    Torch,
}

impl ExportFormat {
    /// The ending of its files, without a dot.
    pub fn ending(self) -> &'static str {
        match self {
            ExportFormat::Safetensors => "safetensors",
            ExportFormat::Torch => "pt",
        }
    }
}

/// Writes the network's tensors of a checkpoint to `path`, whole or not at all. Types and bits stay as they are; every
/// tensor gets a storage of its own, in row-major order, and the same tensors give the same bytes. What is not the
/// network's (an optimiser's state) is left out.
///
/// # Errors
/// [`RunsError::Exists`] when something is there and `force` is not set, [`RunsError::BadTensor`] for a tensor of a
/// type that cannot be read, [`RunsError::Unsupported`] for a checkpoint without a network's tensor, and those of
/// reading and writing.
pub fn export(checkpoint: &Checkpoint, format: ExportFormat, path: &Path, force: bool) -> Result<(), RunsError> {
    if path.exists() && !force {
        return Err(RunsError::Exists {
            path: path.into(),
            what: "something",
            remedy: "replace it with --force, or choose another folder with --out",
        });
    }
    let tensors: Vec<TensorInfo> = checkpoint.tensors().to_vec();
    if tensors.is_empty() {
        return Err(RunsError::Unsupported {
            path: checkpoint.path().into(),
            reason: "it holds no tensor of a network".into(),
            remedy: "name a checkpoint with a state dict",
        });
    }
    let mut out = Outgoing::create(path)?;
    match format {
        ExportFormat::Safetensors => safetensors::write(checkpoint, tensors, &mut out)?,
        ExportFormat::Torch => torch::write(checkpoint, &tensors, &mut out)?,
    }
    out.finish()
}

fn refused(checkpoint: &Checkpoint, tensor: &str, reason: impl Into<String>) -> RunsError {
    RunsError::BadTensor { path: checkpoint.path().into(), tensor: tensor.into(), reason: reason.into() }
}
