//! Event files for TensorBoard: written while a run goes on, whole again after a kill, and read by TensorBoard itself where
//! it is there.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use kymograph::runs::Run;
use support::{SMALL_GROUPS, killed_at, path, recorded, succeeds};

/// What to run, and where to.
fn groups<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "groups", "--seed", "1", "--out", out][..], SMALL_GROUPS, more].concat()
}

/// Step, tag and value field of each summary in a file, by the format's definition and checksums left aside.
fn summaries(file: &Path) -> Vec<(u64, String, u8)> {
    let bytes = fs::read(file).expect("an event file");
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().expect("a length")) as usize;
        let (message, after) = rest[12..].split_at(length);
        rest = &after[4..];
        let fields = fields(message);
        let step = fields.iter().find_map(|f| if let Field::Number(2, n) = f { Some(*n) } else { None });
        for list in fields.iter().filter_map(|f| if let Field::Bytes(5, b) = f { Some(*b) } else { None }) {
            let Some(Field::Bytes(1, value)) = self::fields(list).into_iter().next() else { panic!("a value") };
            let parts = self::fields(value);
            let Some(Field::Bytes(1, tag)) = parts.first() else { panic!("a tag") };
            let kind = match parts[1] {
                Field::Number(n, _) | Field::Bytes(n, _) | Field::Fixed(n) => n,
            };
            found.push((step.unwrap_or(0), String::from_utf8_lossy(tag).into_owned(), kind));
        }
    }
    found
}

enum Field<'a> {
    Number(u8, u64),
    Bytes(u8, &'a [u8]),
    Fixed(u8),
}

fn fields(mut message: &[u8]) -> Vec<Field<'_>> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let number = (key >> 3) as u8;
        let fixed = match key & 7 {
            0 => {
                found.push(Field::Number(number, varint(&mut message)));
                continue;
            }
            1 => 8,
            2 => {
                let length = varint(&mut message) as usize;
                found.push(Field::Bytes(number, &message[..length]));
                length
            }
            _ => 4,
        };
        if key & 7 != 2 {
            found.push(Field::Fixed(number));
        }
        message = &message[fixed..];
    }
    found
}

fn event_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("events").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_number_of_a_run_is_there_with_its_weights_and_the_reports_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    succeeds(&groups(path(&out), &["--tensorboard"]));
    let run = Run::open(out.join("runs/S3-mlp/seed-1")).expect("a run");
    let [events] = &event_files(&out.join("tensorboard/S3-mlp/seed-1"))[..] else { panic!("one file") };
    let found = summaries(events);
    let mut numbers = 0;
    for name in run.tables().expect("tables") {
        let table = run.series(&name).expect("a table");
        for (column, _) in &table.columns {
            let (steps, _) = table.column(column).expect("a column");
            let tag = format!("{name}/{column}");
            let written: Vec<u64> = found.iter().filter(|(_, t, kind)| *t == tag && *kind == 2).map(|f| f.0).collect();
            assert_eq!(written, steps, "{tag}");
            numbers += steps.len();
        }
    }
    assert!(numbers > 60 && found.iter().filter(|f| f.2 == 2).count() == numbers);
    for (tag, kind) in [("weights/W_x", 5), ("weights/W_x", 4)] {
        let steps: Vec<u64> = found.iter().filter(|(_, t, k)| t == tag && *k == kind).map(|f| f.0).collect();
        assert_eq!(steps, run.steps(), "{tag}");
    }
    let [report] = &event_files(&out.join("tensorboard/report"))[..] else { panic!("one file") };
    let figures = fs::read_dir(out.join("derived/figures")).expect("figures");
    let pictures =
        figures.filter(|f| f.as_ref().is_ok_and(|f| f.path().extension().is_some_and(|e| e == "png"))).count();
    assert!(pictures > 5);
    assert_eq!(summaries(report).iter().filter(|(step, _, kind)| *step == 60 && *kind == 4).count(), pictures);
    by_tensorboard(&out.join("tensorboard/S3-mlp/seed-1"), &run);

    // A run recorded without events gets the same ones later; one that has some keeps them.
    let plain = folder.path().join("plain");
    succeeds(&groups(path(&plain), &[]));
    assert!(!plain.join("tensorboard").exists());
    for _ in 0..2 {
        succeeds(&groups(path(&plain), &["--tensorboard", "--resume"]));
    }
    let [later] = &event_files(&plain.join("tensorboard/S3-mlp/seed-1"))[..] else { panic!("one file") };
    let sorted = |mut found: Vec<(u64, String, u8)>| {
        found.sort();
        found
    };
    assert_eq!(sorted(summaries(later)), sorted(found));
    assert_eq!(recorded(&plain), recorded(&out), "events change nothing about the run");
    succeeds(&groups(path(&plain), &["--force"]));
    assert!(!plain.join("tensorboard").exists(), "replaced with the rest");
}

#[test]
fn a_killed_run_goes_on_in_a_second_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let mut args = groups(path(&out), &["--tensorboard", "--set", "steps=3000"]);
    killed_at(&args, &out.join("runs/S3-mlp/seed-1/checkpoints/step-00000750.safetensors"));
    args.push("--resume");
    succeeds(&args);
    let files = event_files(&out.join("tensorboard/S3-mlp/seed-1"));
    assert_eq!(files.len(), 2);
    let run = Run::open(out.join("runs/S3-mlp/seed-1")).expect("a run");
    by_tensorboard(&out.join("tensorboard/S3-mlp/seed-1"), &run);
}

/// Holds what TensorBoard's own reader finds against the run, where the variable KYMOGRAPH_TENSORBOARD_PYTHON names a Python with
/// `tests/reference/events-requirements.txt` of kymograph-runs.
fn by_tensorboard(events: &Path, run: &Run) {
    let Some(python) = std::env::var_os("KYMOGRAPH_TENSORBOARD_PYTHON") else {
        println!("skipped: KYMOGRAPH_TENSORBOARD_PYTHON names no Python with TensorBoard");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../kymograph-runs/tests/reference/check_events.py");
    let output = std::process::Command::new(python).arg(script).arg(events).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for name in run.tables().expect("tables") {
        let table = run.series(&name).expect("a table");
        for (column, _) in &table.columns {
            let (steps, values) = table.column(column).expect("a column");
            let read = found["scalars"][format!("{name}/{column}")].as_array().expect("a tag").clone();
            assert_eq!(read.len(), steps.len(), "{name}/{column}");
            for ((row, step), value) in read.iter().zip(steps).zip(values) {
                assert_eq!(row[0].as_u64(), Some(step));
                assert!(
                    (row[1].as_f64().unwrap_or(f64::NAN) - f64::from(value as f32)).abs() <= 1e-12 * value.abs()
                        || !value.is_finite()
                );
            }
        }
    }
    let histograms = found["histograms"]["weights/W_x"].as_array().expect("histograms").clone();
    assert_eq!(histograms.iter().filter_map(|h| h[0].as_u64()).collect::<Vec<_>>(), run.steps());
    for row in histograms {
        assert_eq!(row[3], row[4], "every weight is in a bin");
    }
    assert_eq!(found["images"]["weights/W_x"].as_array().map(Vec::len), Some(run.steps().len()));
}
