//! Finding checkpoints in folders and grouping them into series of one network each.

use super::shards::{self, INDEX_ENDING};
use super::step::{stem, take_apart};
use super::{Checkpoint, TensorInfo};
use crate::RunsError;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The checkpoints of one network in the order of their steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSeries {
    /// The network: the file name without the step (`cnn_deep` for `cnn_deep_00100.pt`), or the folder's name where
    /// the files are only called `model`, `checkpoint` or `step`.
    pub network: String,
    /// Steps and files, ascending. A single file that tells no step stands at step 0.
    pub checkpoints: Vec<(u64, PathBuf)>,
}

const LOOKED_FOR: &str = "files ending in .pt, .pth, .bin, .ckpt (PyTorch), .safetensors, .npz, .npy or .parquet";

/// Names that say what a file is and not which network it holds.
const GENERIC: &[&str] =
    &["", "model", "checkpoint", "ckpt", "step", "epoch", "weights", "state", "state_dict", "pytorch_model"];
const GENERIC_FOLDERS: &[&str] = &["checkpoints", "checkpoint", "ckpts", "ckpt", "weights", "models", "model"];

/// Files that training programs write beside a checkpoint and that hold no network.
const COMPANIONS: &[&str] = &["optimizer", "scheduler", "scaler", "rng_state", "training_args"];

/// Finds the checkpoints among `paths` (files, or folders searched four levels deep) and groups them by network:
/// by folder and file name without the step number. Series are in the order of their names, checkpoints in the order
/// of their steps. A checkpoint in parts is found by its index (`model.safetensors.index.json`). Arrays of NumPy count
/// where a folder has no other checkpoint, since they are more often data.
///
/// # Errors
/// [`RunsError::NotFound`], [`RunsError::NoCheckpoint`] for a folder without one, [`RunsError::SameStep`],
/// [`RunsError::ShapeDiffers`] and [`RunsError::TensorsDiffer`] when files of one series are not of one network, and
/// those of [`Checkpoint::open`].
pub fn find_checkpoints<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<CheckpointSeries>, RunsError> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let about = fs::metadata(path).map_err(RunsError::io("look at", path))?;
        if about.is_dir() {
            let mut found = Found::default();
            search(path, 0, &mut found)?;
            let found = if found.checkpoints.is_empty() { found.arrays } else { found.checkpoints };
            if found.is_empty() {
                return Err(RunsError::NoCheckpoint { path: path.to_path_buf(), looked_for: LOOKED_FOR });
            }
            files.extend(found);
        } else {
            files.push(path.to_path_buf());
        }
    }
    files.sort();
    files.dedup();
    let mut groups: BTreeMap<(PathBuf, String), Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        groups.entry(group_of(&file)?).or_default().push(file);
    }
    let mut series = Vec::new();
    for ((folder, base), files) in &groups {
        let same_base = groups.keys().filter(|(_, other)| other == base).count() > 1;
        let network = match (is_generic(base), same_base, folder_name(folder)) {
            (true, _, Some(name)) => name,
            (false, true, Some(name)) => format!("{name}_{base}"),
            _ if base.is_empty() => "model".to_string(),
            _ => base.clone(),
        };
        series.push(one_series(network, files)?);
    }
    make_names_unique(&mut series);
    series.sort_by(|a, b| a.network.cmp(&b.network));
    Ok(series)
}

#[derive(Default)]
struct Found {
    checkpoints: Vec<PathBuf>,
    arrays: Vec<PathBuf>,
}

fn search(folder: &Path, depth: usize, found: &mut Found) -> Result<(), RunsError> {
    let (mut folders, mut checkpoints, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(RunsError::io("list", folder))? {
        let entry = entry.map_err(RunsError::io("list", folder))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        // A linked folder may lead back here; a linked file is what it points to.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(path);
        } else if !path.is_file() {
            continue;
        } else if is_index(&name) {
            parts.extend(shards::files(&path)?);
            checkpoints.push(path);
        } else if looks_like_checkpoint(&path) {
            checkpoints.push(path);
        } else if [".npz", ".npy", ".parquet"].iter().any(|ending| name.ends_with(ending)) {
            found.arrays.push(path);
        }
    }
    found.checkpoints.extend(checkpoints.into_iter().filter(|path| !parts.contains(path)));
    if depth < 4 {
        folders.sort();
        folders.iter().try_for_each(|folder| search(folder, depth + 1, found))?;
    }
    Ok(())
}

/// Whether a file is called as the index of a checkpoint in parts is.
fn is_index(name: &str) -> bool {
    name.strip_suffix(INDEX_ENDING).is_some_and(|name| name.ends_with(".safetensors") || name.ends_with(".bin"))
}

fn looks_like_checkpoint(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if COMPANIONS.iter().any(|companion| stem.starts_with(companion)) {
        return false;
    }
    match ending.as_str() {
        "pt" | "pth" | "ckpt" | "safetensors" => true,
        // Many programs call any binary file so.
        "bin" => {
            let mut head = [0; 2];
            let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
            read.is_ok() && (head == *b"PK" || head[0] == 0x80)
        }
        _ => false,
    }
}

/// Folder and name which a checkpoint shares with the others of its series.
fn group_of(file: &Path) -> Result<(PathBuf, String), RunsError> {
    let stem = stem(file).unwrap_or_default();
    if let Some((before, total)) = stem.rsplit_once("-of-")
        && let Some((_, part)) = before.rsplit_once('-')
        && [part, total].iter().all(|text| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit()))
    {
        return Err(RunsError::Unsupported {
            path: file.to_path_buf(),
            reason: format!("it is part {part} of a checkpoint in {total} parts"),
            remedy: "name its index (model.safetensors.index.json), which lists all parts, or save the model in one file",
        });
    }
    let folder = fs::canonicalize(file)
        .ok()
        .and_then(|path| Some(path.parent()?.to_path_buf()))
        .unwrap_or_else(|| file.parent().map(Path::to_path_buf).unwrap_or_default());
    let named = take_apart(&stem, true);
    if named.step.is_none()
        && let Some(name) = folder.file_name()
        && take_apart(&name.to_string_lossy(), false).step.is_some()
    {
        return Ok((folder.parent().unwrap_or(&folder).to_path_buf(), named.base));
    }
    Ok((folder, named.base))
}

fn is_generic(base: &str) -> bool {
    GENERIC.contains(&base.to_lowercase().as_str())
}

/// The nearest folder name that says something.
fn folder_name(folder: &Path) -> Option<String> {
    folder
        .ancestors()
        .filter_map(|folder| folder.file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .find(|name| !GENERIC_FOLDERS.contains(&name.to_lowercase().as_str()))
}

fn make_names_unique(series: &mut [CheckpointSeries]) {
    for position in 1..series.len() {
        let name = series[position].network.clone();
        let mut number = 1;
        while series[..position].iter().any(|earlier| earlier.network == series[position].network) {
            number += 1;
            series[position].network = format!("{name}_{number}");
        }
    }
}

fn one_series(network: String, files: &[PathBuf]) -> Result<CheckpointSeries, RunsError> {
    let mut checkpoints: Vec<(u64, PathBuf)> = Vec::new();
    let mut first: Option<Checkpoint> = None;
    for file in files {
        let checkpoint = Checkpoint::open(file)?;
        let step = checkpoint.step().unwrap_or(0);
        if let Some((_, earlier)) = checkpoints.iter().find(|(other, _)| *other == step) {
            return Err(RunsError::SameStep { network, step, first: earlier.clone(), second: file.clone() });
        }
        match &first {
            None => first = Some(checkpoint),
            Some(first) => same_tensors(first, &checkpoint)?,
        }
        checkpoints.push((step, file.clone()));
    }
    checkpoints.sort();
    Ok(CheckpointSeries { network, checkpoints })
}

fn same_tensors(first: &Checkpoint, other: &Checkpoint) -> Result<(), RunsError> {
    let shapes = |checkpoint: &Checkpoint| -> BTreeMap<String, Vec<usize>> {
        let pair = |info: &TensorInfo| (info.name.clone(), info.shape.clone());
        checkpoint.tensors().iter().map(pair).collect()
    };
    let (expected, found) = (shapes(first), shapes(other));
    for (tensor, shape) in &found {
        match expected.get(tensor) {
            Some(first_shape) if first_shape == shape => {}
            Some(first_shape) => {
                return Err(RunsError::ShapeDiffers {
                    tensor: tensor.clone(),
                    path: other.path().into(),
                    shape: shape.clone(),
                    first_path: first.path().into(),
                    first_shape: first_shape.clone(),
                });
            }
            None => return Err(differ(tensor, shape, other, first)),
        }
    }
    match expected.iter().find(|(tensor, _)| !found.contains_key(*tensor)) {
        Some((tensor, shape)) => Err(differ(tensor, shape, first, other)),
        None => Ok(()),
    }
}

fn differ(tensor: &str, shape: &[usize], has: &Checkpoint, lacks: &Checkpoint) -> RunsError {
    RunsError::TensorsDiffer {
        tensor: tensor.to_string(),
        shape: shape.to_vec(),
        path: has.path().into(),
        missing_in: lacks.path().into(),
    }
}
