//! Checkpoints made here or elsewhere, read lazily and without executing anything they contain.

mod archive;
mod bytes;
mod find;
mod numpy;
mod parquet;
mod safetensors;
mod shards;
mod step;
mod tensor;
mod torch;

pub use find::{CheckpointSeries, find_checkpoints};
pub use step::step_from_path;
pub use tensor::{Dtype, TensorInfo};

#[cfg(test)]
pub(crate) use archive::members;
pub(crate) use bytes::FileBytes;
pub(crate) use numpy::Header as NumpyHeader;
pub use safetensors::Float;
pub(crate) use safetensors::{OPTIMISER_PREFIX, Outgoing, encode as encode_safetensors};
pub(crate) use tensor::{ReadError, Stored};

use crate::RunsError;
use crate::error::shortened;
use crate::folder::sha256_hex;
use ndarray::ArrayD;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The kind of file a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointFormat {
    /// PyTorch's zip archive (since version 1.6).
    Torch,
    /// PyTorch's older stream of pickles.
    TorchLegacy,
    /// safetensors.
    Safetensors,
    /// An index with the files it names.
    Sharded,
    /// NumPy's zip file of arrays.
    Npz,
    /// One array of NumPy.
    Npy,
    /// A table of numbers, in one file or several.
    Parquet,
}

/// An open checkpoint. Opening reads names, shapes and types; a tensor's numbers are read when asked for.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: CheckpointFormat,
    /// The file; for a checkpoint in parts its index, then the parts in the order of their names.
    files: Vec<FileBytes>,
    tensors: Vec<TensorInfo>,
    others: Vec<TensorInfo>,
    /// In the order of `tensors`, then `others`.
    stored: Vec<Stored>,
    metadata: Map<String, Value>,
    about: Value,
    step: Option<u64>,
}

/// What a format's reader finds in a file.
pub(crate) struct Contents {
    pub(crate) model: Vec<(String, Stored)>,
    pub(crate) others: Vec<(String, Stored)>,
    pub(crate) metadata: Map<String, Value>,
    /// What the recorder wrote about the checkpoint; null for files made elsewhere.
    pub(crate) about: Value,
}

impl Checkpoint {
    /// Opens a checkpoint, whose kind is told by its content: `.pt`, `.pth`, `.bin`, `.ckpt` of `torch.save`,
    /// `.safetensors`, an index of several such files (`model.safetensors.index.json`), `.npz` and `.npy`.
    ///
    /// Nested state dicts (`model_state_dict`, `state_dict`, `model`, …) are found, and the prefixes `module.` and
    /// `_orig_mod.` are removed where every tensor has them. Only what a state dict needs is unpickled; a file that
    /// asks for anything else is refused by name. The array of an `.npy` file is called `array`.
    ///
    /// A Parquet file, or a folder of Parquet files of the same columns taken in the order of their names, is an array for
    /// each column, of numbers or of lists of one length; where all columns hold numbers, or the only one lists,
    /// `array` is all of it.
    ///
    /// # Errors
    /// [`RunsError::NotFound`], [`RunsError::ForbiddenGlobal`] for a pickle that asks for code,
    /// [`RunsError::Damaged`] and [`RunsError::BadTensor`] for a file that contradicts itself or its index,
    /// [`RunsError::Unsupported`] for one not read here.
    pub fn open(path: impl AsRef<Path>) -> Result<Checkpoint, RunsError> {
        let path = path.as_ref().to_path_buf();
        let parts = if path.is_dir() { parquet::files(&path)? } else { Vec::new() };
        let file = FileBytes::open(parts.first().unwrap_or(&path))?;
        let (format, mut contents, files) = if !parts.is_empty() {
            let files = parts.iter().map(|part| FileBytes::open(part)).collect::<Result<Vec<_>, _>>()?;
            (CheckpointFormat::Parquet, parquet::read(&parts)?, files)
        } else if shards::is_index(&file.read(0, file.len().min(16))?) {
            let (contents, files) = shards::read(file)?;
            (CheckpointFormat::Sharded, contents, files)
        } else {
            let (format, contents) = read_one(&file)?;
            (format, contents, vec![file])
        };
        strip_wrappers(&mut contents.model);
        if let Some(name) = repeated(contents.model.iter().chain(&contents.others).map(|(name, _)| name)) {
            return Err(files[0].damaged(format!("it has two tensors called `{name}`")));
        }
        let (tensors, others) = (infos(&contents.model), infos(&contents.others));
        let stored = contents.model.into_iter().chain(contents.others).map(|(_, stored)| stored).collect();
        let step = step::step_of(&path, &contents.metadata);
        Ok(Checkpoint {
            path,
            format,
            files,
            tensors,
            others,
            stored,
            metadata: contents.metadata,
            about: contents.about,
            step,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which kind of file it is.
    pub fn format(&self) -> CheckpointFormat {
        self.format
    }

    /// The network's tensors, in the file's order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Tensors that are not the network's: the optimiser's state and whatever lies beside the state dict. Their names
    /// begin with the path to them, such as `optimizer_state_dict.state.0.exp_avg`.
    pub fn other_tensors(&self) -> &[TensorInfo] {
        &self.others
    }

    /// Numbers, flags and texts beside the tensors (`step`, `epoch`, `loss`, …), by their path in the file.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// The step this checkpoint was taken at: from the file's name (`_00100`, `step-100`, `checkpoint-100`, `epoch3`),
    /// else from its folder's name, else from `step`, `global_step`, `iteration` or `epoch` inside, in this order.
    pub fn step(&self) -> Option<u64> {
        self.step
    }

    /// SHA-256 of the whole file, as hexadecimal digits; for a checkpoint in parts that of the digits of its index and
    /// of every part.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the file cannot be read any more.
    pub fn content_hash(&self) -> Result<String, RunsError> {
        match &self.files[..] {
            [file] => file.sha256(),
            files => {
                let digits = files.iter().map(FileBytes::sha256).collect::<Result<String, _>>()?;
                Ok(sha256_hex(digits.as_bytes()))
            }
        }
    }

    /// Reads a tensor of any real, integer or boolean type as f32. f64 is rounded to the nearest f32.
    ///
    /// # Errors
    /// [`RunsError::NoTensor`]; [`RunsError::BadTensor`] when a finite number does not fit f32 (an f64 beyond its
    /// range, an integer it cannot hold exactly) or the type has no real numbers.
    pub fn read_f32(&self, name: &str) -> Result<ArrayD<f32>, RunsError> {
        self.read(name, Stored::read_f32)
    }

    /// Reads some entries of a tensor's first axis as [`Checkpoint::read_f32`] does, without reading the others: the way
    /// through arrays that are larger than the memory.
    ///
    /// # Errors
    /// As [`Checkpoint::read_f32`]; [`RunsError::BadTensor`] when the entries are not there, or do not lie together in the
    /// file because it is compressed or in column-major order.
    pub fn read_rows_f32(&self, name: &str, rows: std::ops::Range<usize>) -> Result<ArrayD<f32>, RunsError> {
        let cut = |stored: &Stored, file: &FileBytes| {
            let part = stored.part(rows.clone()).ok_or_else(|| {
                ReadError::Tensor(format!(
                    "has shape {:?} and its rows {} to {} cannot be read alone; save it uncompressed and in row-major order \
                     (numpy.save(path, numpy.ascontiguousarray(x)))",
                    stored.shape, rows.start, rows.end
                ))
            })?;
            part.read_f32(file)
        };
        self.read(name, cut)
    }

    /// Reads all of the network's tensors as [`Checkpoint::read_f32`] does, in the file's order: what a network of the
    /// same names takes as its state.
    ///
    /// # Errors
    /// As [`Checkpoint::read_f32`].
    pub fn state_f32(&self) -> Result<Vec<(String, ArrayD<f32>)>, RunsError> {
        self.tensors().iter().map(|info| Ok((info.name.clone(), self.read_f32(&info.name)?))).collect()
    }

    /// Reads a tensor of any real, integer or boolean type as f64.
    ///
    /// # Errors
    /// As [`Checkpoint::read_f32`], where only integers above 2^53 do not fit.
    pub fn read_f64(&self, name: &str) -> Result<ArrayD<f64>, RunsError> {
        self.read(name, Stored::read_f64)
    }

    /// Reads a tensor of an integer or boolean type.
    ///
    /// # Errors
    /// [`RunsError::NoTensor`]; [`RunsError::BadTensor`] when it holds real numbers or one beyond i64.
    pub fn read_i64(&self, name: &str) -> Result<ArrayD<i64>, RunsError> {
        self.read(name, Stored::read_i64)
    }

    /// Whether a tensor is a mask, as attention adds to its scores: minus infinity in some places and one finite number
    /// in all others. Such a tensor is no weight, and its infinities are meant.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn is_mask(&self, name: &str) -> Result<bool, RunsError> {
        let float = |info: &&TensorInfo| info.name == name && info.dtype.is_float();
        if self.tensors.iter().chain(&self.others).find(float).is_none() {
            return Ok(false);
        }
        let values = self.read_f64(name)?;
        let mut finite = values.iter().filter(|value| **value != f64::NEG_INFINITY);
        let first = finite.next().filter(|value| value.is_finite());
        let count = 1 + finite.clone().count();
        Ok(first.is_some_and(|first| finite.all(|value| value == first)) && count < values.len())
    }

    /// Checks that every number of the network's tensors is finite, those of masks ([`Checkpoint::is_mask`]) apart.
    ///
    /// # Errors
    /// [`RunsError::NonFinite`] naming file, tensor and index of the first number that is not.
    pub fn check_finite(&self) -> Result<(), RunsError> {
        for info in self.tensors.iter().filter(|info| info.dtype.is_float()) {
            let values = self.read_f64(&info.name)?;
            if let Some((index, &value)) = values.indexed_iter().find(|(_, value)| !value.is_finite())
                && !self.is_mask(&info.name)?
            {
                return Err(RunsError::NonFinite {
                    path: self.path.clone(),
                    tensor: info.name.clone(),
                    index: ndarray::Dimension::slice(&index).to_vec(),
                    value,
                });
            }
        }
        Ok(())
    }

    /// A tensor's elements as they are, little-endian, in row-major order.
    pub(crate) fn read_bytes(&self, name: &str) -> Result<Vec<u8>, RunsError> {
        self.read(name, Stored::read_bytes)
    }

    pub(crate) fn about(&self) -> &Value {
        &self.about
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Stored, &FileBytes) -> Result<T, ReadError>,
    ) -> Result<T, RunsError> {
        let all = || self.tensors.iter().chain(&self.others);
        let Some(position) = all().position(|info| info.name == name) else {
            return Err(RunsError::NoTensor {
                path: self.path.clone(),
                tensor: name.to_string(),
                known: shortened(self.tensors.iter().map(|info| &info.name)),
            });
        };
        let stored = &self.stored[position];
        let file = &self.files[stored.file];
        read(stored, file).map_err(|error| match error {
            ReadError::File(error) => error,
            ReadError::Tensor(reason) => {
                RunsError::BadTensor { path: file.path().into(), tensor: name.to_string(), reason }
            }
        })
    }
}

/// What one file holds.
fn read_one(file: &FileBytes) -> Result<(CheckpointFormat, Contents), RunsError> {
    let head = file.read(0, file.len().min(16))?;
    Ok(if head.starts_with(b"PK") {
        let members = archive::members(file)?;
        if !members.is_empty() && members.iter().all(|member| member.name.ends_with(".npy")) {
            (CheckpointFormat::Npz, numpy::read_npz(file, members)?)
        } else {
            (CheckpointFormat::Torch, torch::read_zip(file, members)?)
        }
    } else if parquet::begins(&head) {
        (CheckpointFormat::Parquet, parquet::read(&[file.path().to_path_buf()])?)
    } else if head.starts_with(b"\x93NUMPY") {
        (CheckpointFormat::Npy, numpy::read_npy(file)?)
    } else if head.get(8) == Some(&b'{') {
        (CheckpointFormat::Safetensors, safetensors::read(file)?)
    } else {
        (CheckpointFormat::TorchLegacy, torch::read_legacy(file)?)
    })
}

fn infos(found: &[(String, Stored)]) -> Vec<TensorInfo> {
    found
        .iter()
        .map(|(name, stored)| TensorInfo { name: name.clone(), shape: stored.shape.clone(), dtype: stored.dtype })
        .collect()
}

/// Removes prefixes that wrappers put before every name (`module.`, `_orig_mod.`).
pub(crate) fn strip_wrappers(tensors: &mut [(String, Stored)]) {
    while !tensors.is_empty() {
        let Some(prefix) = ["module.", "_orig_mod."]
            .into_iter()
            .find(|prefix| tensors.iter().all(|(name, _)| name.len() > prefix.len() && name.starts_with(prefix)))
        else {
            return;
        };
        for (name, _) in tensors.iter_mut() {
            name.drain(..prefix.len());
        }
    }
}

/// A name that occurs twice, if there is one.
pub(crate) fn repeated<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.map(String::as_str).find(|name| !seen.insert(*name))
}
