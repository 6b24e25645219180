//! The study `groups` as users meet it: trained, killed, resumed, analysed as if made elsewhere, and given bad input.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use kymograph::findings::Finding;
use support::{SMALL_GROUPS, fails, killed_at, path, same_files, succeeds};

fn small<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "groups", "--out", out][..], SMALL_GROUPS, more].concat()
}

fn findings(out: &Path) -> Vec<Finding> {
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

fn value(findings: &[Finding], measure: &str, array: &str) -> f64 {
    let row = findings.iter().find(|f| f.measure == measure && f.array == array);
    row.and_then(|f| f.value).unwrap_or_else(|| panic!("{measure} of {array} was measured"))
}

#[test]
fn every_kind_of_network_is_trained_measured_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arch, precision) in [("mlp", "f64_loss"), ("sum", "f32"), ("bilinear", "f64"), ("transformer", "f64_loss")] {
        let out = folder.path().join(arch);
        let set = [format!("arch={arch}"), format!("precision={precision}")];
        succeeds(&small(path(&out), &["--set", &set[0], "--set", &set[1], "--seeds", "1..2"]));
        let found = findings(&out);
        for part in ["x_embed", "y_embed", "unembed"] {
            let error = value(&found, "fraction_sum_error", part);
            // The embeddings of the transformer and all unembeddings have as many rows as the group has elements.
            assert!(error < 1e-5, "{arch}: fractions of {part} are {error} from 1");
        }
        let untrained = found.iter().find(|f| f.measure == "percent_x_embed" && f.array == "sign");
        let nulls = &untrained.expect("a share").nulls;
        assert_eq!(nulls[0].kind, "random_table");
        assert!((nulls[0].mean - 1.0 / 6.0).abs() < 1e-12, "one of six functions");
        assert_eq!(nulls[1].kind, "untrained");
        let series = fs::read_to_string(out.join(format!("derived/metrics/S3-{arch}/seed-2.csv"))).expect("columns");
        let head = series.lines().next().expect("a header");
        assert!(head.starts_with("step,") && head.contains("logit_standard_rep_trace_similarity"), "{head}");
        assert!(series.lines().count() > 6);
        let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
        assert!(page.contains("Which representations are learned") && page.contains("representation by step"));
        fs::remove_dir_all(out.join("derived")).expect("derived/ may be deleted");
        succeeds(&["report", path(&out), "--quiet"]);
        assert_eq!(findings(&out), found);
    }
}

#[test]
fn threads_and_kills_leave_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = ["--set", "steps=3000", "--set", "precision=f64", "--seeds", "1..1"];
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeeds(&small(path(&whole), &[&long[..], &["--threads", "1"]].concat()));
    let awaited = killed.join("runs/S3-mlp/seed-1/checkpoints/step-00000750.safetensors");
    killed_at(&small(path(&killed), &long), &awaited);
    succeeds(&small(path(&killed), &[&long[..], &["--threads", "3", "--resume"]].concat()));
    same_files(&whole, &killed);
    assert_eq!(findings(&whole), findings(&killed));
}

#[test]
fn checkpoints_without_their_run_are_analysed_and_judged_by_the_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    succeeds(&small(path(&out), &["--seeds", "1..1"]));
    let copy = folder.path().join("mine/model.safetensors");
    fs::create_dir(folder.path().join("mine")).expect("a folder");
    fs::copy(out.join("runs/S3-mlp/seed-1/checkpoints/step-00000060.safetensors"), &copy).expect("a copy");
    fails(
        &["analyze", path(&copy), "--plan", "groups", "--out", path(&folder.path().join("a"))],
        2,
        &["cfg.json", "group ="],
    );
    let config = r#"{"group": "SymmetricGroup", "group_parameter": 3, "frac_train": 0.5, "seed": 1}"#;
    fs::write(folder.path().join("mine/cfg.json"), config).expect("a file");
    let foreign = folder.path().join("b");
    succeeds(&[
        "analyze",
        path(&copy),
        "--plan",
        "groups",
        "--predictions",
        "groups",
        "--quiet",
        "--out",
        path(&foreign),
    ]);
    let (own, theirs) = (findings(&out), findings(&foreign));
    for (measure, array) in [("train_loss", "network"), ("test_loss", "network"), ("logit_trace_similarity", "sign")] {
        assert_eq!(value(&own, measure, array), value(&theirs, measure, array), "{measure}");
    }
    let judged = succeeds(&["judge", path(&out), "--predictions", "groups", "--json"]);
    let judged: serde_json::Value = serde_json::from_slice(&judged.stdout).expect("JSON");
    let last = judged["verdicts"].as_array().and_then(|v| v.last()).expect("verdicts");
    assert_eq!(last["predictions"][0]["n_seeds"], 1);
}

#[test]
fn a_group_of_ones_own_is_its_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("klein.csv");
    fs::write(&table, "0,1,2,3\n1,0,3,2\n2,3,0,1\n3,2,1,0\n").expect("a file");
    let out = folder.path().join("out");
    let group = format!("group={}", path(&table));
    succeeds(&small(path(&out), &["--set", &group, "--seeds", "1..1"]));
    assert!(out.join("runs/klein-mlp/seed-1/run.json").exists());
    assert!(value(&findings(&out), "fraction_sum_error", "x_embed") < 1e-5);
    let refused = |content: &str, code: i32, words: &[&str]| {
        fs::write(&table, content).expect("a file");
        let out = folder.path().join("refused");
        fails(&small(path(&out), &["--set", &group]), code, words);
        assert!(!out.exists(), "nothing is written for a table that is refused");
    };
    refused("0,1\n1,1\n", 2, &["klein"]);
    refused("0,1,2\n1,2,0\n", 2, &["klein"]);
    refused("0,x\n1,0\n", 1, &["x", "number"]);
    refused("0,1,2,3,4\n1,0,3,4,2\n2,4,0,1,3\n3,2,4,0,1\n4,3,1,2,0\n", 2, &["klein"]);
}

#[test]
fn bad_input_gets_a_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    for (set, word) in [
        ("group=Z5", "no group"),
        ("group=C2000", "1000"),
        ("group=S9", "1 to 6"),
        ("fraction=1.5", "share"),
        ("arch=resnet", "mlp"),
        ("biases=maybe", "true or false"),
        ("checkpoints=1", "at least 2"),
        ("beta2=1", "below 1"),
    ] {
        fails(&small(path(&out), &["--set", set]), 2, &[word]);
    }
    fails(&["run", "groups", "--recipe", "best", "--out", path(&out)], 2, &["notebook", "paper"]);
    fails(&["run", "phases", "--recipe", "paper", "--out", path(&out)], 2, &["no recipes"]);
    assert!(!out.exists());
    let run = folder.path().join("run");
    succeeds(&small(path(&run), &["--seeds", "1..1"]));
    let original: PathBuf = run.join("runs/S3-mlp/seed-1/checkpoints/step-00000060.safetensors");
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).expect("a folder");
    let copy = mine.join("model.safetensors");
    let plan = folder.path().join("plan.toml");
    let analyze = |group: &str, words: &[&str]| {
        fs::write(&plan, format!("[composition]\ngroup = \"{group}\"\n")).expect("a file");
        fails(&["analyze", path(&copy), "--plan", path(&plan), "--out", path(&out)], 1, words);
    };
    fs::copy(&original, &copy).expect("a copy");
    analyze("S4", &["W_x", "24"]);
    let mut bytes = fs::read(&original).expect("a checkpoint");
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    bytes[header..header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&copy, &bytes).expect("a file");
    analyze("S3", &["NaN"]);
}
