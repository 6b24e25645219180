//! Answers `benches/peers/step_phases.py`: trains the networks it describes in a folder, and times the steps.

#[path = "peer/classifier.rs"]
mod classifier;
mod peer;

use std::error::Error;
use std::path::Path;

use classifier::Classifier;
use kymograph_nets::StepStats;

impl peer::Case for Classifier {
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        Self::open(folder, name)
    }

    fn step(&mut self) -> Result<StepStats, Box<dyn Error>> {
        self.step()
    }

    fn gradients(&self) -> peer::State {
        self.net.gradients()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    peer::answer::<Classifier>()
}
