//! Numbers in comma-separated text: series that other programs logged, and tables without a header.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ndarray::Array2;

use crate::RunsError;
use crate::folder::Table;

/// The most text that is read from one file, unpacked.
const MOST_BYTES: u64 = 512 << 20;
/// Columns that hold the step, in the order in which they are looked for.
const STEPS: [&str; 5] = ["step", "_step", "global_step", "epoch", "_epoch"];

/// Reads series from comma-separated text with a header, plain or gzipped, as pandas and W&B's history export write it.
///
/// The step is the column `step`, `_step`, `global_step`, `epoch` or `_epoch` (the first of these there is, in any case of
/// letters). Columns that hold no number anywhere are left out; an empty field or `NaN` is a step at which a column was
/// not recorded. Rows may come in any order; of two with one step, the later wins.
///
/// # Errors
/// When the file cannot be read, has no column of steps, has a step that is no whole number, or a row of another length.
pub fn read_series(path: impl AsRef<Path>) -> Result<Table, RunsError> {
    let path = path.as_ref();
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(open(path)?);
    let heads: Vec<String> = reader.headers().map_err(|e| bad(path, &e))?.iter().map(|h| h.trim().to_owned()).collect();
    let step_column =
        STEPS
            .iter()
            .find_map(|wanted| heads.iter().position(|head| head.eq_ignore_ascii_case(wanted)))
            .ok_or_else(|| refuse(path, format!("it has no column of steps, named {}", STEPS.join(" or "))))?;
    let mut rows: Vec<(u64, Vec<Option<f64>>)> = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|e| bad(path, &e))?;
        let text = record[step_column].trim();
        let step = text.parse::<f64>().ok().filter(|s| *s >= 0.0 && s.fract() == 0.0 && *s < 9e15);
        let refused = || refuse(path, format!("row {}: the step `{text}` is no whole number", number + 1));
        let step = step.ok_or_else(refused)? as u64;
        let value = |field: &str| field.trim().parse::<f64>().ok().filter(|v| !v.is_nan());
        rows.push((step, record.iter().map(value).collect()));
    }
    rows.sort_by_key(|(step, _)| *step);
    rows.reverse();
    rows.dedup_by_key(|(step, _)| *step);
    rows.reverse();
    let column = |at: usize| -> Option<(String, Vec<Option<f64>>)> {
        let values: Vec<Option<f64>> = rows.iter().map(|(_, row)| row[at]).collect();
        let named = !heads[at].is_empty() && at != step_column;
        (named && values.iter().any(Option::is_some)).then(|| (heads[at].clone(), values))
    };
    let columns: Vec<_> = (0..heads.len()).filter_map(column).collect();
    Ok(Table::of("metrics", rows.iter().map(|(step, _)| *step).collect(), columns))
}

/// Reads a table of numbers without a header, plain or gzipped: a row a line.
///
/// # Errors
/// When the file cannot be read, a field is no number, or rows have different lengths.
pub fn read_numbers(path: impl AsRef<Path>) -> Result<Array2<f64>, RunsError> {
    let path = path.as_ref();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(open(path)?);
    let (mut values, mut rows) = (Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(|e| bad(path, &e))?;
        rows += 1;
        for (at, field) in record.iter().enumerate() {
            let refused = |_| refuse(path, format!("row {rows}, field {}: `{field}` is no number", at + 1));
            values.push(field.parse::<f64>().map_err(refused)?);
        }
    }
    let columns = values.len().checked_div(rows).unwrap_or(0);
    Array2::from_shape_vec((rows, columns), values).map_err(|e| refuse(path, e.to_string()))
}

fn open(path: &Path) -> Result<impl Read, RunsError> {
    let mut file = BufReader::new(File::open(path).map_err(RunsError::io("read", path))?);
    let start = std::io::BufRead::fill_buf(&mut file).map_err(RunsError::io("read", path))?;
    let packed = start.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Bounded { reader, left: MOST_BYTES })
}

/// A reader that refuses to give more than so many bytes.
struct Bounded {
    reader: Box<dyn Read>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let limit = format!("it unpacks to more than {} MiB", MOST_BYTES >> 20);
            std::io::Error::new(std::io::ErrorKind::InvalidData, limit)
        })?;
        Ok(read)
    }
}

fn bad(path: &Path, error: &csv::Error) -> RunsError {
    refuse(path, error.to_string())
}

fn refuse(path: &Path, reason: String) -> RunsError {
    let remedy = "give comma-separated text, plain or gzipped";
    RunsError::BadData { path: path.to_owned(), reason, remedy }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(folder: &tempfile::TempDir, text: &str, packed: bool) -> std::path::PathBuf {
        let path = folder.path().join(if packed { "m.csv.gz" } else { "m.csv" });
        let file = File::create(&path).unwrap();
        if packed {
            let mut writer = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            writer.write_all(text.as_bytes()).unwrap();
            writer.finish().unwrap();
        } else {
            (&file).write_all(text.as_bytes()).unwrap();
        }
        path
    }

    #[test]
    fn pandas_and_wandb_tables_give_the_same_series() {
        let folder = tempfile::tempdir().unwrap();
        let pandas = file(&folder, ",loss,acc,epoch\n0,4.5,,0\n1,2.25,.5,10.0\n", true);
        let table = read_series(&pandas).unwrap();
        assert_eq!(table.column("loss"), Some((vec![0, 10], vec![4.5, 2.25])));
        assert_eq!(table.column("acc"), Some((vec![10], vec![0.5])));
        assert_eq!(table.columns.len(), 2);
        let wandb = file(&folder, "\"_step\",\"acc\",\"loss\",\"note\"\n10,0.5,2.25,x\n0,NaN,9,y\n0,,4.5,z\n", false);
        let other = read_series(&wandb).unwrap();
        assert_eq!(other.column("loss"), table.column("loss"));
        assert_eq!(other.column("acc"), table.column("acc"));
        assert_eq!(other.column("note"), None);
    }

    #[test]
    fn what_is_no_table_says_where() {
        let folder = tempfile::tempdir().unwrap();
        for (text, word) in [
            ("a,b\n1,2\n", "no column of steps"),
            ("step,b\n1.5,2\n", "row 1"),
            ("step,b\n-1,2\n", "whole number"),
            ("step,b\n1,2,3\n", "2 fields"),
        ] {
            let message = read_series(file(&folder, text, false)).unwrap_err().to_string();
            assert!(message.contains(word) && message.contains("m.csv"), "{message}");
        }
        let cut = file(&folder, "step,b\n1,2\n", true);
        let bytes = std::fs::read(&cut).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&cut, &bytes[..length]).unwrap();
            assert!(read_series(&cut).is_err(), "{length} bytes were taken for whole");
        }
    }

    #[test]
    fn a_table_of_numbers_is_read_by_rows() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_numbers(file(&folder, "0, 1\n1, 0\n", false)).unwrap(), ndarray::array![[0., 1.], [1., 0.]]);
        let message = read_numbers(file(&folder, "0,x\n1,0\n", false)).unwrap_err().to_string();
        assert!(message.contains("row 1, field 2"), "{message}");
        assert!(read_numbers(file(&folder, "0,1\n1\n", false)).is_err());
    }
}
