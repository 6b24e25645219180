//! Whole files: written to a temporary name, flushed to the disk and renamed, so that a reader sees all or nothing.

use crate::RunsError;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The ending of a file that is being written; such a file left behind by a killed process means nothing.
pub(crate) const TEMPORARY: &str = ".tmp";

/// Writes a whole file: to `<path>.tmp`, flushed to the disk, then renamed to `path`, replacing what was there.
///
/// A process killed at any moment leaves the old file or the new one, never a part. It replaces without asking:
/// whoever must not overwrite looks first.
///
/// # Errors
/// [`RunsError::Io`] when the folder is missing or cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RunsError> {
    let temporary = temporary_name(path);
    let written = write_and_sync(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // A half-written temporary file is of no use; failing to remove it changes nothing about the error.
        let _ = fs::remove_file(&temporary);
        RunsError::Io { action: "write", path: path.to_path_buf(), source }
    })?;
    sync_folder(path.parent().unwrap_or(Path::new(".")));
    Ok(())
}

/// A whole file on its way, a part at a time: under a temporary name until it is finished, and gone if it never is.
#[derive(Debug)]
pub(crate) struct Outgoing {
    path: PathBuf,
    file: BufWriter<File>,
    position: u64,
    is_finished: bool,
}

impl Outgoing {
    pub(crate) fn create(path: &Path) -> Result<Outgoing, RunsError> {
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        let file = File::create(temporary_name(path)).map_err(|source| RunsError::Io {
            action: "write",
            path: path.to_path_buf(),
            source,
        })?;
        let file = BufWriter::with_capacity(1 << 18, file);
        Ok(Outgoing { path: path.to_path_buf(), file, position: 0, is_finished: false })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), RunsError> {
        self.position += bytes.len() as u64;
        self.file.write_all(bytes).map_err(RunsError::io("write", &self.path))
    }

    /// Bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes the file to the disk and gives it its name, replacing what was there.
    pub(crate) fn finish(mut self) -> Result<(), RunsError> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let renamed = flushed.and_then(|()| fs::rename(temporary_name(&self.path), &self.path));
        renamed.map_err(|source| RunsError::Io { action: "write", path: self.path.clone(), source })?;
        self.is_finished = true;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")));
        Ok(())
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(temporary_name(&self.path));
        }
    }
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The temporary name beside `path`.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(TEMPORARY);
    path.with_file_name(name)
}

/// Makes a rename in `folder` durable. Systems that cannot flush a folder lose at worst the last rename.
fn sync_folder(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), RunsError> {
    fs::create_dir_all(path).map_err(|source| RunsError::Io { action: "create", path: path.to_path_buf(), source })
}

/// The entries of a folder in the order of their names; a folder that is not there has none.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunsError::io("list", folder)(error)),
    };
    let mut paths = Vec::new();
    for entry in listing {
        paths.push(entry.map_err(RunsError::io("list", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The last part of a path, as text.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// SHA-256 as lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
