//! Studies of networks that learn the product of two elements of a finite group: settings, and training by the whole
//! batch while recording.

mod data;
mod settings;
mod training;

pub use data::{group, split};
pub use settings::{Arch, Decay, Precision, Settings};
pub use training::Training;
