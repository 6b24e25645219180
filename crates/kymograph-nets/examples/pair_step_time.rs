//! Answers `benches/peers/step_groups.py`: trains the networks of pairs it describes in a folder, and times the steps.

mod peer;

use std::error::Error;
use std::path::Path;

use kymograph_linalg::random;
use kymograph_nets::{LossPrecision, Optimiser, OptimiserSpec, PairNetwork, PairSet, PairSpec, StepStats};
use safetensors::tensor::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct Description {
    spec: PairSpec,
    table: Vec<u32>,
    pairs: Vec<usize>,
    precision: LossPrecision,
    optimiser: OptimiserSpec,
}

struct Case {
    net: PairNetwork<f32>,
    optimiser: Optimiser<f32>,
    set: PairSet,
    precision: LossPrecision,
}

impl peer::Case for Case {
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let description: Description = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
        let Description { spec, table, pairs, precision, optimiser } = description;
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors")))?;
        let mut net = PairNetwork::new(&spec, &mut random::stream(0, "init"))?;
        net.load_state_dict(&peer::floats(&SafeTensors::deserialize(&bytes)?)?)?;
        let optimiser = net.optimiser(optimiser)?;
        Ok(Self { net, optimiser, set: PairSet::new(&table, spec.order, &pairs)?, precision })
    }

    fn step(&mut self) -> Result<StepStats, Box<dyn Error>> {
        Ok(self.net.train_step(&self.set, self.precision, &mut self.optimiser)?)
    }

    fn gradients(&self) -> peer::State {
        self.net.gradients()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    peer::answer::<Case>()
}
