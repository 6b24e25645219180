//! The study `dictionaries`: do sparse autoencoders find the features that made the activations?

mod data;
mod members;
mod microscope;
mod microscope_fit;
mod settings;
mod toy;
mod training;

pub use data::{Codes, Correlation, Directions, Examples, Redraw, Scale, Synthetic, Uniforms};
pub use members::{AGAIN, Member, MemberStart, Network, networks, penalty_member, sweep_network};
pub use microscope::{MICROSCOPE, Microscope};
pub use microscope_fit::{Decoder, Fit, Fitted, normal_like};
pub use settings::Settings;
pub use toy::{Toy, UNREPRESENTED};
pub use training::{HELD_OUT, Training, dictionary_of};

use crate::study::{Study, Task};

/// The study.
pub static STUDY: Study = Study {
    name: "dictionaries",
    study: include_str!("study.toml"),
    plan: include_str!("plan.toml"),
    predictions: include_str!("predictions.toml"),
    published: include_str!("published.toml"),
    task: Task::Dictionaries,
};
