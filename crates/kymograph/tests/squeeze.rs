//! The study `squeeze` as users meet it, on its two smallest networks.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use support::{fails, judged_alike, path, succeeds};

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
    "0..0",
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
    assert_eq!(expand.len(), 3 * 5, "three layers, four steps about the mean and one with it");
    for row in expand {
        let most = if row.options["centre"] == "true" { 2.0 } else { 3.0 };
        assert!(row.value <= Some(most), "{row:?}");
        // Before training, layers may be silent.
        let trained = row.steps == [20];
        assert!(!trained || row.nulls[0].mean > most, "entries shuffled within units have more directions");
    }
    let start = of("marchenko_pastur_distance", "v5").into_iter().find(|f| f.steps == [0] && f.array == "out.weight");
    assert!(start.expect("measured").parts["edges"].len() == 2);
    let folded = found.iter().filter(|f| f.array.ends_with(".folded") && f.value.is_some()).count();
    assert_eq!(folded, 6 + 1, "seven layers with a normalisation behind them");
    let layouts: Vec<_> = of("trustworthiness", "v5").into_iter().filter(|f| f.steps == [20]).collect();
    assert_eq!(layouts.len(), 6 * 3, "six layers, three ways");
    assert!(layouts.iter().all(|f| f.nulls[0].mean < 0.7), "{layouts:?}");
    for figure in ["dimension-by-depth", "v5-weight-spectra", "v5-feature-spectra", "v6-feature-maps", "v5-tsne"] {
        for ending in ["svg", "png", "csv"] {
            let shown = ["dimension-by-depth"].contains(&figure);
            let file = out.join(format!("derived/figures/{figure}.{ending}"));
            assert!(file.exists() != shown, "{figure}.{ending}: the sweep's networks alone make this figure");
        }
    }
    let verdicts = fs::read_to_string(out.join("derived/summary.json")).expect("a summary");
    let verdicts: serde_json::Value = serde_json::from_str(&verdicts).expect("JSON");
    assert_eq!(verdicts["verdicts"].as_array().map(Vec::len), Some(5));
    judged_alike(&out, "squeeze");
    let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
    assert!(page.contains("Rank behind a squeeze") && page.contains("How far the embeddings can be trusted"));
    // Layouts that are there are taken, and those that are gone come back the same.
    let index = fs::read(out.join("derived/embeddings/index.json")).expect("an index");
    let layout = out.join("derived/embeddings/v6/rp1.relu/tsne-step-00000020.npy");
    let places = fs::read(&layout).expect("a layout");
    fs::remove_file(&layout).expect("it may be deleted");
    succeeds(&["report", path(&out), "--quiet"]);
    assert_eq!(fs::read(&layout).expect("a layout"), places);
    assert_eq!(fs::read(out.join("derived/embeddings/index.json")).expect("an index"), index);
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
