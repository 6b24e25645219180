//! The study `optimization` as users meet it: trained, killed, resumed, reported, and given bad input.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use serde_json::Value;
use support::{fails, judged_alike, killed_at, path, same_files, succeeds};

/// A training small enough for a test.
const SMALL: &[&str] =
    &["--quick", "--quiet", "--set", "steps=40", "--set", "batch_size=16", "--set", "probe_examples=40"];

fn small<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "optimization", "--out", out][..], SMALL, more].concat()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

/// A few images in CIFAR's layout with a pattern for each class, so that a test takes no time.
fn data(folder: &Path) {
    let inner = folder.join("cifar-10-batches-bin");
    fs::create_dir_all(&inner).expect("a folder");
    for (name, images) in [("data_batch_1.bin", 128usize), ("test_batch.bin", 48)] {
        let mut bytes = Vec::new();
        for image in 0..images {
            let class = image % 10;
            bytes.push(class as u8);
            bytes.extend((0..3072).map(|at| ((at * (class + 3) + image * 7) % 251) as u8));
        }
        fs::write(inner.join(name), bytes).expect("a file");
    }
}

#[test]
fn gradients_are_followed_resumed_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    data(folder.path());
    let given = ["--data-dir", path(folder.path())];
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeeds(&small(path(&whole), &[&given[..], &["--threads", "1"]].concat()));
    let awaited = killed.join("runs/cnn_adam/seed-0/checkpoints/step-00000020.safetensors");
    killed_at(&small(path(&killed), &given), &awaited);
    succeeds(&small(path(&killed), &[&given[..], &["--threads", "3", "--resume"]].concat()));
    same_files(&whole, &killed);

    let derived = whole.join("derived");
    let findings: Vec<Finding> =
        serde_json::from_slice(&fs::read(derived.join("findings.json")).expect("findings")).expect("rows");
    let row = |measure: &str, threshold: Option<&str>, step: u64| {
        let fits = |f: &&Finding| {
            f.measure == measure
                && f.steps == [step]
                && f.array == "all parameters"
                && f.options.get("threshold").map(String::as_str) == threshold
        };
        findings.iter().find(fits).unwrap_or_else(|| panic!("{measure} at {step}"))
    };
    let value = |measure: &str, threshold: Option<&str>| row(measure, threshold, 40).value.expect("a value");
    let exact = value("exact_zero_share", None);
    let near = value("near_zero_share", Some("abs1e-5"));
    let others = value("near_zero_nonexact_share", Some("abs1e-5"));
    assert!((near - exact - others).abs() < 1e-12 && exact > 0.0 && near < 1.0, "{near} = {exact} + {others}");
    assert!(value("near_zero_share", Some("abs1e-7")) <= near);
    let flips = row("flip_fraction_nonzero", Some("rel1e-1"), 40);
    assert_eq!(flips.nulls[0].kind, "independent_minibatches");
    assert!((0.0..=0.5).contains(&flips.nulls[0].mean));
    let curved = value("true_minimum_share", None);
    assert!((0.0..=1.0).contains(&curved));
    assert!(value("weight_change_growth", Some("rel1e-1")) > 0.0);

    let export = json(&derived.join("gradient_dynamics/cnn_adam-seed-0.json"));
    assert_eq!((&export["parameters"], &export["steps_per_epoch"]), (&122_570.0.into(), &8.into()));
    assert_eq!(export["total"]["steps"].as_array().map(Vec::len), Some(40));
    assert_eq!(export["total"]["columns"]["angle"][0], Value::Null, "one step makes no pair");
    let at = |column: &str, step: usize| export["total"]["columns"][column][step - 1].as_f64().expect("a number");
    let layers = export["layers"].as_object().expect("layers");
    assert_eq!(layers.len(), 10);
    let sum: f64 = layers.values().filter_map(|l| l["series"]["columns"]["exact_zeros"][39].as_f64()).sum();
    assert_eq!(sum, at("exact_zeros", 40));

    assert_eq!(json(&derived.join("summary.json"))["verdicts"].as_array().map(Vec::len), Some(2));
    judged_alike(&whole, "optimization");
    // One of the predictions is about a network that is not trained by default.
    let remedy = &json(&derived.join("summary.json"))["verdicts"][1]["remedy"];
    assert!(remedy.as_str().is_some_and(|words| words.contains("networks=cnn_adam,cnn_sgd")), "{remedy}");
    for figure in [
        "zero-e7",
        "frac-zero-grads-released",
        "frac-flip",
        "wdiff",
        "min-max",
        "layers",
        "batches",
        "angle",
        "persistence",
        "gradient-histogram",
        "layer-wise-grad-signs",
        "zoomed-layer-wise-grad-signs",
        "dead_units",
    ] {
        let figure = format!("cnn_adam-{figure}");
        for ending in ["svg", "png", "csv"] {
            let file = derived.join("figures").join(format!("{figure}.{ending}"));
            assert!(file.exists(), "{}", file.display());
        }
    }
    let page = fs::read_to_string(derived.join("report.html")).expect("a page");
    assert!(page.contains("Published curves, read off") && page.contains("Gradients near zero, at 1e-5"));
}

#[test]
fn bad_input_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let wrong = folder.path().join("wrong");
    fs::create_dir(&wrong).expect("a folder");
    fails(&small(path(&out), &["--data-dir", path(&wrong)]), 1, &["data_batch_1.bin", "cifar-10-batches-bin"]);
    fails(&small(path(&out), &["--set", "data=imagenet"]), 2, &["cifar-10"]);
    fails(&small(path(&out), &["--set", "sgd_learning_rate=-1"]), 2, &["at least 0"]);
    fails(&small(path(&out), &["--set", "signs_every=-1"]), 2, &["--set"]);
    assert!(!out.exists(), "nothing is written for settings that are refused");
}
