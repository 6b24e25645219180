//! Arrays of other networks under a plan: tokens of sequences, places of images, codes, and their labels.

mod support;

use std::fs;
use std::path::Path;

use kymograph::findings::Finding;
use kymograph::linalg::random;
use kymograph::runs::{NpyWriter, write_npy_labels};
use ndarray::ArrayD;
use support::{fails, path, succeeds};

fn write(file: &Path, x: &ArrayD<f32>) {
    let mut writer = NpyWriter::create(file, x.shape()).expect("a file");
    writer.append(&x.iter().copied().collect::<Vec<_>>()).expect("space");
    writer.finish().expect("a file");
}

fn analyzed(args: &[&str], out: &Path) -> Vec<Finding> {
    succeeds(&[&["analyze"][..], args, &["--out", path(out), "--quiet"]].concat());
    serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows")
}

fn plan(folder: &Path, measures: &[&str]) -> String {
    let file = folder.join("plan.toml");
    let text: String = measures.iter().map(|m| format!("[[measure]]\nsteps = \"each\"\n{m}\n\n")).collect();
    fs::write(&file, text).expect("a plan");
    path(&file).to_owned()
}

/// Sequences whose tokens lie in two tight groups by whether their number among the six taken is even; all other tokens are noise that
/// would hide the groups.
fn sequences() -> ArrayD<f32> {
    let rng = &mut random::stream(0, "tokens");
    ArrayD::from_shape_fn(vec![10, 160, 8], |at| {
        let noise = random::normal(rng) as f32;
        match (0..6).find(|i| 100 + i * 10 == at[1]) {
            Some(i) => 0.01 * noise + if (i + at[2]) % 2 == 0 { 1.0 } else { -1.0 },
            None => 3.0 * noise,
        }
    })
}

#[test]
fn six_tokens_of_each_sequence_fall_into_their_groups_beside_columns_in_random_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, labels) = (folder.path().join("mlp_step_00100.npy"), folder.path().join("labels.npy"));
    write(&file, &sequences());
    // One label a token; those of the tokens that are taken are chosen with them.
    let of = |token: usize| i64::from(token >= 100 && (token - 100) / 10 % 2 == 1);
    write_npy_labels(&labels, &(0..10 * 160).map(|at| of(at % 160)).collect::<Vec<_>>()).expect("a file");
    let clusters = "rows = \"gpt2_tokens\"\nnulls = [\"shuffled_columns\"]\ndraws = 5";
    let plan = plan(
        folder.path(),
        &[
            &format!("name = \"hdbscan_assigned_share\"\n{clusters}"),
            &format!("name = \"hdbscan_assigned_share\"\n{clusters}\noptions = {{ metric = \"hamming\" }}"),
            &format!("name = \"kmeans_silhouette\"\nhard_code = true\n{clusters}\noptions = {{ k = 2, seeds = 2 }}"),
            "name = \"hdbscan_label_share\"\nrows = \"gpt2_tokens\"\nnulls = [\"permuted_examples\"]\ndraws = 19",
            "name = \"hdbscan_assigned_share\"\nrows = { position = [0, 0] }",
        ],
    );
    let out = folder.path().join("out");
    let args = [path(&file), "--plan", &plan, "--labels", path(&labels)];
    let rows = analyzed(&args, &out);
    assert_eq!(rows.len(), 4, "an array of three axes has no places: {rows:?}");
    assert!(rows.iter().all(|row| row.n == Some(60) && row.options["rows"] == "gpt2_tokens"), "{rows:?}");
    for row in &rows[..2] {
        assert_eq!((row.value, &row.parts["clusters"]), (Some(1.0), &vec![2.0]), "{row:?}");
        assert!(row.parts["silhouette"][0] > 0.95 && row.nulls[0].mean < 0.9, "{row:?}");
    }
    // Codes of a group are all alike.
    assert_eq!((rows[1].parts["silhouette"][0], rows[2].value), (1.0, Some(1.0)));
    assert_eq!(rows[2].options["hard_code"], "true");
    assert_eq!((rows[3].value, rows[3].parts["purity"][0]), (Some(1.0), 1.0));
    assert!(rows[3].nulls[0].mean < 0.75, "{:?}", rows[3]);
    // Again, from the cache and after it is gone.
    assert_eq!(analyzed(&args, &out), rows);
    fs::remove_dir_all(out.join("derived")).expect("it may be deleted");
    succeeds(&["report", path(&out), "--quiet"]);
    let again: Vec<Finding> =
        serde_json::from_slice(&fs::read(out.join("derived/findings.json")).expect("findings")).expect("rows");
    assert_eq!(again, rows);
}

#[test]
fn the_channels_at_one_place_of_each_image_are_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, labels) = (folder.path().join("mixed_step_00001.npy"), folder.path().join("labels.npy"));
    let rng = &mut random::stream(1, "images");
    let x = ArrayD::from_shape_fn(vec![40, 6, 3, 4], |at| {
        let noise = random::normal(rng) as f32;
        if [at[2], at[3]] == [2, 1] { 0.01 * noise + if at[0] % 2 == at[1] % 2 { 2.0 } else { 0.0 } } else { noise }
    });
    write(&file, &x);
    write_npy_labels(&labels, &(0..40).map(|image| image % 2).collect::<Vec<_>>()).expect("a file");
    let measures = ["[2, 1]", "[0, 0]"].map(|at| {
        format!(
            "name = \"knn_label_purity\"\nrows = {{ position = {at} }}\noptions = {{ k = 5 }}\nnulls = [\"permuted_examples\"]\ndraws = 5"
        )
    });
    let good = plan(folder.path(), &measures.each_ref().map(String::as_str));
    let out = folder.path().join("out");
    let rows = analyzed(&[path(&file), "--plan", &good, "--labels", path(&labels)], &out);
    assert_eq!(rows[0].value, Some(1.0));
    assert_eq!(rows[0].options["rows"], "position 2,1");
    assert!(rows[1].value < Some(0.9) && rows[1].n == Some(40), "{:?}", rows[1]);
    // Without labels the row says why it has no value.
    let without = analyzed(&[path(&file), "--plan", &good], &folder.path().join("without"));
    assert!(without[0].value.is_none() && without[0].notes[0].contains("no labels"), "{:?}", without[0]);
}

#[test]
fn places_tokens_and_labels_that_are_not_there_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (images, tokens) = (folder.path().join("a_step_00001.npy"), folder.path().join("b_step_00001.npy"));
    write(&images, &ArrayD::ones(vec![4, 2, 3, 4]));
    write(&tokens, &ArrayD::ones(vec![4, 90, 3]));
    let out = folder.path().join("out");
    let refused = |file: &Path, measure: &str, more: &[&str], code: i32, words: &[&str]| {
        let plan = plan(folder.path(), &[measure]);
        fails(&[&["analyze", path(file), "--plan", &plan, "--out", path(&out)][..], more].concat(), code, words);
    };
    let share = "name = \"hdbscan_assigned_share\"";
    refused(&images, &format!("{share}\nrows = {{ position = [3, 0] }}"), &[], 2, &["array", "none at [3, 0]"]);
    refused(&tokens, &format!("{share}\nrows = \"gpt2_tokens\""), &[], 2, &["90 tokens", "first 100"]);
    refused(&tokens, &format!("{share}\nrows = \"every\""), &[], 2, &["plan.toml", "every"]);
    refused(&tokens, share, &["--labels", path(&images)], 2, &["real numbers", "whole numbers"]);
    refused(&tokens, share, &["--labels", "nowhere.npy"], 1, &["nowhere.npy"]);
    let mut bad = ArrayD::<f32>::ones(vec![2, 120, 3]);
    bad[[1, 110, 2]] = f32::NAN;
    write(&tokens, &bad);
    refused(&tokens, &format!("{share}\nrows = \"gpt2_tokens\""), &[], 1, &["NaN", "[1, 110, 2]"]);
}
