//! NumPy's `.npy` files: one array of real numbers or integers.

use crate::RunsError;
use crate::checkpoints::{Dtype, FileBytes, NumpyHeader, ReadError};
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
    let header = NumpyHeader::read(|count| file.read(0, count.min(file.len())))?.map_err(|reason| bad(path, reason))?;
    let dtype = header.dtype().ok_or_else(|| bad(path, format!("its numbers are of type {}", header.kind)))?;
    let stored =
        header.stored(dtype, file.len() - header.data).map_err(|reason| file.damaged(format!("its array {reason}")))?;
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

fn bad(path: &Path, reason: String) -> RunsError {
    RunsError::BadData { path: path.to_path_buf(), reason, remedy: "save it with numpy.save as float32 or float64" }
}
