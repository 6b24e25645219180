//! HDBSCAN against its definition followed threshold by threshold, and against scikit-learn.

use std::collections::BTreeMap;

use kymograph_linalg::random;
use kymograph_measures::clusters::{
    HdbscanOptions, Metric, hdbscan, hdbscan_assigned_share, hdbscan_label_share, label_purity, shuffled_purities,
    silhouette,
};
use ndarray::{Array2, Axis};
use serde_json::Value;

/// Groups under names by first appearance.
fn named(labels: impl IntoIterator<Item = i64>) -> Vec<Option<usize>> {
    let mut known = Vec::new();
    let name = |label: i64| {
        (label >= 0).then(|| {
            known.iter().position(|k| *k == label).unwrap_or_else(|| {
                known.push(label);
                known.len() - 1
            })
        })
    };
    labels.into_iter().map(name).collect()
}

#[test]
fn finds_the_groups_that_scikit_learn_finds() {
    let cases: Value = serde_json::from_str(include_str!("reference/hdbscan.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let rows: Vec<Vec<f64>> = serde_json::from_value(case["x"].clone()).unwrap();
        let x = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
        let count = |name: &str| case[name].as_u64().unwrap() as usize;
        let options = HdbscanOptions {
            min_cluster_size: count("min_cluster_size"),
            min_samples: count("min_samples"),
            ..HdbscanOptions::default()
        };
        let labels: Vec<i64> = serde_json::from_value(case["labels"].clone()).unwrap();
        let found = hdbscan(x.view(), &options).unwrap();
        assert_eq!(found.labels, named(labels));
    }
}

/// The definition: parts at every threshold anew from the table of distances; a group lives as long as exactly one of its
/// parts is large enough.
fn literal(x: &Array2<f64>, least: usize, samples: usize) -> Vec<Option<usize>> {
    let n = x.nrows();
    let apart = |a: usize, b: usize| (&x.row(a) - &x.row(b)).mapv(|v| v * v).sum().sqrt();
    let core: Vec<f64> = (0..n)
        .map(|a| {
            let mut all: Vec<f64> = (0..n).map(|b| apart(a, b)).collect();
            all.sort_by(f64::total_cmp);
            all[samples - 1]
        })
        .collect();
    let reach = Array2::from_shape_fn((n, n), |(a, b)| apart(a, b).max(core[a]).max(core[b]));
    let mut levels: Vec<f64> = (0..n).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| reach[[a, b]]).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let smallest = levels.iter().copied().find(|d| *d > 0.0).unwrap_or(1.0);
    let parts = |rows: &[usize], below: f64| -> Vec<Vec<usize>> {
        let mut left = rows.to_vec();
        let mut parts = Vec::new();
        while let Some(first) = left.pop() {
            let mut part = vec![first];
            let mut at = 0;
            while at < part.len() {
                let row = part[at];
                let (near, far) = left.iter().partition::<Vec<usize>, _>(|&&other| reach[[row, other]] < below);
                part.extend(near);
                left = far;
                at += 1;
            }
            parts.push(part);
        }
        parts
    };
    struct Group {
        parent: usize,
        birth: f64,
        mass: f64,
        rows: Vec<usize>,
    }
    let mut groups = vec![Group { parent: 0, birth: 0.0, mass: 0.0, rows: (0..n).collect() }];
    let mut last = vec![0; n];
    let mut alive: Vec<(usize, Vec<usize>)> = vec![(0, (0..n).collect())];
    for &level in levels.iter().rev() {
        let density = 1.0 / level.max(smallest);
        let mut next = Vec::new();
        for (group, rows) in alive {
            let parts = parts(&rows, level);
            let big = parts.iter().filter(|part| part.len() >= least).count();
            for part in parts {
                if part.len() >= least && big == 1 {
                    next.push((group, part));
                    continue;
                }
                groups[group].mass += (density - groups[group].birth) * part.len() as f64;
                if part.len() >= least {
                    groups.push(Group { parent: group, birth: density, mass: 0.0, rows: part.clone() });
                    part.iter().for_each(|&row| last[row] = groups.len() - 1);
                    next.push((groups.len() - 1, part));
                }
            }
        }
        alive = next;
    }
    // Every antichain of groups would be compared; the best of each subtree is enough.
    fn best(groups: &[Group], at: usize, kept: &mut Vec<usize>) -> f64 {
        let children: Vec<usize> = (1..groups.len()).filter(|&c| groups[c].parent == at && c != at).collect();
        let mut inside = Vec::new();
        let sum: f64 = children.into_iter().map(|c| best(groups, c, &mut inside)).sum();
        if at != 0 && groups[at].mass >= sum {
            kept.push(at);
            groups[at].mass
        } else {
            kept.extend(inside);
            sum
        }
    }
    let mut kept = Vec::new();
    best(&groups, 0, &mut kept);
    let of = |row: usize| kept.iter().position(|&group| groups[group].rows.contains(&row)).map_or(-1, |g| g as i64);
    named((0..n).map(of))
}

fn clouds(seed: u64, rounded: bool) -> Array2<f64> {
    let mut rng = random::stream(seed, "clouds");
    Array2::from_shape_fn((46, 2), |(row, axis)| {
        let centre = [[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]][row % 3][axis];
        let value = centre + [0.5, 1.0, 0.3][row % 3] * random::normal(&mut rng);
        if rounded { (value * 2.0).round() / 2.0 } else { value }
    })
}

#[test]
fn equals_its_definition_with_and_without_ties() {
    for seed in 0..12 {
        for (least, samples) in [(2, 1), (4, 3), (6, 5), (10, 2)] {
            for rounded in [false, true] {
                let x = clouds(seed, rounded);
                let options =
                    HdbscanOptions { min_cluster_size: least, min_samples: samples, ..HdbscanOptions::default() };
                let found = hdbscan(x.view(), &options).unwrap();
                assert_eq!(found.labels, literal(&x, least, samples), "{seed} {least} {samples} {rounded}");
            }
        }
    }
}

#[test]
fn neither_order_nor_place_nor_threads_matter() {
    let x = clouds(3, true);
    let options = HdbscanOptions { min_cluster_size: 4, min_samples: 3, ..HdbscanOptions::default() };
    let found = hdbscan(x.view(), &options).unwrap();
    let order = random::permutation(&mut random::stream(1, "order"), 46);
    let turned = hdbscan(x.select(Axis(0), &order).view(), &options).unwrap();
    let back: Vec<i64> = (0..46)
        .map(|row| order.iter().position(|&o| o == row).and_then(|at| turned.labels[at]).map_or(-1, |l| l as i64))
        .collect();
    assert_eq!(named(back), found.labels);
    let moved = hdbscan((&x * 8.0 + 3.0).view(), &options).unwrap();
    assert_eq!(moved.labels, found.labels);
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| hdbscan(x.view(), &options).unwrap()), found);
    }
}

#[test]
fn equal_rows_and_bad_input_give_no_nan() {
    let options = HdbscanOptions { min_cluster_size: 3, min_samples: 2, ..HdbscanOptions::default() };
    let same = hdbscan(Array2::<f32>::ones((9, 2)).view(), &options).unwrap();
    assert_eq!((same.groups(), same.assigned()), (0, 0.0));
    let two = Array2::from_shape_fn((8, 1), |(row, _)| (row % 2) as f64);
    let found = hdbscan(two.view(), &options).unwrap();
    assert_eq!(found.labels, named((0..8).map(|row| row % 2)));
    assert!(found.stabilities.iter().all(|s| s.is_finite()));
    for (size, samples, word) in
        [(1, 2, "min_cluster_size"), (9, 2, "min_cluster_size"), (3, 0, "min_samples"), (3, 9, "min_samples")]
    {
        let options = HdbscanOptions { min_cluster_size: size, min_samples: samples, ..HdbscanOptions::default() };
        assert!(hdbscan(two.view(), &options).unwrap_err().to_string().contains(word));
    }
    let mut bad = two.clone();
    bad[[3, 0]] = f64::NAN;
    assert!(hdbscan(bad.view(), &options).is_err());
    assert!(hdbscan(Array2::<f64>::zeros((0, 3)).view(), &options).is_err());
}

#[test]
fn purity_is_counted_and_its_null_knows_the_sizes() {
    let groups: Vec<Option<usize>> = [0, 0, 0, 1, 1, 2].into_iter().map(Some).chain([None]).collect();
    let labels = [1, 1, 2, 2, 2, 1, 9];
    let found = label_purity(&groups, &labels).unwrap();
    assert_eq!((found.purity, found.assigned, found.groups), (5.0 / 6.0, 6, 3));
    // H(label) − H(label | group), by hand.
    let h = |p: f64| -p * p.log2() - (1.0 - p) * (1.0 - p).log2();
    assert!((found.entropy - 1.0).abs() < 1e-12);
    assert!((found.information - (1.0 - 0.5 * h(1.0 / 3.0))).abs() < 1e-12);
    assert!(label_purity(&[None, None], &[1, 2]).is_err() && label_purity(&[None], &[1, 2]).is_err());
    // Ten labels in groups of 50: the null is far below one and its information is biased upwards by (g−1)(c−1)/2n ln 2.
    let labels: Vec<i64> = (0..500).map(|i| i % 10).collect();
    let groups: Vec<Option<usize>> = (0..500).map(|i| Some(i / 50)).collect();
    let draws = shuffled_purities(&groups, &labels, 200, 0).unwrap();
    let mean = draws.iter().map(|d| d.information).sum::<f64>() / 200.0;
    let bias = 81.0 / (1000.0 * std::f64::consts::LN_2);
    assert!((mean / bias - 1.0).abs() < 0.1, "{mean} {bias}");
    assert_eq!(draws, shuffled_purities(&groups, &labels, 200, 0).unwrap());
    let counts: BTreeMap<usize, usize> = draws.iter().map(|d| (d.groups, 0)).collect();
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [10]);
}

/// A code whose first v features are above zero lies from another as far as their numbers do: Hamming distances of such codes
/// must give the groups that the numbers on a line give.
#[test]
fn hamming_distances_of_codes_are_differences_of_their_numbers_on_a_line() {
    const WIDTH: usize = 150;
    let rng = &mut random::stream(3, "numbers");
    let numbers: Vec<usize> =
        (0..60).map(|row| [10, 60, 120][row % 3] + random::below(rng, 20) + usize::from(row % 7 == 0) * 5).collect();
    let line = Array2::from_shape_fn((60, 1), |(row, _)| numbers[row] as f64);
    let sign = |row: usize, at: usize| if at < numbers[row] { 0.001 + at as f64 } else { -2.0 * at as f64 };
    let codes = Array2::from_shape_fn((60, WIDTH), |(row, at)| sign(row, at));
    let euclidean = HdbscanOptions { min_cluster_size: 6, min_samples: 4, metric: Metric::Euclidean };
    let hamming = HdbscanOptions { metric: Metric::Hamming, ..euclidean };
    let (wanted, found) = (hdbscan(line.view(), &euclidean).unwrap(), hdbscan(codes.view(), &hamming).unwrap());
    assert!(wanted.groups() >= 2, "{wanted:?}");
    assert_eq!(found.labels, wanted.labels);
    for (a, b) in found.stabilities.iter().zip(&wanted.stabilities) {
        assert!((a / (b * WIDTH as f64) - 1.0).abs() < 1e-12, "{a} {b}");
    }
    let share = |x: &Array2<f64>, options| hdbscan_assigned_share(x.view(), options).unwrap();
    let (a, b) = (share(&line, &euclidean), share(&codes, &hamming));
    assert_eq!(
        (a.value, a.part("clusters"), a.part("cluster_sizes")),
        (b.value, b.part("clusters"), b.part("cluster_sizes"))
    );
    let of = |reading: &kymograph_measures::Reading| reading.part("silhouette").unwrap()[0];
    assert!((of(&a) - of(&b)).abs() < 1e-12);
    // The silhouette is that of the rows in clusters.
    let rows: Vec<usize> = (0..60).filter(|row| wanted.labels[*row].is_some()).collect();
    let labels = rows.iter().map(|row| wanted.labels[*row].unwrap() as i64).collect();
    let literal = silhouette(line.select(Axis(0), &rows).view(), ndarray::Array1::from_vec(labels).view()).unwrap();
    assert!((of(&a) - literal.value).abs() < 1e-12);
    // Of the numbers' own groups every assigned row bears the label.
    let labels = ndarray::Array1::from_iter((0..60).map(|row| (row % 3) as i64));
    let purity = hdbscan_label_share(codes.view(), labels.view(), &hamming).unwrap();
    let direct = label_purity(&wanted.labels, &labels.to_vec()).unwrap();
    assert_eq!(purity.part("purity"), Some(&[direct.purity][..]));
    assert!((purity.value - direct.purity * direct.assigned as f64 / 60.0).abs() < 1e-12);
}
