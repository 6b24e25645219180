//! A tensor as it lies in a file: type, shape, strides, place; and its numbers as an array.

use super::archive::Member;
use super::bytes::FileBytes;
use super::parquet::Columns;
use crate::RunsError;
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use std::fmt;

/// A tensor's name, shape and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name, as PyTorch writes it (`conv1.weight`).
    pub name: String,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The type of its elements.
    pub dtype: Dtype,
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    /// A type that is listed and cannot be read: its name and bytes per element.
    Other(&'static str, usize),
}

impl Dtype {
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
            Dtype::F16 | Dtype::Bf16 | Dtype::I16 | Dtype::U16 => 2,
            Dtype::F32 | Dtype::I32 | Dtype::U32 => 4,
            Dtype::F64 | Dtype::I64 | Dtype::U64 => 8,
            Dtype::Other(_, size) => size,
        }
    }

    /// Whether the elements are real numbers in floating point.
    pub fn is_float(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::Bf16 | Dtype::F32 | Dtype::F64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
            Dtype::I8 => "i8",
            Dtype::I16 => "i16",
            Dtype::I32 => "i32",
            Dtype::I64 => "i64",
            Dtype::U8 => "u8",
            Dtype::U16 => "u16",
            Dtype::U32 => "u32",
            Dtype::U64 => "u64",
            Dtype::Bool => "bool",
            Dtype::Other(name, _) => name,
        })
    }
}

/// Why a tensor could not be read.
pub(crate) enum ReadError {
    File(RunsError),
    Tensor(String),
}

/// Where a tensor's elements lie in a file.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// In elements.
    strides: Vec<usize>,
    /// The first byte of the first element.
    start: u64,
    /// Elements from the first to the last one used, inclusive; 0 for a tensor without elements.
    span: usize,
    /// Which of the checkpoint's files it lies in.
    pub(crate) file: usize,
    /// The deflated entry of that file which `start` counts in.
    packed: Option<Box<Member>>,
    /// The columns of a Parquet table that `start` counts in.
    columns: Option<Columns>,
}

/// A view that repeats its storage (an expanded tensor) may be this much larger than the storage before it is refused:
/// a few bytes must not turn into gigabytes.
const LARGEST_REPEATED: usize = 1 << 24;

impl Stored {
    /// Checks that the described tensor lies inside its storage of `storage_bytes` bytes at `storage_start`.
    pub(crate) fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        storage_start: u64,
        storage_bytes: u64,
    ) -> Result<Stored, String> {
        if shape.len() > 64 || shape.len() != strides.len() {
            return Err(format!("has {} axes and {} strides", shape.len(), strides.len()));
        }
        let overflow = || format!("has shape {shape:?}, which is too large to be true");
        let elements = shape
            .iter()
            .filter(|&&axis| axis > 0)
            .try_fold(dtype.size().max(1), |product, &axis| product.checked_mul(axis))
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(overflow)?
            / dtype.size().max(1);
        let is_empty = shape.contains(&0);
        let mut last = 0usize;
        for (&axis, &stride) in shape.iter().zip(&strides).filter(|(axis, _)| !is_empty && **axis > 0) {
            let reach = (axis - 1).checked_mul(stride).ok_or_else(overflow)?;
            last = last.checked_add(reach).ok_or_else(overflow)?;
        }
        let span = if is_empty { 0 } else { last.checked_add(1).ok_or_else(overflow)? };
        let size = dtype.size();
        let end = offset.checked_add(span).and_then(|end| end.checked_mul(size)).ok_or_else(overflow)?;
        if !is_empty && end as u64 > storage_bytes {
            return Err(format!(
                "reaches to byte {end} of a storage of {storage_bytes} bytes (shape {shape:?}, strides {strides:?}, \
                 offset {offset})"
            ));
        }
        if !is_empty && elements > LARGEST_REPEATED.max(span) {
            return Err(format!("repeats {span} elements to shape {shape:?}, which is too large"));
        }
        let start = storage_start
            .checked_add((offset as u64).checked_mul(size as u64).ok_or_else(overflow)?)
            .ok_or_else(overflow)?;
        Ok(Stored { dtype, shape, strides, start, span, file: 0, packed: None, columns: None })
    }

    /// A tensor without gaps, in row-major or (as Fortran has it) column-major order.
    pub(crate) fn contiguous(
        dtype: Dtype,
        shape: Vec<usize>,
        is_fortran: bool,
        start: u64,
        bytes: u64,
    ) -> Result<Stored, String> {
        let mut strides = vec![1usize; shape.len()];
        let mut product = 1usize;
        for step in 0..shape.len() {
            let axis = if is_fortran { step } else { shape.len() - 1 - step };
            strides[axis] = product;
            product = product.saturating_mul(shape[axis].max(1));
        }
        Stored::new(dtype, shape, strides, 0, start, bytes)
    }

    /// The same array inside an entry of a zip file, where until now its place counted from the entry's beginning.
    pub(crate) fn in_member(mut self, member: &Member) -> Stored {
        if member.is_deflated {
            self.packed = Some(Box::new(member.clone()));
        } else {
            self.start += member.start;
        }
        self
    }

    /// An array of columns, whose numbers are decoded when they are asked for.
    pub(crate) fn columns(dtype: Dtype, shape: Vec<usize>, columns: Columns) -> Stored {
        let row: usize = shape[1..].iter().product();
        let strides = if shape.len() == 2 { vec![row, 1] } else { vec![1] };
        let span = shape[0].saturating_mul(row);
        Stored { dtype, shape, strides, start: 0, span, file: 0, packed: None, columns: Some(columns) }
    }

    /// Some entries of the first axis. `None` where they do not lie together, one after the other.
    pub(crate) fn part(&self, entries: std::ops::Range<usize>) -> Option<Stored> {
        let (&first, rest) = self.shape.split_first()?;
        let row: usize = rest.iter().product();
        let together = self.strides[0] == row && entries.start <= entries.end && entries.end <= first;
        if !together || self.packed.is_some() {
            return None;
        }
        let mut part = self.clone();
        part.shape[0] = entries.len();
        part.span = entries.len() * row;
        part.start += (entries.start * row * self.dtype.size()) as u64;
        Some(part)
    }

    /// Bytes from the first to the last element used.
    pub(crate) fn bytes(&self) -> u64 {
        (self.span as u64).saturating_mul(self.dtype.size() as u64)
    }

    pub(crate) fn read_f32(&self, file: &FileBytes) -> Result<ArrayD<f32>, ReadError> {
        match self.dtype {
            Dtype::F32 => self.decode(file, |bytes: [u8; 4]| Ok(f32::from_le_bytes(bytes))),
            Dtype::F16 => self.decode(file, |bytes: [u8; 2]| Ok(f16::from_le_bytes(bytes).to_f32())),
            Dtype::Bf16 => self.decode(file, |bytes: [u8; 2]| Ok(bf16::from_le_bytes(bytes).to_f32())),
            Dtype::F64 => self.decode(file, |bytes: [u8; 8]| {
                let value = f64::from_le_bytes(bytes);
                let rounded = value as f32;
                if rounded.is_infinite() && value.is_finite() {
                    return Err(format!("holds {value:e}, which is beyond f32; read it as f64"));
                }
                Ok(rounded)
            }),
            _ => self.integers(file, |value| {
                let rounded = value as f32;
                let exact = i128::from(value) == rounded as i128;
                exact.then_some(rounded).ok_or_else(|| format!("holds {value}, which f32 cannot hold exactly"))
            }),
        }
    }

    pub(crate) fn read_f64(&self, file: &FileBytes) -> Result<ArrayD<f64>, ReadError> {
        match self.dtype {
            Dtype::F64 => self.decode(file, |bytes: [u8; 8]| Ok(f64::from_le_bytes(bytes))),
            Dtype::F32 => self.decode(file, |bytes: [u8; 4]| Ok(f64::from(f32::from_le_bytes(bytes)))),
            Dtype::F16 => self.decode(file, |bytes: [u8; 2]| Ok(f16::from_le_bytes(bytes).to_f64())),
            Dtype::Bf16 => self.decode(file, |bytes: [u8; 2]| Ok(bf16::from_le_bytes(bytes).to_f64())),
            _ => self.integers(file, |value| {
                let rounded = value as f64;
                let exact = i128::from(value) == rounded as i128;
                exact.then_some(rounded).ok_or_else(|| format!("holds {value}, which f64 cannot hold exactly"))
            }),
        }
    }

    pub(crate) fn read_i64(&self, file: &FileBytes) -> Result<ArrayD<i64>, ReadError> {
        self.integers(file, Ok)
    }

    fn integers<T>(
        &self,
        file: &FileBytes,
        convert: impl Fn(i64) -> Result<T, String>,
    ) -> Result<ArrayD<T>, ReadError> {
        match self.dtype {
            Dtype::Bool | Dtype::U8 => self.decode(file, |[byte]: [u8; 1]| convert(i64::from(byte))),
            Dtype::I8 => self.decode(file, |bytes: [u8; 1]| convert(i64::from(i8::from_le_bytes(bytes)))),
            Dtype::I16 => self.decode(file, |bytes: [u8; 2]| convert(i64::from(i16::from_le_bytes(bytes)))),
            Dtype::U16 => self.decode(file, |bytes: [u8; 2]| convert(i64::from(u16::from_le_bytes(bytes)))),
            Dtype::I32 => self.decode(file, |bytes: [u8; 4]| convert(i64::from(i32::from_le_bytes(bytes)))),
            Dtype::U32 => self.decode(file, |bytes: [u8; 4]| convert(i64::from(u32::from_le_bytes(bytes)))),
            Dtype::I64 => self.decode(file, |bytes: [u8; 8]| convert(i64::from_le_bytes(bytes))),
            Dtype::U64 => self.decode(file, |bytes: [u8; 8]| {
                let value = u64::from_le_bytes(bytes);
                convert(i64::try_from(value).map_err(|_| format!("holds {value}, which is beyond i64"))?)
            }),
            other => Err(ReadError::Tensor(format!("is of type {other}, which cannot be read this way"))),
        }
    }

    /// The bytes from the first to the last element used.
    fn fetch(&self, file: &FileBytes) -> Result<Vec<u8>, RunsError> {
        if let Some(columns) = &self.columns {
            return columns.read(self.start, self.bytes());
        }
        let Some(member) = &self.packed else {
            return file.read(self.start, self.bytes());
        };
        let mut bytes = member.read(file)?;
        let end = (self.start + self.bytes()) as usize;
        if end > bytes.len() {
            return Err(file.damaged(format!("its entry `{}` is shorter than its array", member.name)));
        }
        bytes.truncate(end);
        bytes.drain(..self.start as usize);
        Ok(bytes)
    }

    /// The elements as they are, little-endian, in row-major order.
    pub(crate) fn read_bytes(&self, file: &FileBytes) -> Result<Vec<u8>, ReadError> {
        let size = self.dtype.size();
        fn raw<const N: usize>(stored: &Stored, file: &FileBytes) -> Result<Vec<u8>, ReadError> {
            Ok(stored.decode(file, |bytes: [u8; N]| Ok(bytes))?.into_iter().flatten().collect())
        }
        match (self.dtype, size) {
            (Dtype::Other(name, _), _) => Err(ReadError::Tensor(format!("is of type {name}, which cannot be read"))),
            (_, 1) => raw::<1>(self, file),
            (_, 2) => raw::<2>(self, file),
            (_, 4) => raw::<4>(self, file),
            _ => raw::<8>(self, file),
        }
    }

    /// Reads the elements in row-major order, whatever order they lie in.
    fn decode<T, const N: usize>(
        &self,
        file: &FileBytes,
        convert: impl Fn([u8; N]) -> Result<T, String>,
    ) -> Result<ArrayD<T>, ReadError> {
        let bytes = self.fetch(file).map_err(ReadError::File)?;
        let elements = if self.span == 0 { 0 } else { self.shape.iter().product() };
        let mut values = Vec::with_capacity(elements);
        let mut index = vec![0usize; self.shape.len()];
        let mut place = 0usize;
        for _ in 0..elements {
            let mut element = [0; N];
            element.copy_from_slice(&bytes[place * N..place * N + N]);
            values.push(convert(element).map_err(ReadError::Tensor)?);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                place += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                place -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        ArrayD::from_shape_vec(IxDyn(&self.shape), values)
            .map_err(|error| ReadError::Tensor(format!("has shape {:?}: {error}", self.shape)))
    }
}
