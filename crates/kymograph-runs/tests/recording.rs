//! Recording, being killed at any moment, and going on to the same end.

use kymograph_runs::{Capture, Manifest, Recorder, RecorderOptions, Run, RunsError, SavedState, Selection, Status};
use ndarray::{ArrayD, IxDyn, arr1};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn manifest() -> Manifest {
    Manifest::new("study test", json!({"layers": []}), json!({"steps": 12}), Some(7))
}

fn options() -> RecorderOptions {
    RecorderOptions { flush_rows: 4, ..RecorderOptions::default() }
}

fn named(name: &str, values: &[f32]) -> (String, ArrayD<f32>) {
    (name.to_string(), arr1(values).into_dyn())
}

/// A "training" whose every number follows from the state it goes on from.
fn train(recorder: &mut Recorder, saved: Option<SavedState>, until: u64) {
    let mut weight = saved.as_ref().map_or(1.0f32, |saved| saved.tensors[0].1[[0]]);
    let mut momentum = saved.as_ref().map_or(0.0f32, |saved| saved.optimiser[0].1[[0]]);
    let first = saved.as_ref().map_or(0, |saved| saved.state["next"].as_u64().unwrap());
    recorder.probe(&[named("input", &[1.0, 2.0])], &[3, 4]).unwrap();
    for step in first..=until {
        momentum = 0.9 * momentum + weight.sin();
        weight -= 0.1 * momentum;
        recorder.series("train", step, &[("loss", f64::from(weight))]).unwrap();
        if step % 3 == 0 {
            recorder.series("test", step, &[("accuracy", f64::from(momentum))]).unwrap();
            let state = json!({"next": step + 1, "counter": u64::MAX});
            let tensors = [named("z.weight", &[weight]), named("a.bias", &[f32::NAN, -0.0])];
            recorder.checkpoint(step, &tensors, &[named("0.momentum", &[momentum])], &state).unwrap();
            let capture =
                Capture { name: "conv1".into(), rule: "spatial mean".into(), values: arr1(&[weight]).into_dyn() };
            recorder.activations(step, &[capture]).unwrap();
        }
    }
}

/// All files of a run with their bytes, apart from the time it was begun at.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let mut bytes = fs::read(&path).unwrap();
                if path.ends_with("run.json") {
                    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
                    value["created"] = Value::Null;
                    bytes = value.to_string().into_bytes();
                }
                found.push((path.strip_prefix(folder).unwrap().to_path_buf(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target)
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

fn whole_run(folder: &Path) {
    let mut recorder = Recorder::create(folder, &manifest()).unwrap().with_options(options());
    train(&mut recorder, None, 12);
    recorder.finish().unwrap();
}

#[test]
fn what_is_recorded_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    whole_run(&path);
    let run = Run::open(&path).unwrap();
    assert!(run.is_finished());
    assert_eq!(run.manifest().seed, Some(7));
    assert_eq!(run.manifest().settings, json!({"steps": 12}));
    assert_eq!(run.steps(), [0, 3, 6, 9, 12]);
    assert_eq!(run.tables().unwrap(), ["test", "train"]);
    assert_eq!(run.series("train").unwrap().steps, (0..=12).collect::<Vec<_>>());
    let probe = run.probe().unwrap().unwrap();
    assert_eq!(probe.labels, [3, 4]);
    assert_eq!(probe.arrays, [named("input", &[1.0, 2.0])]);
    assert_eq!(Some(&probe.hash), run.manifest().probe_hash.as_ref());
    let checkpoint = run.checkpoint(6).unwrap();
    assert_eq!(checkpoint.step(), Some(6));
    let names: Vec<&str> = checkpoint.tensors().iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["z.weight", "a.bias"], "in the order recorded, without the optimiser's");
    assert_eq!(checkpoint.other_tensors()[0].name, "optimizer.0.momentum");
    assert!(checkpoint.read_f32("a.bias").unwrap()[[0]].is_nan());
    let captures = run.activations(6).unwrap().unwrap();
    assert_eq!((captures.arrays[0].name.as_str(), captures.arrays[0].rule.as_str()), ("conv1", "spatial mean"));
    assert!(run.activations(7).unwrap().is_none() && run.gradients(6).unwrap().is_none());
    let error = run.checkpoint(7).unwrap_err().to_string();
    assert!(error.contains("step 7") && error.contains("0, 3, 6, 9, 12"), "{error}");
    assert!(!path.join("lock").exists());
}

#[test]
fn checkpoints_are_safetensors_to_other_readers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap();
    let values = ArrayD::from_shape_fn(IxDyn(&[2, 3]), |index| (10 * index[0] + index[1]) as f32);
    let transposed = values.clone().reversed_axes();
    let tensors = [("w".to_string(), values), ("t".to_string(), transposed)];
    recorder.checkpoint(0, &tensors, &[], &Value::Null).unwrap();
    let bytes = fs::read(path.join("checkpoints/step-00000000.safetensors")).unwrap();
    let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let data = read.tensor(name).unwrap().data().to_vec();
        data.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    };
    assert_eq!(numbers("w"), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    assert_eq!(read.tensor("t").unwrap().shape(), [3, 2]);
    assert_eq!(numbers("t"), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0], "row-major, whatever order the array lies in");
}

#[test]
fn a_run_killed_at_any_step_goes_on_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference");
    whole_run(&reference);
    for killed in [0, 2, 3, 7, 11] {
        for flushed in [true, false] {
            let path = folder.path().join(format!("killed-{killed}-{flushed}"));
            let mut recorder = Recorder::create(&path, &manifest()).unwrap().with_options(options());
            train(&mut recorder, None, killed);
            if !flushed {
                // A killed process neither flushes nor releases anything itself.
                let dead = folder.path().join(format!("dead-{killed}"));
                copy(&path, &dead);
                drop(recorder);
                resume_and_compare(&dead, &reference, killed - killed % 3);
            } else {
                drop(recorder);
                resume_and_compare(&path, &reference, killed - killed % 3);
            }
        }
    }
}

fn resume_and_compare(path: &Path, reference: &Path, last: u64) {
    let (recorder, saved) = Recorder::resume(path).unwrap();
    let saved = saved.unwrap();
    assert_eq!(saved.step, last);
    assert_eq!(saved.state["counter"], u64::MAX);
    let mut recorder = recorder.with_options(options());
    train(&mut recorder, Some(saved), 12);
    recorder.finish().unwrap();
    let (one, other) = (Run::open(path).unwrap(), Run::open(reference).unwrap());
    for table in other.tables().unwrap() {
        assert_eq!(one.series(&table).unwrap(), other.series(&table).unwrap());
    }
    let only_arrays = |(path, _): &(PathBuf, Vec<u8>)| !path.starts_with("series") && !path.ends_with("lock");
    let both = [path, reference].map(|folder| files(folder).into_iter().filter(only_arrays).collect::<Vec<_>>());
    // Checkpoints name how far the series reach in bytes, which depends on where batches were cut; all else is equal.
    for ((name, one), (other_name, other)) in both[0].iter().zip(&both[1]) {
        assert_eq!(name, other_name);
        if !name.starts_with("checkpoints") {
            assert!(one == other, "{} differs", name.display());
        }
    }
    assert_eq!(both[0].len(), both[1].len());
    for &step in other.steps() {
        let (a, b) = (one.checkpoint(step).unwrap(), other.checkpoint(step).unwrap());
        for info in a.tensors().iter().chain(a.other_tensors()) {
            let bits = |checkpoint: &kymograph_runs::Checkpoint| -> Vec<u32> {
                checkpoint.read_f32(&info.name).unwrap().iter().map(|value| value.to_bits()).collect()
            };
            assert_eq!(bits(&a), bits(&b), "{} at {step}", info.name);
        }
    }
}

#[test]
fn a_run_killed_before_its_first_checkpoint_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap();
    recorder.series("train", 0, &[("loss", 99.0)]).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    let (mut recorder, saved) = Recorder::resume(&path).unwrap();
    assert!(saved.is_none());
    recorder.series("train", 0, &[("loss", 1.0)]).unwrap();
    recorder.finish().unwrap();
    assert_eq!(Run::open(&path).unwrap().series("train").unwrap().columns[0].1, [1.0]);
}

#[test]
fn an_interrupted_checkpoint_is_as_if_it_had_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap().with_options(options());
    train(&mut recorder, None, 4);
    drop(recorder);
    let whole = fs::read(path.join("checkpoints/step-00000003.safetensors")).unwrap();
    let half = path.join("checkpoints/step-00000006.safetensors.tmp");
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(Run::open(&path).unwrap().steps(), [0, 3]);
    let (_, saved) = Recorder::resume(&path).unwrap();
    assert_eq!(saved.unwrap().step, 3);
    assert!(!half.exists(), "what was half-written is cleared away");
}

#[test]
fn a_damaged_last_checkpoint_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap().with_options(options());
    train(&mut recorder, None, 7);
    drop(recorder);
    let last = path.join("checkpoints/step-00000006.safetensors");
    let whole = fs::read(&last).unwrap();
    for length in [0, 7, 8, 100, whole.len() - 1] {
        let copied = folder.path().join(format!("copy-{length}"));
        copy(&path, &copied);
        fs::write(copied.join("checkpoints/step-00000006.safetensors"), &whole[..length]).unwrap();
        let (_, saved) = Recorder::resume(&copied).unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!(saved.unwrap().step, 3, "cut at {length}");
        assert_eq!(Run::open(&copied).unwrap().steps(), [0, 3]);
    }
}

#[test]
fn checkpoints_are_not_deleted_when_none_can_be_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap().with_options(options());
    train(&mut recorder, None, 7);
    drop(recorder);
    fs::remove_dir_all(path.join("series")).unwrap();
    assert!(Recorder::resume(&path).is_err());
    assert_eq!(Run::open(&path).unwrap().steps(), [0, 3, 6]);
}

#[test]
fn a_series_cut_at_any_byte_after_the_checkpoint_is_recorded_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap();
    recorder.series("train", 0, &[("loss", 1.0)]).unwrap();
    recorder.checkpoint(0, &[named("w", &[1.0])], &[], &Value::Null).unwrap();
    let file = path.join("series/train.000.arrows");
    let kept = fs::metadata(&file).unwrap().len() as usize;
    recorder.series("train", 1, &[("loss", 2.0)]).unwrap();
    drop(recorder);
    let whole = fs::read(&file).unwrap();
    assert!(whole.len() > kept);
    for length in 0..=whole.len() {
        fs::remove_file(&file).unwrap();
        fs::write(&file, &whole[..length]).unwrap();
        match Recorder::resume(&path) {
            Ok((mut recorder, saved)) => {
                assert!(length >= kept && saved.unwrap().step == 0);
                recorder.series("train", 1, &[("loss", 2.0)]).unwrap();
                drop(recorder);
                assert_eq!(fs::read(&file).unwrap(), whole, "cut at {length}");
            }
            Err(RunsError::Damaged { path, .. }) => assert!(length < kept && path == file),
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
}

#[test]
fn a_new_column_after_a_resume_opens_a_segment_and_an_old_one_is_cut_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap();
    recorder.series("t", 0, &[("a", 1.0)]).unwrap();
    recorder.series("t", 1, &[("a", 1.0), ("b", 2.0)]).unwrap();
    recorder.checkpoint(1, &[named("w", &[1.0])], &[], &Value::Null).unwrap();
    recorder.series("t", 2, &[("c", 3.0)]).unwrap();
    recorder.series("late", 2, &[("d", 3.0)]).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    let (mut recorder, _) = Recorder::resume(&path).unwrap();
    assert_eq!(Run::open(&path).unwrap().tables().unwrap(), ["t"]);
    recorder.series("t", 2, &[("a", 5.0), ("e", 4.0)]).unwrap();
    recorder.finish().unwrap();
    let table = Run::open(&path).unwrap().series("t").unwrap();
    assert_eq!(table.steps, [0, 1, 2]);
    assert_eq!(table.column("a").unwrap(), (vec![0, 1, 2], vec![1.0, 1.0, 5.0]));
    assert_eq!(table.column("b").unwrap(), (vec![1], vec![2.0]));
    assert_eq!(table.column("e").unwrap(), (vec![2], vec![4.0]));
    assert!(table.column("c").is_none());
}

#[test]
fn one_recorder_at_a_time_and_a_dead_one_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let recorder = Recorder::create(&path, &manifest()).unwrap();
    let error = Recorder::resume(&path).err().unwrap();
    assert!(matches!(error, RunsError::Locked { .. }));
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(recorder);
    // The file of a process that died is still there and names a number that may be anybody's by now.
    fs::write(path.join("lock"), "1\n").unwrap();
    let (recorder, _) = Recorder::resume(&path).unwrap();
    assert_eq!(fs::read_to_string(path.join("lock")).unwrap().trim(), std::process::id().to_string());
    recorder.finish().unwrap();
}

#[test]
fn a_finished_run_is_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    whole_run(&path);
    let before = files(&path);
    assert!(matches!(Recorder::resume(&path), Err(RunsError::Finished { .. })));
    let error = Recorder::create(&path, &manifest()).err().unwrap();
    assert!(matches!(error, RunsError::Exists { .. }));
    assert!(error.to_string().contains("--force") && error.to_string().contains("--resume"), "{error}");
    assert!(files(&path) == before);
}

#[test]
fn nothing_is_recorded_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, &manifest()).unwrap();
    let weight = [named("w", &[1.0])];
    recorder.checkpoint(1, &weight, &[], &Value::Null).unwrap();
    assert!(matches!(recorder.checkpoint(1, &weight, &[], &Value::Null), Err(RunsError::Exists { .. })));
    let twice = [named("w", &[1.0]), named("w", &[2.0])];
    assert!(recorder.checkpoint(2, &twice, &[], &Value::Null).unwrap_err().to_string().contains("`w`"));
    let disguised = [named("optimizer.w", &[1.0])];
    assert!(recorder.checkpoint(2, &disguised, &[], &Value::Null).is_err());
    recorder.probe(&weight, &[1]).unwrap();
    recorder.probe(&weight, &[1]).unwrap();
    assert!(matches!(recorder.probe(&weight, &[2]), Err(RunsError::BadRecord { .. })));
    let capture = Capture { name: "fc".into(), rule: "example × unit".into(), values: arr1(&[1.0]).into_dyn() };
    recorder.activations(1, std::slice::from_ref(&capture)).unwrap();
    assert!(matches!(recorder.activations(1, &[capture]), Err(RunsError::Exists { .. })));
    assert_eq!(Run::open(&path).unwrap().steps(), [1]);
}

#[test]
fn only_what_is_selected_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let options = RecorderOptions { keep: Selection::new(&["conv*", "fc"]).unwrap(), ..RecorderOptions::default() };
    let mut recorder = Recorder::create(&path, &manifest()).unwrap().with_options(options);
    let capture = |name: &str| Capture { name: name.into(), rule: "r".into(), values: arr1(&[1.0]).into_dyn() };
    recorder.gradients(1, &["conv1", "conv2.grad", "relu1", "fc", "fc2"].map(capture)).unwrap();
    recorder.activations(1, &[capture("relu1")]).unwrap();
    let run = Run::open(&path).unwrap();
    let names: Vec<String> = run.gradients(1).unwrap().unwrap().arrays.into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["conv1", "conv2.grad", "fc"]);
    assert!(run.activations(1).unwrap().is_none());
}

#[test]
fn a_manifest_of_the_future_or_of_nobody_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(Run::open(path), Err(RunsError::NotFound { path: p }) if p.ends_with("run.json")));
    for (text, wanted) in [
        (r#"{"format_version": 2, "anything": []}"#, "version 2"),
        ("{", "run.json"),
        ("{}", "format_version"),
        (r#"{"format_version": 1}"#, "source"),
        ("[1]", "format_version"),
    ] {
        fs::write(path.join("run.json"), text).unwrap();
        let error = Run::open(path).unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
        assert!(Recorder::resume(path).is_err());
    }
}

#[test]
fn a_manifest_of_version_one_opens_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"format_version": 1, "source": "study phases", "network": {"name": "cnn"}, "settings": {"lr": 0.001},
        "seed": 3, "control": "other_order", "software": "kymograph 0.1.0", "cpu_features": ["x86_64", "avx2"],
        "hook_points": [{"name": "conv1", "shape": [32, 28, 28]}], "probe_hash": null, "status": "recording",
        "created": "2026-01-01T00:00:00Z"}"#;
    fs::write(folder.path().join("run.json"), text).unwrap();
    let run = Run::open(folder.path()).unwrap();
    assert_eq!(run.manifest().control.as_deref(), Some("other_order"));
    assert_eq!(run.manifest().status, Status::Recording);
    assert_eq!(run.manifest().hook_points[0].shape, [32, 28, 28]);
    assert!(run.steps().is_empty() && run.tables().unwrap().is_empty() && run.probe().unwrap().is_none());
}
