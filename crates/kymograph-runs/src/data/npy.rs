//! NumPy's `.npy` files: one array of real numbers or integers.

use crate::RunsError;
use crate::checkpoints::{Dtype, FileBytes, ReadError, Stored};
use ndarray::ArrayD;
use std::path::Path;

/// An array of an `.npy` file.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyArray {
    /// `float32` or `float16`.
    F32(ArrayD<f32>),
    /// `float64`.
    F64(ArrayD<f64>),
    /// Any integer or boolean type.
    I64(ArrayD<i64>),
}

/// Reads an `.npy` file of any real, integer or boolean type, in either order of axes.
///
/// # Errors
/// [`RunsError::NotFound`]; [`RunsError::BadData`] for a file that is no `.npy` or of another type;
/// [`RunsError::Damaged`] for one that is cut off.
pub fn read_npy(path: impl AsRef<Path>) -> Result<NpyArray, RunsError> {
    let path = path.as_ref();
    let file = FileBytes::open(path)?;
    let head = file.read(0, file.len().min(12))?;
    if !head.starts_with(b"\x93NUMPY") || head.len() < 12 {
        return Err(bad(path, "it is no .npy file".into()));
    }
    let (start, length) = match head[6] {
        1 => (10, u16::from_le_bytes([head[8], head[9]]).into()),
        2 | 3 => (12, u32::from_le_bytes([head[8], head[9], head[10], head[11]]).into()),
        version => {
            return Err(bad(path, format!("it is of version {version} of the .npy format")));
        }
    };
    let header = file.read(start, length)?;
    let header = String::from_utf8_lossy(&header);
    let (kind, is_fortran, shape) = parse(&header).ok_or_else(|| bad(path, format!("its header is {header:?}")))?;
    let dtype = dtype(kind).ok_or_else(|| bad(path, format!("its numbers are of type {kind}")))?;
    let data = start + length;
    let bytes = file.len() - data;
    let stored = Stored::contiguous(dtype, shape, is_fortran, data, bytes)
        .map_err(|reason| file.damaged(format!("its array {reason}")))?;
    if stored.bytes() != bytes {
        return Err(file.damaged(format!("its array needs {} bytes and it has {bytes}", stored.bytes())));
    }
    let failed = |error| match error {
        ReadError::File(error) => error,
        ReadError::Tensor(reason) => bad(path, format!("its array {reason}")),
    };
    match dtype {
        Dtype::F32 | Dtype::F16 => stored.read_f32(&file).map(NpyArray::F32),
        Dtype::F64 => stored.read_f64(&file).map(NpyArray::F64),
        _ => stored.read_i64(&file).map(NpyArray::I64),
    }
    .map_err(failed)
}

/// Type, order and shape of a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(header: &str) -> Option<(&str, bool, Vec<usize>)> {
    let after = |key: &str| {
        let rest = &header[header.find(key)? + key.len()..];
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let kind = after("'descr'")?.strip_prefix('\'')?.split_once('\'')?.0;
    let order = after("'fortran_order'")?;
    let is_fortran = match (order.starts_with("True"), order.starts_with("False")) {
        (true, _) => true,
        (_, true) => false,
        _ => return None,
    };
    let axes = after("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.parse().ok()).collect::<Option<Vec<usize>>>()?;
    Some((kind, is_fortran, shape))
}

fn dtype(kind: &str) -> Option<Dtype> {
    Some(match kind {
        "<f2" => Dtype::F16,
        "<f4" => Dtype::F32,
        "<f8" => Dtype::F64,
        "|i1" => Dtype::I8,
        "<i2" => Dtype::I16,
        "<i4" => Dtype::I32,
        "<i8" => Dtype::I64,
        "|u1" => Dtype::U8,
        "<u2" => Dtype::U16,
        "<u4" => Dtype::U32,
        "<u8" => Dtype::U64,
        "|b1" => Dtype::Bool,
        _ => return None,
    })
}

fn bad(path: &Path, reason: String) -> RunsError {
    RunsError::BadData { path: path.to_path_buf(), reason, remedy: "save it with numpy.save as float32 or float64" }
}
