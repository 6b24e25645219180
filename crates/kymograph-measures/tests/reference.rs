//! Agreement with NumPy, SciPy and scikit-learn on the arrays of `reference/reference.json` and `reference/correlations.json`,
//! with ruptures on the series of `reference/detectors.json`, and with published numbers; the scripts in `reference/` say how they
//! came about.

use kymograph_measures::changepoints::{PeltOptions, RollingZScoreOptions, pelt_change_points, rolling_z_score_jumps};
use kymograph_measures::clusters::{KMeansOptions, KMeansSilhouetteOptions, kmeans, kmeans_silhouette, silhouette};
use kymograph_measures::probes::{LinearProbeOptions, linear_probe_accuracy, probe_transfer};
use kymograph_measures::similarity::same_index_cosine;
use kymograph_measures::{Array, find};
use ndarray::{Array1, Array2, Array4};
use serde_json::Value;

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("the committed reference is JSON")
}

fn reference() -> Value {
    document(include_str!("reference/reference.json"))
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn rows(value: &Value) -> Vec<&Value> {
    value.as_array().expect("a list").iter().collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = rows(value).into_iter().map(list).collect();
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).expect("a full matrix")
}

fn labels(value: &Value) -> Array1<i64> {
    list(value).into_iter().map(|label| label as i64).collect()
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{what}: found {found}, reference {expected}");
}

/// Every number of the entry that carries a measure's name is compared with that measure.
fn compare(entry: &Value, arrays: &[Array<'_>]) -> usize {
    let mut compared = 0;
    for (name, expected) in entry.as_object().expect("an object") {
        let (Ok(measure), Some(expected)) = (find(name), expected.as_f64()) else { continue };
        let options = measure.options([]).expect("defaults");
        let reading = measure.apply(&arrays[..measure.inputs.len()], &options).expect("a number for good arrays");
        close(reading.value, expected, name);
        compared += 1;
    }
    compared
}

#[test]
fn representations_and_spectra() {
    for entry in rows(&reference()["representations"]) {
        let (x, y) = (matrix(&entry["x"]), matrix(&entry["y"]));
        assert_eq!(compare(entry, &[x.view().into(), y.view().into()]), 12);
        let spectrum = find("singular_spectrum").expect("registered");
        let reading = spectrum.apply(&[x.view().into()], &spectrum.options([]).unwrap()).unwrap();
        let (found, expected) = (reading.part("singular_values").unwrap(), list(&entry["singular_values"]));
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).for_each(|(found, expected)| close(*found, *expected, "singular value"));
    }
}

#[test]
fn correlations_and_groups() {
    let document = document(include_str!("reference/correlations.json"));
    for entry in rows(&document["layers"]) {
        let (x, y) = (matrix(&entry["x"]), matrix(&entry["y"]));
        assert_eq!(compare(entry, &[x.view().into(), y.view().into()]), 5);
    }
    for entry in rows(&document["groups"]) {
        let (x, labels) = (matrix(&entry["x"]), labels(&entry["labels"]));
        assert_eq!(compare(entry, &[x.view().into(), labels.view().into()]), 1);
    }
}

#[test]
fn weights() {
    let mut compared = 0;
    for entry in rows(&reference()["weights"]) {
        let (x, y) = (matrix(&entry["x"]), matrix(&entry["y"]));
        compared += compare(entry, &[x.view().into(), y.view().into()]);
    }
    assert_eq!(compared, 3 + 4);
}

#[test]
fn clusters() {
    let entry = &reference()["clusters"];
    let (x, group) = (matrix(&entry["x"]), labels(&entry["labels"]));
    let reading = silhouette(x.view(), group.view()).unwrap();
    let expected = list(&entry["silhouettes"]);
    for (found, expected) in reading.part("per_row").unwrap().iter().zip(&expected) {
        close(*found, *expected, "silhouette");
    }
    let k = entry["k"].as_u64().unwrap() as usize;
    let fit = kmeans(x.view(), &KMeansOptions { k, ..Default::default() }).unwrap();
    close(fit.inertia, entry["inertia"].as_f64().unwrap(), "inertia");
    assert!(fit.converged);
    let best = kmeans_silhouette(x.view(), &KMeansSilhouetteOptions { k, ..Default::default() }).unwrap();
    close(best.value, entry["kmeans_silhouette"].as_f64().unwrap(), "silhouette of the best k-means");
    close(best.part("best_inertia").unwrap()[0], fit.inertia, "best inertia");
}

/// As many folds as examples leaves no choice in dealing them.
#[test]
fn probes() {
    for entry in rows(&reference()["probes"]) {
        let (x, classes) = (matrix(&entry["x"]), labels(&entry["labels"]));
        let penalty = entry["penalty"].as_f64().unwrap();
        let options = LinearProbeOptions { folds: x.nrows(), penalty, seed: 3 };
        let reading = linear_probe_accuracy(x.view(), classes.view(), &options).unwrap();
        assert_eq!(reading.part("per_row").unwrap(), list(&entry["right"]));
    }
}

#[test]
fn predictions_patterns_and_groups() {
    let reference = reference();
    let entry = &reference["predictions"];
    let (x, y) = (matrix(&entry["x"]), matrix(&entry["y"]));
    assert_eq!(compare(entry, &[x.view().into(), y.view().into()]), 2);
    let entry = &reference["attention"];
    let shape: Vec<usize> = list(&entry["shape"]).into_iter().map(|size| size as usize).collect();
    let shape: [usize; 4] = shape.try_into().expect("four axes");
    let pattern = Array4::from_shape_vec(shape, list(&entry["pattern"])).expect("a full pattern");
    assert_eq!(compare(entry, &[pattern.view().into()]), 3);
    let entry = &reference["groups"];
    let (x, y) = (labels(&entry["x"]), labels(&entry["y"]));
    assert_eq!(compare(entry, &[x.view().into(), y.view().into()]), 1);
}

#[test]
fn transferred_probes() {
    let entry = &reference()["transfer"];
    let (x, y, classes) = (matrix(&entry["x"]), matrix(&entry["y"]), labels(&entry["labels"]));
    let options = LinearProbeOptions { folds: x.nrows(), penalty: entry["penalty"].as_f64().unwrap(), seed: 3 };
    let reading = probe_transfer(x.view(), y.view(), classes.view(), &options).unwrap();
    assert_eq!(reading.part("per_row").unwrap(), list(&entry["right"]));
    let own = linear_probe_accuracy(x.view(), classes.view(), &options).unwrap().value;
    assert_eq!(reading.part("own_accuracy"), Some(&[own][..]));
    assert!(reading.value < own);
}

/// The published detector's own defaults find in its own fixtures what was published: 5 and 14 false positives beside the
/// planted jumps, 2 in noise and 4 on a ramp. And segmentation without the second stage cuts where ruptures cuts.
#[test]
fn published_detections_and_exact_segmentations() {
    let rows_of = document(include_str!("reference/detectors.json"));
    let mut counts = Vec::new();
    for row in rows(&rows_of) {
        let series = Array1::from(list(&row["values"]));
        let found = rolling_z_score_jumps(series.view(), &RollingZScoreOptions::published()).unwrap();
        assert_eq!(found.part("positions").unwrap(), list(&row["published"]));
        counts.push(found.value);
        let noise = pelt_change_points(series.view(), &PeltOptions::default()).unwrap().part("noise_sd").unwrap()[0];
        for cut in rows(&row["cuts"]) {
            let options = PeltOptions {
                penalty: cut["penalty"].as_f64().unwrap() / (noise * noise * (series.len() as f64).ln()),
                min_segment: cut["min_segment"].as_u64().unwrap() as usize,
                keep_gradual: true,
            };
            let found = pelt_change_points(series.view(), &options).unwrap();
            assert_eq!(found.part("positions").unwrap(), list(&cut["positions"]), "{} {cut}", row["name"]);
        }
    }
    assert_eq!(counts, [1.0 + 5.0, 3.0 + 14.0, 2.0, 4.0]);
}

fn conv1() -> Vec<Array2<f32>> {
    let document = document(include_str!("reference/ndt_conv1.json"));
    rows(&document["conv1"]).into_iter().map(|weight| matrix(weight).mapv(|w| w as f32)).collect()
}

#[test]
fn published_cosines_of_the_first_layer() {
    let steps = conv1();
    let published = [(0.98513, 0.01119), (0.99622, 0.00211)];
    for (pair, (mean, spread)) in steps.windows(2).zip(published) {
        let reading = same_index_cosine(pair[0].view(), pair[1].view()).unwrap();
        assert!((reading.value - mean).abs() < 1e-5, "{}", reading.value);
        let per_unit = reading.part("per_unit").unwrap();
        let variance = per_unit.iter().map(|c| (c - reading.value).powi(2)).sum::<f64>() / per_unit.len() as f64;
        assert!((variance.sqrt() - spread).abs() < 1e-5, "{}", variance.sqrt());
    }
}

#[test]
fn published_spread_of_the_first_layer() {
    let measure = find("weight_std").unwrap();
    for (weight, published) in conv1().iter().zip([0.1976, 0.2159, 0.2227]) {
        let reading = measure.apply(&[weight.view().into()], &measure.options([]).unwrap()).unwrap();
        assert!((reading.value - published).abs() < 5e-5, "{} {published}", reading.value);
    }
}

/// The published silhouettes come from one k-means seed each; they lie inside the scatter over seeds, and a k-means that
/// ends with less inertia than theirs gives others.
#[test]
fn published_silhouettes_lie_inside_the_scatter_over_seeds() {
    let ndt = &reference()["ndt"];
    let theirs = list(&ndt["seed_42"]);
    let best_inertia = list(&ndt["best_inertia"]);
    for (place, (weight, published)) in conv1().iter().zip([0.1018, 0.1403, 0.1900]).enumerate() {
        assert!((theirs[place] - published).abs() < 5e-5, "the reference repeats the published number");
        let reading = kmeans_silhouette(weight.view(), &KMeansSilhouetteOptions::default()).unwrap();
        let by_seed = reading.part("silhouette_by_seed").unwrap();
        let inertia = reading.part("best_inertia").unwrap()[0];
        let low = by_seed.iter().copied().fold(f64::INFINITY, f64::min);
        let high = by_seed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(low <= published && published <= high, "{published} outside {low} … {high}");
        assert!(inertia < 1.02 * best_inertia[place], "{inertia}");
    }
}
