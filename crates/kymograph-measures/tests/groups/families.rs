//! The families of groups: their elements, products and names, and tables that are none.

use kymograph_measures::groups::{Group, GroupError};
use ndarray::{Array2, array};

use crate::support::{all, named};

#[test]
fn every_group_obeys_the_axioms() {
    for group in all() {
        let (n, e) = (group.order(), group.identity());
        let step = (n / 40).max(1);
        for a in 0..n {
            assert_eq!((group.product(a, e), group.product(e, a)), (a, a), "{}", group.name());
            assert_eq!(group.product(a, group.inverse(a)), e, "{}", group.name());
            assert_eq!(group.product(group.inverse(a), a), e, "{}", group.name());
            assert_eq!(n % group.element_order(a), 0, "{}", group.name());
            for b in (a % step..n).step_by(step) {
                let ab = group.product(a, b);
                for c in 0..n {
                    assert_eq!(group.product(ab, c), group.product(a, group.product(b, c)), "{}", group.name());
                }
            }
        }
    }
}

#[test]
fn dihedral_groups_compose_as_published() {
    for n in [1, 2, 3, 4, 5, 8, 59] {
        let group = Group::dihedral(n).expect("small");
        assert_eq!((group.order(), group.identity()), (2 * n, 0));
        for x in 0..2 * n {
            for y in 0..2 * n {
                let (r, s, u, v) = ((x % n) as i64, x / n, (y % n) as i64, y / n);
                let expected = if s == 0 { (r + u, v) } else { (r - u, (1 + v) % 2) };
                let index = expected.0.rem_euclid(n as i64) as usize + n * expected.1;
                assert_eq!(group.product(x, y), index, "D{n}: {x} {y}");
            }
        }
    }
}

#[test]
fn elements_have_the_usual_names() {
    let names = |name: &str| -> Vec<String> {
        let group = named(name);
        (0..group.order()).map(|element| group.element_name(element).to_owned()).collect()
    };
    assert_eq!(names("D3"), ["e", "r", "r^2", "s", "r s", "r^2 s"]);
    assert_eq!(names("C3"), ["0", "1", "2"]);
    assert_eq!(names("C2xC2"), ["(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"]);
    assert_eq!(names("S3"), ["e", "(0 1 2)", "(0 2 1)", "(1 2)", "(0 1)", "(0 2)"]);
    assert_eq!(names("A1"), ["e"]);
}

#[test]
fn permutations_multiply_first_then_second() {
    let group = named("S3");
    let at = |name: &str| (0..6).find(|&g| group.element_name(g) == name).expect("an element");
    // 0 → 1 → 2, 1 → 0 → 0, 2 → 2 → 1.
    assert_eq!(group.product(at("(0 1)"), at("(1 2)")), at("(0 2 1)"));
}

#[test]
fn names_make_groups() {
    let orders = [
        ("C1", 1),
        ("c7", 7),
        ("D59", 118),
        ("S6", 720),
        ("A6", 360),
        (" C2xC3 ", 6),
        ("C2×C3", 6),
        ("S3xD4xC2", 96),
        ("C1000", 1000),
        ("D500", 1000),
    ];
    for (name, order) in orders {
        assert_eq!(named(name).order(), order, "{name}");
    }
    assert_eq!(named("c7").name(), "C7");
    for name in ["", "x", "S", "5", "S5x", "Q8", "S-5", "S5.0", "C99999999999999999999", "É5", "C2**3", "C٣"] {
        let found = Group::named(name);
        assert!(matches!(found, Err(GroupError::UnknownName { .. })), "{name}: {found:?}");
    }
    for name in ["C0", "D0", "S0", "A0", "S7", "A7", "C1001", "D501"] {
        assert!(matches!(Group::named(name), Err(GroupError::Index { .. })), "{name}");
    }
    let message = Group::named("S6xC2").expect_err("1440 elements").to_string();
    assert_eq!(message, "S6xC2 has 1440 elements, and a group takes at most 1000; choose a smaller group");
}

#[test]
fn tables_that_are_no_group_are_refused_by_name() {
    let refuse = |table: Array2<i64>| Group::from_table("mine", table.view()).expect_err("no group").to_string();
    assert_eq!(
        refuse(array![[0, 1, 2], [1, 2, 0]]),
        "the table of mine has 2 rows and 3 columns; it needs one row and one column for each element"
    );
    assert!(refuse(Array2::zeros((0, 0))).contains("0 rows"));
    assert_eq!(refuse(array![[0, 1], [1, 2]]), "the table of mine holds 2 at row 1, column 1; the elements are 0 to 1");
    assert!(refuse(array![[0, 1], [-1, 0]]).contains("holds -1 at row 1, column 0"));
    assert!(refuse(array![[1, 0], [1, 0]]).contains("no element e"));
    // The maximum of two numbers has an identity and no inverses.
    assert!(refuse(array![[0, 1], [1, 1]]).contains("no element undoes 1 on both sides"));
    // A loop of five elements: identity and inverses, but brackets matter.
    let five = array![[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]];
    let Err(GroupError::NotAssociative { a, b, c, left, right, .. }) = Group::from_table("mine", five.view()) else {
        panic!("the table is not associative");
    };
    let product = |a: usize, b: usize| five[[a, b]] as usize;
    assert_eq!((product(product(a, b), c), product(a, product(b, c))), (left, right));
    assert_ne!(left, right);
    let message = Group::from_table("mine", Array2::zeros((1001, 1001)).view()).expect_err("too big").to_string();
    assert!(message.contains("1001 elements"), "{message}");
}

#[test]
fn every_changed_entry_of_a_table_is_noticed() {
    let group = named("S3");
    for (a, b) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
        for wrong in (0..6).filter(|&value| value != group.product(a, b)) {
            let mut table = Array2::from_shape_fn((6, 6), |(a, b)| group.product(a, b) as i64);
            table[[a, b]] = wrong as i64;
            assert!(Group::from_table("S3", table.view()).is_err(), "{a} {b} {wrong}");
        }
    }
}
