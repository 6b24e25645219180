//! The study `squeeze` as users meet it, on its two smallest networks.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use support::{fails, path, succeeds};

const SMALL: &[&str] = &[
    "--quick",
    "--quiet",
    "--set",
    "networks=v5,v6",
    "--set",
    "steps=20",
    "--set",
    "probe_examples=60",
    "--seeds",
    "0..1",
];

fn findings(out: &Path) -> Vec<Finding> {
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

#[test]
fn small_networks_are_squeezed_measured_and_laid_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    succeeds(&[&["run", "squeeze", "--out", path(&out)][..], SMALL].concat());
    let found = findings(&out);
    let of = |measure: &str, network: &str| -> Vec<&Finding> {
        found.iter().filter(|f| f.measure == measure && f.run.network == network && f.value.is_some()).collect()
    };
    let ranks = of("numerical_rank", "v5");
    let expand: Vec<_> = ranks.iter().filter(|f| f.array.ends_with(".expand")).collect();
    assert!(expand.len() >= 2 * 3 * 5, "two seeds, three layers, four steps about the mean and one with it");
    for row in expand {
        let most = if row.options["centre"] == "true" { 2.0 } else { 3.0 };
        assert!(row.value <= Some(most), "{row:?}");
        assert!(row.nulls[0].mean > most, "entries shuffled within units have more directions");
    }
    let start = of("marchenko_pastur_distance", "v5").into_iter().find(|f| f.steps == [0] && f.array == "out.weight");
    assert!(start.expect("measured").parts["edges"].len() == 2);
    let folded = found.iter().filter(|f| f.array.ends_with(".folded") && f.value.is_some()).count();
    assert_eq!(folded, 2 * (6 + 1), "two seeds of seven layers with a normalisation behind them");
    for figure in ["dimension-by-depth", "v5-weight-spectra", "v5-feature-spectra", "v6-feature-maps", "v6-weight-maps"]
    {
        for ending in ["svg", "png", "csv"] {
            let shown = ["dimension-by-depth"].contains(&figure);
            let file = out.join(format!("derived/figures/{figure}.{ending}"));
            assert!(file.exists() != shown, "{figure}.{ending}: the sweep's networks alone make this figure");
        }
    }
    let verdicts = fs::read_to_string(out.join("derived/summary.json")).expect("a summary");
    let verdicts: serde_json::Value = serde_json::from_str(&verdicts).expect("JSON");
    assert_eq!(verdicts["verdicts"].as_array().map(Vec::len), Some(4));
    let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
    assert!(page.contains("Rank behind a squeeze"));
    succeeds(&["report", path(&out), "--quiet"]);
    assert_eq!(findings(&out), found);
}

#[test]
fn bad_settings_say_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    for (set, word) in
        [("networks=width_3", "none of v0, v1"), ("checkpoints=all", "powers_of_two"), ("inputs=rgb", "rgb32")]
    {
        fails(&["run", "squeeze", "--set", set, "--out", path(&out)], 2, &[word]);
    }
    assert!(!out.exists());
}
