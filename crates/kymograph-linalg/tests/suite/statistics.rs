//! Statistics by hand, by theory (coverage and uniformity on fixed seeds, in bands fixed beforehand), and hostile input.

use kymograph_linalg::LinalgError;
use kymograph_linalg::random::{normal, stream, stream_at, uniform};
use kymograph_linalg::statistics::{
    Interval, Tail, benjamini_hochberg, bootstrap_interval, hierarchical_bootstrap_interval, mean, median,
    permutation_p_value, permutation_test, quantile, standard_deviation, t_interval, variance, wilson_interval,
};

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn summaries_by_hand() {
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    assert_eq!(mean(&values), Ok(5.0));
    assert_eq!(variance(&values), Ok(32.0 / 7.0));
    assert_eq!(standard_deviation(&values), Ok((32.0f64 / 7.0).sqrt()));
    assert_eq!(median(&values), Ok(4.5));
    assert_eq!(median(&[3.0, 1.0, 2.0]), Ok(2.0));
    assert_eq!(quantile(&[10.0, 0.0], 0.25), Ok(2.5));
    assert_eq!(quantile(&[7.0], 0.9), Ok(7.0));
    assert_eq!(variance(&[0.1; 30]), Ok(0.0));
}

#[test]
fn summaries_stand_large_shifts_and_scales() {
    let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 10)).collect();
    let expected = 8.25 * 1000.0 / 999.0;
    assert!((variance(&values).unwrap() - expected).abs() < 1e-12 * expected);
    assert!((mean(&[f64::MAX; 4]).unwrap() / f64::MAX - 1.0).abs() < 1e-15);
    assert!(matches!(variance(&[1e300, -1e300]), Err(LinalgError::Overflow { .. })));
    assert_eq!(quantile(&[-f64::MAX, f64::MAX], 0.5), Ok(0.0));
}

#[test]
fn wilson_by_hand() {
    // z = 1.959964: 0 of 10 gives z²/(n + z²) = 3.841459/13.841459.
    let found = wilson_interval(0, 10, 0.95).unwrap();
    assert_eq!(found.low, 0.0);
    assert!((found.high - 0.277_532_799_861_8).abs() < 1e-10, "{}", found.high);
    let (few, many) = (wilson_interval(3, 10, 0.9).unwrap(), wilson_interval(7, 10, 0.9).unwrap());
    assert!((few.low - (1.0 - many.high)).abs() < 1e-15, "successes and failures mirror");
    assert_eq!(wilson_interval(10, 10, 0.95).unwrap().high, 1.0);
}

#[test]
fn t_interval_by_hand() {
    // Two values: half width t(0.975; 1) · |difference| / 2, and t(0.975; 1) = tan(0.475 π).
    let found = t_interval(&[1.0, 3.0], 0.95).unwrap();
    let half = (0.475 * std::f64::consts::PI).tan();
    assert!((found.low - (2.0 - half)).abs() < 1e-9 && (found.high - (2.0 + half)).abs() < 1e-9);
    assert_eq!(t_interval(&[4.0; 5], 0.95), Ok(Interval { low: 4.0, high: 4.0 }));
    assert!(found.contains(2.0) && !found.contains(20.0));
    assert!((found.width() - 2.0 * half).abs() < 1e-9);
}

#[test]
fn t_interval_covers_as_often_as_it_says() {
    // 2000 sets of 5: binomial standard error of 0.95 is 0.0049; four of them.
    let covered = (0..2000u64)
        .filter(|&set| {
            let mut rng = stream_at(0, "coverage", set);
            let values: Vec<f64> = (0..5).map(|_| 3.0 + 2.0 * normal(&mut rng)).collect();
            t_interval(&values, 0.95).unwrap().contains(3.0)
        })
        .count() as f64
        / 2000.0;
    assert!((covered - 0.95).abs() < 4.0 * 0.0049, "{covered}");
}

#[test]
fn bootstrap_interval_covers_as_often_as_theory_says() {
    // For a normal mean of n = 30 the percentile interval is ±1.96·√(29/30)·s/√n with s of 29 degrees of freedom:
    // it covers P(|t₂₉| < 1.96·√(29/30)) = 0.9363. Over 1000 sets the standard error is 0.0077; the band adds
    // 0.004 for the finite number of resamples.
    let covered = (0..1000u64)
        .filter(|&set| {
            let mut rng = stream_at(0, "bootstrap coverage", set);
            let values: Vec<f64> = (0..30).map(|_| normal(&mut rng)).collect();
            bootstrap_interval(&values, average, 500, 0.95, &mut rng).unwrap().contains(0.0)
        })
        .count() as f64
        / 1000.0;
    assert!((covered - 0.9363).abs() < 4.0 * 0.0077 + 0.004, "{covered}");
}

#[test]
fn bootstrap_ends_are_the_quantiles_of_the_resampled_mean() {
    // The resampled mean of n values is near normal with deviation s·√((n − 1)/n)/√n.
    let mut rng = stream(1, "bootstrap");
    let values: Vec<f64> = (0..400).map(|_| uniform(&mut rng)).collect();
    let found = bootstrap_interval(&values, average, 20_000, 0.9, &mut rng).unwrap();
    let half = 1.6449 * (variance(&values).unwrap() * 399.0 / 400.0 / 400.0).sqrt();
    let centre = average(&values);
    assert!((found.low - (centre - half)).abs() < 0.04 * half, "{found:?}");
    assert!((found.high - (centre + half)).abs() < 0.04 * half, "{found:?}");
}

#[test]
fn bootstrap_takes_any_statistic_and_repeats() {
    let values = [1.0, 2.0, 3.0, 4.0, 100.0];
    let run = || bootstrap_interval(&values, |x| quantile(x, 0.5).unwrap(), 300, 0.8, &mut stream(2, "b")).unwrap();
    assert_eq!(run(), run());
    assert!(values.contains(&run().low) && values.contains(&run().high));
    let single = bootstrap_interval(&[7.0], average, 10, 0.95, &mut stream(2, "b")).unwrap();
    assert_eq!(single, Interval { low: 7.0, high: 7.0 });
}

#[test]
fn hierarchical_bootstrap_sees_the_scatter_between_groups() {
    // Twelve groups of forty, deviation 1 between groups and 0.5 within: the mean's error is √(1/12 + 0.25/480),
    // seven times what pooling all 480 values as independent would say... within a factor for the drawn scatter.
    let mut rng = stream(3, "groups");
    let centres: Vec<f64> = (0..12).map(|_| normal(&mut rng)).collect();
    let groups: Vec<Vec<f64>> =
        centres.iter().map(|centre| (0..40).map(|_| centre + 0.5 * normal(&mut rng)).collect()).collect();
    let nested = hierarchical_bootstrap_interval(&groups, average, 4000, 0.95, &mut rng).unwrap();
    let means: Vec<f64> = groups.iter().map(|g| average(g)).collect();
    let between = variance(&means).unwrap() * 11.0 / 12.0;
    let within = groups.iter().map(|g| variance(g).unwrap()).sum::<f64>() / 12.0;
    let deviation = (between / 12.0 + within * 39.0 / 40.0 / 480.0).sqrt();
    let expected = 2.0 * 1.96 * deviation;
    assert!((nested.width() / expected - 1.0).abs() < 0.06, "{} {expected}", nested.width());
    let flat = bootstrap_interval(&groups.concat(), average, 1000, 0.95, &mut rng).unwrap();
    assert!(nested.width() > 2.0 * flat.width());
}

#[test]
fn permutation_test_by_hand() {
    // {1, 2} against {3, 4}: of the six equally likely splits one has a difference of means as low as −2.
    let difference = |a: &[f64], b: &[f64]| average(a) - average(b);
    let found = permutation_test(&[1.0, 2.0], &[3.0, 4.0], difference, 6000, Tail::Less, &mut stream(0, "p")).unwrap();
    assert_eq!(found.observed, -2.0);
    assert_eq!(found.null.len(), 6000);
    // Standard error of 1/6 over 6000 draws: 0.0048; four of them.
    assert!((found.p - 1.0 / 6.0).abs() < 4.0 * 0.0048, "{}", found.p);
    let both =
        permutation_test(&[1.0, 2.0], &[3.0, 4.0], difference, 6000, Tail::TwoSided, &mut stream(0, "p")).unwrap();
    assert!((both.p - 1.0 / 3.0).abs() < 4.0 * 0.0061, "{}", both.p);
    assert_eq!(permutation_p_value(5.0, &[1.0; 19], Tail::Greater), Ok(0.05));
    assert_eq!(permutation_p_value(5.0, &[1.0; 19], Tail::Less), Ok(1.0));
    assert_eq!(permutation_p_value(-5.0, &[1.0, 6.0, -7.0], Tail::TwoSided), Ok(0.75));
    assert_eq!(permutation_p_value(1.0, &[1.0; 9], Tail::Greater), Ok(1.0), "ties count");
}

#[test]
fn permutation_p_values_are_uniform_under_the_null() {
    // With 19 regroupings p is uniform on {0.05, 0.10, …, 1}: chi-square over 20 cells, 19 degrees of freedom, lies
    // below 53.0 with probability 0.9999.
    let mut counts = [0.0f64; 20];
    for set in 0..4000u64 {
        let mut rng = stream_at(0, "null uniformity", set);
        let x: Vec<f64> = (0..6).map(|_| normal(&mut rng)).collect();
        let y: Vec<f64> = (0..9).map(|_| normal(&mut rng)).collect();
        let difference = |a: &[f64], b: &[f64]| average(a) - average(b);
        let p = permutation_test(&x, &y, difference, 19, Tail::Greater, &mut rng).unwrap().p;
        counts[(p * 20.0).round() as usize - 1] += 1.0;
    }
    let chi: f64 = counts.iter().map(|c| (c - 200.0).powi(2) / 200.0).sum();
    assert!(chi < 53.0, "{chi} {counts:?}");
}

#[test]
fn benjamini_hochberg_by_hand_and_by_its_own_definition() {
    let p = [0.005, 0.009, 0.019, 0.022, 0.051, 0.101, 0.361, 0.387];
    let adjusted = benjamini_hochberg(&p).unwrap();
    // 8/1·0.005 = 0.04 is above 8/2·0.009 = 0.036, and 8/3·0.019 above 8/4·0.022 = 0.044.
    let expected = [0.036, 0.036, 0.044, 0.044, 0.0816, 0.808 / 6.0, 0.387, 0.387];
    for (a, b) in adjusted.iter().zip(expected) {
        assert!((a - b).abs() < 1e-15, "{adjusted:?}");
    }
    // Step-up: the k smallest are called at q, with k the largest rank whose p is at most k·q/n.
    let mut rng = stream(0, "bh");
    for _ in 0..200 {
        let p: Vec<f64> = (0..15).map(|_| uniform(&mut rng).powi(3)).collect();
        let mut sorted = p.clone();
        sorted.sort_by(f64::total_cmp);
        let adjusted = benjamini_hochberg(&p).unwrap();
        for q in [0.01, 0.05, 0.1, 0.3] {
            let k = (1..=15).rev().find(|&k| sorted[k - 1] <= k as f64 * q / 15.0).unwrap_or(0);
            let called = adjusted.iter().filter(|&&a| a <= q).count();
            assert_eq!(called, k);
            assert!(p.iter().zip(&adjusted).all(|(p, a)| a >= p && *a <= 1.0));
        }
    }
    assert_eq!(benjamini_hochberg(&[]), Ok(vec![]));
    assert_eq!(benjamini_hochberg(&[1.0, 1.0]), Ok(vec![1.0, 1.0]));
}

#[test]
fn hostile_input_is_an_error() {
    let rng = &mut stream(0, "hostile");
    for bad in [f64::NAN, f64::INFINITY] {
        let values = [1.0, bad, 2.0];
        let group = [vec![1.0], values.to_vec()];
        let errors = [
            mean(&values).unwrap_err(),
            variance(&values).unwrap_err(),
            quantile(&values, 0.5).unwrap_err(),
            t_interval(&values, 0.95).unwrap_err(),
            bootstrap_interval(&values, average, 5, 0.95, rng).unwrap_err(),
            hierarchical_bootstrap_interval(&group, average, 5, 0.95, rng).unwrap_err(),
            permutation_test(&[1.0], &values, |_, _| 0.0, 5, Tail::Less, rng).unwrap_err(),
            permutation_p_value(0.0, &values, Tail::Less).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, LinalgError::ValueNotFinite { index: 1, .. }), "{error}");
        }
    }
    let too_few = [
        mean(&[]).unwrap_err(),
        variance(&[1.0]).unwrap_err(),
        median(&[]).unwrap_err(),
        t_interval(&[1.0], 0.95).unwrap_err(),
        wilson_interval(0, 0, 0.95).unwrap_err(),
        bootstrap_interval(&[], average, 5, 0.95, rng).unwrap_err(),
        bootstrap_interval(&[1.0], average, 0, 0.95, rng).unwrap_err(),
        hierarchical_bootstrap_interval(&[], average, 5, 0.95, rng).unwrap_err(),
        hierarchical_bootstrap_interval(&[vec![]], average, 5, 0.95, rng).unwrap_err(),
        permutation_test(&[], &[1.0], |_, _| 0.0, 5, Tail::Less, rng).unwrap_err(),
        permutation_p_value(0.0, &[], Tail::Less).unwrap_err(),
    ];
    for error in too_few {
        assert!(matches!(error, LinalgError::TooFew { .. }), "{error}");
    }
    for level in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
        assert!(matches!(t_interval(&[1.0, 2.0], level), Err(LinalgError::Domain { .. })));
        assert!(matches!(wilson_interval(1, 2, level), Err(LinalgError::Domain { .. })));
        assert!(matches!(bootstrap_interval(&[1.0], average, 5, level, rng), Err(LinalgError::Domain { .. })));
    }
    assert!(matches!(wilson_interval(3, 2, 0.95), Err(LinalgError::Domain { .. })));
    assert!(matches!(quantile(&[1.0], 1.5), Err(LinalgError::Domain { .. })));
    assert!(matches!(quantile(&[1.0], f64::NAN), Err(LinalgError::Domain { .. })));
    assert!(matches!(benjamini_hochberg(&[0.5, 1.5]), Err(LinalgError::Domain { .. })));
    assert!(matches!(benjamini_hochberg(&[f64::NAN]), Err(LinalgError::Domain { .. })));
    let nan = bootstrap_interval(&[1.0, 2.0], |_| f64::NAN, 5, 0.95, rng).unwrap_err();
    assert!(matches!(nan, LinalgError::ValueNotFinite { .. }));
}
