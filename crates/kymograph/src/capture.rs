//! `kymograph capture`: activations of a recorded network on data of one's own.

use std::path::{Path, PathBuf};

use kymograph_linalg::random::stream;
use kymograph_nets::{HookPoint, NetsError, Network, NetworkSpec};
use kymograph_runs::{Checkpoint, NpyArray, NpyWriter, Run, RunsError, read_npy};
use ndarray::{ArrayD, Axis};

use crate::error::KymographError;
use crate::export::outside_runs;

/// Examples in one forward pass, which bounds the memory that activations take.
const BATCH: usize = 250;

/// What `kymograph capture` was asked for.
#[derive(Clone, Debug, Default)]
pub struct CaptureRequest {
    /// A run folder, whose last checkpoint is taken, or a checkpoint in one.
    pub model: PathBuf,
    /// The inputs, an `.npy` file: example, then the axes of the network's input.
    pub data: PathBuf,
    /// Hook points; all when there are none.
    pub hooks: Vec<String>,
    /// Folder for the arrays.
    pub out: PathBuf,
    /// Replace arrays that are there.
    pub force: bool,
}

/// Activations that were written.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The checkpoint they were taken with.
    pub checkpoint: PathBuf,
    /// One file a hook point.
    pub arrays: Vec<CapturedArray>,
}

/// The activations at one hook point.
#[derive(Clone, Debug)]
pub struct CapturedArray {
    /// The hook point.
    pub hook: String,
    /// The file.
    pub path: PathBuf,
    /// Example, then the axes of the hook point; nothing is averaged or left out.
    pub shape: Vec<usize>,
}

/// Builds the network from the spec in `run.json`, gives it the checkpoint's weights, and writes what it computes at each
/// hook point to `OUT/HOOK.npy` as f32. Inputs are used as they are: scale them as the run's data were.
///
/// # Errors
/// For a model without a spec, an unknown hook point (with the known ones), inputs of another shape or with numbers that
/// are not finite, and files that are there already when `force` is not set. A file is written whole or not at all.
pub fn capture(request: &CaptureRequest) -> Result<Captured, KymographError> {
    let (run, checkpoint) = open(&request.model)?;
    if run.manifest().network["pairs"].is_object() {
        return Err(KymographError::Argument {
            argument: request.model.display().to_string(),
            detail: "it composes group elements and takes no examples; `kymograph analyze RUN --plan groups` opens it"
                .to_owned(),
        });
    }
    let spec: NetworkSpec = serde_json::from_value(run.manifest().network.clone()).map_err(|e| {
        let reason = format!("its network cannot be built ({e})");
        RunsError::BadManifest { path: run.folder().join("run.json"), reason }
    })?;
    let mut network = Network::<f32>::new(&spec, &mut stream(0, "replaced by the checkpoint"))?;
    let hooks = chosen(&request.hooks, network.hook_points())?;
    outside_runs(&request.out)?;
    let paths: Vec<PathBuf> =
        hooks.iter().map(|hook| file_of(hook, &request.out, request.force)).collect::<Result<_, _>>()?;
    network.load_state_dict(&checkpoint.state_f32()?)?;
    let inputs = inputs(&request.data)?;
    let examples = inputs.shape().first().copied().unwrap_or(0);
    let names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
    let mut writers: Vec<NpyWriter> = Vec::new();
    let mut arrays = Vec::new();
    if inputs.ndim() == 0 || examples == 0 {
        // The network's own words for an input that it cannot take.
        network.capture(inputs.view(), &names)?;
    }
    for batch in inputs.axis_chunks_iter(Axis(0), BATCH) {
        let mut taken = network.capture(batch, &names)?;
        for (place, hook) in hooks.iter().enumerate() {
            let values = taken.remove(&hook.name).unwrap_or_default();
            if writers.len() == place {
                let shape: Vec<usize> = [&[examples], &values.shape()[1..]].concat();
                writers.push(NpyWriter::create(&paths[place], &shape)?);
                arrays.push(CapturedArray { hook: hook.name.clone(), path: paths[place].clone(), shape });
            }
            writers[place].append(values.as_standard_layout().as_slice().unwrap_or_default())?;
        }
    }
    writers.into_iter().try_for_each(NpyWriter::finish)?;
    Ok(Captured { checkpoint: checkpoint.path().to_path_buf(), arrays })
}

/// The run that a model belongs to, whose manifest has the network's spec, and the checkpoint.
fn open(model: &Path) -> Result<(Run, Checkpoint), KymographError> {
    let refuse =
        |detail: &str| KymographError::Argument { argument: model.display().to_string(), detail: detail.to_owned() };
    if model.join("run.json").is_file() {
        let run = Run::open(model)?;
        let &last = run.steps().last().ok_or_else(|| refuse("this run has no checkpoint yet"))?;
        let checkpoint = run.checkpoint(last)?;
        return Ok((run, checkpoint));
    }
    if model.is_dir() {
        return Err(refuse("this is no run folder (run.json); an experiment's lie in runs/NETWORK/seed-N"));
    }
    let checkpoint = Checkpoint::open(model)?;
    let folder = model.canonicalize().ok().and_then(|path| Some(path.parent()?.parent()?.to_path_buf()));
    match folder.filter(|folder| folder.join("run.json").is_file()) {
        Some(folder) => Ok((Run::open(&folder)?, checkpoint)),
        None => Err(refuse(
            "what network these weights belong to is not known: name a checkpoint in a run folder recorded by kymograph, \
             whose run.json describes it",
        )),
    }
}

fn chosen(wanted: &[String], known: Vec<HookPoint>) -> Result<Vec<HookPoint>, KymographError> {
    if wanted.is_empty() {
        return Ok(known);
    }
    let mut hooks: Vec<HookPoint> = Vec::new();
    for name in wanted {
        let Some(hook) = known.iter().find(|hook| hook.name == *name) else {
            let known = known.into_iter().map(|hook| hook.name).collect();
            return Err(NetsError::UnknownHook { name: name.clone(), known }.into());
        };
        if !hooks.contains(hook) {
            hooks.push(hook.clone());
        }
    }
    Ok(hooks)
}

/// Names come from run.json, which may be anybody's: one with a folder in it is refused.
fn file_of(hook: &HookPoint, out: &Path, force: bool) -> Result<PathBuf, KymographError> {
    let is_plain = !hook.name.starts_with('.') && !hook.name.contains(['/', '\\', ':', '\0']);
    if !is_plain || hook.name.is_empty() {
        let detail = "the name of this hook point cannot be a file's; leave it out with --hook".to_owned();
        return Err(KymographError::Argument { argument: hook.name.clone(), detail });
    }
    let path = out.join(format!("{}.npy", hook.name));
    if path.exists() && !force {
        let remedy = "replace it with --force, or choose another folder with --out";
        return Err(RunsError::Exists { path, what: "something", remedy }.into());
    }
    Ok(path)
}

/// Real numbers as f32, and integers that f32 holds exactly.
fn inputs(path: &Path) -> Result<ArrayD<f32>, KymographError> {
    Ok(match read_npy(path)? {
        NpyArray::F32(array) => array,
        NpyArray::F64(array) => array.mapv(|value| value as f32),
        NpyArray::I64(array) => {
            if let Some(value) = array.iter().find(|value| value.unsigned_abs() > 1 << 24) {
                let detail = format!("holds {value}, which f32 cannot hold exactly; save it as float32");
                return Err(KymographError::Argument { argument: path.display().to_string(), detail });
            }
            array.mapv(|value| value as f32)
        }
    })
}
