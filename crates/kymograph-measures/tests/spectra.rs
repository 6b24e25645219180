//! Ranks, distances from noise and accuracies: agreement with NumPy, SciPy and scikit-learn on the arrays of
//! `reference/spectra.json`, exact cases, and what theory says of Gaussian arrays.

use kymograph_linalg::random::{normal_matrix, stream};
use kymograph_measures::MeasureError;
use kymograph_measures::predictions::top_1_accuracy;
use kymograph_measures::spectra::{marchenko_pastur_distance, numerical_rank, singular_spectrum};
use ndarray::{Array1, Array2, array, s};
use serde_json::Value;

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    normal_matrix(&mut stream(seed, "spectra"), rows, columns)
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(list).collect();
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).expect("a full matrix")
}

#[test]
fn numpy_scipy_and_sklearn_agree() {
    let document: Value = serde_json::from_str(include_str!("reference/spectra.json")).expect("JSON");
    let arrays = document["arrays"].as_array().expect("arrays");
    assert_eq!(arrays.len(), 5);
    for entry in arrays {
        let x = matrix(&entry["x"]);
        let rank = |centre| numerical_rank(x.view(), centre, 0.0).expect("a rank").value;
        assert_eq!(
            [rank(false), rank(true)],
            [&entry["numerical_rank"], &entry["centred_rank"]].map(|v| v.as_f64().unwrap())
        );
        let found = marchenko_pastur_distance(x.view(), false).expect("a distance").value;
        let expected = entry["marchenko_pastur_distance"].as_f64().expect("a number");
        assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    }
    let labels: Array1<i64> = list(&document["labels"]).into_iter().map(|label| label as i64).collect();
    let found = top_1_accuracy(matrix(&document["outputs"]).view(), labels.view()).expect("an accuracy").value;
    assert!((found - document["top_1_accuracy"].as_f64().expect("a number")).abs() < 1e-15);
}

/// A linear layer of s units with a bias: never more than s directions about the mean, one more with it, in both precisions.
#[test]
fn a_squeeze_of_s_units_leaves_s_directions() {
    for (seed, width) in [1, 2, 8, 32].into_iter().enumerate() {
        let hidden = normal(seed as u64, 256, width).mapv(|v| v.max(0.0));
        let bias = normal(50, 1, 120).mapv(|v| 3.0 + v);
        let wide = hidden.dot(&normal(90 + seed as u64, width, 120)) + &bias;
        let narrow = hidden.mapv(|v| v as f32).dot(&normal(90 + seed as u64, width, 120).mapv(|v| v as f32))
            + bias.mapv(|v| v as f32);
        for centre in [false, true] {
            let expected = width as f64 + if centre { 0.0 } else { 1.0 };
            let of_wide = numerical_rank(wide.view(), centre, 0.0).expect("a rank");
            let of_narrow = numerical_rank(narrow.view(), centre, 0.0).expect("a rank");
            assert_eq!((of_wide.value, of_narrow.value), (expected, expected), "{width} units");
            let (kept, dropped) =
                (of_narrow.part("last_kept").unwrap()[0], of_narrow.part("first_dropped").unwrap()[0]);
            assert!(kept > 1e-3 && dropped < 1e-5, "{width} units: {kept} {dropped}");
        }
    }
}

#[test]
fn ranks_by_hand() {
    let rank = |x: &Array2<f64>, tolerance| numerical_rank(x.view(), false, tolerance).map(|reading| reading.value);
    let diagonal = Array2::from_diag(&array![1.0, 1e-3, 1e-9, 0.0]);
    assert_eq!(rank(&diagonal, 0.0), Ok(3.0));
    assert_eq!(rank(&diagonal, 1e-6), Ok(2.0));
    assert_eq!(rank(&diagonal, 0.1), Ok(1.0));
    assert_eq!(rank(&Array2::zeros((4, 3)), 0.0), Ok(0.0));
    assert_eq!(numerical_rank(Array2::from_elem((4, 3), 0.1).view(), true, 0.0).map(|r| r.value), Ok(0.0));
    for bad in [-1.0, 1.0, f64::NAN] {
        assert!(matches!(rank(&diagonal, bad), Err(MeasureError::BadOption { option: "tolerance", .. })));
    }
}

/// The band is fixed beforehand: eigenvalues of Gaussian matrices lie so evenly that F − G is of the order of 1/min.
#[test]
fn noise_follows_the_law_and_structure_does_not() {
    for (rows, columns) in [(60, 60), (300, 100), (100, 300), (40, 1000)] {
        let few = rows.min(columns) as f64;
        for seed in 0..10 {
            let noise = normal(seed, rows, columns) * 0.03;
            let reading = marchenko_pastur_distance(noise.view(), false).expect("a distance");
            assert!(reading.value < 4.0 / few, "{rows} × {columns}: {}", reading.value);
            let beyond = reading.part("above_bulk").unwrap()[0] + reading.part("below_bulk").unwrap()[0];
            assert!(beyond <= 3.0, "{beyond} values beyond the edges");
            // A direction of twice the largest of noise stands out, and pulls the law's scale.
            let mut spiked = noise.clone();
            let edge = reading.part("edges").unwrap()[1];
            let (u, v) = (1.0 / (rows as f64).sqrt(), 1.0 / (columns as f64).sqrt());
            spiked.mapv_inplace(|value| value + 2.0 * edge * u * v);
            let found = marchenko_pastur_distance(spiked.view(), false).expect("a distance");
            assert!(found.part("above_bulk").unwrap()[0] >= 1.0);
            let values = singular_spectrum(spiked.view(), false).unwrap().part("singular_values").unwrap().to_vec();
            assert!(values[0] > found.part("edges").unwrap()[1] && values[1] < 1.1 * edge);
        }
    }
    let low = normal(1, 80, 3).dot(&normal(2, 3, 50));
    assert!(marchenko_pastur_distance(low.view(), false).unwrap().value > 0.9);
    let one = marchenko_pastur_distance(low.slice(s![.., ..1]), false);
    assert!(matches!(one, Err(MeasureError::TooFew { found: 1, needed: 2, .. })));
}

#[test]
fn labels_that_name_no_column_are_counted() {
    let x = array![[1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]];
    let reading = top_1_accuracy(x.view(), array![0, -1, 2, 0].view()).unwrap();
    assert_eq!((reading.value, reading.part("per_row").unwrap()), (0.5, &[1.0, 0.0, 0.0, 1.0][..]));
    assert!(reading.notes[0].starts_with("2 labels"));
}
