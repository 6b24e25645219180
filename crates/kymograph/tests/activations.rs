//! The activation cache keeps within its budget of disk space, and what it did not keep changes no number.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use kymograph::{RunRequest, run_study};
use support::{path, succeeds};

/// Every file below a folder with its length.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().expect("its length").len()));
        }
    }
    found.sort();
    found
}

fn kept(out: &Path) -> Vec<(PathBuf, u64)> {
    let all = files(&out.join("derived/cache/activations"));
    all.into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "safetensors")).collect()
}

fn request(out: &Path, networks: &str, activation_budget: Option<u64>) -> RunRequest {
    let set = [("steps", "16"), ("probe_examples", "40"), ("networks", networks), ("controls", "other_order")];
    RunRequest {
        study: "phases".to_owned(),
        seeds: Some(vec![0]),
        set: set.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        quick: true,
        out: Some(out.to_path_buf()),
        resume: true,
        recipe: None,
        activation_budget,
        ..RunRequest::default()
    }
}

fn findings(out: &Path) -> Vec<u8> {
    fs::read(out.join("derived/findings.json")).expect("findings were written")
}

fn a_budget_changes_no_bit(networks: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("e");
    let run = |budget| run_study(&request(&out, networks, budget), &|_| ()).expect("it runs");
    run(None);
    let (whole, all) = (findings(&out), kept(&out));
    let page = fs::read(out.join("derived/report.html")).expect("a page");
    let total: u64 = all.iter().map(|(_, bytes)| bytes).sum();
    let main = |files: &[(PathBuf, u64)]| {
        files.iter().filter(|(path, _)| path.parent().is_some_and(|p| p.extension().is_none())).count()
    };
    assert!(main(&all) > 2 && (networks != "mlp" || all.len() > main(&all)), "controls have files, too");
    for (budget, cleared) in [(total / 3, true), (0, false)] {
        if cleared {
            // Without the rows computed before, everything has to be measured from what is kept and what is taken again.
            fs::remove_file(out.join("derived/cache/evidence.jsonl")).expect("derived/ may be deleted");
        }
        run(Some(budget));
        assert!(findings(&out) == whole, "findings.json differs with {budget} bytes, cleared: {cleared}");
        assert!(fs::read(out.join("derived/report.html")).expect("a page") == page, "the page differs");
        let now = kept(&out);
        assert!(now.iter().map(|(_, bytes)| bytes).sum::<u64>() <= budget, "{now:?}");
        assert_eq!(now.is_empty(), budget == 0);
        assert_eq!(main(&now), now.len(), "main runs come first: {now:?}");
    }
    // Files that belong to nothing here give way, and what fits again is kept again.
    let stray = out.join("derived/cache/activations/old.safetensors");
    fs::write(&stray, vec![0; total as usize]).expect("a file");
    run(Some(total));
    assert_eq!(kept(&out), all, "all are there again, and nothing else");
    assert!(findings(&out) == whole);
    fs::remove_dir_all(out.join("derived")).expect("derived/ may be deleted");
    run(Some(total / 3));
    assert!(findings(&out) == whole, "findings.json differs from a fresh start");
    succeeds(&["report", path(&out), "--quiet"]);
    assert!(findings(&out) == whole && kept(&out) == all);
}

#[test]
fn what_was_not_kept_is_taken_again_to_the_same_bits() {
    a_budget_changes_no_bit("mlp");
}

#[test]
#[ignore = "slow: attention patterns and tokens of the transformer, from every state of the cache"]
fn what_was_not_kept_of_a_transformer_is_taken_again_to_the_same_bits() {
    a_budget_changes_no_bit("transformer");
}
