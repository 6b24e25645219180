//! Checkpoints of `torch.save`: the zip archive with a pickle and one entry per storage, and the older stream.

mod globals;
mod pickle;
mod state;

use super::Contents;
use super::archive::Member;
use super::bytes::FileBytes;
use super::tensor::Stored;
use crate::RunsError;
use pickle::{Id, Node, Pickle, Refusal};
use std::collections::HashMap;

/// The largest pickle read: a state dict needs a few hundred bytes per tensor.
const LARGEST_PICKLE: u64 = 64 << 20;

/// Where storages lie in a file: first byte and bytes.
type Storages = HashMap<String, (u64, u64)>;

pub(crate) fn read_zip(file: &FileBytes, members: Vec<Member>) -> Result<Contents, RunsError> {
    let mut entries: HashMap<String, (u64, u64)> = HashMap::new();
    for member in members {
        if member.is_deflated {
            return Err(RunsError::Unsupported {
                path: file.path().into(),
                reason: format!("its entry `{}` is compressed, which torch.save never does", member.name),
                remedy: "save it again with torch.save",
            });
        }
        entries.insert(member.name, (member.start, member.length));
    }
    let mut pickles = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
    let (Some(root), None) = (pickles.next().map(str::to_string), pickles.next()) else {
        return Err(RunsError::Unsupported {
            path: file.path().into(),
            reason: "it is a zip file without one data.pkl (torch.save) and not of .npy files alone (numpy.savez)"
                .into(),
            remedy: "save a state dict: torch.save(model.state_dict(), \"model.pt\")",
        });
    };
    if let Some(&(start, length)) = entries.get(&format!("{root}byteorder"))
        && length < 16
        && file.read(start, length)? == b"big"
    {
        return Err(RunsError::Unsupported {
            path: file.path().into(),
            reason: "it was written on a big-endian machine".into(),
            remedy: "load and save it again on a little-endian one",
        });
    }
    let (start, length) = entries[&format!("{root}data.pkl")];
    if length > LARGEST_PICKLE {
        return Err(file.damaged(format!("its data.pkl of {length} bytes is larger than any state dict's")));
    }
    let pickle = Pickle::read(&file.read(start, length)?).map_err(|refusal| refused(file, refusal))?;
    let data = format!("{root}data/");
    let storages =
        entries.into_iter().filter_map(|(name, range)| Some((name.strip_prefix(&data)?.to_string(), range))).collect();
    contents(file, &pickle, &storages)
}

/// The number every older file begins with.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

pub(crate) fn read_legacy(file: &FileBytes) -> Result<Contents, RunsError> {
    // Protocol 0, which begins with a name or a mark, is read only so far that what it asks for can be named.
    let first = file.read(0, file.len().min(262))?;
    if first.get(257..262) == Some(b"ustar") {
        return Err(RunsError::Unsupported {
            path: file.path().into(),
            reason: "it is a tar file, as torch.save wrote in 2016".into(),
            remedy: "load it with torch.load if you trust its author, and save the state dict again: \
                     torch.save(model.state_dict(), \"model.pt\")",
        });
    }
    if !matches!(first.first(), Some(0x80 | b'c' | b'(')) {
        return Err(not_a_checkpoint(file));
    }
    let bytes = file.read(0, file.len().min(LARGEST_PICKLE))?;
    let mut position = 0;
    let mut next = || {
        let pickle = Pickle::read(&bytes[position..]).map_err(|refusal| refused(file, refusal))?;
        position += pickle.length;
        Ok::<_, RunsError>(pickle)
    };
    let magic = next()?;
    if !matches!(magic.node(magic.root), Node::Bytes(bytes) if **bytes == MAGIC) {
        return Err(not_a_checkpoint(file));
    }
    let (_protocol, _system, object, keys) = (next()?, next()?, next()?, next()?);
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    for node in &object.nodes {
        if let Node::Storage { dtype, key, .. } = node {
            sizes.insert(key, dtype.size() as u64);
        }
    }
    let Node::List(listed) = keys.node(keys.root) else {
        return Err(file.damaged("it does not list its storages".into()));
    };
    let mut start = position as u64;
    let mut storages = Storages::new();
    for &key in listed {
        let Node::Text(key) = keys.node(key) else {
            return Err(file.damaged("it lists a storage without a name".into()));
        };
        let mut count = [0; 8];
        count.copy_from_slice(&file.read(start, 8)?);
        let size = sizes.get(&**key).copied().unwrap_or(1);
        let length = u64::from_le_bytes(count).checked_mul(size).filter(|&length| length <= file.len());
        let end = length.and_then(|length| (start + 8).checked_add(length)).filter(|&end| end <= file.len());
        let (Some(length), Some(end)) = (length, end) else {
            return Err(file.damaged(format!("its storage `{key}` lies outside the file (cut off?)")));
        };
        storages.insert(key.to_string(), (start + 8, length));
        start = end;
    }
    contents(file, &object, &storages)
}

/// The tensors of a pickle with their places in the file.
fn contents(file: &FileBytes, pickle: &Pickle, storages: &Storages) -> Result<Contents, RunsError> {
    let found = state::find(pickle).map_err(|reason| file.damaged(reason))?;
    let place = |tensors: Vec<(String, Id)>| -> Result<Vec<(String, Stored)>, RunsError> {
        let mut placed = Vec::with_capacity(tensors.len());
        for (name, id) in tensors {
            let stored = stored(pickle, id, storages).map_err(|reason| RunsError::BadTensor {
                path: file.path().into(),
                tensor: name.clone(),
                reason,
            })?;
            placed.push((name, stored));
        }
        Ok(placed)
    };
    let (model, others) = (place(found.model)?, place(found.others)?);
    if model.is_empty() && others.is_empty() {
        return Err(RunsError::Unsupported {
            path: file.path().into(),
            reason: "it holds no tensor".into(),
            remedy: "save a state dict: torch.save(model.state_dict(), \"model.pt\")",
        });
    }
    Ok(Contents { model, others, metadata: found.metadata, about: serde_json::Value::Null })
}

fn stored(pickle: &Pickle, id: Id, storages: &Storages) -> Result<Stored, String> {
    let Node::Tensor { storage, dtype, offset, shape, strides } = pickle.node(id) else {
        return Err("is not a tensor".into());
    };
    let Node::Storage { dtype: storage_dtype, key, before, elements } = pickle.node(*storage) else {
        return Err("has no storage".into());
    };
    let &(start, length) =
        storages.get(&**key).ok_or_else(|| format!("lies in storage `{key}`, which is not there"))?;
    let bytes = |count: usize| (count as u64).checked_mul(storage_dtype.size() as u64);
    let declared = bytes(*elements)
        .zip(bytes(*before))
        .filter(|(declared, before)| declared.checked_add(*before).is_some_and(|end| end <= length));
    let (declared, before) = declared.ok_or_else(|| {
        format!("lies in storage `{key}` that declares {elements} elements of {storage_dtype} and has {length} bytes")
    })?;
    Stored::new(*dtype, shape.clone(), strides.clone(), *offset, start + before, declared)
}

fn refused(file: &FileBytes, refusal: Refusal) -> RunsError {
    match refusal {
        Refusal::Global(global) => RunsError::ForbiddenGlobal { path: file.path().into(), global },
        Refusal::Bad(reason) => file.damaged(format!("it holds {reason}")),
    }
}

fn not_a_checkpoint(file: &FileBytes) -> RunsError {
    let reason = if file.len() == 0 {
        "it is empty".to_string()
    } else {
        "it is neither a file of torch.save nor safetensors".to_string()
    };
    RunsError::Unsupported {
        path: file.path().into(),
        reason,
        remedy: "save a state dict: torch.save(model.state_dict(), \"model.pt\")",
    }
}
