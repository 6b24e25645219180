//! Everything that can go wrong between a plan and a verdict.

use std::path::PathBuf;

use thiserror::Error;

/// Errors of plans, evidence and verdicts. Each names the file or array and says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FindingsError {
    /// A plan or predictions file is not as documented.
    #[error("{origin} cannot be read as {what}: {detail}")]
    Syntax {
        /// File or study the text came from.
        origin: String,
        /// `a plan` or `predictions`.
        what: &'static str,
        /// The parser's message, with line and column.
        detail: String,
    },
    /// A plan or predictions file parses but asks for something that does not exist.
    #[error("{origin}, {place}: {detail}")]
    Invalid {
        /// File or study the text came from.
        origin: String,
        /// Which entry.
        place: String,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// Activations that were not kept could not be taken again.
    #[error(
        "activations of {run} at step {step}, `{array}`, were not kept and could not be taken again: {detail}; the run's \
         folder must hold its checkpoints, its probe and its network"
    )]
    NotTaken {
        /// The run.
        run: String,
        /// The step.
        step: u64,
        /// The hook point.
        array: String,
        /// What went wrong.
        detail: String,
    },
    /// An array holds NaN or infinity, so no number computed from it would mean anything.
    #[error(
        "{path}: tensor `{tensor}` holds {value} at index {index} (flattened): training has diverged or the file is \
         damaged; leave this checkpoint out by naming the others, or leave the tensor out with --plan"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// Index into the flattened tensor.
        index: usize,
    },
    /// Nothing in the runs matches the plan.
    #[error(
        "the plan `{origin}` matches no array of {runs}: its networks and arrays are globs over names; `kymograph inspect` lists the names"
    )]
    NothingToMeasure {
        /// File or study of the plan.
        origin: String,
        /// The runs looked at.
        runs: String,
    },
    /// A checkpoint or activation file could not be read.
    #[error(transparent)]
    Runs(#[from] kymograph_runs::RunsError),
    /// The plan names a measure or option that does not exist.
    #[error(transparent)]
    Measure(#[from] kymograph_measures::MeasureError),
    /// The evidence cache could not be read or written.
    #[error("evidence cache {path}: {source}; it may be deleted, and is computed again")]
    Cache {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
