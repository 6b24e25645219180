//! Going on with a run that was killed, as if nothing had happened.

use super::files::{self, TEMPORARY, create_folder};
use super::lock::Lock;
use super::manifest::{Manifest, Status};
use super::maps;
use super::recorder::{Recorder, RecorderOptions};
use super::run::{checkpoint_files, step_of};
use super::series::{Position, SeriesWriter, segment_path, tables};
use crate::RunsError;
use crate::checkpoints::{Checkpoint, OPTIMISER_PREFIX};
use ndarray::ArrayD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a killed run goes on from: its last complete checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedState {
    /// The checkpoint's step.
    pub step: u64,
    /// The network's tensors, in the order in which they were recorded.
    pub tensors: Vec<(String, ArrayD<f32>)>,
    /// The optimiser's tensors.
    pub optimiser: Vec<(String, ArrayD<f32>)>,
    /// What else was recorded: counters, seeds, positions of random streams.
    pub state: Value,
    /// The file it stands in.
    pub path: PathBuf,
}

/// Tensors in 64 bits by name.
pub type Tensors64 = Vec<(String, ArrayD<f64>)>;

impl SavedState {
    /// The network's and the optimiser's tensors in 64 bits, for a run that records them so.
    ///
    /// # Errors
    /// When the file cannot be read again.
    pub fn tensors_f64(&self) -> Result<[Tensors64; 2], RunsError> {
        let checkpoint = Checkpoint::open(&self.path)?;
        let read = |(name, _): &(String, ArrayD<f32>)| Ok((name.clone(), checkpoint.read_f64(name)?));
        let optimiser = |(name, _): &(String, ArrayD<f32>)| {
            Ok((name.clone(), checkpoint.read_f64(&format!("{OPTIMISER_PREFIX}{name}"))?))
        };
        Ok([
            self.tensors.iter().map(read).collect::<Result<_, RunsError>>()?,
            self.optimiser.iter().map(optimiser).collect::<Result<_, RunsError>>()?,
        ])
    }
}

impl Recorder {
    /// Goes on with a run that was killed: returns its last complete checkpoint, having cut everything recorded after
    /// it, so that what is recorded again comes out as if nothing had happened. `None` for the state means that no
    /// checkpoint was complete and the run begins anew.
    ///
    /// # Errors
    /// [`RunsError::NotFound`] when there is no run, [`RunsError::Finished`] when it is complete,
    /// [`RunsError::Locked`] while another process records it, [`RunsError::Damaged`] when there are checkpoints and none of them can be gone on from.
    pub fn resume(folder: impl AsRef<Path>) -> Result<(Recorder, Option<SavedState>), RunsError> {
        let folder = folder.as_ref();
        let manifest = Manifest::read(folder)?;
        if manifest.status == Status::Finished {
            return Err(RunsError::Finished { path: folder.to_path_buf() });
        }
        let lock = Lock::take(folder)?;
        let manifest = match Manifest::read(folder)? {
            Manifest { status: Status::Finished, .. } => {
                return Err(RunsError::Finished { path: folder.to_path_buf() });
            }
            manifest => manifest,
        };
        for part in ["", "checkpoints", "activations", "gradients"] {
            for path in files::entries(&folder.join(part))? {
                if files::file_name(&path).ends_with(TEMPORARY) {
                    remove(&path)?;
                }
            }
        }
        for part in ["checkpoints", "series"] {
            create_folder(&folder.join(part))?;
        }
        let mut recorder = Recorder {
            folder: folder.to_path_buf(),
            manifest,
            options: RecorderOptions::default(),
            tables: BTreeMap::new(),
            maps: BTreeMap::new(),
            resumed_from: Some(0),
            lock: Some(lock),
            events: None,
        };
        let (mut saved, mut beyond, mut failure) = (None, Vec::new(), None);
        for (step, path) in checkpoint_files(folder)?.into_iter().rev() {
            match recorder.restore(step, &path) {
                Ok(state) => {
                    saved = Some(state);
                    break;
                }
                Err(error @ RunsError::Io { .. }) => return Err(error),
                // A damaged one, or one that counts on more than is there: the one before it is looked at.
                Err(error) => {
                    failure = failure.or(Some(error));
                    beyond.push(path);
                }
            }
        }
        match (&saved, failure) {
            (Some(_), _) => beyond.iter().try_for_each(|path| remove(path))?,
            // Checkpoints of which none can be gone on from are not deleted behind anybody's back.
            (None, Some(error)) => return Err(error),
            (None, None) => recorder.cut_series(&BTreeMap::new())?,
        }
        let step = saved.as_ref().map(|state| state.step);
        recorder.resumed_from = Some(step.unwrap_or(0));
        for part in ["activations", "gradients"] {
            for path in files::entries(&folder.join(part))? {
                if step_of(&path).is_some_and(|recorded| step.is_none_or(|step| recorded > step)) {
                    remove(&path)?;
                }
            }
        }
        for (_, path) in maps::maps(folder)? {
            maps::cut(&path, step)?;
        }
        Ok((recorder, saved))
    }

    fn restore(&mut self, step: u64, path: &Path) -> Result<SavedState, RunsError> {
        let checkpoint = Checkpoint::open(path)?;
        let about = checkpoint.about();
        let positions: BTreeMap<String, Position> =
            serde_json::from_value(about.get("series").cloned().unwrap_or(Value::Null)).map_err(|error| {
                RunsError::Damaged { path: path.to_path_buf(), reason: format!("no series positions: {error}") }
            })?;
        let tensors = checkpoint.state_f32()?;
        let mut optimiser = Vec::new();
        for info in checkpoint.other_tensors() {
            let name = info.name.strip_prefix(OPTIMISER_PREFIX).unwrap_or(&info.name).to_string();
            optimiser.push((name, checkpoint.read_f32(&info.name)?));
        }
        self.cut_series(&positions)?;
        let state = about.get("state").cloned().unwrap_or(Value::Null);
        Ok(SavedState { step, tensors, optimiser, state, path: path.to_path_buf() })
    }

    /// Opens the tables at these positions, and only when all of them are good removes what comes after.
    fn cut_series(&mut self, positions: &BTreeMap<String, Position>) -> Result<(), RunsError> {
        let folder = self.folder.join("series");
        let mut writers = BTreeMap::new();
        for (table, &position) in positions {
            writers.insert(table.clone(), SeriesWriter::reopen(&folder, table, position)?);
        }
        for (table, segments) in tables(&folder)? {
            for segment in segments {
                let kept = positions
                    .get(&table)
                    .is_some_and(|&(last, _)| (0..=last).any(|kept| segment_path(&folder, &table, kept) == segment));
                if !kept {
                    remove(&segment)?;
                }
            }
        }
        self.tables = writers;
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), RunsError> {
    fs::remove_file(path).map_err(RunsError::io("remove", path))
}
