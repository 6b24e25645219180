//! safetensors: a length, a JSON header, the numbers. Read with every claim of the header checked, written with the
//! tensors in the order given (so that the same tensors give the same bytes).

use super::bytes::FileBytes;
use super::tensor::{Dtype, Stored};
use super::{Contents, repeated};
use crate::RunsError;
use ndarray::ArrayD;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The largest header read, as in the format's reference implementation.
const LARGEST_HEADER: u64 = 100_000_000;

/// Tensors whose names begin so are the optimiser's.
pub(crate) const OPTIMISER_PREFIX: &str = "optimizer.";

#[derive(Deserialize, Serialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// The header with its entries in order, so that a name given twice is seen.
struct Header {
    metadata: BTreeMap<String, String>,
    entries: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header { metadata: BTreeMap::new(), entries: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        header.metadata = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else {
                        header.entries.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

pub(crate) fn read(file: &FileBytes) -> Result<Contents, RunsError> {
    let mut length = [0; 8];
    length.copy_from_slice(&file.read(0, 8)?);
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER {
        return Err(file.damaged(format!("its header claims {length} bytes")));
    }
    let header: Header = serde_json::from_slice(&file.read(8, length)?)
        .map_err(|error| file.damaged(format!("its safetensors header is not as it must be: {error}")))?;
    if let Some(name) = repeated(header.entries.iter().map(|(name, _)| name)) {
        return Err(file.damaged(format!("it has two tensors called `{name}`")));
    }
    let data = 8 + length;
    let available = file.len() - data;
    let mut entries = header.entries;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut expected = 0;
    let (mut model, mut others) = (Vec::new(), Vec::new());
    for (name, entry) in entries {
        let bad = |reason: String| RunsError::BadTensor { path: file.path().into(), tensor: name.clone(), reason };
        let (start, end) = entry.data_offsets;
        if start != expected || end < start || end > available {
            return Err(bad(format!(
                "lies at bytes {start} to {end} of {available}, where {expected} was its beginning (file cut off?)"
            )));
        }
        expected = end;
        let dtype = dtype(&entry.dtype).ok_or_else(|| bad(format!("is of unknown type {}", entry.dtype)))?;
        let bytes = entry.shape.iter().try_fold(dtype.size() as u64, |bytes, &axis| bytes.checked_mul(axis as u64));
        if bytes != Some(end - start) {
            return Err(bad(format!(
                "of shape {:?} and type {dtype} does not fill {} bytes",
                entry.shape,
                end - start
            )));
        }
        let stored = Stored::contiguous(dtype, entry.shape, false, data + start, end - start).map_err(bad)?;
        if name.starts_with(OPTIMISER_PREFIX) {
            others.push((name, stored));
        } else {
            model.push((name, stored));
        }
    }
    if expected != available {
        return Err(file.damaged(format!("its tensors fill {expected} of {available} bytes")));
    }
    let (mut metadata, mut about) = (Map::new(), Value::Null);
    for (key, text) in header.metadata {
        if key == "kymograph" {
            about = serde_json::from_str(&text)
                .map_err(|error| file.damaged(format!("what was recorded about it cannot be read: {error}")))?;
        } else {
            metadata.insert(key, Value::String(text));
        }
    }
    if let Some(step) = about.get("step") {
        metadata.insert("step".into(), step.clone());
    }
    Ok(Contents { model, others, metadata, about })
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "F16" => Dtype::F16,
        "BF16" => Dtype::Bf16,
        "F32" => Dtype::F32,
        "F64" => Dtype::F64,
        "I8" => Dtype::I8,
        "I16" => Dtype::I16,
        "I32" => Dtype::I32,
        "I64" => Dtype::I64,
        "U8" => Dtype::U8,
        "U16" => Dtype::U16,
        "U32" => Dtype::U32,
        "U64" => Dtype::U64,
        "BOOL" => Dtype::Bool,
        "C64" => Dtype::Other("complex64", 8),
        "F8_E4M3" => Dtype::Other("float8_e4m3", 1),
        "F8_E5M2" => Dtype::Other("float8_e5m2", 1),
        "F8_E8M0" => Dtype::Other("float8_e8m0", 1),
        _ => return None,
    })
}

/// A tensor on its way into a file.
pub(crate) struct Outgoing {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A number type in which weights are recorded: `f32` or `f64`.
pub trait Float: Copy + sealed::Sealed {
    #[doc(hidden)]
    const DTYPE: &'static str;
    #[doc(hidden)]
    fn write(self, bytes: &mut Vec<u8>);
    #[doc(hidden)]
    fn narrowed(self) -> f32;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Float for f32 {
    const DTYPE: &'static str = "F32";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn narrowed(self) -> f32 {
        self
    }
}

impl Float for f64 {
    const DTYPE: &'static str = "F64";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn narrowed(self) -> f32 {
        self as f32
    }
}

impl Outgoing {
    pub(crate) fn f32(name: String, values: &ArrayD<f32>) -> Outgoing {
        Outgoing::float(name, values)
    }

    pub(crate) fn float<F: Float>(name: String, values: &ArrayD<F>) -> Outgoing {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| value.write(&mut bytes));
        Outgoing { name, dtype: F::DTYPE, shape: values.shape().to_vec(), bytes }
    }

    pub(crate) fn i64(name: String, values: &[i64]) -> Outgoing {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Outgoing { name, dtype: "I64", shape: vec![values.len()], bytes }
    }
}

/// The bytes of a safetensors file with these tensors, in this order, and what is to be known about it.
pub(crate) fn encode(tensors: &[Outgoing], about: &Value) -> Result<Vec<u8>, String> {
    if let Some(name) = repeated(tensors.iter().map(|tensor| &tensor.name)) {
        return Err(format!("two arrays are called `{name}`"));
    }
    let mut header = Map::new();
    if !about.is_null() {
        header.insert("__metadata__".into(), json!({"kymograph": about.to_string()}));
    }
    let mut end = 0u64;
    for tensor in tensors {
        if tensor.name == "__metadata__" {
            return Err("no array can be called `__metadata__`".into());
        }
        let start = end;
        end += tensor.bytes.len() as u64;
        let entry = Entry { dtype: tensor.dtype.into(), shape: tensor.shape.clone(), data_offsets: (start, end) };
        header.insert(tensor.name.clone(), json!(entry));
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + text.len() + end as usize);
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
    for tensor in tensors {
        bytes.extend_from_slice(&tensor.bytes);
    }
    Ok(bytes)
}
