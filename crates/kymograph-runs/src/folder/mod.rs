//! Experiment and run folders: writing them so that a kill at any moment loses nothing complete, and reading them.

mod captures;
mod experiment;
mod files;
mod lock;
mod manifest;
mod maps;
mod recorder;
mod resume;
mod run;
mod schedule;
mod series;

pub use captures::write_captures;
pub use experiment::{Experiment, ExperimentManifest, RunEntry, RunKey, remove_experiment, remove_run};
pub use files::write_whole;
pub(crate) use files::{Outgoing, create_folder, entries, file_name, sha256_hex};
pub use manifest::{FORMAT_VERSION, HookPoint, Manifest, Status, cpu_features, software};
pub use maps::{CodeMap, CodeWindow};
pub use recorder::{Capture, Recorder, RecorderOptions};
pub use resume::{SavedState, Tensors64};
pub use run::{Captures, Probe, Run};
pub use schedule::{Schedule, Selection};
pub use series::Table;
