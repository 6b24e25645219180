//! Which crate may use which: the architecture's directions, checked against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// For each crate of the workspace, the crates of the workspace it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kymograph-linalg", &[]),
    ("kymograph-measures", &["kymograph-linalg"]),
    ("kymograph-nets", &["kymograph-linalg"]),
    ("kymograph-runs", &[]),
    ("kymograph-studies", &["kymograph-linalg", "kymograph-measures", "kymograph-nets", "kymograph-runs"]),
    ("kymograph-findings", &["kymograph-linalg", "kymograph-measures", "kymograph-runs"]),
    ("kymograph-report", &["kymograph-findings"]),
];

#[test]
fn crates_depend_only_in_the_directions_of_the_architecture() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name").to_owned();
        let ours = package["dependencies"].as_array().expect("dependencies").iter().filter_map(|d| d["name"].as_str());
        uses.insert(name, ours.filter(|d| d.starts_with("kymograph")).map(ToOwned::to_owned).collect());
    }
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).chain(["kymograph"]).collect();
    let found: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    assert_eq!(found, known, "a crate was added or removed: say in MAY_USE what it may use");
    for (name, allowed) in MAY_USE {
        for used in &uses[*name] {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}
