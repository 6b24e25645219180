//! Recording a run while a network trains: series, checkpoints, the probe, activations; resuming after a kill.

use super::files::{self, create_folder, write_whole};
use super::lock::Lock;
use super::manifest::{Manifest, Status};
use super::maps::MapWriter;
use super::run::checkpoint_path;
use super::schedule::Selection;
use super::series::SeriesWriter;
use crate::checkpoints::{Float, OPTIMISER_PREFIX, Outgoing, encode_safetensors};
use crate::{EventWriter, RunsError};
use ndarray::ArrayD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a recorder keeps, and how much it gathers before it writes.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// Which activations and gradients are kept, by name or glob; the default keeps all it is handed.
    pub keep: Selection,
    /// Rows of a series gathered before they are written; a killed process loses at most these. Default 256.
    pub flush_rows: usize,
    /// Longest time rows wait for the next row to write them out. Default none: where a stream's batches end then
    /// follows from what was recorded alone, so that the same run has the same bytes on a slow machine as on a fast
    /// one. A loop whose steps take long sets it, and gives that up for the layout of the file, not for its values.
    pub flush_time: Option<Duration>,
}

impl Default for RecorderOptions {
    fn default() -> RecorderOptions {
        RecorderOptions { keep: Selection::everything(), flush_rows: 256, flush_time: None }
    }
}

/// One captured array and the rule by which it was reduced before it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// The hook point.
    pub name: String,
    /// The rule, such as `example × unit`, `example × position, channel`, `spatial mean`, `example × example gram`.
    pub rule: String,
    /// The values.
    pub values: ArrayD<f32>,
}

/// Writes one run folder. Nothing is kept in memory beyond the rows of series not yet written.
///
/// What a kill at any moment can lose: rows of series since the last flush (every [`RecorderOptions::flush_rows`]
/// rows, after [`RecorderOptions::flush_time`] where one is set, and at every checkpoint), and what [`Recorder::resume`] records again
/// because it came after the last complete checkpoint. Never a checkpoint that was returned from, never an older row.
pub struct Recorder {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) options: RecorderOptions,
    pub(super) tables: BTreeMap<String, SeriesWriter>,
    pub(super) maps: BTreeMap<String, MapWriter>,
    /// From this step on, files left by a killed process are recorded again and may be replaced.
    pub(super) resumed_from: Option<u64>,
    pub(super) lock: Option<Lock>,
    pub(super) events: Option<EventWriter>,
}

impl Recorder {
    /// Begins a run in `folder`, which must not hold one.
    ///
    /// # Errors
    /// [`RunsError::Exists`] when a run is there, [`RunsError::Locked`] when another process begins one.
    pub fn create(folder: impl AsRef<Path>, manifest: &Manifest) -> Result<Recorder, RunsError> {
        let folder = folder.as_ref();
        let exists = || RunsError::Exists {
            path: folder.to_path_buf(),
            what: "a run",
            remedy: "go on with it (--resume), replace it (--force), or choose another folder (--out)",
        };
        if folder.join("run.json").exists() {
            return Err(exists());
        }
        create_folder(folder)?;
        let lock = Lock::take(folder)?;
        // Between the first look and the lock another process may have begun and ended a run here.
        if folder.join("run.json").exists() {
            return Err(exists());
        }
        let manifest = Manifest { status: Status::Recording, probe_hash: None, ..manifest.clone() };
        manifest.write(folder)?;
        for part in ["checkpoints", "series"] {
            create_folder(&folder.join(part))?;
        }
        Ok(Recorder {
            folder: folder.to_path_buf(),
            manifest,
            options: RecorderOptions::default(),
            tables: BTreeMap::new(),
            maps: BTreeMap::new(),
            resumed_from: None,
            lock: Some(lock),
            events: None,
        })
    }

    /// The same recorder with other options.
    pub fn with_options(mut self, options: RecorderOptions) -> Recorder {
        self.options = options;
        self
    }

    /// The same recorder, which also writes what it records to TensorBoard's event files in `folder`: every number of
    /// every series as `table/column`, and histograms and pictures of the weights of every checkpoint.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the folder cannot be written.
    pub fn with_events(mut self, folder: &Path) -> Result<Recorder, RunsError> {
        // The saved checkpoint's own rows stand in the earlier file; those after it are recorded again.
        self.events = Some(EventWriter::create(folder, self.resumed_from.map_or(0, |step| step + 1))?);
        Ok(self)
    }

    /// The run's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records one row of a series: all columns of table `table` at `step`. NaN and infinities are recorded as such.
    /// Steps ascend within a table; a column not seen before opens a new segment.
    ///
    /// # Errors
    /// [`RunsError::BadRecord`] for a step that does not ascend or a name that cannot be used.
    pub fn series(&mut self, table: &str, step: u64, values: &[(&str, f64)]) -> Result<(), RunsError> {
        if !self.tables.contains_key(table) {
            self.check_name("series", table)?;
            self.tables.insert(table.to_string(), SeriesWriter::new(&self.folder.join("series"), table));
        }
        if let Some(writer) = self.tables.get_mut(table) {
            writer.push(step, values)?;
            if writer.is_due(self.options.flush_rows, self.options.flush_time) {
                writer.flush()?;
            }
        }
        if let Some(events) = &mut self.events {
            for (column, value) in values {
                events.scalar(step, &format!("{table}/{column}"), *value)?;
            }
        }
        Ok(())
    }

    /// Writes all gathered rows of all series.
    ///
    /// # Errors
    /// [`RunsError::Io`] when they cannot be written.
    pub fn flush(&mut self) -> Result<(), RunsError> {
        self.tables.values_mut().try_for_each(SeriesWriter::flush)
    }

    /// Records a checkpoint: the network's tensors, the optimiser's, and what else is needed to go on from here.
    /// When it returns, the checkpoint and every row recorded before it are on the disk.
    ///
    /// `state` comes back from [`Recorder::resume`] as it was given, with one exception: fractional numbers may return
    /// changed in the last bit, so whatever must return bit for bit goes in as a tensor, an integer or text.
    ///
    /// # Errors
    /// [`RunsError::Exists`] when there is a checkpoint at this step, [`RunsError::BadRecord`] for a tensor named
    /// twice or beginning with `optimizer.`.
    pub fn checkpoint<F: Float>(
        &mut self,
        step: u64,
        tensors: &[(String, ArrayD<F>)],
        optimiser: &[(String, ArrayD<F>)],
        state: &Value,
    ) -> Result<(), RunsError> {
        let path = checkpoint_path(&self.folder, step);
        if path.exists() {
            return Err(RunsError::Exists { path, what: "a checkpoint", remedy: "record every step once" });
        }
        let mut outgoing = Vec::new();
        for (name, values) in tensors {
            if name.starts_with(OPTIMISER_PREFIX) {
                return Err(self.refuse(format!("`{name}` begins like an optimiser's tensor; name it differently")));
            }
            outgoing.push(Outgoing::float(name.clone(), values));
        }
        for (name, values) in optimiser {
            outgoing.push(Outgoing::float(format!("{OPTIMISER_PREFIX}{name}"), values));
        }
        self.maps.values_mut().try_for_each(MapWriter::sync)?;
        let mut positions = BTreeMap::new();
        for (table, writer) in &mut self.tables {
            if let Some(position) = writer.sync()? {
                positions.insert(table.clone(), position);
            }
        }
        let about = json!({"step": step, "series": positions, "state": state});
        // Events come first: a process killed between the two records this step again, and takes them back.
        if let Some(events) = &mut self.events {
            for (name, values) in tensors {
                events.weights(step, name, values.mapv(Float::narrowed).view())?;
            }
            events.flush()?;
        }
        self.write_arrays(&path, &outgoing, &about)
    }

    /// Records the fixed inputs and labels on which activations are taken. Recording the same probe again (after a
    /// resume) changes nothing.
    ///
    /// # Errors
    /// [`RunsError::BadRecord`] for another probe than the one there is, or an array called `labels`.
    pub fn probe(&mut self, arrays: &[(String, ArrayD<f32>)], labels: &[i64]) -> Result<(), RunsError> {
        let mut outgoing = vec![Outgoing::i64("labels".to_string(), labels)];
        outgoing.extend(arrays.iter().map(|(name, values)| Outgoing::f32(name.clone(), values)));
        let bytes = self.encode(&outgoing, &Value::Null)?;
        let hash = files::sha256_hex(&bytes);
        match &self.manifest.probe_hash {
            Some(before) if *before == hash => return Ok(()),
            Some(_) => {
                return Err(self.refuse("this run has another probe already; its activations would not compare".into()));
            }
            None => {}
        }
        write_whole(&self.folder.join("probe.safetensors"), &bytes)?;
        self.manifest.probe_hash = Some(hash);
        self.manifest.write(&self.folder)
    }

    /// Records activations at a step: those of `captures` whose names [`RecorderOptions::keep`] selects.
    ///
    /// # Errors
    /// [`RunsError::Exists`] when this step's are recorded already.
    pub fn activations(&mut self, step: u64, captures: &[Capture]) -> Result<(), RunsError> {
        self.captures("activations", step, captures)
    }

    /// Records gradients at a step, as [`Recorder::activations`] does.
    ///
    /// # Errors
    /// [`RunsError::Exists`] when this step's are recorded already.
    pub fn gradients(&mut self, step: u64, captures: &[Capture]) -> Result<(), RunsError> {
        self.captures("gradients", step, captures)
    }

    fn captures(&mut self, part: &'static str, step: u64, captures: &[Capture]) -> Result<(), RunsError> {
        let kept: Vec<&Capture> = captures.iter().filter(|capture| self.options.keep.matches(&capture.name)).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let folder = self.folder.join(part);
        create_folder(&folder)?;
        let path = folder.join(format!("step-{step:08}.safetensors"));
        if path.exists() && self.resumed_from.is_none_or(|resumed| step < resumed) {
            return Err(RunsError::Exists { path, what: "this step", remedy: "record every step once" });
        }
        let outgoing: Vec<Outgoing> =
            kept.iter().map(|capture| Outgoing::f32(capture.name.clone(), &capture.values)).collect();
        let rules: BTreeMap<&str, &str> =
            kept.iter().map(|capture| (capture.name.as_str(), capture.rule.as_str())).collect();
        self.write_arrays(&path, &outgoing, &json!({"step": step, "rules": rules}))
    }

    /// Records one row of a map in `maps/`: `codes` of two bits, four a byte, the first in the lowest bits, one for each of
    /// `columns` columns. Rows are written whole and at once; steps ascend. `about` says what codes and columns are, and is the
    /// same in every call.
    ///
    /// # Errors
    /// [`RunsError::BadRecord`] for a step that does not ascend, another number of columns, or a name that cannot be used.
    pub fn map_row(
        &mut self,
        map: &str,
        step: u64,
        columns: usize,
        codes: &[u8],
        about: &Value,
    ) -> Result<(), RunsError> {
        if columns == 0 {
            return Err(self.refuse(format!("map `{map}` has no columns")));
        }
        if !self.maps.contains_key(map) {
            self.check_name("map", map)?;
            let writer = MapWriter::open(&self.folder, map, columns as u64, about)?;
            self.maps.insert(map.to_owned(), writer);
        }
        match self.maps.get_mut(map) {
            Some(writer) if writer.is_like(columns as u64) => writer.push(step, codes),
            _ => Err(self.refuse(format!("map `{map}` was begun with another number of columns than {columns}"))),
        }
    }

    /// Ends the run: all series are closed, and the manifest says so. It is never changed again.
    ///
    /// # Errors
    /// [`RunsError::Io`] when something cannot be written; the run is then not finished and can be resumed.
    pub fn finish(mut self) -> Result<(), RunsError> {
        for writer in self.tables.values_mut() {
            writer.close_segment()?;
        }
        self.maps.values_mut().try_for_each(MapWriter::sync)?;
        if let Some(events) = &mut self.events {
            events.flush()?;
        }
        self.manifest.status = Status::Finished;
        self.manifest.write(&self.folder)?;
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
        Ok(())
    }

    fn write_arrays(&self, path: &Path, outgoing: &[Outgoing], about: &Value) -> Result<(), RunsError> {
        write_whole(path, &self.encode(outgoing, about)?)
    }

    fn encode(&self, outgoing: &[Outgoing], about: &Value) -> Result<Vec<u8>, RunsError> {
        encode_safetensors(outgoing, about).map_err(|reason| self.refuse(reason))
    }

    fn check_name(&self, what: &str, name: &str) -> Result<(), RunsError> {
        let usable = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if name.is_empty() || !name.chars().all(usable) {
            return Err(self.refuse(format!("`{name}` cannot name a {what}: use letters, digits, `_` and `-`")));
        }
        Ok(())
    }

    fn refuse(&self, reason: String) -> RunsError {
        RunsError::BadRecord { path: self.folder.clone(), reason }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // A recorder given up because of an error still writes the rows it holds; a kill loses them.
        let _ = self.flush();
    }
}
