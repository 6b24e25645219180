//! Answers `benches/peers/step_groups.py`: trains the networks of pairs it describes in a folder, and times the steps.
//!
//! Reads commands from standard input and answers each with a line of JSON: `check CASE STEPS` trains a fresh network and
//! writes its first gradients to `CASE.gradients.safetensors`; `time CASE STEPS` takes more steps and tells their seconds.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kymograph_linalg::random;
use kymograph_nets::{
    LossPrecision, NetsError, Optimiser, OptimiserSpec, PairNetwork, PairSet, PairSpec, StepStats, cpu_features,
};
use ndarray::{ArrayD, IxDyn};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize_to_file};
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

impl Case {
    fn step(&mut self) -> Result<StepStats, NetsError> {
        self.net.train_step(&self.set, self.precision, &mut self.optimiser)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: pair_step_time FOLDER")?);
    let mut running: BTreeMap<String, Case> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["features"] => println!("{}", serde_json::to_string(&cpu_features())?),
            ["check", name, steps] => {
                let mut case = open(&folder, name)?;
                let mut losses = Vec::new();
                for step in 0..steps.parse::<usize>()? {
                    losses.push(case.step()?.loss);
                    if step == 0 {
                        write(&folder.join(format!("{name}.gradients.safetensors")), &case.net.gradients())?;
                    }
                }
                println!("{}", serde_json::json!({ "losses": losses }));
            }
            ["time", name, steps] => {
                if !running.contains_key(*name) {
                    running.insert((*name).to_owned(), open(&folder, name)?);
                }
                let case = running.get_mut(*name).ok_or("no such case")?;
                let mut seconds = Vec::new();
                for _ in 0..steps.parse::<usize>()? {
                    let start = Instant::now();
                    case.step()?;
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}

fn open(folder: &Path, name: &str) -> Result<Case, Box<dyn Error>> {
    let description: Description = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
    let Description { spec, table, pairs, precision, optimiser } = description;
    let bytes = std::fs::read(folder.join(format!("{name}.safetensors")))?;
    let file = SafeTensors::deserialize(&bytes)?;
    let mut weights = Vec::new();
    for (key, view) in file.iter() {
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        weights.push((key.to_owned(), ArrayD::from_shape_vec(IxDyn(view.shape()), values)?));
    }
    let mut net = PairNetwork::new(&spec, &mut random::stream(0, "init"))?;
    net.load_state_dict(&weights)?;
    let optimiser = net.optimiser(optimiser)?;
    Ok(Case { net, optimiser, set: PairSet::new(&table, spec.order, &pairs)?, precision })
}

fn write(path: &Path, tensors: &[(String, ArrayD<f32>)]) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<(&str, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(|(name, t)| (name.as_str(), t.shape(), t.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let mut views = Vec::new();
    for (name, shape, data) in &bytes {
        views.push(((*name).to_owned(), TensorView::new(Dtype::F32, shape.to_vec(), data)?));
    }
    Ok(serialize_to_file(views, None, path)?)
}
