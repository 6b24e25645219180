//! Run or open → plan → findings → verdict → report.

mod activations;
mod analyze;
mod attention;
mod beside;
mod capture;
mod commands;
mod composition;
mod derive;
mod dictionaries;
mod folded;
mod foreign;
mod judge;
mod networks;
mod optimization;
mod own;
mod page;
mod polytopes;
mod published;
mod run;
mod sections;
mod signals;
mod squeeze;
mod stating;
mod study;
mod superposition;
mod tensorboard;
mod trajectories;

pub use activations::ACTIVATION_BUDGET;
pub use analyze::{AnalyzeRequest, analyze};
pub use derive::Derived;
pub use judge::{JudgeRequest, Judged, judge};
pub use study::{RunRequest, run_study};

use std::path::Path;

use kymograph_report::write_pdf;
use kymograph_runs::Experiment;

use crate::error::KymographError;

/// What the pipeline tells whoever shows progress. It may come from several threads at once.
pub enum Event<'a> {
    /// A network is being trained.
    Training(&'a kymograph_studies::Progress<'a>),
    /// A finished run was found and is not trained again.
    AlreadyThere {
        /// The run.
        run: String,
    },
    /// Activations are being taken: files done, files in all.
    Capturing(usize, usize),
    /// Rows of the plan are being computed: rows done, rows in all.
    Measuring(usize, usize),
    /// Figures and page are being drawn.
    Drawing,
    /// Something a reader must know.
    Warning(String),
}

/// Where events go.
pub(crate) type Listener<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Writes the report of an experiment folder again: everything under `derived/` but the caches.
///
/// # Errors
/// When the folder is no experiment, or its runs cannot be read.
pub fn report(folder: &Path, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<Derived, KymographError> {
    let experiment = Experiment::open(folder)?;
    if experiment.manifest().study == analyze::SOURCE {
        analyze::derive_again(&experiment, listener)
    } else {
        study::derive_again(&experiment, listener)
    }
}

/// Writes every figure of a report as PDF beside its SVG.
///
/// # Errors
/// When a file cannot be read or written.
pub fn figures_as_pdf(derived: &Derived) -> Result<(), KymographError> {
    for svg in &derived.figures {
        write_pdf(svg)?;
    }
    Ok(())
}

/// A word as a shell takes it whole.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// An absolute path with `.` and `..` resolved where the file exists, for records that outlive the working directory.
pub(crate) fn absolute(path: &Path) -> std::path::PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}
