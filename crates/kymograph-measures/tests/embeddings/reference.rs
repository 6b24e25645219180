//! What scikit-learn makes of the same arrays (`reference/make_embedding_reference.py`).

use kymograph_measures::embeddings::{
    continuity, knn_label_purity, knn_preservation, pca, trustworthiness, two_nn_dimension,
};
use ndarray::{Array1, Array2};
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("../reference/embeddings.json")).expect("JSON")
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|entry| entry.as_f64().expect("a number")).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(list).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column])
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-10 * expected.abs().max(1.0), "{what}: {found} {expected}");
}

#[test]
fn every_measure_equals_scikit_learns() {
    let reference = reference();
    let (x, y) = (matrix(&reference["x"]), matrix(&reference["y"]));
    let labels: Array1<i64> = list(&reference["labels"]).into_iter().map(|label| label as i64).collect();
    let mut compared = 0;
    for name in ["trustworthiness", "continuity", "knn_preservation", "knn_label_purity", "two_nn_dimension"] {
        for (option, expected) in reference[name].as_object().expect("values by option") {
            let k = || option.parse().expect("a count");
            let found = match name {
                "trustworthiness" => trustworthiness(x.view(), y.view(), k()),
                "continuity" => continuity(x.view(), y.view(), k()),
                "knn_preservation" => knn_preservation(x.view(), y.view(), k()),
                "knn_label_purity" => knn_label_purity(x.view(), labels.view(), k()),
                _ => two_nn_dimension(x.view(), option.parse().expect("a share")),
            };
            close(found.expect("a number").value, expected.as_f64().expect("a number"), name);
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 4 + 2);
}

#[test]
fn principal_components_equal_scikit_learns_up_to_their_sign() {
    let reference = reference();
    let (x, scores) = (matrix(&reference["x"]), matrix(&reference["scores"]));
    let found = pca(x.view(), 3).expect("components");
    for (found, expected) in found.explained.iter().zip(list(&reference["explained"])) {
        close(*found, expected, "share of the variance");
    }
    for component in 0..3 {
        let sign = (found.scores[[0, component]] / scores[[0, component]]).signum();
        for row in 0..x.nrows() {
            close(sign * found.scores[[row, component]], scores[[row, component]], "score");
        }
    }
}
