//! The cache of activations: a file for each run and step, within a budget of disk space. What does not fit is taken again
//! when it is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kymograph_findings::{Activations, FindingsError, RunKey};
use kymograph_runs::{Checkpoint, write_captures, write_whole};
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::capture::Replay;
use crate::error::KymographError;

/// Bytes of activations kept for an experiment unless the caller says otherwise.
pub const ACTIVATION_BUDGET: u64 = 2_000_000_000;

/// What stands in place of a file that was not kept.
#[derive(Serialize, Deserialize)]
struct Note {
    /// SHA-256 of the file.
    content: String,
    /// Its length.
    bytes: u64,
    /// Its arrays' names and shapes.
    arrays: Vec<(String, Vec<usize>)>,
}

/// The runs whose activations can be taken, by their keys.
pub(super) type Replays = BTreeMap<RunKey, Replay>;

/// The activations of every run at every step that has them: files where they fit into `budget` bytes, notes elsewhere.
///
/// Files are kept first come, first kept: main runs before controls, in the order of runs and steps. Evidence reads them in
/// turns, and by that rule each turn finds the same ones, where dropping the least recently used would find none. Files
/// of other networks, probes or plans go before any of these.
///
/// # Errors
/// When a checkpoint cannot be read or replayed, or a file cannot be written or removed.
pub(super) fn stock(
    replays: &Replays,
    folder: &Path,
    budget: u64,
    done: &mut dyn FnMut(),
) -> Result<BTreeMap<RunKey, BTreeMap<u64, Activations>>, KymographError> {
    let path = |key: &RunKey, step: u64, address: &str| {
        folder.join(key.to_string()).join(format!("step-{step:08}-{address}.safetensors"))
    };
    let mut places: Vec<(&RunKey, &Replay, u64, PathBuf)> = Vec::new();
    for (key, replay) in replays {
        for (step, address) in replay.addresses()? {
            places.push((key, replay, step, path(key, step, &address)));
        }
    }
    places.sort_by_key(|(key, ..)| key.control.is_some());
    let wanted: BTreeSet<&Path> = places.iter().map(|(.., path)| path.as_path()).collect();
    let mut others: Vec<(PathBuf, u64)> = files_below(folder)?;
    others
        .retain(|(path, _)| !wanted.contains(path.as_path()) && !wanted.contains(path.with_extension(FILE).as_path()));
    let mut kept = 0;
    let mut stock: BTreeMap<RunKey, BTreeMap<u64, Activations>> = BTreeMap::new();
    for (key, replay, step, path) in &places {
        let note_path = path.with_extension(NOTE);
        let note: Option<Note> = fs::read(&note_path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let activations = match note.filter(|note| !path.exists() && kept + note.bytes > budget) {
            Some(note) => Activations::Dropped { content: note.content, arrays: note.arrays },
            None => {
                if !path.exists() {
                    write_captures(path, *step, &replay.take(*step, None)?)?;
                }
                let bytes = fs::metadata(path).map_err(KymographError::file(path))?.len();
                if kept + bytes <= budget {
                    kept += bytes;
                    make_room(&mut others, budget.saturating_sub(kept))?;
                    Activations::File(path.clone())
                } else {
                    drop_file(path, &note_path, bytes)?
                }
            }
        };
        stock.entry((*key).clone()).or_default().insert(*step, activations);
        done();
    }
    Ok(stock)
}

const FILE: &str = "safetensors";
const NOTE: &str = "json";

/// Takes one array of a run at one step again.
pub(super) fn again(replays: &Replays, key: &RunKey, step: u64, array: &str) -> Result<ArrayD<f32>, String> {
    let replay = replays.get(key).ok_or("its network cannot be run here")?;
    let taken = replay.take(step, Some(array)).map_err(|e| e.to_string())?;
    taken.into_iter().next().map(|capture| capture.values).ok_or_else(|| format!("it has no hook point `{array}`"))
}

/// The names and shapes of what was taken at one step.
pub(super) fn arrays(activations: &Activations) -> Result<Vec<(String, Vec<usize>)>, KymographError> {
    Ok(match activations {
        Activations::File(path) => arrays_of(&Checkpoint::open(path)?),
        Activations::Dropped { arrays, .. } => arrays.clone(),
    })
}

/// One array, from its file or taken again.
pub(super) fn read(
    replays: &Replays,
    key: &RunKey,
    step: u64,
    activations: &Activations,
    array: &str,
) -> Result<ArrayD<f32>, KymographError> {
    match activations {
        Activations::File(path) => Ok(Checkpoint::open(path)?.read_f32(array)?),
        Activations::Dropped { .. } => again(replays, key, step, array).map_err(|detail| {
            let (run, array) = (key.to_string(), array.to_owned());
            FindingsError::NotTaken { run, step, array, detail }.into()
        }),
    }
}

fn arrays_of(file: &Checkpoint) -> Vec<(String, Vec<usize>)> {
    file.tensors().iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect()
}

/// Removes a file and leaves a note of what it held.
fn drop_file(path: &Path, note_path: &Path, bytes: u64) -> Result<Activations, KymographError> {
    let file = Checkpoint::open(path)?;
    let content = file.content_hash()?;
    let note = Note { content, bytes, arrays: arrays_of(&file) };
    write_whole(note_path, serde_json::to_string(&note).unwrap_or_default().as_bytes())?;
    drop(file);
    fs::remove_file(path).map_err(KymographError::file(path))?;
    Ok(Activations::Dropped { content: note.content, arrays: note.arrays })
}

/// Removes files, in the order of their names, until those left take no more than so many bytes.
fn make_room(others: &mut Vec<(PathBuf, u64)>, room: u64) -> Result<(), KymographError> {
    let mut total: u64 = others.iter().map(|(_, bytes)| bytes).sum();
    while total > room
        && let Some((path, bytes)) = others.pop()
    {
        fs::remove_file(&path).map_err(KymographError::file(&path))?;
        total -= bytes;
    }
    Ok(())
}

/// Every file below a folder with its length, in the reverse order of their paths.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, u64)>, KymographError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&next).map_err(KymographError::file(&next))? {
            let entry = entry.map_err(KymographError::file(&next))?;
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = entry.metadata().map_err(KymographError::file(&path))?.len();
                found.push((path, bytes));
            }
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}
