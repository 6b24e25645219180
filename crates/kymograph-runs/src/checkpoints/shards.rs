//! One checkpoint over many files: an index (`model.safetensors.index.json`) says which tensor lies in which.

use super::bytes::FileBytes;
use super::{Contents, read_one, repeated};
use crate::RunsError;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

/// How an index is called, after the name and ending of what it is the index of.
pub(crate) const INDEX_ENDING: &str = ".index.json";

const LARGEST_INDEX: u64 = 64 << 20;
const MOST_SHARDS: usize = 1000;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    metadata: Map<String, Value>,
    weight_map: Pairs,
}

/// Entries in their order, so that a name given twice is seen.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("file names by tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Whether a file that begins so is an index: JSON, and no safetensors file, whose first eight bytes are a length.
pub(crate) fn is_index(head: &[u8]) -> bool {
    let length = head.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    head.trim_ascii_start().first() == Some(&b'{') && length > 1 << 56
}

/// The files beside the index that it names, in the order of their names.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let file = FileBytes::open(path)?;
    let index = parse(&file)?;
    let mut files =
        index.weight_map.0.iter().map(|(tensor, name)| beside(&file, tensor, name)).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    files.dedup();
    Ok(files)
}

/// Reads every shard's list of tensors. The shards follow the index in the list of files.
pub(crate) fn read(index: FileBytes) -> Result<(Contents, Vec<FileBytes>), RunsError> {
    let Index { metadata, weight_map } = parse(&index)?;
    let said = index.path().display().to_string();
    let mut first_of: BTreeMap<PathBuf, &str> = BTreeMap::new();
    let mut wanted: HashMap<&str, PathBuf> = HashMap::new();
    for (tensor, name) in &weight_map.0 {
        let path = beside(&index, tensor, name)?;
        first_of.entry(path.clone()).or_insert(tensor);
        wanted.insert(tensor, path);
    }
    if first_of.len() > MOST_SHARDS {
        return Err(index.damaged(format!("it names {} files", first_of.len())));
    }
    let mut found = HashMap::new();
    let mut files = Vec::new();
    for (path, tensor) in first_of {
        let shard = FileBytes::open(&path).map_err(|error| match error {
            RunsError::NotFound { path } => RunsError::BadTensor {
                path: index.path().into(),
                tensor: tensor.into(),
                reason: format!("lies in {}, which is not there: copy all files of the checkpoint", path.display()),
            },
            other => other,
        })?;
        let (_, contents) = read_one(&shard)?;
        for (name, mut stored) in contents.model.into_iter().chain(contents.others) {
            let bad = |reason: String| RunsError::BadTensor { path: path.clone(), tensor: name.clone(), reason };
            match wanted.get(name.as_str()) {
                Some(place) if *place == path => {}
                Some(place) => {
                    return Err(bad(format!("is here and, as {said} has it, in {}", place.display())));
                }
                None => return Err(bad(format!("is here and not in the list of {said}"))),
            }
            stored.file = files.len() + 1;
            found.insert(name, stored);
        }
        files.push(shard);
    }
    let mut model = Vec::with_capacity(weight_map.0.len());
    for (tensor, _) in &weight_map.0 {
        let stored = found.remove(tensor).ok_or_else(|| RunsError::BadTensor {
            path: wanted[tensor.as_str()].clone(),
            tensor: tensor.clone(),
            reason: format!("is not here, where {said} has it"),
        })?;
        model.push((tensor.clone(), stored));
    }
    files.insert(0, index);
    let metadata = metadata.into_iter().filter(|(_, value)| !value.is_array() && !value.is_object()).collect();
    Ok((Contents { model, others: Vec::new(), metadata, about: Value::Null }, files))
}

fn parse(file: &FileBytes) -> Result<Index, RunsError> {
    if file.len() > LARGEST_INDEX {
        return Err(file.damaged(format!("it has {} bytes, more than any index of tensors", file.len())));
    }
    let index: Index = serde_json::from_slice(&file.read(0, file.len())?)
        .map_err(|error| file.damaged(format!("it is no index of tensors (`weight_map`): {error}")))?;
    if let Some(name) = repeated(index.weight_map.0.iter().map(|(name, _)| name)) {
        return Err(file.damaged(format!("it has two tensors called `{name}`")));
    }
    if index.weight_map.0.is_empty() {
        return Err(file.damaged("it lists no tensor".into()));
    }
    Ok(index)
}

/// A file in the folder of the index: an index that names any other wants to read what it has no business with.
fn beside(index: &FileBytes, tensor: &str, name: &str) -> Result<PathBuf, RunsError> {
    let mut parts = Path::new(name).components();
    let plain =
        matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains(['/', '\\']);
    if !plain || name.ends_with(INDEX_ENDING) {
        return Err(RunsError::BadTensor {
            path: index.path().into(),
            tensor: tensor.into(),
            reason: format!("is said to lie in `{name}`, which is no checkpoint file in the same folder"),
        });
    }
    Ok(index.path().with_file_name(name))
}
