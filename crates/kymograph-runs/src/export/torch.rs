//! A checkpoint's tensors as `torch.save(state_dict)` writes them: a zip file of a pickle and one entry per storage.

use super::refused;
use super::zip::ZipWriter;
use crate::checkpoints::Checkpoint;
use crate::folder::Outgoing;
use crate::{Dtype, RunsError, TensorInfo};

/// The folder in the archive; PyTorch names it after the file, and reads any name.
const ROOT: &str = "archive";

/// How PyTorch calls a type: a class of storages, or (for the types that have none) the type itself over plain bytes.
enum TypeName {
    Storage(&'static str),
    Typed(&'static str),
}

fn type_name(dtype: Dtype) -> Option<TypeName> {
    Some(TypeName::Storage(match dtype {
        Dtype::F16 => "HalfStorage",
        Dtype::Bf16 => "BFloat16Storage",
        Dtype::F32 => "FloatStorage",
        Dtype::F64 => "DoubleStorage",
        Dtype::I8 => "CharStorage",
        Dtype::I16 => "ShortStorage",
        Dtype::I32 => "IntStorage",
        Dtype::I64 => "LongStorage",
        Dtype::U8 => "ByteStorage",
        Dtype::Bool => "BoolStorage",
        Dtype::U16 => return Some(TypeName::Typed("uint16")),
        Dtype::U32 => return Some(TypeName::Typed("uint32")),
        Dtype::U64 => return Some(TypeName::Typed("uint64")),
        Dtype::Other(..) => return None,
    }))
}

pub(super) fn write(checkpoint: &Checkpoint, tensors: &[TensorInfo], out: &mut Outgoing) -> Result<(), RunsError> {
    let pickle = state_dict(tensors).map_err(|(tensor, reason)| refused(checkpoint, &tensor, reason))?;
    let mut zip = ZipWriter::new(out);
    let name = |part: &str| format!("{ROOT}/{part}");
    zip.add(&name("data.pkl"), &pickle)?;
    zip.add(&name("byteorder"), b"little")?;
    for (key, info) in tensors.iter().enumerate() {
        zip.add(&name(&format!("data/{key}")), &checkpoint.read_bytes(&info.name)?)?;
    }
    zip.add(&name("version"), b"3\n")?;
    zip.finish()
}

/// The pickle, protocol 2, of an `OrderedDict` of tensors of which the n-th has the storage called n.
fn state_dict(tensors: &[TensorInfo]) -> Result<Vec<u8>, (String, String)> {
    const DICTIONARY: &[u8] = b"ccollections\nOrderedDict\n)R";
    let mut code = b"\x80\x02".to_vec();
    code.extend(DICTIONARY);
    code.push(b'(');
    for (key, info) in tensors.iter().enumerate() {
        let refuse = |reason: String| (info.name.clone(), reason);
        let class =
            type_name(info.dtype).ok_or_else(|| refuse(format!("is of type {}, which cannot be read", info.dtype)))?;
        let elements: usize = info.shape.iter().product();
        text(&mut code, &info.name).map_err(refuse)?;
        let (function, storage, size) = match class {
            TypeName::Storage(name) => ("_rebuild_tensor_v2", format!("torch\n{name}"), elements),
            TypeName::Typed(_) => {
                ("_rebuild_tensor_v3", "torch.storage\nUntypedStorage".to_string(), elements * info.dtype.size())
            }
        };
        code.extend(format!("ctorch._utils\n{function}\n((").bytes());
        text(&mut code, "storage").map_err(refuse)?;
        code.extend(format!("c{storage}\n").bytes());
        text(&mut code, &key.to_string()).map_err(refuse)?;
        text(&mut code, "cpu").map_err(refuse)?;
        whole(&mut code, size);
        // The reference ends, the storage is taken, and the tensor begins at its first element.
        code.extend(b"tQK\x00");
        tuple(&mut code, &info.shape);
        tuple(&mut code, &strides(&info.shape));
        code.push(0x89);
        code.extend(DICTIONARY);
        if let TypeName::Typed(name) = class {
            code.extend(format!("ctorch\n{name}\n").bytes());
        }
        code.extend(b"tR");
    }
    code.extend(b"u.");
    Ok(code)
}

fn text(code: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let length = u32::try_from(text.len()).map_err(|_| "has a name of more than 4 GB".to_string())?;
    code.push(b'X');
    code.extend(length.to_le_bytes());
    code.extend(text.bytes());
    Ok(())
}

fn whole(code: &mut Vec<u8>, value: usize) {
    if let Ok(byte) = u8::try_from(value) {
        code.extend([b'K', byte]);
    } else if let Ok(word) = i32::try_from(value) {
        code.push(b'J');
        code.extend(word.to_le_bytes());
    } else {
        // A ninth byte keeps the sign of what fills eight.
        code.extend([0x8a, 9]);
        code.extend((value as u64).to_le_bytes());
        code.push(0);
    }
}

fn tuple(code: &mut Vec<u8>, values: &[usize]) {
    code.push(b'(');
    values.iter().for_each(|&value| whole(code, value));
    code.push(b't');
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pickle_of_one_tensor_is_that_of_pytorch_without_its_memo() {
        let info = TensorInfo { name: "w".into(), shape: vec![2, 300], dtype: Dtype::F32 };
        // As `pickletools.dis` shows torch.save's, its `q` (keep) left out and its `h` (recall) written out.
        let expected = [
            &b"\x80\x02ccollections\nOrderedDict\n)R("[..],
            b"X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n",
            b"X\x01\0\0\x000X\x03\0\0\0cpuJ\x58\x02\0\0tQK\0(K\x02J\x2c\x01\0\0t(J\x2c\x01\0\0K\x01t",
            b"\x89ccollections\nOrderedDict\n)RtRu.",
        ]
        .concat();
        assert_eq!(state_dict(&[info]).unwrap(), expected);
    }

    #[test]
    fn sizes_beyond_four_bytes_are_positive() {
        let mut code = Vec::new();
        whole(&mut code, 1 << 31);
        assert_eq!(code, [0x8a, 9, 0, 0, 0, 0x80, 0, 0, 0, 0, 0]);
    }
}
