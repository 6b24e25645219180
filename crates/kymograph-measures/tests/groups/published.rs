//! Agreement with SymPy, and with the matrices behind published numbers as PyTorch makes them
//! (`../reference/make_group_reference.py`).

use kymograph_measures::groups::{GroupError, published_irreps, published_wrong_a5_irreps};
use ndarray::Array2;
use serde_json::Value;

use crate::support::named;

fn reference() -> Value {
    serde_json::from_str(include_str!("../reference/groups.json")).expect("the committed reference is JSON")
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// Cycles of a permutation given as its images in digits.
fn cycles(images: &str) -> String {
    let images: Vec<usize> = images.bytes().map(|digit| (digit - b'0') as usize).collect();
    let mut text = String::new();
    for start in 0..images.len() {
        let mut cycle = vec![start];
        while images[cycle[cycle.len() - 1]] != start {
            cycle.push(images[cycle[cycle.len() - 1]]);
        }
        if cycle.len() > 1 && cycle.iter().all(|&point| point >= start) {
            text += &format!("({})", cycle.iter().map(|point| point.to_string()).collect::<Vec<_>>().join(" "));
        }
    }
    if text.is_empty() { "e".to_owned() } else { text }
}

#[test]
fn permutations_stand_in_the_order_of_sympy() {
    let reference = reference();
    for (name, elements) in reference["elements"].as_object().expect("groups") {
        let group = named(name);
        let elements: Vec<&str> = elements.as_str().expect("text").split(' ').collect();
        assert_eq!(group.order(), elements.len(), "{name}");
        for (number, images) in elements.iter().enumerate() {
            assert_eq!(group.element_name(number), cycles(images), "{name} {number}");
        }
        // The product as SymPy has it: the point goes through a first, then through b.
        let step = (elements.len() / 30).max(1);
        for a in (0..elements.len()).step_by(step) {
            for b in 0..elements.len() {
                let through =
                    |point: u8| elements[b].as_bytes()[(elements[a].as_bytes()[point as usize] - b'0') as usize];
                let product: Vec<u8> = (0..elements[a].len() as u8).map(through).collect();
                assert_eq!(elements[group.product(a, b)].as_bytes(), product, "{name}: {a} {b}");
            }
        }
    }
}

#[test]
fn the_wrong_matrices_of_a5_are_the_published_ones() {
    let reference = reference();
    let wrong = published_wrong_a5_irreps(&named("A5")).expect("A5");
    let right = published_irreps(&named("A5")).expect("A5");
    let names = |irreps: &[kymograph_measures::groups::Irrep]| -> Vec<String> {
        irreps.iter().map(|irrep| irrep.name.clone()).collect()
    };
    assert_eq!(names(&wrong), names(&right));
    let traces = list(&reference["wrong_a5"]["traces"]);
    let probe = Array2::from_shape_fn((60, 7), |(g, c)| {
        let (g, c) = (g as f64, c as f64);
        (1.0 + 3.0 * g + 7.0 * c + g * c).sin()
    });
    let total: f64 = probe.iter().map(|x| x * x).sum();
    let of = |name: &str| wrong.iter().find(|irrep| irrep.name == name).expect("listed");
    for (found, expected) in of("a5_3d_a").character.iter().zip(&traces) {
        assert!((found - expected).abs() < 1e-11, "{found} {expected}");
    }
    for name in ["a5_3d_a", "a5_3d_b"] {
        let expected = list(&reference["wrong_a5"]["column_shares"][name]);
        for (column, expected) in of(name).span.columns().into_iter().zip(expected) {
            let found = column.dot(&probe).iter().map(|x| x * x).sum::<f64>() / total;
            assert!((found - expected).abs() < 1e-11, "{name}: {found} {expected}");
        }
    }
    // The wrong ones do not divide the functions among them; the right ones do.
    let share = |irreps: &[kymograph_measures::groups::Irrep]| -> f64 {
        irreps.iter().map(|irrep| irrep.span.t().dot(&probe).iter().map(|x| x * x).sum::<f64>()).sum::<f64>() / total
    };
    assert!((share(&right) - 1.0).abs() < 1e-12);
    assert!((share(&wrong) - 1.0).abs() > 1e-3, "{}", share(&wrong));
}

#[test]
fn the_wrong_matrices_belong_to_a5_alone() {
    for name in ["S5", "A4", "C60", "A6"] {
        let error = published_wrong_a5_irreps(&named(name)).expect_err("another group");
        assert!(matches!(&error, GroupError::OtherGroup { found, .. } if found == name), "{error}");
    }
}
