//! How far a training is.

use std::fmt::Display;

/// How far a training is.
pub struct Progress<'a> {
    /// The network.
    pub network: &'a str,
    /// Its seed.
    pub seed: u64,
    /// The control it is trained under.
    pub control: Option<&'a str>,
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the last step.
    pub loss: f64,
    /// Held-out scores in a line, at checkpoints.
    pub scores: Option<&'a dyn Display>,
}

impl Progress<'_> {
    /// The run's name: `cnn/seed-0`, or `cnn/seed-0.other_order` for a control.
    #[must_use]
    pub fn run(&self) -> String {
        let control = self.control.map_or_else(String::new, |name| format!(".{name}"));
        format!("{}/seed-{}{control}", self.network, self.seed)
    }
}
