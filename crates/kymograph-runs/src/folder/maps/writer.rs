//! Appending whole rows, and cutting off what came after a checkpoint.

use super::file::{Head, steps};
use super::map_path;
use crate::RunsError;
use crate::folder::files::create_folder;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Appends rows to one map.
pub(crate) struct MapWriter {
    path: PathBuf,
    file: File,
    columns: u64,
    bytes: u64,
    last: Option<u64>,
    row: Vec<u8>,
}

impl MapWriter {
    /// Opens a map that is there, or begins one.
    pub(crate) fn open(folder: &Path, name: &str, columns: u64, about: &Value) -> Result<MapWriter, RunsError> {
        let path = map_path(folder, name);
        let refuse = |reason: String| RunsError::BadRecord { path: folder.to_path_buf(), reason };
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        let failed = || RunsError::io("open", &path);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed())?;
        let size = file.metadata().map_err(failed())?.len();
        let (bytes, last) = if size == 0 {
            let head = Head::encode(columns, about);
            file.write_all(&head).map_err(RunsError::io("write", &path))?;
            (head.len() as u64, None)
        } else {
            let head = Head::read(&mut file, &path)?;
            let Some(head) = head.filter(|head| head.columns == columns && head.about == *about) else {
                return Err(refuse(format!("map `{name}` was begun with other columns or another description")));
            };
            let rows = head.rows(size);
            let last = steps(&mut file, &path, &head, rows)?.last().copied();
            let bytes = head.length + rows * head.row();
            file.set_len(bytes).map_err(failed())?;
            (bytes, last)
        };
        Ok(MapWriter { path, file, columns, bytes, last, row: Vec::new() })
    }

    pub(crate) fn push(&mut self, step: u64, codes: &[u8]) -> Result<(), RunsError> {
        let refuse = |reason: String| RunsError::BadRecord { path: self.path.clone(), reason };
        let expected = self.columns.div_ceil(4);
        if codes.len() as u64 != expected {
            let (found, columns) = (codes.len(), self.columns);
            return Err(refuse(format!("a row has {found} bytes, and {columns} codes of two bits take {expected}")));
        }
        if let Some(last) = self.last.filter(|last| step <= *last) {
            return Err(refuse(format!("it has a row at step {last} already, and step {step} does not come after it")));
        }
        self.row.clear();
        self.row.extend(step.to_le_bytes());
        self.row.extend(codes);
        let written = self.file.write_all(&self.row);
        if written.is_err() {
            // A full disk must not leave half a row before the next one.
            let _ = self.file.set_len(self.bytes);
        }
        written.map_err(RunsError::io("write", &self.path))?;
        self.bytes += self.row.len() as u64;
        self.last = Some(step);
        Ok(())
    }

    pub(crate) fn sync(&mut self) -> Result<(), RunsError> {
        self.file.sync_data().map_err(RunsError::io("write", &self.path))
    }

    pub(crate) fn is_like(&self, columns: u64) -> bool {
        self.columns == columns
    }
}

/// Cuts a map off after its last row up to `step`; without a step, or without a whole head, the file goes.
pub(crate) fn cut(path: &Path, step: Option<u64>) -> Result<(), RunsError> {
    let failed = || RunsError::io("cut", path);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed())?;
    let head = Head::read(&mut file, path)?;
    let (Some(step), Some(head)) = (step, head) else {
        drop(file);
        return fs::remove_file(path).map_err(RunsError::io("remove", path));
    };
    let rows = head.rows(file.metadata().map_err(failed())?.len());
    let kept = steps(&mut file, path, &head, rows)?.partition_point(|recorded| *recorded <= step) as u64;
    if kept == 0 {
        drop(file);
        return fs::remove_file(path).map_err(RunsError::io("remove", path));
    }
    file.set_len(head.length + kept * head.row()).map_err(failed())
}
