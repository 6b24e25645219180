//! The microscope of the study `dictionaries` as users meet it: rows, pages of latents, and a run that is there already.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use support::{fails, path, succeeds};

const SMALL: &[&str] = &[
    "--quick",
    "--quiet",
    "--seeds",
    "0..0",
    "--set",
    "alphas=0.1",
    "--set",
    "sizes=8,16",
    "--set",
    "starts=",
    "--set",
    "ratios=",
    "--set",
    "steps=32",
    "--set",
    "held_out=512",
    "--set",
    "microscope_images=64",
    "--set",
    "microscope_fit_steps=12",
    "--set",
    "microscope_ks=2,4",
    "--set",
    "microscope_pages=2",
    "--set",
    "microscope_steps=20",
];

/// The rows about the transformer.
fn rows(out: &Path) -> Vec<Finding> {
    let all: Vec<Finding> =
        serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows");
    all.into_iter().filter(|f| f.run.network == "transformer").collect()
}

/// Every link of a page leads to a file.
fn links_lead_somewhere(page: &Path) -> usize {
    let html = fs::read_to_string(page).expect("a page");
    assert!(!html.contains("<script src") && !html.contains("href=\"http") && !html.contains("src=\"http"));
    let hrefs = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let files: Vec<String> =
        hrefs.filter(|href| !href.starts_with(['#', 'd'])).map(|href| href.replace("&#x2f;", "/")).collect();
    for file in &files {
        assert!(page.parent().expect("a folder").join(file).exists(), "{}: {file}", page.display());
    }
    files.len()
}

#[test]
fn a_transformer_is_looked_at_with_nulls_and_pages_and_a_run_that_is_there_gives_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, other) = (folder.path().join("out"), folder.path().join("other"));
    succeeds(&[&["run", "dictionaries", "--out", path(&out)][..], SMALL].concat());
    let found = rows(&out);
    let of = |measure: &str, array: &str| {
        let is = |f: &&Finding| f.measure == measure && f.array == array && f.steps.last() == Some(&20);
        found.iter().find(is).unwrap_or_else(|| panic!("{measure} of {array}"))
    };
    for place in ["mlp", "residual", "toy"] {
        for measure in
            ["unit_excess_kurtosis", "participation_share", "variance_explained", "agreement_of_first_weights"]
        {
            let row = of(measure, place);
            assert!(row.value.is_some() && !row.nulls.is_empty(), "{measure} of {place}");
        }
    }
    for place in ["mlp", "residual"] {
        let row = of("loss_recovered", place);
        for null in
            ["principal_directions", "random_directions", "frozen_random_decoder", "decoder_of_untrained_network"]
        {
            // So short a training may leave a place without worth to the loss, which is said then.
            let nothing = row.value.is_none() && row.notes.iter().any(|note| note.contains("nothing to recover"));
            assert!(nothing || row.nulls.iter().any(|n| n.kind == null), "{null} beside {row:?}");
        }
        assert!(of("variance_explained", &format!("{place}.k2")).value < of("variance_explained", place).value);
        let followed = of("matched_over_steps", place);
        assert_eq!(followed.nulls.len(), 3);
        assert!(of("latent_density", place).parts.contains_key("per_latent"));
    }
    // A ReLU leaves zeros and nothing below; the stream behind a normalisation neither.
    assert_eq!(of("share_of_negatives", "mlp").value, Some(0.0));
    assert!(of("share_of_zeros", "mlp").value > Some(0.2) && of("share_of_zeros", "residual").value < Some(0.01));
    assert!(links_lead_somewhere(&out.join("derived/report.html")) >= 1);
    assert!(links_lead_somewhere(&out.join("derived/latents/index.html")) >= 5);
    let mut pages = 0;
    for place in ["mlp", "residual"] {
        for page in fs::read_dir(out.join("derived/latents").join(place)).expect("a folder") {
            let page = page.expect("a page").path();
            assert!(links_lead_somewhere(&page) >= 2);
            assert!(!fs::read_to_string(&page).expect("a page").contains("<script"));
            pages += 1;
        }
    }
    assert_eq!(pages, 4);
    // Looked at where it lies, nothing is trained and the same is seen.
    let run = out.join("runs/transformer/seed-0");
    let there = format!("phases_run={}", path(&run));
    succeeds(
        &[&["run", "dictionaries", "--out", path(&other)][..], SMALL, &["--set", &there, "--threads", "1"]].concat(),
    );
    assert!(!other.join("runs/transformer").exists());
    assert!(rows(&other) == found);
}

#[test]
fn runs_that_cannot_be_looked_at_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let phases = folder.path().join("phases");
    let args = ["--quick", "--quiet", "--out", path(&phases), "--set", "networks=mlp", "--set", "steps=20"];
    succeeds(&[&["run", "phases"][..], &args].concat());
    let nothing = folder.path().join("nothing");
    for (run, words) in [
        (nothing.as_path(), &["nothing"][..]),
        (&phases.join("runs/mlp/seed-0"), &["phases_run", "blocks.0.mlp.hook_post", "transformer"]),
    ] {
        let set = format!("phases_run={}", path(run));
        let args = [&["run", "dictionaries", "--out", path(&out)][..], SMALL, &["--set", &set]].concat();
        let output = support::run(&args);
        assert!(!output.status.success());
        let message = support::text(&output.stderr).replace(' ', "");
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert!(!out.exists());
    }
    let bad = [&["run", "dictionaries", "--out", path(&out)][..], SMALL, &["--set", "microscope_ks=4,2"]].concat();
    fails(&bad, 2, &["microscope_ks", "ascending"]);
}
