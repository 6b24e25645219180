//! Maps of two-bit codes: appended by whole rows, cut back on resuming, read in windows, and refused when damaged.

use kymograph_runs::{Manifest, Recorder, Run, RunsError};
use ndarray::{ArrayD, arr1};
use serde_json::json;
use std::fs;
use std::path::Path;

const COLUMNS: usize = 203;

fn manifest() -> Manifest {
    Manifest::new("study test", json!(null), json!({}), Some(7))
}

fn code(step: u64, column: usize) -> u8 {
    ((step as usize * 31 + column * column + column / 7) % 11 % 4) as u8
}

fn packed(step: u64) -> Vec<u8> {
    let mut bytes = vec![0; COLUMNS.div_ceil(4)];
    (0..COLUMNS).for_each(|column| bytes[column / 4] |= code(step, column) << (2 * (column % 4)));
    bytes
}

fn row(recorder: &mut Recorder, step: u64) -> Result<(), RunsError> {
    recorder.map_row("signs", step, COLUMNS, &packed(step), &json!({"threshold": 1e-5}))
}

fn checkpoint(recorder: &mut Recorder, step: u64) {
    let weight: (String, ArrayD<f32>) = ("w".into(), arr1(&[step as f32]).into_dyn());
    recorder.checkpoint(step, &[weight], &[], &json!({})).unwrap();
}

fn record(folder: &Path, steps: std::ops::RangeInclusive<u64>) -> Recorder {
    let mut recorder = Recorder::create(folder, &manifest()).unwrap();
    for step in steps {
        row(&mut recorder, 3 * step).unwrap();
        if step % 4 == 0 {
            checkpoint(&mut recorder, 3 * step);
        }
    }
    recorder
}

#[test]
fn windows_hold_the_codes_of_their_cells() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    record(&run, 0..=19).finish().unwrap();
    let run = Run::open(&run).unwrap();
    assert_eq!(run.maps().unwrap(), ["signs"]);
    let map = run.map("signs").unwrap();
    assert_eq!((map.columns(), map.steps().len(), map.steps()[7]), (COLUMNS, 20, 21));
    assert_eq!(map.about()["threshold"], 1e-5);
    for (rows, columns, height, width) in [
        (0..20, 0..COLUMNS, 20, COLUMNS),
        (0..20, 0..COLUMNS, 3, 7),
        (5..6, 17..18, 9, 9),
        (2..17, 3..202, 4, 11),
        (0..20, 0..COLUMNS, 1, 1),
        (19..20, 196..203, 1, 2),
    ] {
        let window = map.window(rows.clone(), columns.clone(), height, width).unwrap();
        let (h, w) = (height.min(rows.len()), width.min(columns.len()));
        assert_eq!((window.height, window.width, window.counts.len()), (h, w, h * w));
        // Cells in the order of the image, each by its own definition.
        for y in 0..h {
            let lines = rows.start + rows.len() * y / h..rows.start + rows.len() * (y + 1) / h;
            assert_eq!(window.steps[y], 3 * lines.start as u64);
            for x in 0..w {
                let places = columns.start + columns.len() * x / w..columns.start + columns.len() * (x + 1) / w;
                assert_eq!(window.columns[x], places.start);
                let mut counts = [0; 4];
                for line in lines.clone() {
                    places.clone().for_each(|column| counts[usize::from(code(3 * line as u64, column))] += 1);
                }
                assert_eq!(window.counts[y * w + x], counts, "cell {y}, {x} of {rows:?} × {columns:?}");
                let most = (0..4).rev().max_by_key(|code| counts[*code]).unwrap();
                assert_eq!(usize::from(window.majority()[y * w + x]), most);
            }
        }
    }
    let [a, b] = [[0..21, 0..1], [0..1, 0..204]];
    for [rows, columns] in [a, b, [3..3, 0..1]] {
        assert!(matches!(map.window(rows, columns, 5, 5), Err(RunsError::BadRecord { .. })));
    }
    assert!(matches!(run.map("other"), Err(RunsError::NotFound { .. })));
}

#[test]
fn resuming_cuts_back_to_the_checkpoint_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = |run: &str| folder.path().join(run).join("maps/signs.codes");
    record(&folder.path().join("whole"), 0..=9).finish().unwrap();
    let whole = fs::read(file("whole")).unwrap();
    for torn in [0, 1, 50] {
        let name = format!("killed{torn}");
        drop(record(&folder.path().join(&name), 0..=6));
        let bytes = fs::read(file(&name)).unwrap();
        fs::write(file(&name), &bytes[..bytes.len() - torn]).unwrap();
        let (mut recorder, saved) = Recorder::resume(folder.path().join(&name)).unwrap();
        assert_eq!(saved.unwrap().step, 12);
        for step in 5..=9 {
            row(&mut recorder, 3 * step).unwrap();
            if step % 4 == 0 {
                checkpoint(&mut recorder, 3 * step);
            }
        }
        recorder.finish().unwrap();
        assert!(fs::read(file(&name)).unwrap() == whole, "{torn} bytes torn off");
    }
    // Before the first checkpoint nothing counts, and a head cut short is none.
    let early = folder.path().join("early");
    let mut recorder = Recorder::create(&early, &manifest()).unwrap();
    row(&mut recorder, 0).unwrap();
    drop(recorder);
    fs::write(file("early"), &fs::read(file("early")).unwrap()[..20]).unwrap();
    let (mut recorder, saved) = Recorder::resume(&early).unwrap();
    assert!(saved.is_none());
    row(&mut recorder, 0).unwrap();
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(folder.path(), &manifest()).unwrap();
    row(&mut recorder, 5).unwrap();
    let refused = |result: Result<(), RunsError>| assert!(matches!(result, Err(RunsError::BadRecord { .. })));
    refused(row(&mut recorder, 5));
    refused(recorder.map_row("signs", 6, COLUMNS, &[0; 3], &json!({"threshold": 1e-5})));
    refused(recorder.map_row("signs", 6, 12, &[0; 3], &json!({"threshold": 1e-5})));
    refused(recorder.map_row("../signs", 6, 12, &[0; 3], &json!({})));
    refused(recorder.map_row("none", 6, 0, &[], &json!({})));
    row(&mut recorder, 6).unwrap();
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    record(&run, 0..=3).finish().unwrap();
    let path = run.join("maps/signs.codes");
    let whole = fs::read(&path).unwrap();
    let run = Run::open(&run).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        if let Ok(map) = run.map("signs") {
            assert!(map.steps().len() < 4);
        }
    }
    for at in 0..whole.len().min(140) {
        for bit in [1, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            fs::write(&path, &bytes).unwrap();
            if let Ok(map) = run.map("signs") {
                let rows = map.steps().len();
                let _ = map.window(0..rows, 0..map.columns().min(1000), 5, 5);
            }
        }
    }
}
