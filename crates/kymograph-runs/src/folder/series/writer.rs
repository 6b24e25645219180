//! Appending rows to Arrow IPC streams.

use super::stream::read_segment;
use crate::RunsError;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How far a table had been written when a checkpoint was taken: segment and bytes in it.
pub(crate) type Position = (usize, u64);

/// Appends rows to one table.
pub(crate) struct SeriesWriter {
    folder: PathBuf,
    table: String,
    columns: Vec<String>,
    /// Where the columns of the last row are among all.
    places: Vec<usize>,
    segment: usize,
    /// The open segment: its file, how many bytes it has, and the encoder whose output is moved into it.
    open: Option<(File, u64, StreamWriter<Vec<u8>>)>,
    steps: Vec<u64>,
    pending: Vec<Vec<Option<f64>>>,
    last_step: Option<u64>,
    flushed: Instant,
}

impl SeriesWriter {
    pub(crate) fn new(folder: &Path, table: &str) -> SeriesWriter {
        SeriesWriter {
            folder: folder.to_path_buf(),
            table: table.to_string(),
            columns: Vec::new(),
            places: Vec::new(),
            segment: 0,
            open: None,
            steps: Vec::new(),
            pending: Vec::new(),
            last_step: None,
            flushed: Instant::now(),
        }
    }

    /// Goes on where a checkpoint left the table: everything after that position is cut off.
    pub(crate) fn reopen(folder: &Path, table: &str, position: Position) -> Result<SeriesWriter, RunsError> {
        let mut writer = SeriesWriter::new(folder, table);
        writer.segment = position.0;
        let path = writer.path();
        let mut last_step = None;
        for earlier in 0..position.0 {
            let earlier = read_segment(&segment_path(folder, table, earlier), None)?;
            last_step = earlier.steps.last().copied().or(last_step);
        }
        let kept = read_segment(&path, Some(position.1))?;
        writer.last_step = kept.steps.last().copied().or(last_step);
        writer.columns = kept.columns.into_iter().map(|(name, _)| name).collect();
        let failed = RunsError::io("reopen", &path);
        let file = OpenOptions::new().append(true).open(&path).and_then(|file| {
            file.set_len(position.1)?;
            Ok(file)
        });
        let file = file.map_err(failed)?;
        let mut encoder = writer.encoder()?;
        encoder.get_mut().clear();
        writer.open = Some((file, position.1, encoder));
        Ok(writer)
    }

    pub(crate) fn push(&mut self, step: u64, values: &[(&str, f64)]) -> Result<(), RunsError> {
        let refused = |reason: String| Err(RunsError::BadRecord { path: self.folder.clone(), reason });
        if let Some(last) = self.last_step
            && step <= last
        {
            return refused(format!(
                "series `{}` has a row at step {last} already and step {step} does not come after it; \
                 give all columns of a step in one call, in the order of steps",
                self.table
            ));
        }
        // A row of the same columns as the one before needs no search: a table may have hundreds.
        let same = |(&place, (name, _)): (&usize, &(&str, f64))| self.columns[place] == *name;
        let is_known = !self.places.is_empty() && self.places.len() == values.len();
        if is_known && self.places.iter().zip(values).all(same) {
            self.append(step, values);
            return Ok(());
        }
        for (position, (name, _)) in values.iter().enumerate() {
            if name.is_empty() || *name == "step" || values[..position].iter().any(|(other, _)| other == name) {
                return refused(format!(
                    "`{name}` cannot be a column of series `{}` (empty, `step`, or given twice)",
                    self.table
                ));
            }
        }
        let new: Vec<&str> =
            values.iter().map(|(name, _)| *name).filter(|name| !self.columns.iter().any(|c| c == name)).collect();
        if !new.is_empty() {
            self.close_segment()?;
            self.columns.extend(new.iter().map(|name| name.to_string()));
            self.pending = vec![Vec::new(); self.columns.len()];
        }
        let place = |name: &str| self.columns.iter().position(|column| column == name);
        self.places = values.iter().filter_map(|(name, _)| place(name)).collect();
        self.append(step, values);
        Ok(())
    }

    /// Appends a row whose columns are at `places`.
    fn append(&mut self, step: u64, values: &[(&str, f64)]) {
        self.pending.resize(self.columns.len(), Vec::new());
        self.steps.push(step);
        self.last_step = Some(step);
        self.pending.iter_mut().for_each(|pending| pending.push(None));
        for (&place, (_, value)) in self.places.iter().zip(values) {
            if let Some(last) = self.pending[place].last_mut() {
                *last = Some(*value);
            }
        }
    }

    /// Whether enough rows or enough time has gathered to write them out.
    pub(crate) fn is_due(&self, rows: usize, time: Option<Duration>) -> bool {
        let waited = || time.is_some_and(|time| !self.steps.is_empty() && self.flushed.elapsed() >= time);
        self.steps.len() >= rows.max(1) || waited()
    }

    /// Writes the gathered rows as one complete record batch.
    pub(crate) fn flush(&mut self) -> Result<(), RunsError> {
        self.flushed = Instant::now();
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(std::mem::take(&mut self.steps)))];
        for pending in &mut self.pending {
            arrays.push(Arc::new(Float64Array::from(std::mem::take(pending))));
        }
        let path = self.path();
        let arrow = |error: ArrowError| RunsError::Damaged { path: path.clone(), reason: error.to_string() };
        let batch = RecordBatch::try_new(self.schema(), arrays).map_err(arrow)?;
        if self.open.is_none() {
            let file = OpenOptions::new().append(true).create_new(true).open(&path);
            let file = file.map_err(RunsError::io("create", &path))?;
            self.open = Some((file, 0, self.encoder()?));
        }
        if let Some((file, bytes, encoder)) = &mut self.open {
            encoder.write(&batch).map_err(arrow)?;
            let message = std::mem::take(encoder.get_mut());
            let written = file.write_all(&message);
            if written.is_err() {
                // A full disk must not leave half a batch before the next one.
                let _ = file.set_len(*bytes);
            }
            written.map_err(RunsError::io("write", &path))?;
            *bytes += message.len() as u64;
        }
        Ok(())
    }

    /// Flushes the rows, makes them durable, and tells how far the table reaches; `None` while it has no row.
    pub(crate) fn sync(&mut self) -> Result<Option<Position>, RunsError> {
        self.flush()?;
        match &self.open {
            Some((file, bytes, _)) => {
                file.sync_data().map_err(RunsError::io("write", self.path()))?;
                Ok(Some((self.segment, *bytes)))
            }
            None => Ok(None),
        }
    }

    /// Ends the open segment with Arrow's end mark, so that the next row begins another.
    pub(crate) fn close_segment(&mut self) -> Result<(), RunsError> {
        self.flush()?;
        let path = self.path();
        if let Some((mut file, _, mut encoder)) = self.open.take() {
            encoder.finish().map_err(|error| RunsError::Damaged { path: path.clone(), reason: error.to_string() })?;
            let end = file.write_all(encoder.get_ref()).and_then(|()| file.sync_data());
            end.map_err(RunsError::io("write", &path))?;
            self.segment += 1;
        }
        Ok(())
    }

    fn schema(&self) -> Arc<Schema> {
        let mut fields = vec![Field::new("step", DataType::UInt64, false)];
        fields.extend(self.columns.iter().map(|name| Field::new(name, DataType::Float64, true)));
        Arc::new(Schema::new(fields))
    }

    fn encoder(&self) -> Result<StreamWriter<Vec<u8>>, RunsError> {
        StreamWriter::try_new(Vec::new(), &self.schema())
            .map_err(|error| RunsError::Damaged { path: self.path(), reason: error.to_string() })
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.folder, &self.table, self.segment)
    }
}

pub(crate) fn segment_path(folder: &Path, table: &str, segment: usize) -> PathBuf {
    folder.join(format!("{table}.{segment:03}.arrows"))
}
