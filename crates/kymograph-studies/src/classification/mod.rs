//! Studies of image classifiers: settings, training by minibatches while recording, scores, and controls.

mod control;
mod scores;
mod settings;
mod training;

pub use control::Control;
pub use scores::{Scores, scores};
pub use settings::Settings;
pub use training::{Data, Examples, Training};
