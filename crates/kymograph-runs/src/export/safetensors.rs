//! A checkpoint's tensors as a safetensors file.

use super::refused;
use crate::checkpoints::Checkpoint;
use crate::folder::Outgoing;
use crate::{Dtype, RunsError, TensorInfo};
use serde_json::{Map, Value, json};

fn type_name(dtype: Dtype) -> Option<&'static str> {
    Some(match dtype {
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::F32 => "F32",
        Dtype::F64 => "F64",
        Dtype::I8 => "I8",
        Dtype::I16 => "I16",
        Dtype::I32 => "I32",
        Dtype::I64 => "I64",
        Dtype::U8 => "U8",
        Dtype::U16 => "U16",
        Dtype::U32 => "U32",
        Dtype::U64 => "U64",
        Dtype::Bool => "BOOL",
        Dtype::Other(..) => return None,
    })
}

pub(super) fn write(
    checkpoint: &Checkpoint,
    mut tensors: Vec<TensorInfo>,
    out: &mut Outgoing,
) -> Result<(), RunsError> {
    // Wide types first, as the format's own writer has it, so that every tensor is aligned to its type.
    tensors.sort_by_key(|info| std::cmp::Reverse(info.dtype.size()));
    let mut metadata = Map::from_iter([("format".to_string(), json!("pt"))]);
    if let Some(step) = checkpoint.step() {
        metadata.insert("step".into(), json!(step.to_string()));
    }
    let mut header = Map::from_iter([("__metadata__".to_string(), Value::Object(metadata))]);
    let mut end = 0u64;
    for info in &tensors {
        let refuse = |reason: &str| refused(checkpoint, &info.name, reason);
        let dtype =
            type_name(info.dtype).ok_or_else(|| refuse(&format!("is of type {}, which cannot be read", info.dtype)))?;
        let start = end;
        end += info.shape.iter().product::<usize>() as u64 * info.dtype.size() as u64;
        let entry = json!({ "dtype": dtype, "shape": info.shape, "data_offsets": [start, end] });
        if header.insert(info.name.clone(), entry).is_some() {
            return Err(refuse("has a name that safetensors keeps for itself"));
        }
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    out.write(&(text.len() as u64).to_le_bytes())?;
    out.write(&text)?;
    tensors.iter().try_for_each(|info| out.write(&checkpoint.read_bytes(&info.name)?))
}
