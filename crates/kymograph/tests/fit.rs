//! `kymograph fit`: rows laid out or grouped from the command line, and what is refused.

mod support;

use std::path::Path;

use kymograph::runs::{NpyArray, NpyWriter, read_npy, write_npy_labels};
use serde_json::Value;

use support::{fails, path, succeeds, text};

const ROWS: usize = 45;

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&succeeds(&[args, &["--json"]].concat()).stdout).expect("JSON")
}

/// Three groups of fifteen rows, far apart, and their labels.
fn arrays(folder: &Path) -> (String, String) {
    let (x, labels) = (folder.join("x.npy"), folder.join("labels.npy"));
    let value = |row: usize, column: usize| {
        let far = if row % 3 == column { 30.0 } else { 0.0 };
        far + ((row * 7 + column * 13) % 11) as f32 * 0.1
    };
    let values: Vec<f32> = (0..ROWS * 4).map(|place| value(place / 4, place % 4)).collect();
    let mut writer = NpyWriter::create(&x, &[ROWS, 4]).expect("a file");
    writer.append(&values).expect("space");
    writer.finish().expect("a file");
    write_npy_labels(&labels, &(0..ROWS as i64).map(|row| row % 3).collect::<Vec<_>>()).expect("a file");
    (path(&x).to_owned(), path(&labels).to_owned())
}

#[test]
fn rows_are_laid_out_and_grouped_and_the_files_can_be_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let (x, labels) = arrays(folder.path());
    let to = |name: &str| path(&folder.path().join(name)).to_owned();
    for (method, set, numbers) in [
        ("pca", vec!["--set", "components=2"], vec!["explained_variance_share"]),
        ("ica", vec!["--set", "components=2", "--set", "contrast=cube"], vec!["iterations", "direction_lengths"]),
        ("nmf", vec!["--set", "components=2", "--set", "halves=true"], vec!["relative_error", "iterations"]),
        ("tsne", vec!["--set", "perplexity=6", "--set", "iterations=150"], vec!["kl_divergence", "iterations"]),
        ("umap", vec!["--set", "n_neighbors=7", "--set", "epochs=100"], vec!["curve", "pairs", "epochs"]),
    ] {
        let out = to(&format!("{method}.npy"));
        let args = [&["fit", method, &x, "--out", &out][..], &set].concat();
        let fitted = json(&args);
        assert_eq!((&fitted["method"], &fitted["shape"]), (&method.into(), &serde_json::json!([ROWS, 2])));
        assert!(numbers.iter().all(|name| !fitted[*name].is_null()), "{fitted}");
        let (key, value) = set[1].split_once('=').expect("a setting");
        assert_eq!(fitted["options"][key], value);
        let NpyArray::F32(written) = read_npy(&out).expect("an array") else { panic!("{out} holds no f32") };
        assert!(written.shape() == [ROWS, 2] && written.iter().all(|value| value.is_finite()));
        let purity = json(&["measure", "knn_label_purity", &out, &labels, "--set", "k=5"]);
        // Three groups on three axes take three parts; two leave the rows of the third nearly without any.
        let least = if method == "nmf" { 0.7 } else { 1.0 };
        assert!(purity["value"].as_f64().expect("a number") >= least, "{method}: {purity}");
        // The same again gives the same bytes, but only when it is asked to.
        let before = std::fs::read(&out).expect("a file");
        fails(&args, 1, &["--force", "--out"]);
        succeeds(&[&args[..], &["--force", "--threads", "1"]].concat());
        assert!(before == std::fs::read(&out).expect("a file"), "{method}");
    }
    let groups = to("groups.npy");
    let fitted = json(&["fit", "kmeans", &x, "--set", "k=3", "--out", &groups]);
    assert_eq!(fitted["cluster_sizes"], serde_json::json!([15.0, 15.0, 15.0]));
    assert_eq!(json(&["measure", "adjusted_rand_index", &groups, &labels])["value"], 1.0);
    // A layout can start from another.
    let start = format!("initial={}", to("pca.npy"));
    let aligned = json(&[
        "fit",
        "tsne",
        &x,
        "--set",
        "perplexity=6",
        "--set",
        &start,
        "--set",
        "early_iterations=0",
        "--out",
        &to("aligned.npy"),
    ]);
    assert_eq!((&aligned["iterations"], &aligned["options"]["method"]), (&500.0.into(), &"exact".into()));
    let said = text(&succeeds(&["fit", "pca", &x, "--out", &to("again.npy")]).stdout);
    assert!(said.contains("explained variance share") && said.contains("45 × 2"), "{said}");
}

#[test]
fn what_cannot_be_fitted_is_said_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let (x, labels) = arrays(folder.path());
    let to = |name: &str| path(&folder.path().join(name)).to_owned();
    let out = to("out.npy");
    let signed = to("signed.npy");
    let mut writer = NpyWriter::create(&signed, &[2, 2]).expect("a file");
    writer.append(&[0.5, 1.0, -0.5, 2.0]).expect("space");
    writer.finish().expect("a file");
    for (args, code, words) in [
        (vec!["tsne", &x], 2, vec!["perplexity", "14.67"]),
        (vec!["tsne", &x, "--set", "perplexty=5"], 2, vec!["perplexty=5", "perplexity"]),
        (vec!["tsne", &x, "--set", "perplexity=five"], 2, vec!["perplexity=five", "a number"]),
        (vec!["tsne", &x, "--set", "method=quick"], 2, vec!["method=quick", "interpolated"]),
        (vec!["umap", &x, "--set", "epochs=1.5"], 2, vec!["epochs=1.5", "whole number"]),
        (vec!["umap", &x, "--set", "n_neighbors=100"], 2, vec!["n_neighbors", "45"]),
        (vec!["kmeans", &x, "--set", "k=46"], 2, vec!["`k`", "46"]),
        (vec!["pca", &x, "--set", "components=9"], 2, vec!["components", "4"]),
        (vec!["ica", &x, "--set", "components=9"], 2, vec!["components", "4"]),
        (vec!["ica", &x, "--set", "contrast=square"], 2, vec!["contrast=square", "logcosh"]),
        (vec!["nmf", &x, "--set", "components=0"], 2, vec!["components", "from 1"]),
        (vec!["nmf", &signed], 2, vec!["signed.npy", "-0.5", "row 1, column 0", "halves=true"]),
        (vec!["pca", &labels], 2, vec!["labels.npy", "integers"]),
        (vec!["pca", "nowhere.npy"], 1, vec!["nowhere.npy"]),
        (vec!["sne", &x], 2, vec!["sne", "tsne"]),
        (vec!["umap", &x, "--set", "initial=nowhere.npy"], 1, vec!["nowhere.npy"]),
    ] {
        fails(&[&["fit"][..], &args, &["--out", &out]].concat(), code, &words);
    }
    assert!(!Path::new(&out).exists(), "nothing is written by what failed");
    fails(&["fit", "pca", &x, "--out", &to("out.txt")], 2, &["out.txt", ".npy"]);
    let cube = to("cube.npy");
    let mut writer = NpyWriter::create(&cube, &[2, 3, 4]).expect("a file");
    writer.append(&[0.5; 24]).expect("space");
    writer.finish().expect("a file");
    fails(&["fit", "pca", &cube, "--out", &out], 2, &["cube.npy", "[2, 3, 4]", "flatten"]);
    let broken = to("broken.npy");
    let mut writer = NpyWriter::create(&broken, &[3, 2]).expect("a file");
    writer.append(&[0.5, 1.0, f32::NAN, 2.0, 3.0, 4.0]).expect("space");
    writer.finish().expect("a file");
    fails(&["fit", "pca", &broken, "--out", &out], 1, &["broken.npy", "row 1, column 0"]);
}
