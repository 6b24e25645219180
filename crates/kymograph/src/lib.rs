//! Kymograph shows what happens inside a neural network while it learns. It records a run, measures it at every
//! recorded step, puts a null beside every number, judges predictions that were written beforehand, and reports in
//! pictures.
//!
//! This crate is the pipeline: [`run_study`] trains and records one of the built-in studies, [`analyze`] takes
//! checkpoints made elsewhere, and both go the same way on, from plan to findings to verdict to report. The crates
//! below it are re-exported.

mod capture;
mod error;
mod export;
mod fit;
mod inspect;
mod measure;
mod pipeline;
mod sae;

pub use capture::{CaptureRequest, Captured, CapturedArray, capture};
pub use error::KymographError;
pub use export::{ExportRequest, export};
pub use fit::{FitMethod, FitRequest, Fitted, fit};
pub use inspect::{Inspected, InspectedTensor, inspect};
pub use measure::{MeasureRequest, Measured, measure};
pub use pipeline::{
    ACTIVATION_BUDGET, AnalyzeRequest, Derived, Event, JudgeRequest, Judged, RunRequest, analyze, figures_as_pdf,
    judge, report, run_study,
};
pub use sae::{FittedSae, SaeRequest, SaeStart, SaeVariant, fit_sae, read_sae};

pub use {
    kymograph_findings as findings, kymograph_linalg as linalg, kymograph_measures as measures, kymograph_nets as nets,
    kymograph_report as reporting, kymograph_runs as runs, kymograph_studies as studies,
};
