//! Which step a checkpoint was taken at, from its name or from what it holds.

use super::shards::INDEX_ENDING;
use serde_json::{Map, Value};
use std::path::Path;

/// Words before a number that make it a step, those that count steps before those that count epochs.
const STEP_WORDS: &[&str] = &["step", "steps", "globalstep", "iteration", "iter", "checkpoint", "ckpt"];
const EPOCH_WORDS: &[&str] = &["epoch", "epochs"];

/// A name taken apart: its step, and what remains of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) step: Option<u64>,
    pub(crate) base: String,
}

/// Takes a file name without its ending (or a folder's name) apart.
///
/// A number after a step word counts (`step-100`, `checkpoint_100`, `epoch=3-step=800`), a step word before an epoch
/// word; else, when `bare` numbers count, a last part of digits alone (`cnn_deep_00100`; not `seed1`).
pub(crate) fn take_apart(stem: &str, bare: bool) -> Named {
    let parts: Vec<&str> = stem.split(['_', '-', '.', '=', ' ']).filter(|part| !part.is_empty()).collect();
    let mut kept: Vec<bool> = vec![true; parts.len()];
    let mut found: [Option<u64>; 2] = [None, None];
    let kind_of = |word: &str| {
        let word = word.to_ascii_lowercase();
        let counts = |words: &[&str]| words.contains(&word.as_str());
        if counts(STEP_WORDS) { Some(0) } else { counts(EPOCH_WORDS).then_some(1) }
    };
    for (position, part) in parts.iter().enumerate() {
        let digits = part.len() - part.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        let (word, number) = part.split_at(part.len() - digits);
        let (kind, word_position) = match (word.is_empty(), position.checked_sub(1)) {
            (false, _) => (kind_of(word), None),
            (true, Some(before)) => (kind_of(parts[before]), Some(before)),
            (true, None) => (None, None),
        };
        if let (Some(kind), Ok(number)) = (kind, number.parse()) {
            found[kind] = Some(number);
            kept[position] = false;
            if let Some(before) = word_position {
                kept[before] = false;
            }
            let global = word_position.unwrap_or(position).checked_sub(1);
            if let Some(global) = global.filter(|&before| parts[before].eq_ignore_ascii_case("global")) {
                kept[global] = false;
            }
        }
    }
    let mut step = found[0].or(found[1]);
    if let (None, true, Some(last)) = (step, bare, parts.last())
        && last.chars().all(|letter| letter.is_ascii_digit())
        && let Ok(number) = last.parse()
    {
        step = Some(number);
        kept[parts.len() - 1] = false;
    }
    let base = if step.is_none() {
        stem.to_string()
    } else {
        let parts: Vec<&str> = parts.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(part, _)| *part).collect();
        parts.join("_")
    };
    Named { step, base }
}

/// A file's name without its ending; of an index without that of the file it is the index of as well.
pub(crate) fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let name = name.strip_suffix(INDEX_ENDING).unwrap_or(&name);
    Some(Path::new(name).file_stem()?.to_string_lossy().into_owned())
}

/// The step that a path tells: from the file's name (`cnn_00100.pt`, `step-100.safetensors`, `epoch3.pt`), else from
/// its folder's name (`checkpoint-100/model.safetensors`).
///
/// ```
/// use kymograph_runs::step_from_path;
/// use std::path::Path;
/// assert_eq!(step_from_path(Path::new("cnn_deep_00100.pt")), Some(100));
/// assert_eq!(step_from_path(Path::new("checkpoint-200/model.safetensors")), Some(200));
/// assert_eq!(step_from_path(Path::new("S5_MLP_seed1.pt")), None);
/// ```
pub fn step_from_path(path: &Path) -> Option<u64> {
    take_apart(&stem(path)?, true).step.or_else(|| {
        let folder = path.parent()?.file_name()?.to_string_lossy();
        take_apart(&folder, false).step
    })
}

/// The step of a checkpoint: what its path tells, else the first of `step`, `global_step`, `iteration` and `epoch`
/// among its metadata.
pub(crate) fn step_of(path: &Path, metadata: &Map<String, Value>) -> Option<u64> {
    step_from_path(path).or_else(|| {
        ["step", "global_step", "iteration", "epoch"].iter().find_map(|key| match metadata.get(*key)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        })
    })
}
