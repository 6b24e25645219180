//! The command as users meet it: results, errors with their exit codes, and runs that were killed.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{fails, killed_at, kymograph, path, recorded, same_files, succeeds, text};

/// A training small enough for a test.
const SMALL: &[&str] = &["--quick", "--quiet", "--set", "steps=40", "--set", "probe_examples=50"];

fn small<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "phases", "--out", out][..], SMALL, more].concat()
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeeds(&small(path(&whole), &[]));
    // Killed in the CNN, then again in the MLP, then once before anything was recorded further.
    for checkpoint in ["cnn/seed-0/checkpoints/step-00000008", "mlp/seed-0/checkpoints/step-00000002"] {
        let resume: &[&str] = if killed.exists() { &["--resume"] } else { &[] };
        let awaited = killed.join("runs").join(format!("{checkpoint}.safetensors"));
        killed_at(&small(path(&killed), resume), &awaited);
    }
    fails(&small(path(&killed), &[]), 1, &["--resume", "--force"]);
    succeeds(&small(path(&killed), &["--resume"]));
    same_files(&whole, &killed);
    let findings = |out: &Path| fs::read(out.join("derived/findings.json")).expect("findings were written");
    assert!(findings(&whole) == findings(&killed), "findings.json differs");
}

#[test]
#[ignore = "slow: the whole quick study, killed and resumed"]
fn the_quick_study_killed_half_way_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeeds(&["run", "phases", "--quick", "--quiet", "--out", path(&whole)]);
    let awaited = killed.join("runs/cnn/seed-0/checkpoints/step-00000100.safetensors");
    killed_at(&["run", "phases", "--quick", "--quiet", "--out", path(&killed)], &awaited);
    succeeds(&["run", "phases", "--quick", "--quiet", "--out", path(&killed), "--resume"]);
    same_files(&whole, &killed);
}

fn same_bytes_for_any_number_of_threads(networks: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let one = folder.path().join("1");
    let set = ["--set", networks];
    succeeds(&small(path(&one), &[&set[..], &["--threads", "1"]].concat()));
    for threads in ["2", "3"] {
        let out = folder.path().join(threads);
        succeeds(&small(path(&out), &[&set[..], &["--threads", threads]].concat()));
        same_files(&one, &out);
        let findings = |out: &Path| fs::read(out.join("derived/findings.json")).expect("findings were written");
        assert!(findings(&one) == findings(&out), "findings.json differs for {threads} threads");
    }
}

#[test]
fn one_two_and_three_threads_give_the_same_bytes() {
    same_bytes_for_any_number_of_threads("networks=mlp");
}

#[test]
#[ignore = "slow: the convolutional network's measures, three times"]
fn one_two_and_three_threads_give_the_same_bytes_of_every_network() {
    same_bytes_for_any_number_of_threads("networks=cnn,mlp");
}

#[test]
fn an_experiment_reports_again_grows_by_seeds_and_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("e");
    let mlp = ["--set", "networks=mlp"];
    succeeds(&small(path(&out), &mlp));
    let report = out.join("derived/report.html");
    let page = fs::read_to_string(&report).expect("a page");
    assert!(page.len() < 20_000_000 && page.contains("Phases or refinement"));
    commands_give_the_same_values_again(&out, &page);
    fs::remove_dir_all(out.join("derived")).expect("derived/ may be deleted");
    succeeds(&["report", path(&out), "--quiet", "--pdf"]);
    assert!(report.exists());
    let figures: Vec<PathBuf> = fs::read_dir(out.join("derived/figures"))
        .expect("figures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|file| file.extension().is_some_and(|e| e == "svg"))
        .collect();
    assert!(!figures.is_empty());
    for svg in figures {
        assert!(fs::read(svg.with_extension("pdf")).expect("a PDF beside it").starts_with(b"%PDF-"));
    }
    succeeds(&small(path(&out), &[&mlp[..], &["--resume", "--seeds", "0..1"]].concat()));
    assert!(out.join("runs/mlp/seed-1/run.json").exists());
    fails(
        &small(path(&out), &["--resume", "--set", "learning_rate=0.01"]),
        1,
        &["learning_rate = 0.001, not", "learning_rate = 0.01", "--out"],
    );
    // Settings that are the same in effect and were given otherwise differ in what was given.
    let same = [&mlp[..], &["--resume", "--set", "learning_rate=0.001"]].concat();
    fails(&small(path(&out), &same), 1, &["set = [", "learning_rate=0.001"]);
    fs::write(out.join("notes.txt"), "mine").expect("a file of somebody's");
    fails(&small(path(&out), &["--force"]), 1, &["notes.txt"]);
    fs::remove_file(out.join("notes.txt")).expect("removed");
    succeeds(&small(path(&out), &[&mlp[..], &["--force"]].concat()));
    assert!(!out.join("runs/mlp/seed-1").exists());
}

#[test]
fn checkpoints_made_elsewhere_are_analyzed_and_a_second_time_from_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let (study, out) = (folder.path().join("study"), folder.path().join("out"));
    succeeds(&small(path(&study), &["--set", "networks=mlp"]));
    let checkpoints = study.join("runs/mlp/seed-0/checkpoints");
    let analyze = ["analyze", path(&checkpoints), "--out", path(&out), "--quiet"];
    succeeds(&analyze);
    let findings = fs::read(out.join("derived/findings.json")).expect("findings");
    let cache = fs::metadata(out.join("derived/cache/evidence.jsonl")).expect("a cache").len();
    succeeds(&analyze);
    assert!(findings == fs::read(out.join("derived/findings.json")).expect("findings"));
    assert_eq!(cache, fs::metadata(out.join("derived/cache/evidence.jsonl")).expect("a cache").len());
    let other = study.join("runs/mlp/seed-0/checkpoints/step-00000001.safetensors");
    fails(&["analyze", path(&other), "--out", path(&out)], 1, &["--out", "--force"]);
    let inspected = succeeds(&["inspect", path(&other), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    assert_eq!(json["step"], 1);
    assert_eq!(json["tensors"][0]["name"], "fc1.weight");
    assert_eq!(json["tensors"][0]["shape"], serde_json::json!([32, 784]));
    let tensor = format!("{}:fc1.weight", path(&other));
    let measured = succeeds(&["measure", "same_index_cosine", &tensor, &tensor, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&measured.stdout).expect("JSON");
    assert!((json["value"].as_f64().expect("a number") - 1.0).abs() < 1e-6);
}

/// Takes one row of each measure again by the command that the page gives for it.
fn commands_give_the_same_values_again(experiment: &Path, page: &str) {
    let between = |text: &str, from: &str, to: &str| Some(text.split(from).nth(1)?.split(to).next()?.to_owned());
    let mut tried: Vec<String> = Vec::new();
    for row in page.split("<details class=\"row\">").skip(1) {
        let row = row.split("</details>").next().unwrap_or_default();
        let Some(command) = between(row, "<code>kymograph ", "</code>") else {
            continue;
        };
        let command = command.replace("&#x2f;", "/");
        let words: Vec<&str> = command.split(' ').collect();
        // One row of each measure, and no more: every row is written by the same rule.
        if tried.iter().any(|name| name == words[1]) {
            continue;
        }
        let shown = between(row, "<dt>Value</dt><dd>", "</dd>").expect("a row with a command has a value");
        let shown: f64 = shown.split(',').next().unwrap_or_default().parse().expect("all the digits of a number");
        let output =
            kymograph(&[&words[..], &["--json"]].concat()).current_dir(experiment).output().expect("it starts");
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        let again: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(again["value"].as_f64(), Some(shown), "{command}");
        tried.push(words[1].to_owned());
    }
    assert!(tried.contains(&"same_index_cosine".to_owned()), "only {tried:?}");
}

#[test]
fn nothing_that_is_not_a_report_of_ours_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = folder.path().join("study");
    succeeds(&small(path(&study), &["--set", "networks=mlp"]));
    let before = recorded(&study);
    fails(&["analyze", path(&study), "--out", path(&study), "--force"], 1, &["to be analysed", "--out"]);
    let checkpoints = study.join("runs/mlp/seed-0/checkpoints");
    fails(&["analyze", path(&checkpoints), "--out", path(&study), "--force"], 1, &["to be analysed", "--out"]);
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).expect("a folder");
    fs::write(mine.join("thesis.tex"), "years").expect("a file");
    for force in [&[][..], &["--force"]] {
        fails(&[&["analyze", path(&checkpoints), "--out", path(&mine)], force].concat(), 1, &["mine", "--out"]);
        fails(&small(path(&mine), force), 1, &["mine", "--out"]);
    }
    assert_eq!(fs::read_dir(&mine).expect("still there").count(), 1);
    let out = folder.path().join("out");
    succeeds(&["analyze", path(&study), "--out", path(&out), "--quiet"]);
    let findings = fs::read_to_string(out.join("derived/findings.json")).expect("findings");
    let rows: serde_json::Value = serde_json::from_str(&findings).expect("JSON");
    assert_eq!((&rows[0]["run"]["network"], &rows[0]["run"]["seed"]), (&"mlp".into(), &0.into()));
    assert!(recorded(&study) == before, "an analysis changed what it read");
}

#[test]
fn bad_input_gets_a_clear_error_and_its_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("plain").to_owned();
    let out = at("out");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    fails(&["analyze", &at("nowhere"), "--out", &out], 1, &["nowhere"]);
    fails(&["analyze", &at("empty"), "--out", &out], 1, &["empty", ".safetensors"]);
    fails(&["run", "fases", "--out", &out], 2, &["fases", "phases"]);
    fails(&["run", "phases", "--set", "stepps=3", "--out", &out], 2, &["stepps", "steps"]);
    fails(&["run", "phases", "--data-dir", &at("empty"), "--out", &out], 1, &["empty"]);
    fails(&["measure", "linear_kca", "x.npy"], 2, &["linear_cka"]);
    fails(&["measure", "weight_std", &at("x.npy")], 1, &["x.npy"]);
    fails(&["measure", "weight_std", "x.txt"], 2, &["x.txt", ".npy"]);
    fails(&["run"], 2, &["STUDY"]);
    fails(&["frobnicate"], 2, &["frobnicate"]);
    fails(&["run", "phases", "--seeds", "3..1"], 2, &["A..B"]);
    fails(&["report", &at("empty")], 1, &["experiment.json"]);
    let bad = at("bad_10.safetensors");
    fs::write(&bad, b"not a checkpoint").expect("a file");
    fails(&["analyze", &bad, "--out", &out], 1, &["bad_10.safetensors"]);
    fails(&["inspect", &bad], 1, &["bad_10.safetensors"]);
    assert!(!Path::new(&out).exists(), "nothing is written when nothing was done");
}
