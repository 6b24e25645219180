//! Reading a window of a map, as shares of the codes in the cells of an image of any size, a row of the file at a time.

use super::file::{Head, steps};
use crate::RunsError;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A map as it was recorded, finished or not.
#[derive(Clone, Debug)]
pub struct CodeMap {
    path: PathBuf,
    head: Head,
    steps: Vec<u64>,
}

/// How often each code occurs in the cells of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeWindow {
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
    /// The step of the first row that each row of the image holds.
    pub steps: Vec<u64>,
    /// The first column that each column of the image holds.
    pub columns: Vec<usize>,
    /// Cells row by row: how many of each of the four codes.
    pub counts: Vec<[u32; 4]>,
}

impl CodeWindow {
    /// The commonest code of each cell, the lowest of equals.
    pub fn majority(&self) -> Vec<u8> {
        let largest =
            |counts: &[u32; 4]| (1..4).fold(0, |best, code| if counts[code] > counts[best] { code } else { best });
        self.counts.iter().map(|counts| largest(counts) as u8).collect()
    }

    /// The share of a code in each cell.
    pub fn share(&self, code: u8) -> Vec<f64> {
        let share = |counts: &[u32; 4]| {
            let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
            f64::from(counts[usize::from(code & 3)]) / all.max(1) as f64
        };
        self.counts.iter().map(share).collect()
    }
}

impl CodeMap {
    pub(crate) fn open(path: &Path) -> Result<CodeMap, RunsError> {
        let mut file = File::open(path).map_err(RunsError::io("open", path))?;
        let size = file.metadata().map_err(RunsError::io("read", path))?.len();
        let Some(head) = Head::read(&mut file, path)? else {
            return Err(RunsError::Damaged { path: path.to_path_buf(), reason: "it ends within its head".into() });
        };
        let steps = steps(&mut file, path, &head, head.rows(size))?;
        Ok(CodeMap { path: path.to_path_buf(), head, steps })
    }

    /// The step of each row, ascending.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// Codes in a row.
    pub fn columns(&self) -> usize {
        self.head.columns as usize
    }

    /// What the codes and columns are, as it was recorded.
    pub fn about(&self) -> &Value {
        &self.head.about
    }

    /// The codes of `rows` and `columns` gathered into an image of at most `height` × `width` cells. One row of the window is in
    /// memory at a time.
    ///
    /// # Errors
    /// [`RunsError::BadRecord`] for a window that is empty or reaches beyond the map; errors of reading.
    pub fn window(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        height: usize,
        width: usize,
    ) -> Result<CodeWindow, RunsError> {
        let inside = rows.end <= self.steps.len() && columns.end <= self.columns();
        if rows.is_empty() || columns.is_empty() || !inside || height == 0 || width == 0 {
            let reason = format!(
                "a window of rows {rows:?} and columns {columns:?} in {height} × {width} cells cannot be read from {} rows of {} codes",
                self.steps.len(),
                self.columns()
            );
            return Err(RunsError::BadRecord { path: self.path.clone(), reason });
        }
        let failed = || RunsError::io("read", &self.path);
        let (height, width) = (height.min(rows.len()), width.min(columns.len()));
        let mut file = File::open(&self.path).map_err(failed())?;
        let bytes = columns.start / 4..columns.end.div_ceil(4);
        let mut buffer = vec![0; bytes.len()];
        // Places within the buffer, which begins with a whole byte.
        let first = bytes.start * 4;
        let cells: Vec<Range<usize>> =
            cuts(&columns, width).into_iter().map(|cell| cell.start - first..cell.end - first).collect();
        let mut counts = vec![[0; 4]; height * width];
        let lines = cuts(&rows, height);
        for (line, rows) in lines.iter().enumerate() {
            for row in rows.clone() {
                let at = self.head.length + row as u64 * self.head.row() + 8 + bytes.start as u64;
                file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut buffer)).map_err(failed())?;
                for (cell, counts) in cells.iter().zip(&mut counts[line * width..(line + 1) * width]) {
                    count(&buffer, cell.clone(), counts);
                }
            }
        }
        Ok(CodeWindow {
            height,
            width,
            steps: lines.iter().map(|rows| self.steps[rows.start]).collect(),
            columns: cells.iter().map(|cell| cell.start + first).collect(),
            counts,
        })
    }
}

/// A range in `pieces` of nearly equal length, none of them empty.
fn cuts(range: &Range<usize>, pieces: usize) -> Vec<Range<usize>> {
    // In 128 bits, since a window may hold more cells than a word has room for.
    let at = |piece: usize| range.start + (range.len() as u128 * piece as u128 / pieces as u128) as usize;
    (0..pieces).map(|piece| at(piece)..at(piece + 1)).collect()
}

/// Counts the codes at some places, whole bytes 32 codes at a time.
fn count(bytes: &[u8], places: Range<usize>, counts: &mut [u32; 4]) {
    const LOW: u64 = 0x5555_5555_5555_5555;
    let mut one = |place: usize| counts[usize::from(bytes[place / 4] >> (2 * (place % 4)) & 3)] += 1;
    let whole = places.start.div_ceil(4)..places.end / 4;
    if whole.is_empty() {
        places.for_each(one);
        return;
    }
    (places.start..whole.start * 4).for_each(&mut one);
    (whole.end * 4..places.end).for_each(&mut one);
    for part in bytes[whole].chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        let word = u64::from_le_bytes(word);
        let (low, high) = (word & LOW, word >> 1 & LOW);
        let [one, two, both] = [low & !high, high & !low, low & high].map(u64::count_ones);
        counts[0] += 4 * part.len() as u32 - one - two - both;
        counts[1] += one;
        counts[2] += two;
        counts[3] += both;
    }
}
