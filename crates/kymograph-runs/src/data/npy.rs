//! NumPy's `.npy` files: one array of real numbers or integers.

use crate::RunsError;
use crate::checkpoints::{Dtype, FileBytes, NumpyHeader, ReadError};
use crate::folder::Outgoing;
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

/// Writes an `.npy` file of f32, some rows at a time; nothing is there before it is finished.
#[derive(Debug)]
pub struct NpyWriter {
    out: Outgoing,
    shape: Vec<usize>,
    written: usize,
}

impl NpyWriter {
    /// Begins a file of this shape in row-major order, to be at `path` once finished. It replaces without asking: whoever
    /// must not overwrite looks first.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>, shape: &[usize]) -> Result<NpyWriter, RunsError> {
        Self::begin(path.as_ref(), "<f4", shape)
    }

    fn begin(path: &Path, kind: &str, shape: &[usize]) -> Result<NpyWriter, RunsError> {
        let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
        let axes = if let [axis] = &axes[..] { format!("{axis},") } else { axes.join(", ") };
        let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({axes}), }}");
        // NumPy has the array begin at a multiple of 64 bytes, after a line's end.
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        header.extend(std::iter::repeat_n(' ', length - 1 - header.len()));
        header.push('\n');
        let mut out = Outgoing::create(path)?;
        let Ok(length) = u16::try_from(length) else {
            return Err(bad(path, format!("a shape of {} axes", shape.len())));
        };
        out.write(&[b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes()].concat())?;
        Ok(NpyWriter { out, shape: shape.to_vec(), written: 0 })
    }

    /// Writes the next numbers.
    ///
    /// # Errors
    /// [`RunsError::Io`] when they cannot be written.
    pub fn append(&mut self, values: &[f32]) -> Result<(), RunsError> {
        self.written += values.len();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.out.write(&bytes)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`RunsError::BadData`] when not as many numbers were written as the shape has, [`RunsError::Io`].
    pub fn finish(self) -> Result<(), RunsError> {
        let expected: usize = self.shape.iter().product();
        if self.written != expected {
            let reason = format!("{} numbers were written for shape {:?}", self.written, self.shape);
            return Err(bad(self.out.path(), reason));
        }
        self.out.finish()
    }
}

/// Writes one whole number per row, such as the cluster of each, as an `.npy` file of `int64`; it replaces without asking.
///
/// # Errors
/// [`RunsError::Io`] when it cannot be written.
pub fn write_npy_labels(path: impl AsRef<Path>, labels: &[i64]) -> Result<(), RunsError> {
    let mut writer = NpyWriter::begin(path.as_ref(), "<i8", &[labels.len()])?;
    let bytes: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    writer.out.write(&bytes)?;
    writer.written = labels.len();
    writer.finish()
}

fn bad(path: &Path, reason: String) -> RunsError {
    RunsError::BadData { path: path.to_path_buf(), reason, remedy: "save it with numpy.save as float32 or float64" }
}
