//! What can go wrong in the pipeline.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

/// Errors of the pipeline. Each says what was wrong, where, and what to do.
#[derive(Debug, Error, Diagnostic)]
#[non_exhaustive]
pub enum KymographError {
    /// Run folders, checkpoints and data.
    #[error(transparent)]
    Runs(#[from] kymograph_runs::RunsError),
    /// Plans, evidence and verdicts.
    #[error(transparent)]
    Findings(#[from] kymograph_findings::FindingsError),
    /// Measures.
    #[error(transparent)]
    Measures(#[from] kymograph_measures::MeasureError),
    /// A measure refused the arrays it was given.
    #[error("{source}; {inputs}")]
    Refused {
        /// What the measure said of its inputs.
        source: kymograph_measures::MeasureError,
        /// Which file each input came from, and its shape.
        inputs: String,
    },
    /// Networks.
    #[error(transparent)]
    Nets(#[from] kymograph_nets::NetsError),
    /// Studies.
    #[error(transparent)]
    Studies(#[from] kymograph_studies::StudyError),
    /// Figures and pages.
    #[error(transparent)]
    Report(#[from] kymograph_report::ReportError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The experiment in the folder is another one.
    #[error("{folder} holds {found}, not {wanted}")]
    #[diagnostic(help("give another folder with --out, or replace it with --force"))]
    OtherExperiment {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// An experiment without a run that can be measured.
    #[error("{folder} holds no finished run")]
    #[diagnostic(help("finish it with `kymograph run STUDY --resume --out {}`", folder.display()))]
    NothingFinished {
        /// The folder.
        folder: PathBuf,
    },
    /// An argument of a command cannot be used.
    #[error("{argument}: {detail}")]
    Argument {
        /// The argument.
        argument: String,
        /// What is wrong and what would be right.
        detail: String,
    },
}

impl KymographError {
    /// Whether the command was wrong, and not the run: exit code 2 instead of 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        use kymograph_findings::FindingsError;
        use kymograph_measures::MeasureError;
        use kymograph_studies::StudyError;
        matches!(
            self,
            Self::Argument { .. }
                | Self::Nets(kymograph_nets::NetsError::UnknownHook { .. })
                | Self::Studies(StudyError::Unknown { .. } | StudyError::Setting { .. } | StudyError::Group { .. })
                | Self::Findings(FindingsError::Syntax { .. } | FindingsError::Invalid { .. })
                | Self::Measures(
                    MeasureError::UnknownMeasure { .. }
                        | MeasureError::UnknownOption { .. }
                        | MeasureError::BadOption { .. }
                        | MeasureError::WrongInputCount { .. }
                )
        )
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
