//! Studies of image classifiers: settings, training by minibatches while recording, scores, and controls.

mod control;
mod dynamics;
mod inputs;
mod scores;
mod settings;
mod training;

pub use control::Control;
pub use dynamics::{Followed, SIGN_BAND};
pub use inputs::{Examples, Inputs, resized};
pub use scores::{Scores, scores};
pub use settings::{Checkpoints, Settings};
pub use training::{Data, Training, trained};
