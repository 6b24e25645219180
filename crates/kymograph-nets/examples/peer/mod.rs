//! How the programs that `benches/peers` times answer: commands on standard input, a line of JSON for each.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kymograph_nets::{StepStats, cpu_features};
use ndarray::{ArrayD, IxDyn};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize_to_file};

/// Tensors by name.
pub(crate) type State = Vec<(String, ArrayD<f32>)>;

/// A network that is trained, as a file in the folder describes it.
pub(crate) trait Case: Sized {
    /// Reads the description of this name.
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>>;
    /// Trains by one step.
    fn step(&mut self) -> Result<StepStats, Box<dyn Error>>;
    /// The gradients of the last step.
    fn gradients(&self) -> State;
}

/// Answers until there are no more commands: `features`; `check NAME STEPS` trains a fresh network and writes its first
/// gradients to `NAME.gradients.safetensors`; `time NAME STEPS` takes more steps and tells their seconds.
pub(crate) fn answer<C: Case>() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder of the descriptions")?);
    let mut running: BTreeMap<String, C> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["features"] => println!("{}", serde_json::to_string(&cpu_features())?),
            ["check", name, steps] => {
                let mut case = C::open(&folder, name)?;
                let (mut losses, mut norms) = (Vec::new(), Vec::new());
                for step in 0..steps.parse::<usize>()? {
                    let stats = case.step()?;
                    losses.push(stats.loss);
                    norms.push(stats.gradient_norm);
                    if step == 0 {
                        write(&folder.join(format!("{name}.gradients.safetensors")), &case.gradients())?;
                    }
                }
                println!("{}", serde_json::json!({ "losses": losses, "norms": norms }));
            }
            ["time", name, steps] => {
                if !running.contains_key(*name) {
                    running.insert((*name).to_owned(), C::open(&folder, name)?);
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

/// Every f32 tensor of a file.
pub(crate) fn floats(file: &SafeTensors<'_>) -> Result<State, Box<dyn Error>> {
    let mut tensors = Vec::new();
    for (key, view) in file.iter().filter(|(_, view)| view.dtype() == Dtype::F32) {
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.push((key.to_owned(), ArrayD::from_shape_vec(IxDyn(view.shape()), values)?));
    }
    Ok(tensors)
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
