//! Reading ranges of a file. Ranges are read, not mapped: a file that another process shortens meanwhile is then an
//! error and not the end of this process.

use crate::RunsError;
use rawzip::ReaderAt;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An open file of known length.
#[derive(Debug)]
pub(crate) struct FileBytes {
    path: PathBuf,
    file: Mutex<File>,
    length: u64,
}

impl FileBytes {
    pub(crate) fn open(path: &Path) -> Result<FileBytes, RunsError> {
        let failed = |source| RunsError::io("open", path)(source);
        let about = std::fs::metadata(path).map_err(failed)?;
        if !about.is_file() {
            return Err(RunsError::Unsupported {
                path: path.to_path_buf(),
                reason: "it is not a file".into(),
                remedy: "name a checkpoint file",
            });
        }
        let file = File::open(path).map_err(failed)?;
        Ok(FileBytes { path: path.to_path_buf(), file: Mutex::new(file), length: about.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Reads `length` bytes from `start`; nothing is allocated before the range is known to lie in the file.
    pub(crate) fn read(&self, start: u64, length: u64) -> Result<Vec<u8>, RunsError> {
        let inside = start.checked_add(length).is_some_and(|end| end <= self.length);
        let (true, Ok(size)) = (inside, usize::try_from(length)) else {
            return Err(self.damaged(format!(
                "it refers to {length} bytes at {start} and has only {} (cut off while copied or written?)",
                self.length
            )));
        };
        let mut bytes = vec![0; size];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(RunsError::io("read", &self.path))?;
        Ok(bytes)
    }

    pub(crate) fn sha256(&self) -> Result<String, RunsError> {
        let mut hasher = Sha256::new();
        let mut start = 0;
        while start < self.length {
            let length = (self.length - start).min(1 << 20);
            hasher.update(self.read(start, length)?);
            start += length;
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn damaged(&self, reason: String) -> RunsError {
        RunsError::Damaged { path: self.path.clone(), reason }
    }
}

impl ReaderAt for &FileBytes {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}
