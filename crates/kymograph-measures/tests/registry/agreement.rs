//! Declared invariances both ways, range, symmetry, the same bits for any number of threads, agreement of precisions.

use kymograph_linalg::random;
use kymograph_measures::{Reading, all, find};
use ndarray::Axis;

use crate::support::{COLUMNS, Owned, ROWS, apply, sample, transformed, value};

#[test]
fn what_a_measure_declares_to_ignore_leaves_it_alone() {
    for measure in all() {
        for seed in 0..3 {
            let arrays = sample(measure, ROWS, COLUMNS, seed);
            let before = value(measure, &arrays);
            for &transform in measure.unchanged_by {
                let after = value(measure, &transformed(&arrays, transform));
                let far = (before - after).abs() / before.abs().max(1.0);
                assert!(far < 1e-10, "{} under {}: {before} → {after}", measure.name, transform.words());
            }
        }
    }
}

#[test]
fn what_a_measure_declares_to_see_changes_it() {
    for measure in all() {
        for seed in 0..3 {
            let arrays = sample(measure, ROWS, COLUMNS, seed);
            let before = value(measure, &arrays);
            for &transform in measure.changed_by {
                let after = value(measure, &transformed(&arrays, transform));
                let far = (before - after).abs() / before.abs().max(1e-3);
                assert!(far > 1e-4, "{} under {}: {before} stays", measure.name, transform.words());
            }
        }
    }
}

#[test]
fn no_transform_is_declared_twice() {
    for measure in all() {
        let declared = [measure.unchanged_by, measure.changed_by].concat();
        for (place, transform) in declared.iter().enumerate() {
            assert!(!declared[..place].contains(transform), "{}: {}", measure.name, transform.words());
        }
        assert!(!measure.unchanged_by.is_empty(), "{}", measure.name);
    }
}

#[test]
fn values_lie_in_the_declared_range() {
    for measure in all() {
        for (seed, (rows, columns)) in [(24, 7), (14, 30), (60, 2), (15, 1)].into_iter().enumerate() {
            let arrays = sample(measure, rows, columns.max(2), seed as u64);
            let found = value(measure, &arrays);
            let (low, high) = measure.range;
            assert!((low..=high).contains(&found), "{}: {found} outside {low} … {high}", measure.name);
        }
    }
}

#[test]
fn symmetric_measures_and_only_they_may_be_swapped() {
    for measure in all() {
        if measure.inputs.len() < 2 || measure.inputs[0].kind != measure.inputs[1].kind {
            assert!(!measure.symmetric, "{}", measure.name);
            continue;
        }
        // Shares may agree by chance on one sample, and are zero both ways where all directions are far apart.
        let alike = [(COLUMNS, 5), (3, 6), (3, 7), (3, 8)].into_iter().all(|(columns, seed)| {
            let mut arrays = sample(measure, ROWS, columns, seed);
            let one = value(measure, &arrays);
            arrays.swap(0, 1);
            (one - value(measure, &arrays)).abs() < 1e-12
        });
        assert_eq!(alike, measure.symmetric, "{}", measure.name);
    }
}

#[test]
fn many_orders_at_once_say_what_one_by_one_says() {
    let mut rng = random::stream(7, "orders");
    for measure in all().iter().filter(|measure| measure.inputs.len() == 2 && measure.inputs[1].is_matrix()) {
        for columns in [3, COLUMNS, 3 * ROWS] {
            let [Owned::Real(x), Owned::Real(y)] = &sample(measure, ROWS, columns, 3)[..] else { panic!("matrices") };
            let orders: Vec<Vec<usize>> = (0..3).map(|_| random::permutation(&mut rng, ROWS)).collect();
            let options = measure.options([]).expect("defaults");
            let together = measure.apply_in_orders([x.view().into(), y.view().into()], &options, &orders);
            for (found, order) in together.expect("values").iter().zip(&orders) {
                let reordered = Owned::Real(y.select(Axis(0), order));
                let alone = value(measure, &[Owned::Real(x.clone()), reordered]);
                assert!((found - alone).abs() < 1e-11, "{}: {found} {alone}", measure.name);
            }
            assert_ne!(orders[0], orders[1]);
        }
    }
}

#[test]
fn a_similarity_of_an_array_with_itself_is_at_its_end() {
    for (name, end) in [
        ("same_index_cosine", 1.0),
        ("matched_cosine", 1.0),
        ("linear_cka", 1.0),
        ("debiased_linear_cka", 1.0),
        ("angular_speed", 0.0),
        ("relative_displacement", 0.0),
        ("procrustes_distance", 0.0),
        ("prediction_disagreement", 0.0),
        ("prediction_divergence", 0.0),
        ("adjusted_rand_index", 1.0),
        ("kmeans_agreement", 1.0),
        ("weight_norm_ratio", 1.0),
        ("mean_largest_correlation", 1.0),
    ] {
        let measure = find(name).unwrap();
        let first = sample(measure, ROWS, COLUMNS, 6).swap_remove(0);
        let found = value(measure, &[first.clone(), first]);
        assert!((found - end).abs() < 1e-14, "{name}: {found}");
    }
}

/// Every number a reading holds, as bits.
fn bits(reading: &Reading) -> Vec<u64> {
    let parts = reading.parts.iter().flat_map(|part| part.values.iter().copied());
    std::iter::once(reading.value).chain(parts).map(f64::to_bits).collect()
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for measure in all() {
        for (rows, columns) in [(ROWS, COLUMNS), (300, 70), (90, 260)] {
            let arrays = sample(measure, rows, columns, 8);
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                pool.install(|| bits(&apply(measure, &arrays).expect("a number for good arrays")))
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{} on {rows} × {columns}", measure.name);
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for measure in all() {
        for (rows, columns) in [(ROWS, COLUMNS), (200, 30), (20, 90)] {
            let narrow: Vec<Owned> = sample(measure, rows, columns, 9)
                .into_iter()
                .map(|array| match array {
                    Owned::Real(x) => Owned::Single(x.mapv(|value| value as f32)),
                    Owned::Other(x) => Owned::OtherSingle(x.mapv(|value| value as f32)),
                    other => other,
                })
                .collect();
            let wide: Vec<Owned> = narrow
                .iter()
                .map(|array| match array {
                    Owned::Single(x) => Owned::Real(x.mapv(f64::from)),
                    Owned::OtherSingle(x) => Owned::Other(x.mapv(f64::from)),
                    other => other.clone(),
                })
                .collect();
            let (a, b) = (value(measure, &narrow), value(measure, &wide));
            // A few ε of f32 times the length of the sums.
            let tolerance = 4.0 * f64::from(f32::EPSILON) * ((rows + columns) as f64);
            assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{}: {a} {b}", measure.name);
            if measure.inputs.len() == 2 {
                let mixed = value(measure, &[narrow[0].clone(), wide[1].clone()]);
                assert!((mixed - b).abs() <= tolerance * b.abs().max(1.0), "{}: {mixed} {b}", measure.name);
            }
        }
    }
}

#[test]
fn the_mean_of_per_unit_and_per_row_parts_is_the_value() {
    for measure in all() {
        let reading = apply(measure, &sample(measure, ROWS, COLUMNS, 10)).expect("a number");
        for name in ["per_unit", "per_row"] {
            if let Some(values) = reading.part(name) {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!((mean - reading.value).abs() < 1e-12, "{} {name}", measure.name);
            }
        }
    }
}
