//! Answers `benches/peers/step_dictionaries.py`: trains the sparse autoencoders it describes in a folder, and times the steps.

mod peer;

use std::error::Error;
use std::path::Path;

use kymograph_nets::dictionaries::{Dictionary, DictionarySpec};
use kymograph_nets::{Optimiser, OptimiserSpec, StepStats};
use ndarray::{Array2, Ix2};
use safetensors::tensor::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct Description {
    spec: DictionarySpec,
    optimiser: OptimiserSpec,
}

struct Case {
    dictionary: Dictionary<f32>,
    optimiser: Optimiser<f32>,
    batches: Vec<Array2<f32>>,
    next: usize,
}

impl peer::Case for Case {
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let description: Description = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors")))?;
        let (mut weights, mut batches) = (Vec::new(), Vec::new());
        for (key, values) in peer::floats(&SafeTensors::deserialize(&bytes)?)? {
            match key.strip_prefix("batch.") {
                Some(number) => batches.push((number.parse::<usize>()?, values.into_dimensionality::<Ix2>()?)),
                None => weights.push((key, values)),
            }
        }
        batches.sort_by_key(|(number, _)| *number);
        let mut dictionary = Dictionary::new(&description.spec)?;
        dictionary.load_state(&weights)?;
        let optimiser = dictionary.optimiser(description.optimiser)?;
        Ok(Self { dictionary, optimiser, batches: batches.into_iter().map(|(_, batch)| batch).collect(), next: 0 })
    }

    fn step(&mut self) -> Result<StepStats, Box<dyn Error>> {
        let batch = &self.batches[self.next % self.batches.len()];
        self.next += 1;
        let stats = self.dictionary.train_step(batch.view(), None, &mut self.optimiser)?;
        Ok(StepStats { loss: stats.loss, correct: None, gradient_norm: stats.gradient_norm })
    }

    fn gradients(&self) -> peer::State {
        self.dictionary.gradients()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    peer::answer::<Case>()
}
