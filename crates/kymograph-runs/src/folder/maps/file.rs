//! The layout of a map's file: a head that says what the codes are, then rows of one length.

use crate::RunsError;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const MAGIC: [u8; 8] = *b"KYMOMAP1";
/// Bytes before the description.
const FIXED: usize = 24;
const LONGEST_ABOUT: u64 = 1 << 20;
/// More columns than any network has parameters; a file that says so is damaged.
const MOST_COLUMNS: u64 = 1 << 44;

/// What a map's file begins with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) columns: u64,
    /// What the codes and columns are.
    pub(crate) about: Value,
    /// Bytes before the first row.
    pub(crate) length: u64,
}

impl Head {
    /// Bytes of a row: its step, then four codes a byte.
    pub(crate) fn row(&self) -> u64 {
        8 + self.columns.div_ceil(4)
    }

    /// Whole rows in a file of this length.
    pub(crate) fn rows(&self, file: u64) -> u64 {
        file.saturating_sub(self.length) / self.row()
    }

    pub(crate) fn encode(columns: u64, about: &Value) -> Vec<u8> {
        let about = about.to_string();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(columns.to_le_bytes());
        bytes.extend((about.len() as u64).to_le_bytes());
        bytes.extend(about.bytes());
        bytes
    }

    /// `None` for a file that ends within its head, as a killed process may leave it.
    pub(crate) fn read(file: &mut File, path: &Path) -> Result<Option<Head>, RunsError> {
        let failed = || RunsError::io("read", path);
        let damaged = |reason: &str| RunsError::Damaged { path: path.to_path_buf(), reason: reason.to_owned() };
        let size = file.metadata().map_err(failed())?.len();
        file.seek(SeekFrom::Start(0)).map_err(failed())?;
        let mut fixed = [0; FIXED];
        if size < FIXED as u64 {
            return Ok(None);
        }
        file.read_exact(&mut fixed).map_err(failed())?;
        if fixed[..8] != MAGIC {
            return Err(damaged("it does not begin as a map of codes does"));
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&fixed[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let (columns, about) = (number(8), number(16));
        if columns == 0 || columns > MOST_COLUMNS || about > LONGEST_ABOUT {
            return Err(damaged("its head gives lengths that no map has"));
        }
        let length = FIXED as u64 + about;
        if size < length {
            return Ok(None);
        }
        let mut text = vec![0; about as usize];
        file.read_exact(&mut text).map_err(failed())?;
        let about = serde_json::from_slice(&text).map_err(|_| damaged("its description is no JSON"))?;
        Ok(Some(Head { columns, about, length }))
    }
}

/// The steps of the first `rows` rows.
pub(crate) fn steps(file: &mut File, path: &Path, head: &Head, rows: u64) -> Result<Vec<u64>, RunsError> {
    let mut steps: Vec<u64> = Vec::new();
    for row in 0..rows {
        let mut bytes = [0; 8];
        let at = file.seek(SeekFrom::Start(head.length + row * head.row()));
        at.and_then(|_| file.read_exact(&mut bytes)).map_err(RunsError::io("read", path))?;
        let step = u64::from_le_bytes(bytes);
        if steps.last().is_some_and(|last| *last >= step) {
            let reason = format!("row {row} is of step {step}, which does not come after the row before it");
            return Err(RunsError::Damaged { path: path.to_path_buf(), reason });
        }
        steps.push(step);
    }
    Ok(steps)
}
