//! One writer at a time: an advisory lock which the system releases when its process ends, however it ends.

use crate::RunsError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Holds a run folder for one recorder. The file says which process holds it; the lock itself belongs to the open
/// file, so the lock of a dead process is free at once and a process number used again confuses nobody.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of `folder`, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Lock, RunsError> {
        let path = folder.join("lock");
        let failed = |source| RunsError::Io { action: "lock", path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(64).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_string(),
                    pid => format!("process {pid}"),
                };
                return Err(RunsError::Locked { path: folder.to_path_buf(), holder });
            }
            // Some network file systems have no locks: recording there goes on unguarded rather than not at all.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Lock { file, path })
    }

    /// Gives the folder back for good: a finished run has no lock file.
    pub(crate) fn remove(self) {
        // The status in the manifest is what guards a finished run; a lock file left behind does no harm.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }

    /// Whether somebody records into `folder` now.
    pub(crate) fn is_held(folder: &Path) -> bool {
        match File::open(folder.join("lock")) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => false,
                Err(TryLockError::WouldBlock) => true,
                Err(TryLockError::Error(_)) => false,
            },
            Err(_) => false,
        }
    }
}
