//! A classifier that a file in a folder describes, with the batches it is trained on.

use std::error::Error;
use std::path::Path;

use kymograph_linalg::random;
use kymograph_nets::{Network, NetworkSpec, Optimiser, OptimiserSpec, StepStats};
use ndarray::{ArrayD, ArrayViewD, Axis};
use safetensors::tensor::SafeTensors;

/// Network, Adam and batches that are gone through again and again.
pub(crate) struct Classifier {
    pub(crate) net: Network<f32>,
    optimiser: Optimiser<f32>,
    /// (batch, example, channel, row, column)
    x: ArrayD<f32>,
    labels: Vec<Vec<usize>>,
    pub(crate) taken: usize,
}

impl Classifier {
    pub(crate) fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let spec: NetworkSpec = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors")))?;
        let file = SafeTensors::deserialize(&bytes)?;
        let mut weights = super::peer::floats(&file)?;
        let at = weights.iter().position(|(key, _)| key == "x").ok_or("no input")?;
        let x = weights.swap_remove(at).1;
        let labels: Vec<usize> = file.tensor("labels")?.data().chunks_exact(8).map(|b| usize::from(b[0])).collect();
        let labels = labels.chunks_exact(x.shape()[1]).map(<[usize]>::to_vec).collect();
        let mut net = Network::new(&spec, &mut random::stream(0, "init"))?;
        net.load_state_dict(&weights)?;
        let optimiser = Optimiser::new(OptimiserSpec::adam(1e-3), &net)?;
        Ok(Self { net, optimiser, x, labels, taken: 0 })
    }

    /// The batch of the next step.
    #[allow(dead_code)] // Not every program looks at it.
    pub(crate) fn batch(&self) -> (ArrayViewD<'_, f32>, &[usize]) {
        let batch = self.taken % self.labels.len();
        (self.x.index_axis(Axis(0), batch), &self.labels[batch])
    }

    pub(crate) fn step(&mut self) -> Result<StepStats, Box<dyn Error>> {
        let batch = self.taken % self.labels.len();
        self.taken += 1;
        Ok(self.net.train_step(self.x.index_axis(Axis(0), batch), &self.labels[batch], &mut self.optimiser)?)
    }
}
