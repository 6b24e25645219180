//! The evidence cache: one JSON line a row, found by the content it was computed from.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::FindingsError;
use crate::finding::Finding;

#[derive(Serialize, Deserialize)]
struct Line<F> {
    key: String,
    finding: F,
}

/// Rows by content key. Without a folder it remembers nothing.
pub(super) struct Cache {
    rows: HashMap<String, Finding>,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Cache {
    /// Opens the cache; lines that cannot be read (a tail cut off by a killed process) are dropped and computed again.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, FindingsError> {
        let Some(folder) = folder else {
            return Ok(Self { rows: HashMap::new(), file: None });
        };
        let path = folder.join("evidence.jsonl");
        let failed = |source| FindingsError::Cache { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(failed(e)),
        };
        let rows = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line<Finding>>(line).ok())
            .map(|line| (line.key, line.finding))
            .collect();
        let mut writer = BufWriter::new(OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?);
        if !text.is_empty() && !text.ends_with('\n') {
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { rows, file: Some((path, writer)) })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Finding> {
        self.rows.get(key)
    }

    pub(super) fn put(&mut self, key: String, finding: &Finding) -> Result<(), FindingsError> {
        if let Some((path, writer)) = &mut self.file {
            let line = serde_json::to_string(&Line { key, finding })
                .map_err(std::io::Error::from)
                .and_then(|text| writeln!(writer, "{text}"));
            line.map_err(|source| FindingsError::Cache { path: path.clone(), source })?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), FindingsError> {
        match &mut self.file {
            Some((path, writer)) => {
                writer.flush().map_err(|source| FindingsError::Cache { path: path.clone(), source })
            }
            None => Ok(()),
        }
    }
}
