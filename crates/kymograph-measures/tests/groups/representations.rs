//! What makes matrices an irreducible representation, and a list of them complete.

use kymograph_linalg::random;
use kymograph_measures::groups::{Group, Irrep, RealType, conjugacy_classes, irreps, published_irreps};
use ndarray::{Array2, Axis};

use crate::support::{affine, all, named, quaternions};

/// Everything that must hold for any group.
fn check(group: &Group) {
    let name = group.name();
    let n = group.order();
    let all = irreps(group).unwrap_or_else(|error| panic!("{error}"));
    let mut names: Vec<&str> = all.iter().map(|irrep| irrep.name.as_str()).collect();
    assert_eq!(names[0], "trivial", "{name}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "{name}: a name twice");
    for irrep in &all {
        check_one(group, irrep);
    }
    let dimensions: usize = all.iter().map(|irrep| irrep.span.ncols()).sum();
    assert_eq!(dimensions, n, "{name}");
    // All spans together are one orthonormal basis of the functions on the group.
    let mut basis = Array2::zeros((n, 0));
    for irrep in &all {
        basis.append(Axis(1), irrep.span.view()).expect("as many rows");
    }
    let frame = basis.t().dot(&basis);
    let worst = (&frame - &Array2::<f64>::eye(n)).iter().fold(0.0_f64, |worst, x| worst.max(x.abs()));
    assert!(worst < 1e-10, "{name}: {worst:e}");
    // Fractions of any matrix over all irreps sum to 1.
    let matrix: Array2<f64> = random::normal_matrix(&mut random::stream(1, "fractions"), n, 3);
    let total: f64 = matrix.iter().map(|x| x * x).sum();
    let explained: f64 = all.iter().map(|irrep| irrep.span.t().dot(&matrix).iter().map(|x| x * x).sum::<f64>()).sum();
    assert!((explained / total - 1.0).abs() < 1e-11, "{name}: {explained} of {total}");
    // Characters of different irreps are orthogonal, and there are as many as classes joined with their inverses.
    for (i, a) in all.iter().enumerate() {
        for b in &all[..i] {
            let product = a.character.dot(&b.character) / n as f64;
            assert!(product.abs() < 1e-10, "{name}: {} and {}: {product:e}", a.name, b.name);
        }
    }
    let mut real: Vec<Vec<usize>> = Vec::new();
    for mut class in conjugacy_classes(group) {
        class.extend(class.iter().map(|&g| group.inverse(g)).collect::<Vec<_>>());
        class.sort_unstable();
        class.dedup();
        if !real.contains(&class) {
            real.push(class);
        }
    }
    assert_eq!(real.len(), all.len(), "{name}");
}

fn check_one(group: &Group, irrep: &Irrep) {
    let label = format!("{} {}", group.name(), irrep.name);
    let (n, d) = (group.order(), irrep.degree);
    assert_eq!(irrep.matrices.dim(), (n, d, d), "{label}");
    assert_eq!(irrep.span.dim(), (n, irrep.kind.span_dimension(d)), "{label}");
    let rho: Vec<Array2<f64>> = irrep.matrices.outer_iter().map(|matrix| matrix.to_owned()).collect();
    let close = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-11);
    // Every pair in small groups, every element with some others in large ones.
    let step = if n < 61 { 1 } else { n / 8 };
    for a in 0..n {
        assert!(close(&rho[a].dot(&rho[a].t()), &Array2::eye(d)), "{label}: element {a} is not orthogonal");
        let trace: f64 = rho[a].diag().sum();
        assert!((trace - irrep.character[a]).abs() < 1e-12, "{label}");
        for b in (a % step..n).step_by(step) {
            assert!(close(&rho[a].dot(&rho[b]), &rho[group.product(a, b)]), "{label}: {a} {b}");
        }
    }
    // ⟨χ, χ⟩ and the mean of χ(g²) are 1, 1 for the real, 2, 0 for the complex, 4, −2 for the quaternionic type.
    let square = irrep.character.dot(&irrep.character) / n as f64;
    let indicator: f64 = (0..n).map(|g| irrep.character[group.product(g, g)]).sum::<f64>() / n as f64;
    let expected = match irrep.kind {
        RealType::Real => (1.0, 1.0),
        RealType::Complex => (2.0, 0.0),
        RealType::Quaternionic => (4.0, -2.0),
    };
    assert!(
        (square - expected.0).abs() < 1e-10 && (indicator - expected.1).abs() < 1e-10,
        "{label}: {square} {indicator}"
    );
    // The span holds every matrix entry.
    for (i, j) in (0..d).flat_map(|i| (0..d).map(move |j| (i, j))) {
        let entry = irrep.matrices.slice(ndarray::s![.., i, j]);
        let rest = &entry - &irrep.span.dot(&irrep.span.t().dot(&entry));
        assert!(rest.iter().all(|x| x.abs() < 1e-10), "{label}: entry {i} {j} leaves the span");
        if irrep.kind == RealType::Real {
            let scale = (d as f64 / n as f64).sqrt();
            let column = irrep.span.column(i * d + j);
            assert!(entry.iter().zip(column).all(|(x, y)| (x * scale - y).abs() < 1e-12), "{label}");
        }
    }
}

#[test]
fn every_group_has_a_complete_list_of_orthogonal_irreducible_representations() {
    for group in all() {
        check(&group);
    }
}

#[test]
#[ignore = "slow: groups of hundreds of elements"]
fn so_have_the_largest_groups() {
    for name in ["S6", "A6", "D500", "C1000", "C2xC2xC2xC2xC2xC2xC2xC2xC2", "S5xC8", "A5xC16", "C31xC32", "D5xD50"] {
        check(&named(name));
    }
    check(&affine(31, 3, 30));
}

fn names(name: &str) -> Vec<String> {
    published_irreps(&named(name)).expect("named").into_iter().map(|irrep| irrep.name).collect()
}

#[test]
fn names_come_in_the_published_order() {
    let s5 = ["trivial", "sign", "standard", "standard_sign", "s5_5d_a", "s5_5d_b", "s5_6d"];
    assert_eq!(names("S5"), s5);
    assert_eq!(names("S4"), ["trivial", "sign", "standard", "standard_sign", "s4_2d"]);
    assert_eq!(names("S6"), ["trivial", "sign", "standard", "standard_sign", "s6_5d_a", "s6_5d_b"]);
    assert_eq!(names("A5"), ["trivial", "standard", "a5_5d_a", "a5_3d_a", "a5_3d_b"]);
    assert_eq!(names("C6"), ["trivial", "sign", "freq_1", "freq_2"]);
    assert_eq!(names("D5"), ["trivial", "sign", "freq_1", "freq_2"]);
    assert_eq!(names("D4"), ["trivial", "sign", "d4_1d_a", "d4_1d_b", "freq_1"]);
    let mut c113 = vec!["trivial".to_owned()];
    c113.extend((1..=56).map(|k| format!("freq_{k}")));
    assert_eq!(names("C113"), c113);
    let s6: Vec<(String, usize)> =
        irreps(&named("S6")).expect("named").into_iter().map(|irrep| (irrep.name, irrep.degree)).skip(6).collect();
    let expected = [("s6_9d_a", 9), ("s6_9d_b", 9), ("s6_10d_a", 10), ("s6_10d_b", 10), ("s6_16d", 16)];
    assert_eq!(s6, expected.map(|(name, degree)| (name.to_owned(), degree)));
}

fn character(group: &Group, all: &[Irrep], irrep: &str, element: &str) -> f64 {
    let at = (0..group.order()).find(|&g| group.element_name(g) == element).expect("an element of this name");
    all.iter().find(|found| found.name == irrep).expect("an irrep of this name").character[at]
}

#[test]
fn characters_are_those_of_the_published_matrices() {
    // The traces of the generator matrices in the published code (utils/groups.py), read off its diagonals.
    let cases = [
        ("S4", "s4_2d", "(0 1 2 3)", 0.0),
        ("S4", "s4_2d", "(0 1)", 0.0),
        ("S5", "s5_5d_a", "(0 1 2 3 4)", 0.0),
        ("S5", "s5_5d_a", "(0 1)", -1.0),
        ("S5", "s5_5d_b", "(0 1 2 3 4)", 0.0),
        ("S5", "s5_5d_b", "(0 1)", 1.0),
        ("S5", "s5_6d", "(0 1 2 3 4)", 1.0),
        ("S5", "s5_6d", "(0 1)", 0.0),
        ("S6", "s6_5d_a", "(0 1 2 3 4 5)", 0.0),
        ("S6", "s6_5d_a", "(0 1)", 1.0),
        ("S6", "s6_5d_b", "(0 1 2 3 4 5)", 0.0),
        ("S6", "s6_5d_b", "(0 1)", -1.0),
        ("S5", "standard", "(0 1)", 2.0),
        ("S5", "standard_sign", "(0 1)", -2.0),
        ("S5", "sign", "(0 1)", -1.0),
        ("A5", "a5_3d_a", "(0 1 2 3 4)", (1.0 + 5.0_f64.sqrt()) / 2.0),
        ("A5", "a5_3d_b", "(0 1 2 3 4)", (1.0 - 5.0_f64.sqrt()) / 2.0),
        ("A5", "a5_3d_a", "(1 2)(3 4)", -1.0),
        ("A5", "standard", "(0 1 2)", 1.0),
        ("A5", "a5_5d_a", "(1 2)(3 4)", 1.0),
        ("A4", "standard", "(0 1)(2 3)", -1.0),
        ("C8", "sign", "3", -1.0),
        ("C8", "freq_3", "2", 0.0),
        ("D6", "freq_2", "r", -1.0),
        ("D6", "sign", "r^2 s", -1.0),
        ("D6", "d6_1d_a", "r s", -1.0),
        ("D6", "d6_1d_b", "r s", 1.0),
    ];
    for (name, irrep, element, expected) in cases {
        let group = named(name);
        let found = character(&group, &irreps(&group).expect("named"), irrep, element);
        assert!((found - expected).abs() < 1e-12, "{name} {irrep} at {element}: {found}, not {expected}");
    }
}

#[test]
fn types_are_those_of_the_books() {
    let kinds = |group: &Group| -> Vec<(usize, RealType)> {
        irreps(group).expect("found").iter().map(|irrep| (irrep.degree, irrep.kind)).collect()
    };
    use RealType::{Complex, Quaternionic, Real};
    assert_eq!(kinds(&quaternions()), [(1, Real), (1, Real), (1, Real), (1, Real), (4, Quaternionic)]);
    assert_eq!(kinds(&affine(7, 2, 3)), [(1, Real), (2, Complex), (6, Complex)]);
    assert_eq!(kinds(&named("A4")), [(1, Real), (3, Real), (2, Complex)]);
    assert_eq!(kinds(&named("C5")), [(1, Real), (2, Complex), (2, Complex)]);
    assert!(kinds(&named("S5")).iter().all(|(_, kind)| *kind == Real));
}

#[test]
fn a_table_gives_the_same_spans_as_the_closed_forms() {
    for name in ["S4", "D7", "C9", "S5"] {
        let group = named(name);
        let table = Array2::from_shape_fn((group.order(), group.order()), |(a, b)| group.product(a, b) as i64);
        let plain = Group::from_table("other", table.view()).expect("it is a group");
        let general = irreps(&plain).expect("found");
        for irrep in irreps(&group).expect("found") {
            let twin = general.iter().filter(|other| {
                let overlap: f64 = irrep.span.t().dot(&other.span).iter().map(|x| x * x).sum();
                (overlap - irrep.span.ncols() as f64).abs() < 1e-10 && other.span.ncols() == irrep.span.ncols()
            });
            assert_eq!(twin.count(), 1, "{name} {}", irrep.name);
        }
    }
}

#[test]
fn representations_have_the_same_bits_for_any_number_of_threads() {
    for group in [named("A5"), named("S3xC4"), affine(13, 3, 3), quaternions(), named("S5")] {
        let bits = |threads: usize| -> Vec<u64> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let found = pool.install(|| irreps(&group)).expect("found");
            found.iter().flat_map(|irrep| irrep.matrices.iter().chain(&irrep.span).map(|x| x.to_bits())).collect()
        };
        assert_eq!(bits(1), bits(2), "{}", group.name());
        assert_eq!(bits(1), bits(3), "{}", group.name());
    }
}
