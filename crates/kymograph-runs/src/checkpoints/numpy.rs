//! NumPy's files: `.npy`, one array behind a header of text, and `.npz`, a zip file of those. Python objects in them
//! are pickles, and are never read.

use super::Contents;
use super::archive::Member;
use super::bytes::FileBytes;
use super::tensor::{Dtype, Stored};
use crate::RunsError;
use serde_json::{Map, Number, Value};

/// NumPy itself refuses headers above 10,000 bytes.
const LARGEST_HEADER: u64 = 1 << 16;
const MOST_METADATA: usize = 1000;
const REMEDY: &str = "save arrays of numbers: numpy.savez(path, **{\"conv1.weight\": array})";

/// What an `.npy` file begins with.
pub(crate) struct Header {
    /// The type as NumPy writes it, such as `<f4`.
    pub(crate) kind: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) is_fortran: bool,
    /// The first byte of the array.
    pub(crate) data: u64,
}

impl Header {
    /// Reads a header; `head` gives up to as many of the first bytes as it is asked for.
    pub(crate) fn read(head: impl Fn(u64) -> Result<Vec<u8>, RunsError>) -> Result<Result<Header, String>, RunsError> {
        let opening = head(12)?;
        if !opening.starts_with(b"\x93NUMPY") || opening.len() < 12 {
            return Ok(Err("it is no .npy file".into()));
        }
        let (start, length) = match opening[6] {
            1 => (10u64, u64::from(u16::from_le_bytes([opening[8], opening[9]]))),
            2 | 3 => (12, u64::from(u32::from_le_bytes([opening[8], opening[9], opening[10], opening[11]]))),
            version => return Ok(Err(format!("it is of version {version} of the .npy format"))),
        };
        if length > LARGEST_HEADER {
            return Ok(Err(format!("its header claims {length} bytes")));
        }
        let whole = head(start + length)?;
        if (whole.len() as u64) < start + length {
            return Ok(Err("its header is cut off".into()));
        }
        let text = String::from_utf8_lossy(&whole[start as usize..]);
        Ok(match parse(&text) {
            Some((kind, is_fortran, shape)) => Ok(Header { kind, shape, is_fortran, data: start + length }),
            None => Err(format!("its header is {text:?}")),
        })
    }

    /// The type, where it is one of numbers that can be read.
    pub(crate) fn dtype(&self) -> Option<Dtype> {
        Some(match self.kind.as_str() {
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

    /// A name for a type that cannot be read.
    fn unreadable(&self) -> &'static str {
        match self.kind.trim_start_matches(['<', '>', '|', '=']).chars().next() {
            Some('O') => "Python objects",
            Some('S' | 'U') => "text",
            Some('c') => "complex numbers",
            Some('f' | 'i' | 'u') => "numbers of another byte order",
            _ => "structures",
        }
    }

    /// The array in a file of `bytes` bytes after the header.
    pub(crate) fn stored(&self, dtype: Dtype, bytes: u64) -> Result<Stored, String> {
        let stored = Stored::contiguous(dtype, self.shape.clone(), self.is_fortran, self.data, bytes)?;
        match stored.bytes() == bytes {
            true => Ok(stored),
            false => Err(format!("needs {} bytes and it has {bytes}", stored.bytes())),
        }
    }
}

/// Type, order and shape of a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(header: &str) -> Option<(String, bool, Vec<usize>)> {
    let after = |key: &str| {
        let rest = &header[header.find(key)? + key.len()..];
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let kind = after("'descr'")?;
    let kind = match kind.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'')?.0,
        // Fields of a structure are a list.
        None => kind.strip_prefix('[').map(|_| "V")?,
    };
    let order = after("'fortran_order'")?;
    let is_fortran = match (order.starts_with("True"), order.starts_with("False")) {
        (true, _) => true,
        (_, true) => false,
        _ => return None,
    };
    let axes = after("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.parse().ok()).collect::<Option<Vec<usize>>>()?;
    Some((kind.to_string(), is_fortran, shape))
}

/// One array, which is called `array`.
pub(crate) fn read_npy(file: &FileBytes) -> Result<Contents, RunsError> {
    let header = Header::read(|count| file.read(0, count.min(file.len())))?.map_err(|reason| file.damaged(reason))?;
    let Some(dtype) = header.dtype() else {
        return Err(RunsError::Unsupported {
            path: file.path().into(),
            reason: format!("it holds {} ({})", header.unreadable(), header.kind),
            remedy: "save arrays of numbers: numpy.save(path, array.astype(\"float32\"))",
        });
    };
    let bytes = file.len() - header.data;
    let stored = header.stored(dtype, bytes).map_err(|reason| file.damaged(format!("its array {reason}")))?;
    let model = vec![("array".to_string(), stored)];
    Ok(Contents { model, others: Vec::new(), metadata: Map::new(), about: Value::Null })
}

/// The arrays of a zip file by their names; arrays of other things than numbers are listed beside them. Single numbers
/// (`step`) are metadata as well.
pub(crate) fn read_npz(file: &FileBytes, members: Vec<Member>) -> Result<Contents, RunsError> {
    let (mut model, mut others, mut metadata) = (Vec::new(), Vec::new(), Map::new());
    for member in members {
        let Some(name) = member.name.strip_suffix(".npy").map(str::to_string) else {
            return Err(file.damaged(format!("its entry `{}` is no array, in a file of arrays", member.name)));
        };
        let bad = |reason: String| RunsError::BadTensor { path: file.path().into(), tensor: name.clone(), reason };
        let header = Header::read(|count| member.head(file, count))?
            .map_err(|reason| file.damaged(format!("of its array `{name}`: {reason}")))?;
        let Some(dtype) = header.dtype() else {
            let dtype = Dtype::Other(header.unreadable(), 0);
            let stored = Stored::contiguous(dtype, header.shape, header.is_fortran, 0, 0).map_err(bad)?;
            others.push((name, stored));
            continue;
        };
        let bytes = member.unpacked.saturating_sub(header.data);
        let stored = header.stored(dtype, bytes).map_err(bad)?.in_member(&member);
        if stored.shape.is_empty()
            && metadata.len() < MOST_METADATA
            && let Some(value) = single(&stored, file)
        {
            metadata.insert(name.clone(), value);
        }
        model.push((name, stored));
    }
    if model.is_empty() {
        let reason = match others.first() {
            Some((name, stored)) => format!("its array `{name}` holds {}, and no other holds numbers", stored.dtype),
            None => "it holds no array".into(),
        };
        return Err(RunsError::Unsupported { path: file.path().into(), reason, remedy: REMEDY });
    }
    Ok(Contents { model, others, metadata, about: Value::Null })
}

fn single(stored: &Stored, file: &FileBytes) -> Option<Value> {
    if stored.dtype == Dtype::Bool {
        return Some(Value::Bool(stored.read_i64(file).ok()?.first().copied()? != 0));
    }
    if !stored.dtype.is_float() {
        return stored.read_i64(file).ok()?.first().map(|&value| Value::Number(value.into()));
    }
    Number::from_f64(stored.read_f64(file).ok()?.first().copied()?).map(Value::Number)
}
