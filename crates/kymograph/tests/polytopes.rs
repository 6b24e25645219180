//! The study `polytopes` as users meet it, on a short training.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use support::{fails, judged_alike, path, succeeds};

const SMALL: &[&str] = &[
    "--quick",
    "--quiet",
    "--set",
    "networks=relu,gelu",
    "--set",
    "controls=shuffled_labels",
    "--set",
    "steps=60",
    "--set",
    "probe_examples=60",
    "--seeds",
    "0..0",
];

fn findings(out: &Path) -> Vec<Finding> {
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

#[test]
fn boundaries_codes_and_maps_are_taken_and_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    succeeds(&[&["run", "polytopes", "--out", path(&out)][..], SMALL].concat());
    let found = findings(&out);
    let of = |measure: &str, network: &str, step: u64| -> Vec<&Finding> {
        let fits = |f: &&Finding| {
            f.measure == measure
                && f.run.network == network
                && f.run.control.is_none()
                && f.steps == [step]
                && f.value.is_some()
        };
        found.iter().filter(fits).collect()
    };
    let densities = of("boundary_density", "relu", 60);
    // From the input five kinds of ways and two arcs, from three layers three and two; behind the last layer nothing flips.
    assert_eq!(densities.len(), 7 + 3 * 5, "{densities:?}");
    assert!(densities.iter().all(|f| f.nulls.iter().any(|null| null.kind == "untrained")));
    assert!(of("boundary_density", "gelu", 60).is_empty() && of("soft_code_density", "gelu", 60).len() == 5 + 3 * 3);
    let ratio = of("boundary_density_ratio", "relu", 60);
    let null = |f: &Finding, kind: &str| f.nulls.iter().find(|n| n.kind == kind).map(|n| n.mean);
    for row in &ratio {
        let exchanged = null(row, "pairs_exchanged").expect("drawn");
        assert!((exchanged - 1.0).abs() < 0.1, "{row:?}");
        assert!(null(row, "control:shuffled_labels").is_some());
    }
    let own = of("map_accuracy", "relu", 60).into_iter().find(|f| f.options["map_of"] == "own").expect("measured");
    let held_out =
        of("map_owner_rate", "relu", 60).into_iter().find(|f| f.options["map_of"] == "own").expect("measured");
    assert_eq!(own.value, held_out.value, "the owner of one's own map is oneself");
    let regions = of("slice_regions", "relu", 60);
    assert!(
        regions.len() == 2 + 3 && regions.iter().all(|f| f.parts["regions"][0] > 1.0 && f.value < Some(1.5)),
        "{regions:?}"
    );
    let units = |array: &str| regions.iter().find(|f| f.array == array).map(|f| f.parts["units"][0]);
    assert_eq!((units("input"), units("act1"), units("act3")), (Some(256.0), Some(192.0), Some(64.0)));
    // Fitted maps of more centres, and a dictionary's codes, are laid beside their nulls.
    let maps: Vec<&Finding> =
        of("affine_maps_agreement", "relu", 60).into_iter().filter(|f| f.options["maps"] == "least squares").collect();
    assert_eq!(maps.iter().map(|f| f.options["centres"].as_str()).collect::<Vec<_>>(), ["1", "10", "30"]);
    assert!(maps.iter().all(|f| f.value > Some(0.2) && f.n == Some(30)), "{maps:?}");
    assert!(maps[1..].iter().all(|f| null(f, "random_partition").is_some()));
    let own = of("affine_maps_accuracy", "relu", 60);
    assert!(own.iter().all(|f| null(f, "the_network_itself").is_some()) && own.len() == 6);
    let clusters = of("cluster_purity", "relu", 60);
    let of_dictionary: Vec<_> = clusters.iter().filter(|f| f.array == "dictionary of act3").collect();
    assert!(!of_dictionary.is_empty(), "{clusters:?}");
    assert!(of_dictionary.iter().all(|f| null(f, "same_sizes_shuffled").is_some()));
    let directions = of("direction_purity", "gelu", 60);
    let dictionary = directions.iter().find(|f| f.options["of"] == "dictionary").expect("measured");
    assert!(null(dictionary, "first_weights").is_some() && dictionary.parts["variance_explained"][0] > 0.2);
    let linear = of("linearisation_error", "relu", 60);
    assert!(linear.len() == 2 && of("linearisation_error", "relu", 0).is_empty());
    for figure in
        ["boundary-density", "boundary-ratio", "relu-exchange", "gelu-scaling", "relu-plane-input", "gelu-purity"]
    {
        for ending in ["svg", "png", "csv"] {
            assert!(out.join(format!("derived/figures/{figure}.{ending}")).exists(), "{figure}.{ending}");
        }
    }
    judged_alike(&out, "polytopes");
    let page = fs::read_to_string(out.join("derived/report.html")).expect("a page");
    assert!(page.contains("Boundaries between images") && page.contains("N centres with N affine maps"));
    // What was kept is taken, and what is gone comes back the same.
    fs::remove_dir_all(out.join("derived/cache/polytopes")).expect("it may be deleted");
    succeeds(&["report", path(&out), "--quiet"]);
    assert_eq!(findings(&out), found);
}

#[test]
fn bad_settings_say_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    for (set, word) in
        [("networks=transformer", "none of relu, abs"), ("controls=other_order", "none of shuffled_labels")]
    {
        fails(&["run", "polytopes", "--set", set, "--out", path(&out)], 2, &[word]);
    }
    assert!(!out.exists());
}
