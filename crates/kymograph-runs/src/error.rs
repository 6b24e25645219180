//! What can go wrong when runs, checkpoints and data are read or written: which file, which tensor, and the remedy.

use std::io;
use std::path::PathBuf;

/// An error of reading or writing runs, checkpoints, series or data.
///
/// Every message names the file, says what was wrong and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunsError {
    /// The operating system refused to read or write.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The path does not exist.
    #[error("{} does not exist; check the path", path.display())]
    NotFound {
        /// The missing path.
        path: PathBuf,
    },
    /// Something is there already, and nothing is overwritten unasked.
    #[error("{} holds {what} already; {remedy}", path.display())]
    Exists {
        /// The folder or file.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
        /// How to go on.
        remedy: &'static str,
    },
    /// A folder was to be replaced that is not one of ours.
    #[error("refusing to delete {}: {reason}; choose another folder or delete it yourself", path.display())]
    NotReplaceable {
        /// The folder.
        path: PathBuf,
        /// Why it does not look like a kymograph folder.
        reason: String,
    },
    /// Another process records into this run.
    #[error("{} is being recorded by {holder}; wait for it or end it", path.display())]
    Locked {
        /// The run folder.
        path: PathBuf,
        /// The process that holds the lock, as written in the lock file.
        holder: String,
    },
    /// A finished run is never changed.
    #[error("{} is a finished run and is never changed; record into another folder", path.display())]
    Finished {
        /// The run folder.
        path: PathBuf,
    },
    /// Written by a newer version of the format.
    #[error(
        "{} has format version {found} and this program knows versions up to {known}; update kymograph",
        path.display()
    )]
    NewerFormat {
        /// The manifest.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version known here.
        known: u32,
    },
    /// A manifest that cannot be read.
    #[error("{} is not a readable manifest: {reason}", path.display())]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose bytes contradict themselves.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What contradicts what.
        reason: String,
    },
    /// A file that is whole but of a kind this program does not read.
    #[error("{} cannot be read: {reason}; {remedy}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which part is not supported.
        reason: String,
        /// How to write it differently.
        remedy: &'static str,
    },
    /// A pickle asks for something a state dict does not need, which might be code to run. Nothing was executed.
    #[error(
        "{} asks for `{global}`, which a state dict does not need and which could run code; nothing was executed. \
         Save a state dict instead: torch.save(model.state_dict(), \"model.pt\")",
        path.display()
    )]
    ForbiddenGlobal {
        /// The file.
        path: PathBuf,
        /// Module and name of what the pickle asks for.
        global: String,
    },
    /// A checkpoint has no tensor of this name.
    #[error("{} has no tensor `{tensor}`; it has {known}", path.display())]
    NoTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The name asked for.
        tensor: String,
        /// The names there are (shortened).
        known: String,
    },
    /// A tensor that cannot be read as asked.
    #[error("{}: tensor `{tensor}` {reason}", path.display())]
    BadTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A weight that is NaN or infinite.
    #[error(
        "{}: tensor `{tensor}` is {value} at index {index:?}; the training run diverged there or the file is damaged: \
         leave this checkpoint out",
        path.display()
    )]
    NonFinite {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Where in the tensor (first such place in row-major order).
        index: Vec<usize>,
        /// NaN, inf or -inf.
        value: f64,
    },
    /// A folder without a checkpoint.
    #[error("{} holds no checkpoint; looked for {looked_for}", path.display())]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
        /// The kinds of file looked for.
        looked_for: &'static str,
    },
    /// Checkpoints of one series whose tensors have different shapes.
    #[error(
        "tensor `{tensor}` has shape {shape:?} in {} and {first_shape:?} in {}; \
         checkpoints of one series must be of one network: name other networks differently",
        path.display(), first_path.display()
    )]
    ShapeDiffers {
        /// The tensor.
        tensor: String,
        /// The checkpoint that differs.
        path: PathBuf,
        /// Its shape there.
        shape: Vec<usize>,
        /// The first checkpoint of the series.
        first_path: PathBuf,
        /// Its shape there.
        first_shape: Vec<usize>,
    },
    /// Checkpoints of one series of which one lacks a tensor.
    #[error(
        "tensor `{tensor}` (shape {shape:?}) is in {} and not in {}; \
         checkpoints of one series must be of one network: name other networks differently",
        path.display(), missing_in.display()
    )]
    TensorsDiffer {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The checkpoint that has it.
        path: PathBuf,
        /// The checkpoint that lacks it.
        missing_in: PathBuf,
    },
    /// Two checkpoints of one series with the same step.
    #[error("{} and {} are both step {step} of `{network}`; keep one of them", first.display(), second.display())]
    SameStep {
        /// The series.
        network: String,
        /// The step.
        step: u64,
        /// One file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
    },
    /// No checkpoint was recorded at this step.
    #[error("{} has no checkpoint at step {step}; it has {known}", path.display())]
    NoStep {
        /// The run folder.
        path: PathBuf,
        /// The step asked for.
        step: u64,
        /// The steps there are (shortened).
        known: String,
    },
    /// No such series.
    #[error("{} has no series `{table}`; it has {known}", path.display())]
    NoSeries {
        /// The run folder.
        path: PathBuf,
        /// The series asked for.
        table: String,
        /// The series there are.
        known: String,
    },
    /// A row, array or name that cannot be recorded.
    #[error("cannot record into {}: {reason}", path.display())]
    BadRecord {
        /// The run folder.
        path: PathBuf,
        /// What is wrong, with the remedy.
        reason: String,
    },
    /// A schedule that cannot be understood.
    #[error("`{text}` is not a schedule: {reason}; write for example `log 2 + every 500 + 100 + 2000`")]
    BadSchedule {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A glob that cannot be understood.
    #[error("`{text}` is not a name or glob: {reason}")]
    BadGlob {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A data set that is not there or not as published.
    #[error("{}: {reason}; {remedy}", path.display())]
    BadData {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// How to go on.
        remedy: &'static str,
    },
}

impl RunsError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RunsError {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::NotFound => RunsError::NotFound { path },
            _ => RunsError::Io { action, path, source },
        }
    }
}

/// Joins names for a message, at most eight of them.
pub(crate) fn shortened<T: std::fmt::Display>(names: impl ExactSizeIterator<Item = T>) -> String {
    let total = names.len();
    if total == 0 {
        return "none".into();
    }
    let mut text = names.take(8).map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    if total > 8 {
        text.push_str(&format!(", … ({total} in all)"));
    }
    text
}
