//! The built-in studies: data, network, what to record, plan and predictions, a folder each.

pub mod control;
pub mod error;
pub mod phases;
pub mod scores;
pub mod study;
pub mod training;

pub use control::Control;
pub use error::StudyError;
pub use study::{Settings, Study, StudyFile, all, find};
