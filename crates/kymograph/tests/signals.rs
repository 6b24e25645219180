//! The study `signals` as users meet it: trained with its control, correlated, augmented and reported.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use serde_json::Value;
use support::{fails, judged_alike, path, succeeds};

/// A training small enough for a test.
const SMALL: &[&str] = &[
    "--quick",
    "--quiet",
    "--set",
    "steps=24",
    "--set",
    "batch_size=32",
    "--set",
    "probe_examples=60",
    "--set",
    "augmented_images=4",
    "--set",
    "augmentations=16",
];

fn small<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "signals", "--out", out][..], SMALL, more].concat()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

fn last(value: &Value) -> f64 {
    value.as_array().and_then(|list| list.last()?.as_f64()).expect("a list of numbers")
}

#[test]
fn layers_are_correlated_augmented_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    succeeds(&small(path(&out), &[]));
    let derived = out.join("derived");

    let means = json(&derived.join("corr_means.json"));
    let runs = means["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 2, "a main run and its control");
    assert_eq!((&runs[0]["control"], &runs[1]["control"]), (&Value::Null, &Value::from("double_softmax")));
    for run in runs {
        let conditions = run["conditions"].as_array().expect("conditions");
        let wanted = [(32, "train"), (32, "eval"), (60, "eval")];
        assert_eq!(conditions.len(), wanted.len());
        for (condition, (examples, mode)) in conditions.iter().zip(wanted) {
            assert_eq!((&condition["examples"], &condition["batch_norm"]), (&examples.into(), &mode.into()));
            let means = &condition["corr_means"];
            assert_eq!(means.as_object().map(serde_json::Map::len), Some(36));
            // A normalisation with positive weights changes no correlation of its layer.
            assert!((last(&means["fc1-fc1"]) - last(&means["fc1-bn1"])).abs() < 1e-5, "{mode}");
            let (clipped, absolute) = (last(&means["fc1-fc2"]), last(&condition["absolute"]["fc1-fc2"]));
            let signed = last(&condition["signed"]["fc1-fc2"]);
            assert!((clipped - (absolute + signed) / 2.0).abs() < 1e-12);
        }
    }

    let findings: Vec<Finding> =
        serde_json::from_slice(&fs::read(derived.join("findings.json")).expect("findings")).expect("rows");
    let share = |array: &str, step: u64| {
        let row = findings
            .iter()
            .find(|f| f.array == array && f.steps == [step] && f.measure == "within_group_variance_share");
        row.unwrap_or_else(|| panic!("{array} at step {step}"))
    };
    let pixels = share("augmented input", 24).value.expect("a share");
    assert!(pixels > 0.0 && pixels < 1.0);
    for layer in ["fc1", "bn1", "fc4", "softmax"] {
        let row = share(&format!("augmented {layer}"), 24);
        assert!(row.value.is_some_and(|v| v > 0.0 && v < 1.0), "{row:?}");
        let null = |kind: &str| row.nulls.iter().find(|null| null.kind == kind).map(|null| null.mean);
        assert_eq!(null("permuted_examples"), Some(60.0 / 63.0), "4 groups of 16");
        assert_eq!(null("pixels"), Some(pixels));
        assert_eq!(null("untrained"), share(&format!("augmented {layer}"), 0).value);
        assert_eq!(row.parts["by_kind"].len(), 8);
    }
    let identity = findings.iter().find(|f| {
        f.measure == "mean_largest_correlation"
            && f.array == "fc2"
            && f.other_array.as_deref() == Some("bn2")
            && f.steps == [24]
    });
    let identity = identity.expect("fc2 in bn2");
    assert!(identity.value.is_some_and(|v| v > 0.999_99), "{identity:?}");
    assert_eq!(identity.parts["redundant_share"], [1.0]);

    assert_eq!(json(&derived.join("summary.json"))["verdicts"].as_array().map(Vec::len), Some(3));
    judged_alike(&out, "signals");
    for figure in [
        "mlp-mean_clipped_correlation-steps",
        "mlp-mean_clipped_correlation-steps-double-softmax",
        "mlp-correlation-within",
        "mlp-mean_largest_correlation-layers",
        "mlp-correlation-grid-clipped-first",
        "mlp-correlation-grid-signed-last",
        "mlp-feature-feature",
        "mlp-sample-sample",
        "mlp-augmentations",
        "mlp-invariance",
        "mlp-cka-layers",
    ] {
        for ending in ["svg", "png", "csv"] {
            let file = derived.join("figures").join(format!("{figure}.{ending}"));
            assert!(file.exists(), "{}", file.display());
        }
    }
    let page = fs::read_to_string(derived.join("report.html")).expect("a page");
    for table in ["Published mean correlations beside ours", "Redundant layers", "by kind of augmentation"] {
        assert!(page.contains(table), "{table}");
    }
}

#[test]
fn settings_that_do_not_fit_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    fails(&small(path(&out), &["--set", "inputs=cifar"]), 2, &["rgb32"]);
    fails(&small(path(&out), &["--set", "augmented_images=61"]), 2, &["augmented_images", "60"]);
    fails(&small(path(&out), &["--set", "augmentations=1"]), 2, &["at least 2"]);
    fails(&small(path(&out), &["--set", "double_softmax=perhaps"]), 2, &["true or false"]);
}
