//! Series: what is recorded is read back, and a file cut at any byte gives back every complete row and nothing else.

use arrow_ipc::reader::StreamReader;
use kymograph_runs::{Manifest, Recorder, RecorderOptions, Run, RunsError};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn recorder(folder: &Path, flush_rows: usize) -> Recorder {
    let manifest = Manifest::new("test", Value::Null, Value::Null, Some(0));
    let options = RecorderOptions { flush_rows, ..RecorderOptions::default() };
    Recorder::create(folder, &manifest).unwrap().with_options(options)
}

/// Writes a file anew: truncating one makes some file systems flush it, which thousands of them do not forgive.
fn put(file: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(file);
    fs::write(file, bytes).unwrap();
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn rows_come_back_bit_for_bit_nan_and_infinities_included() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let values = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 0.1];
    let mut recorder = recorder(&run, 3);
    for (step, value) in values.iter().enumerate() {
        recorder.series("train", 10 * step as u64, &[("loss", *value), ("norm", 2.0 * value)]).unwrap();
    }
    recorder.finish().unwrap();
    let table = Run::open(&run).unwrap().series("train").unwrap();
    assert_eq!(table.name, "train");
    assert_eq!(table.steps, [0, 10, 20, 30, 40, 50, 60]);
    assert_eq!(bits(&table.columns[0].1), bits(&values));
    assert_eq!(table.columns[1].0, "norm");
    assert_eq!(bits(&table.columns[1].1), bits(&values.map(|value| 2.0 * value)));
    assert_eq!(table.column("loss").unwrap().0, table.steps, "a recorded NaN is a row of the column");
    assert!(table.column("nothing").is_none());
}

#[test]
fn a_new_column_opens_a_segment_and_missing_values_are_told_from_nan() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 100);
    recorder.series("t", 1, &[("a", 1.0)]).unwrap();
    recorder.series("t", 2, &[("a", f64::NAN), ("b", 2.0)]).unwrap();
    recorder.series("t", 3, &[("b", 3.0)]).unwrap();
    recorder.series("t", 4, &[("c", 4.0)]).unwrap();
    recorder.series("t", 5, &[]).unwrap();
    recorder.finish().unwrap();
    let table = Run::open(&run).unwrap().series("t").unwrap();
    assert_eq!(table.steps, [1, 2, 3, 4, 5]);
    let (steps, values) = table.column("a").unwrap();
    assert_eq!(steps, [1, 2]);
    assert!(values[0] == 1.0 && values[1].is_nan());
    assert_eq!(table.column("b").unwrap(), (vec![2, 3], vec![2.0, 3.0]));
    assert_eq!(table.column("c").unwrap(), (vec![4], vec![4.0]));
    assert!(table.columns.iter().all(|(_, values)| values.len() == 5));
    let segments = fs::read_dir(run.join("series")).unwrap().count();
    assert_eq!(segments, 3);
}

#[test]
fn another_reader_of_arrow_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 2);
    for step in 0..5 {
        let row = [("loss", step as f64 / 3.0), ("sometimes", 1.0)];
        recorder.series("train", step, if step % 2 == 0 { &row } else { &row[..1] }).unwrap();
    }
    recorder.finish().unwrap();
    let file = fs::File::open(run.join("series/train.000.arrows")).unwrap();
    let batches: Vec<_> = StreamReader::try_new(file, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).collect::<Vec<_>>(), [2, 2, 1]);
    let (mut losses, mut nulls) = (Vec::new(), 0);
    for batch in &batches {
        let column = batch.column_by_name("loss").unwrap();
        losses.extend(column.as_any().downcast_ref::<arrow_array::Float64Array>().unwrap().values().iter().copied());
        nulls += arrow_array::Array::null_count(batch.column_by_name("sometimes").unwrap());
    }
    let table = Run::open(&run).unwrap().series("train").unwrap();
    assert_eq!(bits(&losses), bits(&table.columns[0].1));
    assert_eq!(nulls, 2);
    assert_eq!(table.column("sometimes").unwrap().0, [0, 2, 4]);
}

#[test]
fn a_series_cut_at_any_byte_gives_back_every_complete_batch() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 2);
    let file = run.join("series/train.000.arrows");
    // After each flush: bytes of the file, rows that are complete in it.
    let mut complete = vec![(0, 0)];
    for step in 0..6u64 {
        recorder.series("train", step, &[("loss", step as f64), ("norm", -(step as f64))]).unwrap();
        let bytes = fs::metadata(&file).map_or(0, |about| about.len()) as usize;
        if bytes != complete.last().unwrap().0 {
            complete.push((bytes, step + 1));
        }
    }
    recorder.finish().unwrap();
    assert_eq!(complete.len(), 4);
    let whole = fs::read(&file).unwrap();
    let run = Run::open(&run).unwrap();
    for length in 0..=whole.len() {
        put(&file, &whole[..length]);
        let rows = complete.iter().rev().find(|(bytes, _)| *bytes <= length).unwrap().1;
        let table = run.series("train").unwrap_or_else(|error| panic!("cut at {length}: {error}"));
        assert_eq!(table.steps, (0..rows).collect::<Vec<_>>(), "cut at {length}");
        if let Some((_, values)) = table.column("norm") {
            assert_eq!(values, (0..rows).map(|step| -(step as f64)).collect::<Vec<_>>());
        }
    }
    // A system crash can leave a file longer than what was written, filled with zeros.
    for (bytes, rows) in complete {
        let mut longer = whole[..bytes].to_vec();
        longer.resize(bytes + 100, 0);
        put(&file, &longer);
        assert_eq!(run.series("train").unwrap().steps, (0..rows).collect::<Vec<_>>());
    }
}

#[test]
fn damage_before_the_end_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 1);
    for step in 0..4 {
        recorder.series("train", step, &[("loss", 1.0)]).unwrap();
    }
    recorder.finish().unwrap();
    let file = run.join("series/train.000.arrows");
    let mut bytes = fs::read(&file).unwrap();
    bytes[0] = 0;
    put(&file, &bytes);
    let error = Run::open(&run).unwrap().series("train").unwrap_err().to_string();
    assert!(error.contains("train.000.arrows") && error.contains("byte 0"), "{error}");
}

#[test]
fn a_series_with_any_byte_changed_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 2);
    for step in 0..4 {
        recorder.series("train", step, &[("loss", 1.0), ("x", 2.0)]).unwrap();
    }
    recorder.finish().unwrap();
    let file = run.join("series/train.000.arrows");
    let whole = fs::read(&file).unwrap();
    let run = Run::open(&run).unwrap();
    let (mut read, mut refused) = (0, 0);
    for position in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[position] = value;
            put(&file, &changed);
            match run.series("train") {
                Ok(table) => {
                    assert!(table.columns.iter().all(|(_, values)| values.len() == table.steps.len()));
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}

#[test]
fn rows_that_cannot_be_recorded_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(&folder.path().join("run"), 10);
    recorder.series("train", 5, &[("loss", 1.0)]).unwrap();
    for (table, step, row, wanted) in [
        ("train", 5, &[("loss", 1.0)][..], "step 5"),
        ("train", 4, &[("loss", 1.0)], "step 4"),
        ("train", 6, &[("step", 1.0)], "`step`"),
        ("train", 6, &[("a", 1.0), ("a", 2.0)], "`a`"),
        ("train", 6, &[("", 1.0)], "empty"),
        ("../escape", 6, &[("a", 1.0)], "`../escape`"),
        ("", 6, &[("a", 1.0)], "letters"),
    ] {
        let error = recorder.series(table, step, row).unwrap_err();
        assert!(matches!(error, RunsError::BadRecord { .. }));
        assert!(error.to_string().contains(wanted), "{error}");
    }
    recorder.series("train", 6, &[("loss", 2.0)]).unwrap();
    recorder.finish().unwrap();
}

#[test]
fn a_series_that_is_not_there_is_an_error_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorder = recorder(&run, 10);
    recorder.series("train", 5, &[("loss", 1.0)]).unwrap();
    recorder.finish().unwrap();
    let run = Run::open(&run).unwrap();
    assert_eq!(run.tables().unwrap(), ["train"]);
    let error = run.series("test").unwrap_err().to_string();
    assert!(error.contains("`test`") && error.contains("train"), "{error}");
}

#[test]
fn rows_wait_for_their_batch_unless_a_longest_time_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let size = |name: &str, flush_time: Option<Duration>| {
        let run = folder.path().join(name);
        let manifest = Manifest::new("test", Value::Null, Value::Null, Some(0));
        let options = RecorderOptions { flush_time, ..RecorderOptions::default() };
        let mut recorder = Recorder::create(&run, &manifest).unwrap().with_options(options);
        recorder.series("t", 1, &[("a", 1.0)]).unwrap();
        let written = fs::metadata(run.join("series/t.000.arrows")).map_or(0, |file| file.len());
        drop(recorder);
        (written, fs::metadata(run.join("series/t.000.arrows")).unwrap().len())
    };
    let (waiting, whole) = size("patient", None);
    assert!(waiting == 0 && whole > 0, "the clock has no part in where a batch ends");
    assert_eq!(size("eager", Some(Duration::ZERO)), (whole, whole));
}
