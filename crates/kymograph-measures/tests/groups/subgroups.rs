//! Subgroups, their cosets, and the representations their indicators are made of.

use std::collections::{BTreeMap, BTreeSet};

use kymograph_measures::groups::{
    Group, GroupError, Subgroup, character_table, conjugacy_classes, frobenius_schur_indicator, indicator_shares,
    irreps, left_cosets, right_cosets, subgroups,
};

use crate::support::{affine, all, named, quaternions};

fn list(group: &Group) -> Vec<Subgroup> {
    subgroups(group).unwrap_or_else(|error| panic!("{error}"))
}

/// Subgroups and classes of them in each structure.
fn structures(group: &Group) -> BTreeMap<String, (usize, usize)> {
    let mut found: BTreeMap<String, (usize, BTreeSet<usize>)> = BTreeMap::new();
    for subgroup in list(group) {
        let entry = found.entry(subgroup.structure).or_default();
        entry.0 += 1;
        entry.1.insert(subgroup.class);
    }
    found.into_iter().map(|(name, (count, classes))| (name, (count, classes.len()))).collect()
}

#[test]
fn every_subset_that_is_closed_is_found() {
    // All subsets of small groups, tried one by one.
    let mut groups: Vec<Group> = ["C1", "C12", "D4", "D6", "A4", "C2xC2xC2", "S3xC2"].map(named).into();
    groups.push(quaternions());
    for group in groups.iter().filter(|group| group.order() <= 12) {
        let n = group.order();
        let mut expected = BTreeSet::new();
        for set in 0_u32..1 << n {
            let holds = |g: usize| set >> g & 1 == 1;
            let closed = (0..n).all(|a| !holds(a) || (0..n).all(|b| !holds(b) || holds(group.product(a, b))));
            if set != 0 && closed {
                expected.insert((0..n).filter(|&g| holds(g)).collect::<Vec<_>>());
            }
        }
        let found: Vec<Vec<usize>> = list(group).into_iter().map(|subgroup| subgroup.elements).collect();
        assert_eq!(found.len(), expected.len(), "{}", group.name());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{}", group.name());
    }
}

#[test]
fn counts_are_those_of_the_books() {
    // Subgroups of S_n and A_n: OEIS A005432 and A029725; classes of them: A000638 and A029726. Of C_n: its divisors; of
    // D_n: divisors and their sum.
    let cases = [
        ("S3", 6, 4),
        ("S4", 30, 11),
        ("S5", 156, 19),
        ("S6", 1455, 56),
        ("A4", 10, 5),
        ("A5", 59, 9),
        ("A6", 501, 22),
        ("C113", 2, 2),
        ("C360", 24, 24),
        ("D59", 62, 4),
        ("D6", 16, 10),
    ];
    for (name, count, classes) in cases {
        let found = list(&named(name));
        assert_eq!(found.len(), count, "{name}");
        assert_eq!(found.last().expect("the whole group").class + 1, classes, "{name}");
    }
    assert_eq!(list(&quaternions()).len(), 6);
}

#[test]
fn subgroups_are_closed_ordered_and_made_by_their_generators() {
    for group in all().iter().chain([&named("S5")]) {
        let found = list(group);
        let label = group.name();
        assert_eq!((found[0].order, found[found.len() - 1].order), (1, group.order()), "{label}");
        let names: BTreeSet<&str> = found.iter().map(|subgroup| subgroup.name.as_str()).collect();
        assert_eq!(names.len(), found.len(), "{label}: a name twice");
        for pair in found.windows(2) {
            assert!((pair[0].order, pair[0].class) <= (pair[1].order, pair[1].class), "{label}");
        }
        for subgroup in &found {
            assert_eq!(subgroup.elements.len(), subgroup.order, "{label}");
            assert_eq!(group.order() % subgroup.order, 0, "{label}");
            // Everything the generators make, multiplied out.
            let mut made = BTreeSet::from([group.identity()]);
            loop {
                let more: Vec<usize> =
                    made.iter().flat_map(|&a| subgroup.generators.iter().map(move |&b| group.product(a, b))).collect();
                let before = made.len();
                made.extend(more);
                if made.len() == before {
                    break;
                }
            }
            assert_eq!(made.into_iter().collect::<Vec<_>>(), subgroup.elements, "{label} {}", subgroup.name);
        }
    }
}

#[test]
fn classes_of_subgroups_are_the_conjugates() {
    for name in ["S4", "D6", "A5", "S5"] {
        let group = named(name);
        let found = list(&group);
        for subgroup in &found {
            let mut conjugates = BTreeSet::new();
            for g in 0..group.order() {
                let mut moved: Vec<usize> =
                    subgroup.elements.iter().map(|&h| group.product(group.product(group.inverse(g), h), g)).collect();
                moved.sort_unstable();
                conjugates.insert(moved);
            }
            let class: BTreeSet<Vec<usize>> = found
                .iter()
                .filter(|other| other.class == subgroup.class)
                .map(|other| other.elements.clone())
                .collect();
            assert_eq!(class, conjugates, "{name} {}", subgroup.name);
        }
    }
}

#[test]
fn the_subgroups_of_s5_have_their_usual_names() {
    let expected = [
        ("A4", (5, 1)),
        ("A5", (1, 1)),
        ("C1", (1, 1)),
        ("C2", (25, 2)),
        ("C2xC2", (20, 2)),
        ("C3", (10, 1)),
        ("C4", (15, 1)),
        ("C5", (6, 1)),
        ("C6", (10, 1)),
        ("D10", (6, 1)),
        ("D8", (15, 1)),
        ("F20", (6, 1)),
        ("S3", (20, 2)),
        ("S3xS2", (10, 1)),
        ("S4", (5, 1)),
        ("S5", (1, 1)),
    ];
    let expected: BTreeMap<String, (usize, usize)> =
        expected.into_iter().map(|(name, counts)| (name.to_owned(), counts)).collect();
    assert_eq!(structures(&named("S5")), expected);
    let names: Vec<String> = list(&named("S3")).into_iter().map(|subgroup| subgroup.name).collect();
    assert_eq!(names, ["C1", "C2 ⟨(1 2)⟩", "C2 ⟨(0 1)⟩", "C2 ⟨(0 2)⟩", "C3 ⟨(0 1 2)⟩", "S3 ⟨(0 1 2), (1 2)⟩"]);
}

#[test]
fn products_and_abelian_groups_are_told_by_name() {
    let whole = |group: &Group| list(group).pop().expect("the whole group").structure;
    let cases = [
        ("C12", "C12"),
        ("C2xC3", "C6"),
        ("C2xC4xC3", "C12xC2"),
        ("C3xC9xC9", "C9xC9xC3"),
        ("S3xS3", "S3xS3"),
        ("S4xC2", "S4xS2"),
        ("A4xC2", "A4xC2"),
        ("C3xA4", "A4xC3"),
        ("D7", "D14"),
        ("A6", "A6"),
        ("S6", "S6"),
        ("A5xC2", "A5xC2"),
    ];
    for (name, expected) in cases {
        assert_eq!(whole(&named(name)), expected, "{name}");
    }
    assert_eq!(whole(&quaternions()), "Q8");
    assert_eq!(whole(&affine(7, 2, 3)), "C7:C3");
    assert_eq!(whole(&affine(5, 2, 4)), "F20");
}

#[test]
fn cosets_divide_the_group() {
    for name in ["S4", "D6", "A5", "C12"] {
        let group = named(name);
        for subgroup in list(&group) {
            let (left, right) =
                (left_cosets(&group, &subgroup).expect("its own"), right_cosets(&group, &subgroup).expect("its own"));
            for (labels, side) in [(&left, "left"), (&right, "right")] {
                let largest = *labels.iter().max().expect("elements");
                assert_eq!((largest + 1) * subgroup.order, group.order(), "{name} {side}");
                let mut next = 0;
                for &label in labels {
                    assert!(label <= next, "{name}: numbered by the smallest element");
                    next = next.max(label + 1);
                }
            }
            // The definition: g⁻¹k in H for the same left coset, k g⁻¹ in H for the same right one.
            for g in 0..group.order() {
                for k in 0..group.order() {
                    let inside = |h: usize| subgroup.elements.contains(&h);
                    assert_eq!(left[g] == left[k], inside(group.product(group.inverse(g), k)), "{name}");
                    assert_eq!(right[g] == right[k], inside(group.product(k, group.inverse(g))), "{name}");
                }
            }
        }
    }
}

#[test]
fn indicators_of_s5_split_as_its_permutation_characters() {
    let group = named("S5");
    let all = irreps(&group).expect("S5");
    let found = list(&group);
    // Shares of sign, standard, standard_sign, 5d_a, 5d_b, 6d in percent: degree × fixed vectors of H / ([G : H] − 1).
    let cases = [
        ("S4", [0.0, 100.0, 0.0, 0.0, 0.0, 0.0]),
        ("A5", [100.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        ("F20", [0.0, 0.0, 0.0, 100.0, 0.0, 0.0]),
        ("S3xS2", [0.0, 400.0 / 9.0, 0.0, 0.0, 500.0 / 9.0, 0.0]),
        ("A4", [100.0 / 9.0, 400.0 / 9.0, 400.0 / 9.0, 0.0, 0.0, 0.0]),
        ("D10", [100.0 / 11.0, 0.0, 0.0, 500.0 / 11.0, 500.0 / 11.0, 0.0]),
    ];
    for (structure, expected) in cases {
        for subgroup in found.iter().filter(|subgroup| subgroup.structure == structure) {
            let shares = indicator_shares(&group, &all, subgroup).expect("not the whole");
            assert!(shares[0].abs() < 1e-12, "{structure}: the mean is taken off");
            for (irrep, (share, expected)) in all[1..].iter().zip(shares[1..].iter().zip(expected)) {
                assert!((100.0 * share - expected).abs() < 1e-9, "{structure} {}: {share} {expected}", irrep.name);
            }
        }
    }
}

#[test]
fn shares_of_every_subgroup_sum_to_one_and_follow_frobenius() {
    for group in [named("S4"), named("A5"), named("D6"), quaternions(), affine(7, 2, 3), named("C3xA4")] {
        let all = irreps(&group).expect("found");
        let found = list(&group);
        for subgroup in &found[..found.len() - 1] {
            let shares = indicator_shares(&group, &all, subgroup).expect("not the whole");
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-11, "{} {}", group.name(), subgroup.name);
            // The squared norm in an irrep of the real type is d · (mean of χ over H) · |H| / [G : H].
            let n = group.order() as f64;
            let h = subgroup.order as f64;
            for (irrep, share) in all.iter().zip(&shares).skip(1) {
                let sum: f64 = subgroup.elements.iter().map(|&g| irrep.character[g]).sum();
                let dimension = irrep.span.ncols() as f64 / irrep.degree as f64;
                let expected = dimension * sum / n / (1.0 - h / n);
                assert!((share - expected).abs() < 1e-11, "{} {}", group.name(), irrep.name);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (s4, s5) = (named("S4"), named("S5"));
    let of_s5 = list(&s5);
    assert!(matches!(left_cosets(&s4, &of_s5[155]), Err(GroupError::Misfit { .. })));
    assert!(matches!(right_cosets(&s4, &of_s5[20]), Err(GroupError::Misfit { .. })));
    assert!(matches!(
        indicator_shares(&s5, &irreps(&s5).expect("S5"), &of_s5[155]),
        Err(GroupError::WholeGroup { .. })
    ));
    assert!(matches!(indicator_shares(&s5, &irreps(&s4).expect("S4"), &of_s5[7]), Err(GroupError::Misfit { .. })));
    let mut broken = of_s5[3].clone();
    broken.elements.retain(|&element| element != s5.identity());
    assert!(matches!(left_cosets(&s5, &broken), Err(GroupError::Misfit { .. })));
    let error = subgroups(&named("C721")).expect_err("too big").to_string();
    assert_eq!(error, "C721 has 721 elements, and a list of subgroups takes at most 720; choose a smaller group");
    let many = Group::named("C2xC2xC2xC2xC2xC2xC2").expect("128 elements");
    assert!(matches!(subgroups(&many), Err(GroupError::TooManySubgroups { limit: 20_000, .. })));
}

#[test]
fn classes_and_characters_are_orthogonal() {
    for group in all() {
        let all = irreps(&group).expect("found");
        let table = character_table(&group, &all).expect("its own");
        let classes = conjugacy_classes(&group);
        assert_eq!(table.classes, classes);
        assert_eq!(classes.iter().map(Vec::len).sum::<usize>(), group.order());
        assert_eq!(classes[0], [group.identity()]);
        for class in &classes {
            let g = class[0];
            let mut conjugates: Vec<usize> =
                (0..group.order()).map(|x| group.product(group.product(group.inverse(x), g), x)).collect();
            conjugates.sort_unstable();
            conjugates.dedup();
            assert_eq!(&conjugates, class, "{}", group.name());
        }
        for (row, irrep) in all.iter().enumerate() {
            for (column, class) in classes.iter().enumerate() {
                for &g in class {
                    assert!((table.values[[row, column]] - irrep.character[g]).abs() < 1e-11, "{}", group.name());
                }
            }
            let indicator = frobenius_schur_indicator(&group, irrep.character.view()).expect("its own");
            assert!((indicator - indicator.round()).abs() < 1e-11, "{}", group.name());
        }
    }
    let error = frobenius_schur_indicator(&named("S3"), ndarray::Array1::zeros(5).view()).expect_err("too short");
    assert_eq!(error.to_string(), "a character of another length: 5 came, and S3 has 6");
}
