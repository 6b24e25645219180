//! The built-in studies: data, network, what to record, plan and predictions, a folder each.

pub mod classification;
pub mod composition;
pub mod dictionaries;
pub mod error;
mod file;
pub mod groups;
pub mod optimization;
pub mod phases;
pub mod polytopes;
mod progress;
pub mod signals;
pub mod squeeze;
pub mod study;
pub mod superposition;

pub use error::StudyError;
pub use file::{Choice, StudyFile};
pub use progress::Progress;
pub use study::{Classification, Study, Task, all, find};
