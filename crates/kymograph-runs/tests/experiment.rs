//! Experiment folders: where runs lie, and what may be replaced.

use kymograph_runs::{
    Experiment, ExperimentManifest, Manifest, Recorder, RunKey, RunsError, remove_experiment, remove_run,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn begin(folder: &Path) -> Experiment {
    let manifest = ExperimentManifest::new("phases", json!({"steps": 10}), Some("abc".into()));
    Experiment::create(folder, &manifest).unwrap()
}

fn record(experiment: &Experiment, network: &str, seed: u64, control: Option<&str>) -> Recorder {
    let manifest = Manifest::new("study phases", Value::Null, Value::Null, Some(seed));
    Recorder::create(experiment.run_folder(network, seed, control), &manifest).unwrap()
}

#[test]
fn runs_are_listed_by_network_seed_and_control() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let experiment = begin(&path);
    for (network, seed, control) in
        [("mlp", 0, None), ("cnn", 10, None), ("cnn", 2, None), ("cnn", 2, Some("other_order")), ("cnn", 2, Some("a"))]
    {
        record(&experiment, network, seed, control).finish().unwrap();
    }
    fs::create_dir_all(path.join("runs/cnn/seed-3")).unwrap();
    fs::create_dir_all(path.join("runs/cnn/notes")).unwrap();
    let experiment = Experiment::open(&path).unwrap();
    assert_eq!(experiment.manifest().study, "phases");
    assert_eq!(experiment.manifest().predictions_hash.as_deref(), Some("abc"));
    let names: Vec<String> = experiment.runs().unwrap().iter().map(|run| run.key.to_string()).collect();
    assert_eq!(names, ["cnn/seed-2", "cnn/seed-2.a", "cnn/seed-2.other_order", "cnn/seed-10", "mlp/seed-0"]);
    let key = RunKey { network: "cnn".into(), seed: 2, control: Some("a".into()) };
    assert!(experiment.open_run(&key).unwrap().is_finished());
    assert!(experiment.runs().unwrap().iter().all(|run| run.folder.join("run.json").is_file()));
    assert!(experiment.derived_folder().unwrap().is_dir());
}

#[test]
fn an_experiment_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let error = Experiment::create(folder.path(), &ExperimentManifest::new("other", Value::Null, None)).unwrap_err();
    assert!(matches!(error, RunsError::Exists { .. }));
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(Experiment::open(folder.path()).unwrap().manifest().study, "phases");
}

#[test]
fn only_an_experiment_of_ours_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let refused = |wanted: &str| {
        let error = remove_experiment(&path).unwrap_err();
        assert!(matches!(error, RunsError::NotReplaceable { .. }), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(path.exists());
    };
    assert!(matches!(remove_experiment(&path), Err(RunsError::NotFound { .. })));
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis.txt"), "years of work").unwrap();
    refused("no experiment.json");
    fs::remove_file(path.join("thesis.txt")).unwrap();
    let experiment = begin(&path);
    fs::write(path.join("thesis.txt"), "years of work").unwrap();
    refused("`thesis.txt`");
    fs::remove_file(path.join("thesis.txt")).unwrap();
    let recorder = record(&experiment, "cnn", 0, None);
    refused("being recorded");
    drop(recorder);
    let inside = experiment.run_folder("cnn", 0, None).join("notes.md");
    fs::write(&inside, "mine").unwrap();
    refused("`notes.md`");
    fs::remove_file(&inside).unwrap();
    let beside = path.join("runs/cnn/seed-1");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("model.pt"), "mine").unwrap();
    refused("`model.pt`");
    fs::remove_dir_all(&beside).unwrap();
    fs::write(experiment.derived_folder().unwrap().join("report.html"), "computed").unwrap();
    remove_experiment(&path).unwrap();
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    begin(&real);
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(matches!(remove_experiment(&link), Err(RunsError::NotReplaceable { .. })));
    assert!(real.join("experiment.json").exists());
}

#[test]
fn only_a_run_of_ours_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = begin(folder.path());
    let mut recorder = record(&experiment, "cnn", 0, None);
    recorder.series("train", 0, &[("loss", 1.0)]).unwrap();
    recorder.finish().unwrap();
    let run = experiment.run_folder("cnn", 0, None);
    assert!(matches!(remove_run(folder.path(), &[]), Err(RunsError::NotReplaceable { .. })));
    fs::write(run.join("other.txt"), "mine").unwrap();
    assert!(matches!(remove_run(&run, &[]), Err(RunsError::NotReplaceable { .. })));
    fs::remove_file(run.join("other.txt")).unwrap();
    remove_run(&run, &[]).unwrap();
    assert!(!run.exists() && experiment.runs().unwrap().is_empty());
    record(&experiment, "cnn", 0, None).finish().unwrap();
}
