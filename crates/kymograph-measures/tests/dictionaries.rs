//! Sets of directions against each other: by hand, against a slow twin, against theory, and hostile input.

use kymograph_linalg::random;
use kymograph_measures::MeasureError;
use kymograph_measures::dictionaries::{
    chance_mean_max_cosine, code_agreement, duplicate_directions, maximal_cosines, mean_max_cosine, share_recovered,
    variance_explained,
};
use ndarray::{Array2, array, s};

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(seed, "dictionaries"), rows, columns)
}

fn cosine(x: &Array2<f64>, i: usize, y: &Array2<f64>, j: usize) -> f64 {
    let (a, b) = (x.row(i), y.row(j));
    a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
}

#[test]
fn the_tiles_find_what_a_slow_search_finds() {
    // More than a tile on both sides, and not a multiple of it.
    let (x, y) = (normal(1, 300, 9), normal(2, 530, 9));
    let found = maximal_cosines(x.view(), y.view(), false).unwrap();
    let single = maximal_cosines(x.mapv(|v| v as f32).view(), y.mapv(|v| v as f32).view(), false).unwrap();
    for i in 0..x.nrows() {
        let best = (0..y.nrows()).max_by(|&a, &b| cosine(&x, i, &y, a).total_cmp(&cosine(&x, i, &y, b))).unwrap();
        assert_eq!(found.indices[i], best);
        assert!((found.cosines[i] - cosine(&x, i, &y, best)).abs() < 1e-14);
        assert!((found.cosines[i] - single.cosines[i]).abs() < 1e-6);
    }
    let own = maximal_cosines(y.view(), y.view(), true).unwrap();
    for i in 0..y.nrows() {
        let best = (0..y.nrows()).filter(|&j| j != i).map(|j| cosine(&y, i, &y, j)).fold(-1.0, f64::max);
        assert!((own.cosines[i] - best).abs() < 1e-14);
    }
}

#[test]
fn a_set_is_in_itself_and_in_any_larger_one() {
    let x = normal(3, 40, 12);
    assert!((mean_max_cosine(x.view(), x.view()).unwrap().value - 1.0).abs() < 1e-14);
    assert_eq!(share_recovered(x.view(), x.view(), 0.999).unwrap().value, 1.0);
    let more = ndarray::concatenate![ndarray::Axis(0), normal(4, 30, 12), &x * 7.0];
    assert!((mean_max_cosine(x.view(), more.view()).unwrap().value - 1.0).abs() < 1e-14);
    assert!(mean_max_cosine(more.view(), x.view()).unwrap().value < 0.9);
    // Opposite directions are others.
    assert!(mean_max_cosine(x.view(), (-&x).view()).unwrap().value < 0.7);
}

#[test]
fn lengths_at_the_ends_of_f64_are_directions_too() {
    let x = array![[5e-324, 0.0], [0.0, f64::MAX], [f64::MAX, -f64::MAX], [1e-310, 1e-310]];
    let found = maximal_cosines(x.view(), array![[1.0, 0.0], [0.0, 1e-320]].view(), false).unwrap();
    let half = 0.5f64.sqrt();
    for (found, expected) in found.cosines.iter().zip([1.0, 1.0, half, half]) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
    assert_eq!(found.indices[..3], [0, 1, 0]);
}

#[test]
fn recall_precision_and_copies_by_hand() {
    let truth = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]];
    let learned = array![[2.0, 0.1, 0.0], [3.0, 0.0, 0.1], [1.0, 1.0, 0.0], [-1.0, 0.0, 0.0]];
    let recall = share_recovered(truth.view(), learned.view(), 0.9).unwrap();
    assert!((recall.value - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(recall.part("left_out_x"), Some(&[3.0][..]));
    assert_eq!(share_recovered(learned.view(), truth.view(), 0.9).unwrap().value, 0.5);
    let copies = duplicate_directions(learned.view(), 0.9).unwrap();
    assert_eq!((copies.value, copies.part("per_unit")), (0.5, Some(&[1.0, 1.0, 0.0, 0.0][..])));
}

#[test]
fn random_directions_score_what_theory_says() {
    // In three dimensions cosines are uniform, and the mean of the largest of N is (N − 1)/(N + 1).
    for count in [1, 2, 5, 40, 1000] {
        let exact = (count as f64 - 1.0) / (count as f64 + 1.0);
        assert!((chance_mean_max_cosine(3, count) - exact).abs() < 1e-6, "{count}");
    }
    // On a line a direction is one of two.
    assert_eq!(chance_mean_max_cosine(1, 3), 0.75);
    assert!(chance_mean_max_cosine(2, 1).abs() < 1e-6 && chance_mean_max_cosine(500, 1).abs() < 1e-6);
    // Levels found by drawing, in 256 dimensions.
    for (count, level) in [(64, 0.146), (128, 0.164), (512, 0.19), (1024, 0.20), (4096, 0.225)] {
        assert!(
            (chance_mean_max_cosine(256, count) - level).abs() < 0.007,
            "{count}: {}",
            chance_mean_max_cosine(256, count)
        );
    }
    for (width, count) in [(8, 90), (16, 64), (64, 300)] {
        let drawn = mean_max_cosine(normal(5, 2000, width).view(), normal(6, count, width).view()).unwrap().value;
        let draws: Vec<f64> = (0..12)
            .map(|seed| {
                mean_max_cosine(normal(50 + seed, 500, width).view(), normal(70 + seed, count, width).view())
                    .unwrap()
                    .value
            })
            .collect();
        let mean = (draws.iter().sum::<f64>() + drawn) / 13.0;
        let chance = chance_mean_max_cosine(width, count);
        assert!((mean - chance).abs() < 0.012, "{width} {count}: {mean} {chance}");
    }
}

#[test]
fn a_projection_on_principal_directions_explains_their_share() {
    let x = normal(8, 200, 6) * array![[5.0, 3.0, 2.0, 1.0, 0.5, 0.1]];
    let mean = x.mean_axis(ndarray::Axis(0)).unwrap();
    let centred = &x - &mean;
    let eigen = kymograph_linalg::symmetric_eigen(kymograph_linalg::covariance(x.view()).unwrap().view()).unwrap();
    let first = eigen.vectors.slice(s![.., ..2]).to_owned();
    let rebuilt = centred.dot(&first).dot(&first.t()) + &mean;
    let expected = eigen.values[..2].iter().sum::<f64>() / eigen.values.iter().sum::<f64>();
    assert!((variance_explained(x.view(), rebuilt.view()).unwrap().value - expected).abs() < 1e-12);
    let means = Array2::from_shape_fn(x.dim(), |(_, column)| mean[column]);
    assert!(variance_explained(x.view(), means.view()).unwrap().value.abs() < 1e-12);
    assert_eq!(variance_explained(x.view(), x.view()).unwrap().value, 1.0);
}

#[test]
fn shrunk_codes_have_a_smaller_slope() {
    let truth: Vec<f64> = (0..100).map(|i| if i % 4 == 0 { f64::from(i) / 100.0 } else { 0.0 }).collect();
    let learned: Vec<f64> = truth.iter().map(|v| (v - 0.1).max(0.0)).collect();
    let agreement = code_agreement(&truth, &learned).unwrap();
    let sums = |f: &dyn Fn(f64, f64) -> f64| truth.iter().zip(&learned).map(|(a, b)| f(*a, *b)).sum::<f64>();
    assert!((agreement.slope - sums(&|a, b| a * b) / sums(&|a, _| a * a)).abs() < 1e-12);
    assert!(agreement.slope < 0.9 && agreement.correlation > 0.98 && agreement.present == 24);
    let huge: Vec<f64> = truth.iter().map(|v| v * 1e300).collect();
    assert!((code_agreement(&huge, &huge).unwrap().slope - 1.0).abs() < 1e-12);
}

#[test]
fn what_cannot_be_is_refused() {
    let x = normal(9, 4, 3);
    let zero = Array2::<f64>::zeros((2, 3));
    let mut broken = x.clone();
    broken[[2, 1]] = f64::NAN;
    for (a, b) in [(&x, &zero), (&zero, &x), (&x, &broken), (&x, &normal(1, 4, 5)), (&x, &Array2::zeros((0, 3)))] {
        assert!(mean_max_cosine(a.view(), b.view()).is_err());
        assert!(share_recovered(a.view(), b.view(), 0.9).is_err());
    }
    assert!(matches!(share_recovered(x.view(), x.view(), 1.5), Err(MeasureError::BadOption { .. })));
    assert!(duplicate_directions(x.slice(s![..1, ..]), 0.9).is_err());
    assert!(variance_explained(Array2::<f64>::ones((5, 3)).view(), normal(2, 5, 3).view()).is_err());
    assert!(code_agreement(&[], &[]).is_err() && code_agreement(&[0.0, 0.0], &[0.0, 1.0]).is_err());
    assert!(code_agreement(&[0.0, 1.0], &[f64::NAN, 1.0]).is_err() && code_agreement(&[0.0, 1.0], &[1.0]).is_err());
}
