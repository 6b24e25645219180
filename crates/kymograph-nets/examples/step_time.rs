//! Answers `benches/peers/step_phases.py`: trains the networks it describes in a folder, and times the steps.

mod peer;

use std::error::Error;
use std::path::Path;

use kymograph_linalg::random;
use kymograph_nets::{NetsError, Network, NetworkSpec, Optimiser, OptimiserSpec, StepStats};
use ndarray::{ArrayD, Axis};
use safetensors::tensor::SafeTensors;

struct Case {
    net: Network<f32>,
    optimiser: Optimiser<f32>,
    /// (batch, example, channel, row, column)
    x: ArrayD<f32>,
    labels: Vec<Vec<usize>>,
    taken: usize,
}

impl peer::Case for Case {
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let spec: NetworkSpec = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors")))?;
        let file = SafeTensors::deserialize(&bytes)?;
        let mut weights = peer::floats(&file)?;
        let at = weights.iter().position(|(key, _)| key == "x").ok_or("no input")?;
        let x = weights.swap_remove(at).1;
        let labels: Vec<usize> = file.tensor("labels")?.data().chunks_exact(8).map(|b| usize::from(b[0])).collect();
        let labels = labels.chunks_exact(x.shape()[1]).map(<[usize]>::to_vec).collect();
        let mut net = Network::new(&spec, &mut random::stream(0, "init"))?;
        net.load_state_dict(&weights)?;
        let optimiser = Optimiser::new(OptimiserSpec::adam(1e-3), &net)?;
        Ok(Self { net, optimiser, x, labels, taken: 0 })
    }

    fn step(&mut self) -> Result<StepStats, NetsError> {
        let batch = self.taken % self.labels.len();
        self.taken += 1;
        self.net.train_step(self.x.index_axis(Axis(0), batch), &self.labels[batch], &mut self.optimiser)
    }

    fn gradients(&self) -> peer::State {
        self.net.gradients()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    peer::answer::<Case>()
}
