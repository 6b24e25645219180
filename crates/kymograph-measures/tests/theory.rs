//! Slow literal twins, and what theory says about noise.

use kymograph_linalg::random;
use kymograph_measures::attention::{attention_entropy, head_correlation, head_specialisation};
use kymograph_measures::clusters::{KMeansOptions, kmeans};
use kymograph_measures::filters::unique_patterns;
use kymograph_measures::neurons::effective_dimension;
use kymograph_measures::predictions::prediction_divergence;
use kymograph_measures::probes::{LinearProbeOptions, linear_probe_accuracy};
use kymograph_measures::similarity::{angular_speed, matched_cosine};
use kymograph_measures::spectra::{
    components_for_90_percent, nuclear_to_spectral_ratio, singular_spectrum, singular_value_participation_ratio,
};
use ndarray::{Array1, Array2, Array4, s};

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(seed, "theory"), rows, columns)
}

fn cosine(x: &Array2<f64>, i: usize, y: &Array2<f64>, j: usize) -> f64 {
    let (a, b) = (x.row(i), y.row(j));
    a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
}

/// The best mean cosine over every way to give each row of `x` its own row of `y`.
fn best_matching(x: &Array2<f64>, y: &Array2<f64>, row: usize, used: &mut Vec<usize>) -> f64 {
    if row == x.nrows() {
        return 0.0;
    }
    let mut best = f64::NEG_INFINITY;
    for other in 0..y.nrows() {
        if !used.contains(&other) {
            used.push(other);
            best = best.max(cosine(x, row, y, other) + best_matching(x, y, row + 1, used));
            used.pop();
        }
    }
    best
}

#[test]
fn the_matching_is_the_best_of_all() {
    for seed in 0..10 {
        let (x, y) = (normal(seed, 5, 3), normal(seed + 100, 6, 3));
        let expected = best_matching(&x, &y, 0, &mut Vec::new()) / 5.0;
        for (a, b) in [(&x, &y), (&y, &x)] {
            let reading = matched_cosine(a.view(), b.view()).unwrap();
            assert!((reading.value - expected).abs() < 1e-13);
        }
        let partner = matched_cosine(y.view(), x.view()).unwrap().part("partner").unwrap().to_vec();
        assert_eq!(partner.iter().filter(|p| **p < 0.0).count(), 1, "one unit of the larger side stays alone");
    }
}

#[test]
fn units_without_a_direction_are_left_out_and_named() {
    let mut x = normal(1, 6, 4);
    x.row_mut(2).fill(0.0);
    let y = normal(2, 6, 4);
    let kept = matched_cosine(x.select(ndarray::Axis(0), &[0, 1, 3, 4, 5]).view(), y.view()).unwrap();
    let reading = matched_cosine(x.view(), y.view()).unwrap();
    assert_eq!(reading.value, kept.value);
    assert_eq!(reading.part("left_out_x"), Some(&[2.0][..]));
    assert_eq!(reading.part("partner").unwrap()[2], -1.0);
    assert_eq!(reading.notes.len(), 1);
}

/// Patterns by the closure of "alike", joined pass after pass until nothing changes.
fn patterns(x: &Array2<f64>, threshold: f64, signed: bool) -> usize {
    let mut group: Vec<usize> = (0..x.nrows()).collect();
    loop {
        let before = group.clone();
        for i in 0..x.nrows() {
            for j in 0..x.nrows() {
                let c = cosine(x, i, x, j);
                if (if signed { c } else { c.abs() }) >= threshold {
                    let least = group[i].min(group[j]);
                    (group[i], group[j]) = (least, least);
                }
            }
        }
        if group == before {
            group.sort_unstable();
            group.dedup();
            return group.len();
        }
    }
}

#[test]
fn patterns_are_the_closure_of_likeness_and_fall_with_the_threshold() {
    for seed in 0..5 {
        let x = normal(seed, 25, 3);
        for signed in [true, false] {
            let mut last = 0.0;
            for threshold in [0.0, 0.5, 0.8, 0.95, 1.0] {
                let found = unique_patterns(x.view(), threshold, signed).unwrap();
                assert_eq!(found.value, patterns(&x, threshold, signed) as f64);
                assert!(found.value >= last);
                assert_eq!(found.part("pattern_sizes").unwrap().iter().sum::<f64>(), 25.0);
                last = found.value;
            }
            assert_eq!(last, 25.0, "no two random units are equal");
        }
    }
}

/// On a line, the best clusters are runs of the sorted points: all cuts can be tried.
#[test]
fn k_means_finds_the_optimum_on_a_line() {
    for seed in 0..10 {
        let mut points = normal(seed, 14, 1).into_raw_vec_and_offset().0;
        points.sort_by(f64::total_cmp);
        let inertia = |run: &[f64]| {
            let mean = run.iter().sum::<f64>() / run.len() as f64;
            run.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
        };
        let mut best = f64::INFINITY;
        for a in 1..13 {
            for b in a + 1..14 {
                best = best.min(inertia(&points[..a]) + inertia(&points[a..b]) + inertia(&points[b..]));
            }
        }
        let x = Array2::from_shape_vec((14, 1), points).unwrap();
        let fit = kmeans(x.view(), &KMeansOptions { k: 3, n_init: 30, ..Default::default() }).unwrap();
        assert!((fit.inertia - best).abs() < 1e-12, "{} {best}", fit.inertia);
        for (row, &label) in fit.labels.iter().enumerate() {
            let nearest = (0..3).map(|c| (x[[row, 0]] - fit.centres[[c, 0]]).abs()).fold(f64::INFINITY, f64::min);
            assert!((x[[row, 0]] - fit.centres[[label, 0]]).abs() <= nearest + 1e-12);
        }
    }
}

#[test]
fn k_means_refuses_fewer_different_rows_than_clusters() {
    let x = Array2::from_shape_fn((9, 2), |(i, _)| (i % 3) as f64);
    let fit = |k| kmeans(x.view(), &KMeansOptions { k, ..Default::default() });
    assert_eq!(fit(3).unwrap().inertia, 0.0);
    let message = fit(4).unwrap_err().to_string();
    assert!(message.contains("3 different rows") && message.contains("4 clusters"), "{message}");
}

/// Rotating a plane by t turns every unit in it by t; arc cosine would lose t = 1e-9 altogether.
#[test]
fn small_angles_keep_their_digits() {
    for angle in [1e-9, 1e-4, 0.3, 3.0] {
        let from = ndarray::array![[2.0, 0.0], [0.0, -0.5]];
        let (sine, cosine) = f64::sin_cos(angle);
        let to = from.dot(&ndarray::array![[cosine, sine], [-sine, cosine]]);
        let found = angular_speed(from.view(), to.view(), 1.0).unwrap().value;
        assert!((found / angle - 1.0).abs() < 1e-7, "{angle}: {found}");
    }
}

/// The expected (tr C)²/tr C² of n draws of p equal variances is about p/(1 + p/n).
#[test]
fn few_examples_bias_the_effective_dimension_as_theory_says() {
    for (n, p) in [(200, 50), (100, 100), (60, 240)] {
        let found = effective_dimension(normal(3, n, p).view()).unwrap();
        let expected = p as f64 / (1.0 + p as f64 / n as f64);
        assert!((found / expected - 1.0).abs() < 0.05, "{n} {p}: {found} {expected}");
    }
}

/// Marchenko and Pastur: singular values of n × p noise fill √n ± √p.
#[test]
fn singular_values_of_noise_fill_the_known_band() {
    let (n, p) = (400_f64, 100_f64);
    let reading = singular_spectrum(normal(4, 400, 100).view(), false).unwrap();
    let values = reading.part("singular_values").unwrap();
    let (high, low) = (n.sqrt() + p.sqrt(), n.sqrt() - p.sqrt());
    assert!((values[0] / high - 1.0).abs() < 0.05 && (values[99] / low - 1.0).abs() < 0.1);
    assert!((reading.part("explained").unwrap()[99] - 1.0).abs() < 1e-14);
}

#[test]
fn a_probe_of_noise_is_at_chance_and_of_a_code_is_perfect() {
    let labels = Array1::from_shape_fn(600, |i| (i % 4) as i64);
    let noise = normal(5, 600, 20);
    let reading = linear_probe_accuracy(noise.view(), labels.view(), &LinearProbeOptions::default()).unwrap();
    // Three standard deviations of 600 guesses at 1/4.
    assert!((reading.value - 0.25).abs() < 3.0 * (0.25_f64 * 0.75 / 600.0).sqrt(), "{}", reading.value);
    assert_eq!(reading.part("majority_baseline"), Some(&[0.25][..]));
    assert_eq!(reading.part("n_train"), Some(&[480.0; 5][..]));
    let mut code = noise.clone();
    for (mut row, label) in code.outer_iter_mut().zip(&labels) {
        row[*label as usize] += 12.0;
    }
    let reading = linear_probe_accuracy(code.view(), labels.view(), &LinearProbeOptions::default()).unwrap();
    assert_eq!(reading.value, 1.0);
    assert!(reading.notes.is_empty());
    let few = linear_probe_accuracy(code.slice(s![..20, ..]), labels.slice(s![..20]), &LinearProbeOptions::default());
    assert!(few.unwrap().notes[0].contains("16 training examples for 20 features"));
}

#[test]
fn a_probe_takes_features_that_are_constant_or_of_any_scale() {
    let labels = Array1::from_shape_fn(90, |i| (i % 3) as i64);
    let mut x = normal(6, 90, 6);
    for (mut row, label) in x.outer_iter_mut().zip(&labels) {
        row[0] += *label as f64;
    }
    let options = LinearProbeOptions::default();
    let before = linear_probe_accuracy(x.view(), labels.view(), &options).unwrap();
    let mut other = Array2::from_elem((90, 8), 1e9 + 0.1);
    other.slice_mut(s![.., 1..7]).assign(&(&x * &ndarray::array![1e-3, 1.0, 1e4, 1.0, 1e2, 1e-2]));
    let after = linear_probe_accuracy(other.view(), labels.view(), &options).unwrap();
    assert_eq!(before.part("per_row"), after.part("per_row"));
}

/// Attention and predictions by their definitions, entry by entry.
#[test]
fn entropies_correlations_and_divergences_are_those_of_the_definitions() {
    let mut rng = random::stream(12, "theory");
    let (examples, heads, queries, keys) = (5, 4, 3, 6);
    let mut pattern = Array4::from_shape_simple_fn((examples, heads, queries, keys), || random::normal(&mut rng).exp());
    for mut row in pattern.lanes_mut(ndarray::Axis(3)) {
        let sum = row.sum();
        row /= sum;
    }
    let entropy = |p: &[f64]| p.iter().map(|p| -p * p.ln()).sum::<f64>();
    let divergence = |p: &[f64], q: &[f64]| {
        let m: Vec<f64> = p.iter().zip(q).map(|(p, q)| (p + q) / 2.0).collect();
        entropy(&m) - (entropy(p) + entropy(q)) / 2.0
    };
    let row = |e: usize, h: usize, q: usize| pattern.slice(s![e, h, q, ..]).to_vec();
    let mut whole = 0.0;
    for (e, h, q) in ndarray::indices((examples, heads, queries)) {
        whole += entropy(&row(e, h, q)) / (examples * heads * queries) as f64;
    }
    assert!((attention_entropy(pattern.view()).unwrap().value - whole).abs() < 1e-13);
    let specialised = head_specialisation(pattern.view()).unwrap();
    let correlated = head_correlation(pattern.view()).unwrap();
    let mut pair = 0;
    for a in 0..heads {
        for b in a + 1..heads {
            let mut mean = 0.0;
            for (e, q) in ndarray::indices((examples, queries)) {
                mean += divergence(&row(e, a, q), &row(e, b, q)) / (examples * queries) as f64;
            }
            assert!((specialised.part("pairs").unwrap()[pair] - mean).abs() < 1e-13);
            // Every row sums to 1, so the mean of a head's pattern is 1/keys.
            let off = |h: usize| pattern.slice(s![.., h, .., ..]).mapv(|p| p - 1.0 / keys as f64);
            let (x, y) = (off(a), off(b));
            let pearson = (&x * &y).sum() / ((&x * &x).sum() * (&y * &y).sum()).sqrt();
            assert!((correlated.part("pairs").unwrap()[pair] - pearson).abs() < 1e-13);
            pair += 1;
        }
    }
    let (x, y) = (normal(20, 9, 4), normal(21, 9, 4) * 3.0);
    let softmax = |logits: ndarray::ArrayView1<'_, f64>| {
        let powers = logits.mapv(f64::exp);
        (&powers / powers.sum()).to_vec()
    };
    let mean = (0..9).map(|e| divergence(&softmax(x.row(e)), &softmax(y.row(e)))).sum::<f64>() / 9.0;
    assert!((prediction_divergence(x.view(), y.view()).unwrap().value - mean).abs() < 1e-13);
    let shifted = &x + &normal(22, 9, 1);
    assert!(prediction_divergence(x.view(), shifted.view()).unwrap().value < 1e-30, "a number added to all logits");
}

/// Two directions of equal strength are two by every count, and one is one.
#[test]
fn all_counts_of_directions_agree_where_they_must() {
    let frame = kymograph_linalg::qr(normal(30, 12, 4).view()).unwrap().q;
    for rank in 1..=4 {
        let x = frame.slice(s![.., ..rank]);
        let whole = rank as f64;
        for found in [
            singular_value_participation_ratio(x, false).unwrap(),
            nuclear_to_spectral_ratio(x, false).unwrap(),
            components_for_90_percent(x, false).unwrap(),
        ] {
            assert!((found - whole).abs() < 1e-12, "{rank}: {found}");
        }
    }
}
