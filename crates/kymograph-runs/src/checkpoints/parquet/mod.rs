//! Parquet: a table of numbers, or of lists of numbers of one length, as arrays with a row an example. One file or a folder of
//! files of the same columns; rows are decoded when they are asked for, a batch at a time.

mod footer;
mod numbers;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use serde_json::{Map, Value};

use super::Contents;
use super::bytes::FileBytes;
use super::tensor::{Dtype, Stored};
use crate::RunsError;
use footer::Chunks;

/// Bytes of numbers that are decoded at a time.
const BATCH: usize = 8 << 20;
const MOST_FILES: usize = 100_000;
const MOST_COLUMNS: usize = 1 << 16;
const REMEDY: &str = "write it again with snappy, gzip, lz4 or no compression (pyarrow: compression=\"snappy\")";

/// Whether a file begins as a Parquet file does.
pub(crate) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// The Parquet files of a folder in the order of their names; none where it has none.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(RunsError::io("read", folder))? {
        let path = entry.map_err(RunsError::io("read", folder))?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '_']));
        if !hidden && path.extension().is_some_and(|ending| ending == "parquet") && path.is_file() {
            found.push(path);
        }
    }
    if found.len() > MOST_FILES {
        let (path, reason) = (folder.to_path_buf(), format!("it holds {} Parquet files", found.len()));
        return Err(RunsError::Unsupported { path, reason, remedy: "write fewer, larger files" });
    }
    found.sort();
    Ok(found)
}

/// The files' table as arrays. Where every column holds numbers, or the only one lists of them, `array` is all of it; columns
/// can be taken by name too.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Contents, RunsError> {
    let parts = paths.iter().map(|path| Part::open(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = parts.first() else { return Ok(contents(Vec::new(), Vec::new())) };
    for part in &parts[1..] {
        if part.columns != first.columns {
            let reason = format!("its columns are not those of {}", first.chunks.path().display());
            let remedy = "keep files of one table in a folder of their own";
            return Err(RunsError::Unsupported { path: part.chunks.path().to_path_buf(), reason, remedy });
        }
    }
    let mut rows = 0_usize;
    for part in &parts {
        let sum = rows.checked_add(part.rows);
        rows = sum.ok_or_else(|| part.chunks.damaged("it claims more rows than there can be".into()))?;
    }
    let columns = first.columns.clone();
    let table = Arc::new(Table { parts });
    let of = |roots: Vec<usize>, dtype: Dtype, width: Option<usize>| {
        let shape = [rows].into_iter().chain(width).collect();
        Stored::columns(dtype, shape, Columns { table: table.clone(), roots, dtype, width: width.unwrap_or(1) })
    };
    let mut alone = Vec::new();
    for (root, column) in columns.iter().enumerate() {
        let width = match (column.list, column.dtype) {
            (true, Dtype::Other(..)) | (false, _) => None,
            (true, _) => Some(table.list_width(root, &column.name)?),
        };
        alone.push((column.name.clone(), of(vec![root], column.dtype, width)));
    }
    let plain = |column: &Column| !column.list && !matches!(column.dtype, Dtype::Other(..));
    let whole = match columns.as_slice() {
        [only] if only.list => Some(alone[0].1.clone()),
        all if all.iter().all(plain) && !all.is_empty() => {
            let one = all.iter().all(|column| column.dtype == all[0].dtype);
            let dtype = if one { all[0].dtype } else { Dtype::F64 };
            Some(of((0..all.len()).collect(), dtype, Some(all.len())))
        }
        _ => None,
    };
    Ok(match whole {
        Some(whole) if !matches!(whole.dtype, Dtype::Other(..)) => {
            alone.retain(|(name, _)| name != "array");
            contents(vec![("array".into(), whole)], alone)
        }
        _ => contents(alone, Vec::new()),
    })
}

fn contents(model: Vec<(String, Stored)>, others: Vec<(String, Stored)>) -> Contents {
    Contents { model, others, metadata: Map::new(), about: Value::Null }
}

/// A column as the schema has it.
#[derive(Clone, Debug, PartialEq)]
struct Column {
    name: String,
    /// Of its numbers.
    dtype: Dtype,
    /// Does a row hold a list of them?
    list: bool,
}

impl Column {
    fn of(field: &arrow_schema::Field) -> Column {
        let (kind, list) = match field.data_type() {
            DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
                (inner.data_type(), true)
            }
            kind => (kind, false),
        };
        Column { name: field.name().clone(), dtype: numbers::dtype(kind), list }
    }
}

/// One file.
#[derive(Debug)]
struct Part {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
    rows: usize,
    /// Rows of each row group.
    groups: Vec<usize>,
}

impl Part {
    fn open(path: &Path) -> Result<Part, RunsError> {
        let chunks = Chunks::new(FileBytes::open(path)?);
        footer::check(&chunks)?;
        // The schema that Arrow keeps beside Parquet's is another's word for what Parquet's says.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(&chunks, || ArrowReaderMetadata::load(&chunks, options))?;
        let fields = metadata.schema().fields();
        if fields.len() > MOST_COLUMNS {
            let reason = format!("it has {} columns, and {MOST_COLUMNS} are read at most", fields.len());
            return Err(RunsError::Unsupported {
                path: path.into(),
                reason,
                remedy: "keep the numbers of a row as a list",
            });
        }
        let columns = fields.iter().map(|field| Column::of(field)).collect();
        let (mut groups, mut rows) = (Vec::new(), 0_usize);
        for group in metadata.metadata().row_groups() {
            for column in group.columns() {
                check_compression(path, column.compression(), &column.column_path().string())?;
            }
            let count = usize::try_from(group.num_rows()).ok();
            let sum = count.and_then(|count| rows.checked_add(count));
            rows = sum.ok_or_else(|| chunks.damaged(format!("a row group claims {} rows", group.num_rows())))?;
            groups.extend(count);
        }
        Ok(Part { chunks, metadata, columns, rows, groups })
    }

    /// Appends some of the file's rows; `before` rows stand in files before this one.
    fn append(&self, of: &Columns, rows: Range<usize>, before: usize, bytes: &mut Vec<u8>) -> Result<(), RunsError> {
        let (mut start, mut groups, mut skipped) = (0, Vec::new(), 0);
        for (group, count) in self.groups.iter().enumerate() {
            if start + count <= rows.start {
                skipped = start + count;
            } else if start < rows.end {
                groups.push(group);
            }
            start += count;
        }
        let row_bytes = (of.width * of.dtype.size()).max(1);
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), of.roots.iter().copied());
        let mut row = rows.start;
        let read = || -> Result<Result<(), String>, ParquetError> {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks.clone(), self.metadata.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_offset(rows.start - skipped)
                .with_limit(rows.len())
                .with_batch_size((BATCH / row_bytes).clamp(1, 1 << 16).min(rows.len()))
                .build()?;
            for batch in reader {
                let batch = batch?;
                for (array, root) in batch.columns().iter().zip(&of.roots) {
                    if let Err(problem) = numbers::check(array, of.list_width(self, *root), before + row) {
                        return Ok(Err(format!("column `{}`: {problem}", self.columns[*root].name)));
                    }
                }
                if let Err(problem) = numbers::append(batch.columns(), of.dtype, bytes) {
                    return Ok(Err(problem));
                }
                row += batch.num_rows();
            }
            Ok(Ok(()))
        };
        guarded(&self.chunks, read)?.map_err(|problem| RunsError::Unsupported {
            path: self.chunks.path().to_path_buf(),
            reason: problem,
            remedy: "every row needs a number in every place: fill what is missing, or leave such rows out",
        })?;
        if row != rows.end {
            return Err(self.chunks.damaged(format!("it says it has {} rows and ends after {row}", self.rows)));
        }
        Ok(())
    }
}

/// All files of a table.
#[derive(Debug)]
struct Table {
    parts: Vec<Part>,
}

impl Table {
    /// The length of a column's first list, which all its lists must have.
    fn list_width(&self, root: usize, name: &str) -> Result<usize, RunsError> {
        let Some(part) = self.parts.iter().find(|part| part.rows > 0) else { return Ok(0) };
        let mask = ProjectionMask::roots(part.metadata.parquet_schema(), [root]);
        let first = guarded(&part.chunks, || {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(part.chunks.clone(), part.metadata.clone());
            let mut reader = reader.with_projection(mask).with_limit(1).with_batch_size(1).build()?;
            reader.next().transpose().map_err(ParquetError::from)
        })?;
        let width = first.and_then(|batch| numbers::first_width(batch.columns().first()?));
        width.ok_or_else(|| part.chunks.damaged(format!("the first row of its column `{name}` has no list")))
    }
}

/// An array of a table: some of its columns, side by side.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    table: Arc<Table>,
    roots: Vec<usize>,
    dtype: Dtype,
    /// Numbers of a row.
    width: usize,
}

impl Columns {
    fn list_width(&self, part: &Part, root: usize) -> Option<usize> {
        part.columns[root].list.then_some(self.width)
    }

    /// The numbers from one place to another, counted in bytes of an array in row-major order.
    pub(crate) fn read(&self, start: u64, length: u64) -> Result<Vec<u8>, RunsError> {
        let row = (self.width * self.dtype.size()) as u64;
        let mut bytes = Vec::new();
        if row == 0 || length == 0 {
            return Ok(bytes);
        }
        let wanted = (start / row) as usize..(start + length).div_ceil(row) as usize;
        let mut before = 0;
        for part in &self.table.parts {
            let here = wanted.start.max(before)..wanted.end.min(before + part.rows);
            if !here.is_empty() {
                part.append(self, here.start - before..here.end - before, before, &mut bytes)?;
            }
            before += part.rows;
        }
        Ok(bytes)
    }
}

fn check_compression(path: &Path, compression: Compression, column: &str) -> Result<(), RunsError> {
    match compression {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => Ok(()),
        other => {
            let name = format!("{other}");
            let name = name.split('(').next().unwrap_or_default();
            let reason = format!("its column `{column}` is compressed with {name}, which is not read here");
            Err(RunsError::Unsupported { path: path.into(), reason, remedy: REMEDY })
        }
    }
}

/// Runs a reader over bytes that may have been made to break it.
fn guarded<T>(chunks: &Chunks, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, RunsError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(chunks.damaged(error.to_string())),
        Err(_) => Err(chunks.damaged("its pages contradict what is said of them".into())),
    }
}
