//! Independent components, non-negative factors and codes for known directions against scikit-learn and SciPy
//! (`reference/make_parts_reference.py`), against a slow twin, and under changes that must not matter.

use kymograph_linalg::random;
use kymograph_measures::MeasureError;
use kymograph_measures::dictionaries::{dictionary_agreement, nonnegative_least_squares, nonnegative_matching_pursuit};
use kymograph_measures::embeddings::{IcaContrast, IcaOptions, NmfOptions, ica, nmf};
use kymograph_measures::similarity::matched_cosine;
use ndarray::{Array2, Axis, s};
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/parts.json")).expect("JSON")
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|entry| entry.as_f64().expect("a number")).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(list).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column])
}

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(seed, "parts"), rows, columns)
}

#[track_caller]
fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = (a - b).iter().fold(0.0f64, |worst, v| worst.max(v.abs()));
    assert!(worst < tolerance, "{worst}");
}

#[test]
fn independent_components_are_scikit_learns_up_to_order_and_sign() {
    let reference = reference();
    let mixed = matrix(&reference["mixed"]);
    let cases = reference["ica"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let contrast = if case["fun"] == "cube" { IcaContrast::Cube } else { IcaContrast::LogCosh };
        let components = case["components"].as_u64().expect("a count") as usize;
        let options =
            IcaOptions { components, contrast, max_iterations: 2000, tolerance: 1e-14, ..IcaOptions::default() };
        let found = ica(mixed.view(), &options).expect("components");
        let (sources, directions) = (matrix(&case["sources"]), matrix(&case["directions"]));
        // Four are there; two more are noise, which any rotation fits and which turns the four a little.
        let near = if components == 4 { 1e-5 } else { 5e-2 };
        let cosine = |at: usize, other: usize| {
            let (a, b) = (found.directions.row(at), directions.row(other));
            a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
        };
        for at in 0..4 {
            let nearer = |a: &usize, b: &usize| cosine(at, *a).abs().total_cmp(&cosine(at, *b).abs());
            let best = (0..components).max_by(nearer).expect("components");
            let sign = cosine(at, best).signum();
            let pairs = found.directions.row(at).to_vec().into_iter().zip(directions.row(best));
            assert!(pairs.into_iter().all(|(a, b)| (a - sign * b).abs() < near), "{} {components}", case["fun"]);
            if components == 4 {
                let pairs = found.sources.column(at).to_vec().into_iter().zip(sources.column(best));
                assert!(pairs.into_iter().all(|(a, b)| (a - sign * b).abs() < 1e-4), "{}", case["fun"]);
            }
        }
        if components == 4 {
            let single = mixed.mapv(|v| v as f32);
            let single = ica(single.view(), &IcaOptions { tolerance: 1e-6, ..options }).expect("components");
            close(&single.directions, &found.directions, 1e-2);
        }
    }
}

#[test]
fn non_negative_factors_are_scikit_learns() {
    let reference = reference();
    let (x, weights, parts) =
        (matrix(&reference["positive"]), matrix(&reference["weights"]), matrix(&reference["parts"]));
    for case in reference["nmf"].as_array().expect("cases") {
        let number = |key: &str| case[key].as_f64().expect("a number");
        let options = NmfOptions {
            components: 3,
            max_iterations: number("max_iterations") as usize,
            tolerance: number("tolerance"),
            initial: Some([weights.view(), parts.view()]),
            ..NmfOptions::default()
        };
        let found = nmf(x.view(), &options).expect("factors");
        assert_eq!(found.iterations as f64, number("iterations"));
        close(&found.weights, &matrix(&case["weights"]), 1e-9);
        close(&found.parts, &matrix(&case["parts"]), 1e-9);
        assert!((found.relative_error - number("relative_error")).abs() < 1e-10);
    }
    // Rows in another order are the same rows in another order.
    let options = NmfOptions { components: 3, initial: Some([weights.view(), parts.view()]), ..NmfOptions::default() };
    let order: Vec<usize> = (0..30).rev().collect();
    let (turned, first) = (x.select(Axis(0), &order), weights.select(Axis(0), &order));
    let other =
        nmf(turned.view(), &NmfOptions { initial: Some([first.view(), parts.view()]), ..options }).expect("factors");
    close(&other.parts, &nmf(x.view(), &options).expect("factors").parts, 1e-9);
}

#[test]
fn codes_of_known_directions_are_scipys() {
    let reference = reference();
    let (directions, examples) = (matrix(&reference["directions"]), matrix(&reference["examples"]));
    let found = nonnegative_least_squares(directions.view(), examples.view()).expect("codes");
    let (expected, residuals) = (matrix(&reference["least_squares"]), list(&reference["residuals"]));
    let (mut exact, mut compared) = (0, 0);
    for (example, &residual) in residuals.iter().enumerate() {
        let left = &examples.row(example) - &found.row(example).dot(&directions);
        assert!((left.dot(&left).sqrt() - residual).abs() < 1e-7);
        if residual > 1e-6 {
            // Where nothing is left, other codes do as well.
            compared += 1;
            assert!(found.row(example).iter().zip(expected.row(example)).all(|(a, b)| (a - b).abs() < 1e-7));
        } else {
            exact += 1;
        }
    }
    assert!(compared >= 10 && exact + compared == 40, "{compared} {exact}");
    let counts: Vec<usize> = list(&reference["counts"]).into_iter().map(|count| count as usize).collect();
    let found = nonnegative_matching_pursuit(directions.view(), examples.view(), &counts).expect("codes");
    close(&found, &matrix(&reference["pursuit"]), 1e-7);
}

#[test]
fn least_squares_are_the_best_of_all_sets_of_directions() {
    let (directions, examples) = (normal(1, 7, 4), normal(2, 25, 4));
    let found = nonnegative_least_squares(directions.view(), examples.view()).expect("codes");
    for example in 0..25 {
        let error = |codes: &[f64]| {
            let left = &examples.row(example) - &ndarray::aview1(codes).dot(&directions);
            left.dot(&left)
        };
        // The optimum is the unconstrained one of its own directions: try them all.
        let mut best = f64::INFINITY;
        for set in 0u32..1 << 7 {
            let used: Vec<usize> = (0..7).filter(|at| set >> at & 1 == 1).collect();
            if used.len() > 4 {
                continue;
            }
            let mut codes = vec![0.0; 7];
            if !used.is_empty() {
                let rows = directions.select(Axis(0), &used);
                let svd = kymograph_linalg::svd(rows.view()).expect("factors");
                let along: Vec<f64> =
                    svd.vt.outer_iter().zip(&svd.s).map(|(v, s)| v.dot(&examples.row(example)) / s).collect();
                let solution = svd.u.dot(&ndarray::aview1(&along));
                used.iter().zip(&solution).for_each(|(&at, value)| codes[at] = *value);
            }
            if codes.iter().all(|code| *code >= 0.0) {
                best = best.min(error(&codes));
            }
        }
        let codes = found.row(example).to_vec();
        assert!(codes.iter().all(|code| *code >= 0.0) && (error(&codes) - best).abs() < 1e-9, "{example}");
    }
}

#[test]
fn sparse_sums_are_taken_apart_exactly_whatever_the_lengths() {
    // Three of 60 directions in 24 dimensions.
    let directions = normal(3, 60, 24);
    let rng = &mut random::stream(4, "parts");
    let mut truth = Array2::<f64>::zeros((50, 60));
    for mut row in truth.outer_iter_mut() {
        random::sample(rng, 60, 3).into_iter().for_each(|at| row[at] = 0.2 + random::uniform(rng));
    }
    let x = truth.dot(&directions);
    close(&nonnegative_least_squares(directions.view(), x.view()).expect("codes"), &truth, 1e-8);
    let pursued = nonnegative_matching_pursuit(directions.view(), x.view(), &[3; 50]).expect("codes");
    let right =
        pursued.outer_iter().zip(truth.outer_iter()).filter(|(a, b)| (a - b).iter().all(|v| v.abs() < 1e-8)).count();
    assert!(right > 35 && pursued.outer_iter().all(|row| row.iter().filter(|v| **v > 0.0).count() <= 3), "{right}");
    // A direction a thousand times as long has a code a thousand times as small.
    let mut longer = directions.clone();
    longer.row_mut(7).mapv_inplace(|v| v * 1e3);
    let codes = nonnegative_least_squares(longer.view(), (&x * 1e200).view()).expect("codes");
    for (row, truth) in codes.outer_iter().zip(truth.outer_iter()) {
        for (at, (code, truth)) in row.iter().zip(truth).enumerate() {
            let expected = truth * if at == 7 { 1e197 } else { 1e200 };
            assert!((code - expected).abs() <= 1e-8 * 1e200);
        }
    }
    // f32 directions, copies and rows of zeros do no harm.
    let copies = ndarray::concatenate![Axis(0), directions, directions, Array2::zeros((3, 24))].mapv(|v| v as f32);
    let codes = nonnegative_least_squares(copies.view(), x.mapv(|v| v as f32).view()).expect("codes");
    let both = &codes.slice(s![.., ..60]) + &codes.slice(s![.., 60..120]);
    close(&both, &truth, 1e-4);
    assert!(codes.slice(s![.., 120..]).iter().all(|code| *code == 0.0));
}

#[test]
fn two_trainings_agree_as_their_matching_says() {
    let x = normal(5, 30, 8);
    let order = random::permutation(&mut random::stream(6, "parts"), 30);
    let mut y = x.select(Axis(0), &order);
    y.slice_mut(s![..6, ..]).mapv_inplace(|v| -v);
    let found = dictionary_agreement(x.view(), y.view(), 0.9).expect("a number");
    // Opposites are the same to PW-MCC alone.
    assert!((found.absolute - 1.0).abs() < 1e-12 && (0.5..=0.8).contains(&found.share));
    assert!((0.6 - 1e-9..0.97).contains(&found.matched_cosine) && found.per_unit.len() == 30);
    let (small, large) = (normal(7, 12, 8), normal(8, 40, 8));
    let one = dictionary_agreement(small.view(), large.view(), 0.5).expect("a number");
    let other = dictionary_agreement(large.view(), small.view(), 0.5).expect("a number");
    assert!((one.matched_cosine - other.matched_cosine).abs() < 1e-12 && (one.absolute - other.absolute).abs() < 1e-12);
    assert_eq!(
        (one.share, one.matched_cosine),
        (other.share, matched_cosine(small.view(), large.view()).unwrap().value)
    );
    assert!(one.absolute >= one.matched_cosine);
    let mut zero = small.clone();
    zero.row_mut(3).fill(0.0);
    assert!(matches!(dictionary_agreement(zero.view(), large.view(), 0.5), Err(MeasureError::ZeroRow { row: 3, .. })));
    assert!(dictionary_agreement(small.view(), large.view(), 2.0).is_err());
}

#[test]
fn what_cannot_be_coded_is_refused() {
    let (directions, x) = (normal(9, 5, 3), normal(10, 4, 3));
    let solve = |d: &Array2<f64>, x: &Array2<f64>| nonnegative_least_squares(d.view(), x.view());
    let mut broken = x.clone();
    broken[[1, 1]] = f64::NAN;
    assert!(matches!(solve(&directions, &broken), Err(MeasureError::NotFinite { row: 1, column: 1, .. })));
    assert!(matches!(solve(&Array2::zeros((5, 3)), &x), Err(MeasureError::NoVariation { .. })));
    assert!(matches!(solve(&normal(9, 5, 2), &x), Err(MeasureError::ShapeMismatch { .. })));
    assert!(solve(&Array2::zeros((0, 3)), &x).is_err());
    assert!(nonnegative_matching_pursuit(directions.view(), x.view(), &[1, 2]).is_err());
    // An example of nothing has no codes; nor has one of which every direction points away.
    let axes = Array2::<f64>::eye(3);
    let codes = solve(&axes, &ndarray::array![[0.0, 0.0, 0.0], [-1.0, -2.0, -1e-3]]).expect("codes");
    assert!(codes.iter().all(|code| *code == 0.0));
    let none = nonnegative_matching_pursuit(directions.view(), x.view(), &[0; 4]).expect("codes");
    assert!(none.iter().all(|code| *code == 0.0));
}
