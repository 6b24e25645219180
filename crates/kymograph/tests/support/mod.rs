//! What the tests of the command share: calling it, and what its exit code and messages must be.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Settings of the study `groups` small enough for a test.
pub const SMALL_GROUPS: &[&str] = &[
    "--quiet",
    "--set",
    "group=S3",
    "--set",
    "steps=60",
    "--set",
    "checkpoints=8",
    "--set",
    "embed_dim=8",
    "--set",
    "hidden_dim=12",
];

pub fn kymograph(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kymograph"));
    command.args(args).stdin(Stdio::null());
    command
}

pub fn run(args: &[&str]) -> Output {
    kymograph(args).output().expect("the command starts")
}

pub fn text(bytes: &[u8]) -> String {
    // Messages are wrapped for the terminal; tests look for words.
    String::from_utf8_lossy(bytes).split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ")
}

/// Starts the command, and kills it as soon as a file is there.
pub fn killed_at(args: &[&str], awaited: &Path) {
    let mut child = kymograph(args).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = Instant::now();
    while !awaited.exists() && child.try_wait().expect("it can be asked").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(300), "{} never came", awaited.display());
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
}

#[track_caller]
pub fn succeeds(args: &[&str]) -> Output {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    output
}

#[track_caller]
pub fn fails(args: &[&str], code: i32, words: &[&str]) {
    let output = run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for word in words {
        assert!(message.replace(' ', "").contains(&word.replace(' ', "")), "{args:?} should say `{word}`: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

pub fn path(folder: &Path) -> &str {
    folder.to_str().expect("test folders have plain names")
}

/// Every file below `folder` that a run consists of, with its bytes; run.json and experiment.json hold a date.
pub fn recorded(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("runs")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.file_name().is_some_and(|n| n != "run.json") {
                let bytes = fs::read(&entry).expect("a file");
                found.push((entry.strip_prefix(folder).expect("below it").to_path_buf(), bytes));
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
pub fn same_files(a: &Path, b: &Path) {
    let (a, b) = (recorded(a), recorded(b));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for ((name, left), (_, right)) in a.iter().zip(&b) {
        assert!(left == right, "{} differs", name.display());
    }
}

/// `kymograph judge` finds of a finished experiment what its study found itself, without changing its findings.
pub fn judged_alike(experiment: &Path, study: &str) {
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
    let file = |name: &str| fs::read(experiment.join("derived").join(name)).expect("a file of the report");
    let (summary, findings) = (json(&file("summary.json")), file("findings.json"));
    let judged = json(&succeeds(&["judge", path(experiment), "--predictions", study, "--json", "--quiet"]).stdout);
    let judgements = |verdicts: &serde_json::Value| -> Vec<serde_json::Value> {
        let all = verdicts.as_array().expect("verdicts").iter();
        all.flat_map(|verdict| verdict["predictions"].as_array().expect("predictions").clone())
            .map(|prediction| prediction["judgement"].clone())
            .collect()
    };
    assert_eq!(judgements(&judged["verdicts"]), judgements(&summary["verdicts"]));
    assert!(!judgements(&judged["verdicts"]).is_empty());
    assert_eq!(file("findings.json"), findings);
}
