//! IDX, the format MNIST is published in: a magic number, sizes, bytes; plain or gzipped.

use crate::RunsError;
use flate2::read::GzDecoder;
use ndarray::Array3;
use std::fs;
use std::io::Read;
use std::path::Path;

const REMEDY: &str = "download it again or point --data-dir to another copy";

/// No published set comes near; what claims more is damaged or made to fill memory.
const MOST_BYTES: u64 = 1 << 30;

/// Reads the images of an IDX file (`….gz` or plain, told apart by content): image × row × column.
///
/// # Errors
/// [`RunsError::NotFound`]; [`RunsError::BadData`] for another magic number, sizes that are not the file's, or data
/// cut off.
pub fn read_idx_images(path: impl AsRef<Path>) -> Result<Array3<u8>, RunsError> {
    let path = path.as_ref();
    images(&read(path)?, path)
}

/// Reads the labels of an IDX file, plain or gzipped.
///
/// # Errors
/// As [`read_idx_images`].
pub fn read_idx_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, RunsError> {
    let path = path.as_ref();
    labels(&read(path)?, path)
}

fn read(path: &Path) -> Result<Vec<u8>, RunsError> {
    fs::read(path).map_err(RunsError::io("read", path))
}

pub(crate) fn images(file: &[u8], path: &Path) -> Result<Array3<u8>, RunsError> {
    let (sizes, bytes) = decode::<3>(file, path)?;
    Array3::from_shape_vec((sizes[0], sizes[1], sizes[2]), bytes).map_err(|error| bad(path, error.to_string()))
}

pub(crate) fn labels(file: &[u8], path: &Path) -> Result<Vec<u8>, RunsError> {
    Ok(decode::<1>(file, path)?.1)
}

/// The sizes and bytes of an IDX file of unsigned bytes with `AXES` axes.
fn decode<const AXES: usize>(file: &[u8], path: &Path) -> Result<([usize; AXES], Vec<u8>), RunsError> {
    let mut reader: Box<dyn Read> =
        if file.starts_with(&[0x1f, 0x8b]) { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut word = || {
        let mut word = [0; 4];
        reader.read_exact(&mut word).map_err(|error| bad(path, format!("it is cut off or not gzip: {error}")))?;
        Ok::<_, RunsError>(u32::from_be_bytes(word))
    };
    let (magic, expected) = (word()?, 0x0800 + AXES as u32);
    if magic != expected {
        return Err(bad(path, format!("its magic number is {magic:#010x}, and {expected:#010x} was expected")));
    }
    let mut sizes = [0; AXES];
    for size in &mut sizes {
        *size = word()? as usize;
    }
    let total = sizes.iter().try_fold(1u64, |total, &size| total.checked_mul(size as u64));
    let Some(total) = total.filter(|&total| total <= MOST_BYTES) else {
        return Err(bad(path, format!("it claims sizes {sizes:?}")));
    };
    let mut bytes = Vec::new();
    // One byte more than expected shows that there are more.
    let read = reader.take(total + 1).read_to_end(&mut bytes);
    read.map_err(|error| bad(path, format!("it is cut off or damaged: {error}")))?;
    if bytes.len() as u64 != total {
        let has = if (bytes.len() as u64) < total { format!("only {}", bytes.len()) } else { "more".into() };
        return Err(bad(path, format!("sizes {sizes:?} need {total} bytes, and it has {has}")));
    }
    Ok((sizes, bytes))
}

pub(crate) fn bad(path: &Path, reason: String) -> RunsError {
    RunsError::BadData { path: path.to_path_buf(), reason, remedy: REMEDY }
}
