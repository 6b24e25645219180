//! TensorBoard's event files, written while a run is recorded: scalars, histograms of weights, pictures of weights.

mod message;
mod picture;

use crate::RunsError;
use crate::folder::{Run, create_folder, entries, file_name};
use message::{Event, Summary};
use ndarray::ArrayViewD;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Longest time an event waits to be seen.
const FLUSH: Duration = Duration::from_secs(1);
/// Bins of a histogram between the smallest and the largest value.
const BINS: usize = 64;
/// What every event file begins with.
const VERSION: &str = "brain.Event:2";
/// The ending of our event files.
const ENDING: &str = ".kymograph";

/// Writes one event file, which TensorBoard shows while it grows.
///
/// The file is a copy for looking at: nothing is read back from it, its times are those of writing, and a process that is
/// killed loses at most a second of it. Steps beyond the largest number of a signed 64-bit integer are written as that.
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

impl EventWriter {
    /// Begins the next event file in `folder`. What earlier files there hold from step `from` on is taken back, as when a
    /// killed run is gone on with.
    ///
    /// # Errors
    /// [`RunsError::Io`] when the folder cannot be made or written.
    pub fn create(folder: &Path, from: u64) -> Result<EventWriter, RunsError> {
        create_folder(folder)?;
        let number = entries(folder)?.iter().filter(|path| file_name(path).ends_with(ENDING)).count();
        let path = folder.join(format!("events.out.tfevents.{number:010}{ENDING}"));
        let file = File::create_new(&path).map_err(RunsError::io("write", &path))?;
        let mut writer = EventWriter { path, file: BufWriter::new(file), flushed: Instant::now() };
        writer.put(0, Event::Version(VERSION))?;
        if number > 0 {
            writer.put(from, Event::Start)?;
        }
        Ok(writer)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One number. NaN and infinities are written as such.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be written.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<(), RunsError> {
        self.put(step, Event::Summary(tag, Summary::Scalar(value as f32)))
    }

    /// The distribution of an array's finite values, in 64 bins of equal width; nothing where there are none.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be written.
    pub fn histogram(&mut self, step: u64, tag: &str, values: ArrayViewD<'_, f32>) -> Result<(), RunsError> {
        let finite = || values.iter().map(|v| f64::from(*v)).filter(|v| v.is_finite());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut count, mut sum, mut squares) = (0_u64, 0.0, 0.0);
        for value in finite() {
            (low, high) = (low.min(value), high.max(value));
            (count, sum, squares) = (count + 1, sum + value, squares + value * value);
        }
        if count == 0 {
            return Ok(());
        }
        let width = (high - low) / BINS as f64;
        let limits: Vec<f64> = match width > 0.0 {
            true => (1..BINS).map(|bin| low + width * bin as f64).chain([high]).collect(),
            false => vec![high],
        };
        let mut counts = vec![0.0; limits.len()];
        for value in finite() {
            let bin = if width > 0.0 { ((value - low) / width) as usize } else { 0 };
            counts[bin.min(limits.len() - 1)] += 1.0;
        }
        let histogram = Summary::Histogram { ends: [low, high], count: count as f64, sum, squares, limits, counts };
        self.put(step, Event::Summary(tag, histogram))
    }

    /// A picture as PNG.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be written.
    pub fn image(&mut self, step: u64, tag: &str, size: [usize; 2], png: &[u8]) -> Result<(), RunsError> {
        self.put(step, Event::Summary(tag, Summary::Image { height: size[0], width: size[1], png }))
    }

    /// The weights of a checkpoint: a histogram of each, and a picture of each that has rows and columns or filters.
    ///
    /// # Errors
    /// [`RunsError::Io`] when they cannot be written.
    pub fn weights(&mut self, step: u64, name: &str, values: ArrayViewD<'_, f32>) -> Result<(), RunsError> {
        self.histogram(step, &format!("weights/{name}"), values.view())?;
        if let Some((size, png)) = picture::of_weights(&values) {
            self.image(step, &format!("weights/{name}"), size, &png)?;
        }
        Ok(())
    }

    /// Everything a run recorded, for runs that were recorded without events.
    ///
    /// # Errors
    /// When the run cannot be read or the file not written.
    pub fn run(&mut self, run: &Run) -> Result<(), RunsError> {
        for name in run.tables()? {
            let table = run.series(&name)?;
            for (column, _) in &table.columns {
                let (steps, values) = table.column(column).unwrap_or_default();
                for (step, value) in steps.into_iter().zip(values) {
                    self.scalar(step, &format!("{name}/{column}"), value)?;
                }
            }
        }
        for &step in run.steps() {
            for (name, values) in run.checkpoint(step)?.state_f32()? {
                self.weights(step, &name, values.view())?;
            }
        }
        self.flush()
    }

    /// Lets everything written so far be seen.
    ///
    /// # Errors
    /// [`RunsError::Io`] when it cannot be written.
    pub fn flush(&mut self) -> Result<(), RunsError> {
        self.flushed = Instant::now();
        self.file.flush().map_err(RunsError::io("write", &self.path))
    }

    fn put(&mut self, step: u64, event: Event<'_>) -> Result<(), RunsError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let message = message::encode(since.as_secs_f64(), i64::try_from(step).unwrap_or(i64::MAX), &event);
        self.file.write_all(&message::framed(&message)).map_err(RunsError::io("write", &self.path))?;
        if self.flushed.elapsed() >= FLUSH {
            self.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    #[test]
    fn a_second_file_takes_back_what_the_first_holds_from_its_step_on() {
        let folder = tempfile::tempdir().unwrap();
        for from in [0, 7] {
            let mut writer = EventWriter::create(folder.path(), from).unwrap();
            writer.scalar(9, "loss", 0.5).unwrap();
            writer.flush().unwrap();
        }
        let files = entries(folder.path()).unwrap();
        assert_eq!(files.len(), 2);
        let [first, second] = [0, 1].map(|i| std::fs::read(&files[i]).unwrap());
        // The start of a session is field 7 with its status 1, behind time and step.
        let start = [0x10, 7, 0x3a, 2, 0x08, 1];
        assert!(!first.windows(6).any(|bytes| bytes == start) && second.windows(6).any(|bytes| bytes == start));
    }

    #[test]
    fn histograms_count_every_finite_value_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), 0).unwrap();
        let values = ArrayD::from_shape_vec(IxDyn(&[5]), vec![-1.0, f32::NAN, 1.0, 1.0, f32::INFINITY]).unwrap();
        writer.histogram(1, "w", values.view()).unwrap();
        let before = std::fs::metadata(writer.path()).unwrap().len();
        writer.histogram(2, "none", ArrayD::from_elem(IxDyn(&[3]), f32::NAN).view()).unwrap();
        writer.histogram(2, "none", ArrayD::zeros(IxDyn(&[0])).view()).unwrap();
        writer.flush().unwrap();
        let bytes = std::fs::read(writer.path()).unwrap();
        assert!(before == 0 && bytes.windows(4).all(|w| w != b"none"));
        // 64 limits and 64 counts as packed doubles: fields 6 and 7 of 512 bytes each.
        let packed = |field: u8| bytes.windows(3).position(|w| w == [field << 3 | 2, 0x80, 0x04]).unwrap() + 3;
        let doubles = |at: usize| -> Vec<f64> {
            bytes[at..at + 512].chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
        };
        let (limits, counts) = (doubles(packed(6)), doubles(packed(7)));
        assert_eq!((limits[0], limits[63]), (-1.0 + 2.0 / 64.0, 1.0));
        assert_eq!((counts[0], counts[63], counts.iter().sum::<f64>()), (1.0, 2.0, 3.0));
    }
}
