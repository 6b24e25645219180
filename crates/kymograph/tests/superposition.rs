//! The study `superposition` as users meet it: trained, killed, resumed, judged, and given bad input.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use support::{fails, killed_at, path, same_files, succeeds};

const DIGITS: &[&str] = &[
    "--set",
    "parts=digits",
    "--set",
    "epoch_images=640",
    "--set",
    "classifier_epochs=2",
    "--set",
    "autoencoder_epochs=4",
];
const TOYS: &[&str] = &[
    "--set",
    "parts=toys",
    "--set",
    "toy_steps=300",
    "--set",
    "toy_batch=128",
    "--set",
    "toy_checkpoints=20",
    "--set",
    "grid=4",
    "--set",
    "toy_schedule=linear",
];

fn run<'a>(out: &'a str, more: &[&[&'a str]]) -> Vec<&'a str> {
    [&["run", "superposition", "--out", out][..], &more.concat()].concat()
}

fn findings(out: &Path) -> Vec<Finding> {
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

fn value(findings: &[Finding], network: &str, measure: &str, array: &str, step: u64) -> f64 {
    let row = findings.iter().find(|f| {
        f.run.network == network && f.measure == measure && f.array == array && f.steps.as_slice() == [step].as_slice()
    });
    row.and_then(|f| f.value).unwrap_or_else(|| panic!("{measure} of {array} in {network} at {step} was measured"))
}

#[test]
fn digits_are_squeezed_measured_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("digits");
    succeeds(&run(path(&out), &[DIGITS, &["--seeds", "3..4"]]));
    let found = findings(&out);
    let at = |network: &str, measure: &str, array: &str, step| value(&found, network, measure, array, step);
    assert!(at("classifier", "accuracy", "network", 2) > 0.3);
    for network in ["autoencoder", "autoencoder_tied", "autoencoder_linear"] {
        let (mean, pca) = (at(network, "test_error", "mean", 4), at(network, "test_error", "pca", 4));
        let error = at(network, "test_error", "network", 4);
        assert!(pca < mean && error.is_finite(), "{network}: {error}, {pca}, {mean}");
        let r_squared = at(network, "r_squared", "network", 4);
        assert!((r_squared - (1.0 - error / mean)).abs() < 1e-12);
    }
    let last = at("autoencoder", "training_error", "network", 4);
    assert!(last < at("autoencoder", "training_error", "network", 0), "the autoencoder learns");
    let sparsity = at("autoencoder", "unit_sparsity", "network", 0);
    assert!(sparsity > 0.1 && sparsity < 0.9, "{sparsity}");
    for row in found.iter().filter(|f| f.measure.ends_with("_by_importance")) {
        assert_eq!(row.nulls[0].kind, "permuted_units");
        assert!(row.nulls[0].mean.abs() < 0.1 && row.value.is_some_and(|v| v.abs() <= 1.0));
    }
    let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
    assert!(page.contains("reversed by mistake") && page.contains("without offset"));
    fs::remove_dir_all(out.join("derived")).expect("derived/ may be deleted");
    succeeds(&["report", path(&out), "--quiet"]);
    assert_eq!(findings(&out), found);
    succeeds(&["judge", path(&out), "--predictions", "superposition"]);
}

#[test]
fn toy_models_are_trained_measured_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("toys");
    let sweeps = "sweeps=toy_5_2,toy_correlated,toy_anticorrelated,toy_relu_hidden,phase_2_1,phase_3_2";
    succeeds(&run(path(&out), &[TOYS, &["--set", sweeps, "--seeds", "0..1"]]));
    let found = findings(&out);
    let loss = value(&found, "toy_5_2", "held_out_loss", "p=1.0000", 300);
    let row = found.iter().find(|f| f.measure == "held_out_loss" && f.array == "p=1.0000").expect("a loss");
    // x uniform in [0, 1]: its variance is 1/12, and importances .9^i sum to 4.0951.
    assert!((row.nulls[0].mean - 4.0951 / 12.0 / 5.0).abs() < 1e-9, "{:?}", row.nulls);
    assert!(loss < 2.0 * row.nulls[0].mean);
    for measure in ["pair_cosine", "pair_alignment", "other_cosine"] {
        assert!(value(&found, "toy_correlated", measure, "p=0.1000", 300).abs() <= 1.0);
    }
    let diagram = found.iter().find(|f| f.run.network == "phase_3_2").expect("a phase diagram");
    assert_eq!(diagram.parts["phase"].len(), 16);
    assert!(found.iter().any(|f| f.measure == "phase_comparison" && f.array == "squared_norm.p=0.1069"));
    let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
    assert!(page.contains("phase diagrams") && page.contains("cheapest of three hand-made"));
}

#[test]
fn threads_and_kills_leave_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let few = ["--set", "sweeps=toy_5_2", "--set", "toy_steps=6000", "--seeds", "0..0"];
    let toys = |out| run(out, &[TOYS, &few]);
    succeeds(&[&toys(path(&whole))[..], &["--threads", "1"]].concat());
    let awaited = killed.join("runs/toy_5_2/seed-0/checkpoints/step-00000600.safetensors");
    killed_at(&toys(path(&killed)), &awaited);
    succeeds(&[&toys(path(&killed))[..], &["--threads", "3", "--resume"]].concat());
    same_files(&whole, &killed);
    assert_eq!(findings(&whole), findings(&killed));
    let (whole, killed) = (folder.path().join("whole-d"), folder.path().join("killed-d"));
    let few = ["--set", "autoencoders=tied", "--set", "autoencoder_epochs=30", "--seeds", "3..3"];
    let digits = |out| run(out, &[DIGITS, &few]);
    succeeds(&[&digits(path(&whole))[..], &["--threads", "1"]].concat());
    let awaited = killed.join("runs/autoencoder_tied/seed-3/checkpoints/step-00000003.safetensors");
    killed_at(&digits(path(&killed)), &awaited);
    succeeds(&[&digits(path(&killed))[..], &["--threads", "2", "--resume"]].concat());
    same_files(&whole, &killed);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("bad");
    for (set, told) in [
        ("sweeps=toy_6_2", &["toy_6_2", "toy_5_2"][..]),
        ("autoencoders=round", &["round", "untied"][..]),
        ("parts=letters", &["letters"][..]),
        ("toy_steps=0", &["toy_steps", "at least 1"][..]),
        ("grid=1", &["grid", "2"][..]),
        ("data=cifar-10", &["cifar-10", "mnist"][..]),
        ("toy_learning_rate=-1.0", &["toy_learning_rate"][..]),
        ("colour=blue", &["colour", "no such setting"][..]),
    ] {
        fails(&run(path(&out), &[&["--set", set]]), 2, told);
    }
}
