//! Cosets, power over pairs, and the nulls that go with them.

use kymograph_linalg::random::{normal_matrix, stream};
use kymograph_measures::groups::circuit::notebook::ablation_losses;
use kymograph_measures::groups::circuit::nulls::{matched_spectrum, permuted_elements, random_ablations};
use kymograph_measures::groups::circuit::rival::{
    CosetSide, Layer, correlation_within, coset_concentration, coset_homes, energy_by_subgroup, pair_power,
};
use kymograph_measures::groups::circuit::{Circuit, Pairs, tables};
use kymograph_measures::groups::{Group, Subgroup, conjugacy_classes, left_cosets, right_cosets, subgroups};
use ndarray::{Array2, Axis, array};

use crate::support::{Small, close, loss};

/// S3 with one of its subgroups of two elements, which is not normal, and that of three.
fn s3() -> (Group, Vec<Subgroup>) {
    let group = Group::named("S3").expect("a group");
    let mut all = subgroups(&group).expect("its subgroups");
    assert_eq!(all.iter().map(|subgroup| subgroup.order).collect::<Vec<_>>(), [1, 2, 2, 2, 3, 6]);
    all.drain(2..4);
    (group, all)
}

#[test]
fn functions_on_cosets_are_found() {
    let (group, subgroups) = s3();
    let (two, three) = (&subgroups[1], &subgroups[2]);
    let (left, right) = (left_cosets(&group, two).expect("cosets"), right_cosets(&group, two).expect("cosets"));
    assert_ne!(left, right, "it is not normal");
    for g in 0..6 {
        for &h in &two.elements {
            assert_eq!(left[group.product(g, h)], left[g]);
            assert_eq!(right[group.product(h, g)], right[g]);
        }
    }
    let sign = left_cosets(&group, three).expect("cosets");
    let values = |labels: &[usize]| labels.iter().map(|&l| [3.0, -1.0, 0.5][l]).collect::<Vec<_>>();
    let columns = [values(&left), values(&right), values(&sign), vec![2.0; 6], vec![1.0, 5.0, -2.0, 0.3, 9.0, -4.0]];
    let functions = Array2::from_shape_fn((6, 5), |(g, n)| columns[n][g]);
    let of = |subgroup: &Subgroup, side| {
        coset_concentration(&group, functions.view(), subgroup, side).expect("concentrations")
    };
    let on_left = of(two, CosetSide::Left);
    close(on_left[0].expect("it varies"), 0.0, "constant on left cosets");
    assert!(on_left[1].expect("it varies") > 0.1, "not on right ones");
    assert_eq!(on_left[3], None, "a constant has no variance to concentrate");
    close(of(two, CosetSide::Right)[1].expect("it varies"), 0.0, "constant on right cosets");
    close(of(three, CosetSide::Left)[2].expect("it varies"), 0.0, "the sign");
    // By hand: the variances within three cosets, over that of all.
    let f = &columns[4];
    let mean = f.iter().sum::<f64>() / 6.0;
    let variance = f.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 6.0;
    let inside: f64 = (0..3)
        .map(|coset| {
            let part: Vec<f64> = (0..6).filter(|&g| left[g] == coset).map(|g| f[g]).collect();
            ((part[0] - part[1]) / 2.0).powi(2)
        })
        .sum();
    close(on_left[4].expect("it varies"), inside / variance, "the definition");
    let homes = coset_homes(&group, functions.view(), &subgroups).expect("homes");
    let home = |n: usize| homes[n].expect("it varies");
    assert_eq!((home(0).subgroup, home(0).side), (1, CosetSide::Left));
    assert_eq!((home(1).subgroup, home(1).side), (1, CosetSide::Right));
    assert_eq!(home(2).subgroup, 2);
    assert!(homes[3].is_none() && home(4).alignment < 1.0);
    close(home(0).alignment, 1.0, "alignment");
    close(home(0).concentration, 0.0, "concentration");
    let shares = energy_by_subgroup(&homes[..3]);
    close(shares.iter().map(|(_, share)| share).sum(), 1.0, "all three are aligned");
    assert_eq!(shares.iter().map(|(subgroup, _)| *subgroup).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn noise_is_less_aligned_than_its_own_values_on_cosets() {
    let group = Group::named("S4").expect("a group");
    let subgroups = subgroups(&group).expect("its subgroups");
    let s3 = subgroups.iter().find(|subgroup| subgroup.order == 6).expect("a subgroup of six elements");
    let labels = right_cosets(&group, s3).expect("cosets");
    let values = array![[1.0, 0.4], [-2.0, 0.1], [0.3, -3.0], [0.8, 1.7]];
    let functions = Array2::from_shape_fn((24, 2), |(g, n)| values[[labels[g], n]]);
    let least = |functions: &Array2<f64>| {
        let homes = coset_homes(&group, functions.view(), &subgroups).expect("homes");
        homes.iter().map(|home| home.expect("it varies").concentration).fold(f64::INFINITY, f64::min)
    };
    assert!(least(&functions) < 1e-20);
    let irreps = kymograph_measures::groups::irreps(&group).expect("its representations");
    let sorted = |x: &Array2<f64>| {
        let mut column = x.column(1).to_vec();
        column.sort_by(f64::total_cmp);
        column
    };
    for draw in 0..20 {
        let dealt = permuted_elements(functions.view(), 3, draw);
        assert_eq!(sorted(&dealt), sorted(&functions), "the values are kept");
        assert!(least(&dealt) > 0.2, "{}", least(&dealt));
        let drawn = matched_spectrum(functions.view(), &irreps, 3, draw).expect("functions");
        for irrep in &irreps {
            let share = |x: &Array2<f64>| irrep.span.t().dot(x).map_axis(Axis(0), |c| c.dot(&c));
            for (x, y) in share(&drawn).iter().zip(share(&functions)) {
                close(*x, y, &irrep.name);
            }
        }
        assert!(least(&drawn) > 1e-4, "{}", least(&drawn));
    }
    assert_eq!(permuted_elements(functions.view(), 3, 0), permuted_elements(functions.view(), 3, 0));
    assert_ne!(permuted_elements(functions.view(), 3, 0), permuted_elements(functions.view(), 3, 1));
}

#[test]
fn weights_alike_within_parts_correlate() {
    let (group, subgroups) = s3();
    let labels = left_cosets(&group, &subgroups[1]).expect("cosets");
    let on_cosets: Vec<f64> = labels.iter().map(|&l| [1.0, 4.0, -2.0][l]).collect();
    let found = correlation_within(ndarray::aview1(&on_cosets), &labels).expect("finite").expect("it varies");
    close(found.within, 1.0, "the same within each coset");
    close(found.baseline, -0.2, "−1/(|G| − 1)");
    let everything = correlation_within(ndarray::aview1(&on_cosets), &[0; 6]).expect("finite").expect("it varies");
    close(everything.within, -0.2, "over all pairs it is the baseline");
    // Against the definition, on conjugacy classes.
    let mut classes = vec![0; 6];
    for (label, class) in conjugacy_classes(&group).iter().enumerate() {
        class.iter().for_each(|&g| classes[g] = label);
    }
    let w = [0.3, -1.0, 2.0, 0.7, 5.0, -0.2];
    let mean = w.iter().sum::<f64>() / 6.0;
    let variance = w.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 6.0;
    let pairs: Vec<f64> = (0..6)
        .flat_map(|i| (0..6).map(move |j| (i, j)))
        .filter(|&(i, j)| i != j && classes[i] == classes[j])
        .map(|(i, j)| (w[i] - mean) * (w[j] - mean) / variance)
        .collect();
    let found = correlation_within(ndarray::aview1(&w), &classes).expect("finite").expect("it varies");
    close(found.within, pairs.iter().sum::<f64>() / pairs.len() as f64, "the definition");
}

#[test]
fn power_lies_where_it_was_put() {
    let small = Small::random("S3", 3, 5);
    let (sign, standard) = (&small.irreps[1], &small.irreps[2]);
    let block = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
        for b in 0..6 {
            hidden[[b, 0]] = 3.0 * sign.span[[a, 0]] * standard.span[[b, 1]];
            hidden[[b, 1]] = standard.span[[small.group.product(a, b), 2]];
            hidden[[b, 2]] = 2.0 * standard.span[[a, 0]];
            for c in 0..6 {
                logits[[b, c]] = if c == 0 { 1.0 } else { hidden[[b, 0]] };
            }
        }
    };
    let power = small.ask(|circuit| {
        let circuit = Circuit { block: &block, ..*circuit };
        let logits = pair_power(&circuit, &small.irreps, Layer::Logits).expect("power");
        // One logit is 1 for all 36 pairs, five are 3 times a unit function.
        close(logits.shares[[0, 0]], 36.0 / (36.0 + 5.0 * 9.0), "the constant");
        pair_power(&circuit, &small.irreps, Layer::Hidden).expect("power")
    });
    // Squares: 9; ρ(ab) has six times a unit function; 2 ρ(a), six times for each b.
    let total = 9.0 + 6.0 + 24.0;
    close(power.shares[[1, 2]], 9.0 / total, "sign × standard");
    close(power.shares[[2, 2]], 6.0 / total, "ρ(ab) lies in ρ × ρ");
    close(power.shares[[2, 0]], 24.0 / total, "ρ(a)");
    close(power.shares.sum(), 1.0, "all");
    let some =
        small.ask(|circuit| pair_power(&Circuit { block: &block, ..*circuit }, &small.irreps[..2], Layer::Hidden));
    close(some.expect("power").rest, 1.0, "without standard nothing is left");
}

#[test]
fn random_functions_are_the_null_of_an_ablation() {
    let small = Small::random("S3", 5, 4);
    let products = small.products();
    let (none, one, again, all) = small.ask(|circuit| {
        let tables = tables(circuit).expect("tables");
        let draw = |functions, draws, seed| {
            random_ablations(circuit, &tables, functions, Pairs::All, draws, seed).expect("losses")
        };
        (ablation_losses(circuit, &tables, &small.irreps), draw(1, 4, 1), draw(1, 2, 1), draw(5, 2, 1))
    });
    assert_eq!(one[..2], again, "a draw does not depend on how many there are");
    assert!(one[0] != one[1]);
    // All five functions beside the constant: nothing of ab is left, whichever basis was drawn.
    close(all[0], all[1], "all functions");
    let mut hidden = small.hidden();
    let mut sums = Array2::<f64>::zeros((6, 5));
    for (row, &g) in hidden.outer_iter().zip(&products) {
        let mut sum = sums.row_mut(g);
        sum += &row;
    }
    let mean = sums.sum_axis(Axis(0)) / 36.0;
    for (mut row, &g) in hidden.outer_iter_mut().zip(&products) {
        let part = &sums.row(g) / 6.0 - &mean;
        row -= &part;
    }
    close(all[0], loss(&hidden.dot(&small.unembed), &products, |_| true), "by hand");
    assert_eq!(none.expect("losses").len(), 2);
    let drawn: Array2<f64> = normal_matrix(&mut stream(1, "share"), 6, 4000);
    let all: f64 = drawn.iter().map(|x| x * x).sum();
    for irrep in &small.irreps {
        let share = irrep.span.t().dot(&drawn).iter().map(|c| c * c).sum::<f64>() / all;
        let null = kymograph_measures::groups::circuit::nulls::random_share(irrep);
        assert!((share - null).abs() < 0.02, "{}: {share} and {null}", irrep.name);
    }
}
