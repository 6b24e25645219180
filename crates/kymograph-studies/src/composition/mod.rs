//! Studies of networks that learn the product of two elements of a finite group: settings, and training by the whole
//! batch while recording.

mod settings;

pub use settings::{Arch, Decay, Precision, Settings};
