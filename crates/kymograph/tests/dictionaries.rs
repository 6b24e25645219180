//! The study `dictionaries` and `kymograph fit sae` as users meet them.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use kymograph::linalg::random;
use kymograph::nets::dictionaries::Variant;
use kymograph::read_sae;
use kymograph::runs::{Checkpoint, NpyWriter};
use ndarray::Array2;
use serde_json::Value;
use support::{fails, killed_at, path, succeeds};

const SMALL: &[&str] = &[
    "--quick",
    "--quiet",
    "--set",
    "steps=96",
    "--set",
    "held_out=512",
    "--set",
    "alphas=0.1,1",
    "--set",
    "microscope_steps=0",
    "--seeds",
    "0..1",
];

fn findings(out: &Path) -> Vec<Finding> {
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

#[test]
fn a_small_sweep_is_trained_measured_and_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, other) = (folder.path().join("out"), folder.path().join("other"));
    let args = [&["run", "dictionaries", "--out", path(&out)][..], SMALL].concat();
    succeeds(&args);
    let rows = findings(&out);
    let of = |network: &str, measure: &str, array: &str| -> Vec<f64> {
        let is = |f: &&Finding| f.run.network == network && f.measure == measure && f.array == array;
        rows.iter().filter(is).filter_map(|f| f.value).collect()
    };
    for array in ["n8", "n16", "n32", "n64"] {
        assert_eq!(of("alpha-0.1", "mmcs", array).len(), 2, "{array}");
    }
    assert_eq!(of("sweep", "best_mmcs", "as_many_or_more").len(), 2);
    assert!(of("unlearned", "chance_error", "random").iter().all(|error| *error < 0.1));
    assert!(of("unlearned", "mmcs", "examples")[0] > of("unlearned", "mmcs", "random")[0]);
    assert!(rows.iter().filter(|f| f.measure == "mmcs").all(|f| !f.nulls.is_empty()));
    for array in ["principal", "ica", "nmf"] {
        assert_eq!(of("unlearned", "mmcs", array).len(), 2, "{array}");
    }
    // With the true features given, the search finds the codes that made the examples.
    for array in ["true_features_nnls", "true_features_pursuit"] {
        assert!(of("unlearned", "fvu", array).iter().all(|fvu| *fvu < 0.2), "{array}");
        assert!(of("unlearned", "code_correlation", array).iter().all(|r| *r > 0.8), "{array}");
    }
    let agreed = of("again", "agreement_of_seeds", "a0.1");
    assert!(agreed.len() == 2 && agreed.iter().all(|cosine| *cosine < 0.999), "other first weights, other directions");
    assert_eq!(of("feature_lengths", "mmcs", "a0.3").len(), 2);
    let toy = of("toy_model", "toy_loss_recovered", "a0.3");
    assert!(toy.len() == 2 && toy.iter().all(|share| *share < 1.0 + 1e-9));
    assert!(of("toy_model", "unrepresented_features", "true_features").iter().all(|count| *count < 24.0));
    assert!(
        of("alpha-0.1", "agreement_with_larger", "n64").is_empty()
            && !of("alpha-0.1", "agreement_with_larger", "n8").is_empty()
    );
    for figure in [
        "recovery",
        "against-penalty",
        "unlearned",
        "cosines",
        "convergence",
        "starts",
        "oracle",
        "two-trainings",
        "other-features",
        "lengths",
    ] {
        for ending in ["svg", "png", "csv"] {
            assert!(out.join(format!("derived/figures/{figure}.{ending}")).exists(), "{figure}.{ending}");
        }
    }
    // Killed in the middle and gone on with, the last checkpoint has the same bytes.
    let again = [&["run", "dictionaries", "--out", path(&other)][..], SMALL].concat();
    killed_at(&again, &other.join("runs/alpha-0.1/seed-0/checkpoints/step-00000048.safetensors"));
    succeeds(&[&again[..], &["--resume"]].concat());
    let last = "runs/alpha-0.1/seed-0/checkpoints/step-00000096.safetensors";
    assert!(fs::read(out.join(last)).expect("a file") == fs::read(other.join(last)).expect("a file"));
    assert!(findings(&other) == rows);
    fails(&[&args[..], &["--resume", "--set", "decay=0.9"]].concat(), 1, &["decay"]);
}

/// Examples of few of 24 directions, as `.npy`.
fn activations(folder: &Path, name: &str, rows: usize, width: usize) -> String {
    let directions: Array2<f32> = random::normal_matrix(&mut random::stream(0, "directions"), 24, width);
    let rng = &mut random::stream(0, "examples");
    let mut x = Array2::<f32>::zeros((rows, width));
    for mut row in x.outer_iter_mut() {
        for _ in 0..2 {
            row.scaled_add(random::uniform(rng) as f32, &directions.row(random::below(rng, 24)));
        }
    }
    write(folder, name, &x)
}

fn write(folder: &Path, name: &str, x: &Array2<f32>) -> String {
    let file = folder.join(name);
    let mut writer = NpyWriter::create(&file, x.shape()).expect("a file");
    writer.append(x.as_slice().expect("in row order")).expect("space");
    writer.finish().expect("a file");
    path(&file).to_owned()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&succeeds(&[args, &["--json"]].concat()).stdout).expect("JSON")
}

#[test]
fn dictionaries_are_fitted_to_any_array_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let x = activations(folder.path(), "x.npy", 600, 12);
    let common =
        ["--latents", "32", "--k", "3", "--steps", "150", "--batch", "100", "--lr", "0.01", "--dead-after", "40"];
    for variant in ["relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka"] {
        let out = folder.path().join(variant);
        let args = [&["fit", "sae", &x, "--variant", variant, "--out", path(&out)][..], &common].concat();
        let fitted = json(&args);
        assert!(fitted["numbers"]["variance_explained"].as_f64().expect("a number") > 0.5, "{variant}: {fitted}");
        let config: Value = serde_json::from_slice(&fs::read(out.join("cfg.json")).expect("a file")).expect("JSON");
        assert_eq!((&config["d_in"], &config["d_sae"]), (&12.into(), &32.into()));
        let weights = Checkpoint::open(out.join("sae_weights.safetensors")).expect("weights");
        let shape = |name: &str| weights.tensors().iter().find(|t| t.name == name).map(|t| t.shape.clone());
        assert_eq!((shape("W_enc"), shape("W_dec")), (Some(vec![12, 32]), Some(vec![32, 12])), "{variant}");
        let (thresholds, gate) = (shape("threshold"), shape("r_mag"));
        assert_eq!(thresholds.is_some(), ["batchtopk", "jumprelu", "matryoshka"].contains(&variant));
        assert_eq!((gate.is_some(), shape("b_enc").is_some()), (variant == "gated", variant != "gated"));
        // Read again it encodes as it did.
        let read = read_sae(&out).expect("a dictionary");
        assert_eq!(matches!(read.spec().variant, Variant::JumpRelu { .. }), thresholds.is_some());
        let measured = json(&[
            "fit",
            "sae",
            &x,
            "--from",
            path(&out),
            "--steps",
            "0",
            "--out",
            path(&folder.path().join("again")),
        ]);
        for number in ["variance_explained", "l0"] {
            let (a, b) = (&fitted["numbers"][number], &measured["numbers"][number]);
            assert!((a.as_f64().expect("a number") - b.as_f64().expect("a number")).abs() < 1e-3, "{variant}: {a} {b}");
        }
        fs::remove_dir_all(folder.path().join("again")).expect("a folder");
        fails(&args, 1, &["--force"]);
    }
}

#[test]
fn arrays_larger_than_the_memory_are_shuffled_in_parts_and_fits_go_on_to_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    // 1.2 MB, of which one may be held.
    let x = activations(folder.path(), "x.npy", 12_000, 25);
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let common =
        ["--latents", "64", "--k", "4", "--steps", "2000", "--batch", "64", "--memory", "1", "--seed", "5", "--quiet"];
    let fit = |out: &Path| {
        [&["fit", "sae", &x, "--out", path(out)][..], &common]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (first, second) = (fit(&one), fit(&two));
    let words = |args: &[String]| -> Vec<String> { args.to_vec() };
    let first = words(&first);
    succeeds(&first.iter().map(String::as_str).collect::<Vec<_>>());
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    killed_at(&second, &two.join("checkpoints/step-00000400.safetensors"));
    succeeds(&[&second[..], &["--resume", "--threads", "1"]].concat());
    for file in ["sae_weights.safetensors", "checkpoints/step-00002000.safetensors", "density.npy"] {
        assert!(fs::read(one.join(file)).expect("a file") == fs::read(two.join(file)).expect("a file"), "{file}");
    }
    fails(&[&second[..], &["--resume", "--lr", "0.5"]].concat(), 2, &["other options"]);
}

#[test]
fn activations_that_cannot_be_are_refused_by_row_and_width() {
    let folder = tempfile::tempdir().expect("a folder");
    let x = activations(folder.path(), "x.npy", 300, 12);
    let [out, bad] = ["out", "bad"].map(|name| path(&folder.path().join(name)).to_owned());
    let mut broken = Array2::<f32>::ones((50, 12));
    broken[[17, 3]] = f32::NAN;
    let broken = write(folder.path(), "broken.npy", &broken);
    fails(&["fit", "sae", &broken, "--latents", "8", "--k", "2", "--out", &bad], 2, &["row 17", "column 3", "NaN"]);
    let flat = write(folder.path(), "line.npy", &Array2::ones((1, 12)));
    fails(&["fit", "sae", &flat, "--latents", "8", "--batch", "5", "--out", &out], 2, &["--batch"]);
    fails(&["fit", "sae", &x, "--out", &out], 2, &["--latents"]);
    fails(&["fit", "sae", &x, "--latents", "8", "--k", "9", "--out", &out], 1, &["`k`"]);
    fails(&["fit", "sae", "nothing.npy", "--latents", "8", "--out", &out], 1, &["nothing.npy"]);
    fails(&["fit", "sae", &x, "--latents", "8", "--set", "k=3"], 2, &["options of its own"]);
    fails(&["fit", "pca", &x, "--latents", "8"], 2, &["--latents"]);
    let other = activations(folder.path(), "other.npy", 300, 7);
    let made = path(&folder.path().join("made")).to_owned();
    let small = ["fit", "sae", &x, "--latents", "8", "--k", "2", "--steps", "3", "--quiet", "--out", &made];
    succeeds(&small);
    fails(&small, 1, &["holds a run already"]);
    succeeds(&[&small[..], &["--force"]].concat());
    fails(&["fit", "sae", &other, "--from", &made, "--steps", "0", "--out", &out], 2, &["7 features", "another layer"]);
    fails(&["fit", "sae", &x, "--latents", "9", "--from", &made, "--out", &out], 2, &["has 8"]);
    // A transcoder rebuilds another array, which must have as many rows.
    succeeds(&[
        "fit",
        "sae",
        &x,
        "--targets",
        &other,
        "--latents",
        "8",
        "--variant",
        "relu",
        "--steps",
        "3",
        "--quiet",
        "--out",
        &out,
    ]);
    let fewer = activations(folder.path(), "fewer.npy", 200, 7);
    fails(&["fit", "sae", &x, "--targets", &fewer, "--latents", "8", "--out", &out], 2, &["200 rows"]);
}

#[test]
fn a_row_that_turns_up_bad_in_the_middle_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = path(&folder.path().join("fit")).to_owned();
    let mut x = Array2::<f32>::from_shape_fn((40_000, 4), |(row, column)| ((row * 7 + column) as f32 * 0.37).sin());
    // Outside the sample from which first weights are taken.
    x[[2000, 3]] = f32::INFINITY;
    let file = write(folder.path(), "x.npy", &x);
    let args =
        ["fit", "sae", &file, "--latents", "8", "--k", "2", "--steps", "300", "--batch", "2048", "--memory", "1"];
    let args = [&args[..], &["--quiet", "--out", &out]].concat();
    fails(&args, 2, &["x.npy", "row 2000, column 3", "inf", "drop that example"]);
    assert!(!Path::new(&out).exists());
    x[[2000, 3]] = 0.0;
    write(folder.path(), "x.npy", &x);
    // Killed and gone on with after the file has become bad, what was trained stays, and the error says how to go on.
    killed_at(&args, &Path::new(&out).join("checkpoints/step-00000060.safetensors"));
    x[[2000, 3]] = f32::NAN;
    write(folder.path(), "x.npy", &x);
    fails(&[&args[..], &["--resume"]].concat(), 2, &["row 2000", "NaN", "--force"]);
    assert!(Path::new(&out).join("run.json").exists());
    x[[2000, 3]] = 0.0;
    write(folder.path(), "x.npy", &x);
    succeeds(&[&args[..], &["--resume"]].concat());
}

#[test]
fn tables_of_parquet_are_arrays_to_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kymograph-runs/tests/reference/parquet");
    let table = |name: &str| path(&tables.join(name)).to_owned();
    let out = |name: &str| path(&folder.path().join(name)).to_owned();
    let options = ["--latents", "8", "--k", "2", "--steps", "20", "--batch", "10", "--quiet", "--out"];
    // The same numbers in several arrangements, and in a folder, give the same dictionary.
    let parts = folder.path().join("parts");
    fs::create_dir(&parts).expect("a folder");
    fs::copy(tables.join("lists.parquet"), parts.join("0.parquet")).expect("a file");
    let all = [
        table("lists.parquet"),
        table("fixed.parquet"),
        table("columns.parquet"),
        table("labelled.parquet") + ":acts",
        path(&parts).to_owned(),
    ];
    for (at, array) in all.iter().enumerate() {
        succeeds(&[&["fit", "sae", array][..], &options, &[&out(&at.to_string())]].concat());
        let weights =
            |at: usize| fs::read(folder.path().join(at.to_string()).join("sae_weights.safetensors")).expect("a file");
        assert!(weights(at) == weights(0), "{array}");
    }
    let refused = |array: &str, code: i32, words: &[&str]| {
        fails(&[&["fit", "sae", array][..], &options, &[&out("refused")]].concat(), code, words);
        assert!(!folder.path().join("refused").exists());
    };
    refused(&table("labelled.parquet"), 2, &["several arrays", ":acts"]);
    refused(&table("zstd.parquet"), 1, &["ZSTD", "snappy"]);
    refused(&table("null.parquet"), 1, &["row 12 is null"]);
    refused(&(table("labelled.parquet") + ":text"), 2, &["[example, feature]"]);
    // Measures and layouts take them too.
    let one = json(&["measure", "linear_cka", &table("lists.parquet"), &table("columns.parquet")]);
    assert!((one["value"].as_f64().expect("a number") - 1.0).abs() < 1e-6, "{one}");
    succeeds(&["fit", "pca", &table("fixed.parquet"), "--out", &out("pca.npy"), "--quiet"]);
    fails(&["measure", "linear_cka", &table("labelled.parquet"), &table("lists.parquet")], 2, &["name one of"]);
}
