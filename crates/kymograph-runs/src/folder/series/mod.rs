//! Series: scalars per step, one table a stream of rows, a new column a new segment.

mod stream;
mod writer;

pub(crate) use writer::{Position, SeriesWriter, segment_path};

use super::files;
use crate::RunsError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stream::{Segment, read_segment};

/// The rows of one table of series, in the order of their steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The table's name.
    pub name: String,
    /// The step of each row, ascending.
    pub steps: Vec<u64>,
    /// Each column's name and its value at each row. NaN and infinities are data; NaN also stands where a row was
    /// recorded without this column: [`Table::column`] tells the two apart.
    pub columns: Vec<(String, Vec<f64>)>,
    recorded: Vec<Vec<bool>>,
}

impl Table {
    /// Rows in the order of their steps, with a value where a column was recorded.
    pub fn of(name: impl Into<String>, steps: Vec<u64>, columns: Vec<(String, Vec<Option<f64>>)>) -> Table {
        let mut table = Table { name: name.into(), ..Table::default() };
        table.append(Segment { steps, columns });
        table
    }

    /// The steps at which a column was recorded, and its values there; `None` when there is no such column.
    pub fn column(&self, name: &str) -> Option<(Vec<u64>, Vec<f64>)> {
        let position = self.columns.iter().position(|(column, _)| column == name)?;
        let values = &self.columns[position].1;
        let rows = (0..self.steps.len()).filter(|&row| self.recorded[position][row]);
        Some(rows.map(|row| (self.steps[row], values[row])).unzip())
    }

    fn append(&mut self, segment: Segment) {
        let before = self.steps.len();
        self.steps.extend(segment.steps);
        let total = self.steps.len();
        for (name, values) in segment.columns {
            let position = self.columns.iter().position(|(column, _)| *column == name).unwrap_or_else(|| {
                self.columns.push((name, vec![f64::NAN; before]));
                self.recorded.push(vec![false; before]);
                self.columns.len() - 1
            });
            self.columns[position].1.extend(values.iter().map(|value| value.unwrap_or(f64::NAN)));
            self.recorded[position].extend(values.iter().map(Option::is_some));
        }
        for (column, recorded) in self.columns.iter_mut().zip(&mut self.recorded) {
            column.1.resize(total, f64::NAN);
            recorded.resize(total, false);
        }
    }
}

/// The tables there are in a series folder, each with its segments in order.
pub(crate) fn tables(folder: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>, RunsError> {
    let mut tables: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files::entries(folder)? {
        let name = files::file_name(&path);
        if let Some((table, segment)) = name.strip_suffix(".arrows").and_then(|stem| stem.rsplit_once('.'))
            && segment.parse::<usize>().is_ok()
        {
            tables.entry(table.to_string()).or_default().push(path);
        }
    }
    Ok(tables)
}

/// Reads a table; what a killed process left half-written at the end of a segment is not part of it.
pub(crate) fn read_table(name: &str, segments: &[PathBuf]) -> Result<Table, RunsError> {
    let mut table = Table { name: name.to_string(), ..Table::default() };
    for path in segments {
        table.append(read_segment(path, None)?);
    }
    Ok(table)
}
