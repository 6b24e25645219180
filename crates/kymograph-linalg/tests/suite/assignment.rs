//! The cheapest matching against every matching, and its hostile inputs.

use crate::common::gaussian;
use kymograph_linalg::{LinalgError, assignment, random};
use ndarray::{Array2, ArrayView2, array};

fn total(cost: ArrayView2<'_, f64>, columns: &[usize]) -> f64 {
    columns.iter().enumerate().map(|(i, &j)| cost[[i, j]]).sum()
}

/// The smallest sum over every injective choice of columns.
fn brute(cost: ArrayView2<'_, f64>, row: usize, used: &mut [bool]) -> f64 {
    if row == cost.nrows() {
        return 0.0;
    }
    let mut best = f64::INFINITY;
    for column in 0..cost.ncols() {
        if !used[column] {
            used[column] = true;
            best = best.min(cost[[row, column]] + brute(cost, row + 1, used));
            used[column] = false;
        }
    }
    best
}

fn check(cost: ArrayView2<'_, f64>, slack: f64) {
    let found = assignment(cost).unwrap();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), cost.nrows(), "a column was used twice");
    assert!(sorted.iter().all(|&j| j < cost.ncols()));
    let best = brute(cost, 0, &mut vec![false; cost.ncols()]);
    assert!((total(cost, &found) - best).abs() <= slack, "{} {best} {cost}", total(cost, &found));
}

#[test]
fn no_matching_is_cheaper() {
    for rows in 1..=7 {
        for columns in rows..=7 {
            for seed in 0..4 {
                check(gaussian::<f64>(seed, rows, columns).view(), 1e-12);
                // Small integers: many ties.
                let mut rng = random::stream(seed, "ties");
                let ties = Array2::from_shape_simple_fn((rows, columns), || random::below(&mut rng, 3) as f64 - 1.0);
                check(ties.view(), 0.0);
            }
        }
    }
}

#[test]
fn a_hidden_permutation_is_found_at_size() {
    let n = 150;
    let hidden = random::permutation(&mut random::stream(0, "hidden"), n);
    let noise = gaussian::<f64>(1, n, n + 20);
    let cost = Array2::from_shape_fn((n, n + 20), |(i, j)| if hidden[i] == j { -100.0 } else { noise[[i, j]] });
    assert_eq!(assignment(cost.view()).unwrap(), hidden);
    // A constant added to a row, and one to every column of a square cost, changes nothing.
    let mut square = gaussian::<f64>(2, 60, 60);
    let before = assignment(square.view()).unwrap();
    for i in 0..60 {
        square.row_mut(i).mapv_inplace(|x| x + i as f64);
        square.column_mut(i).mapv_inplace(|x| x - 3.0 * i as f64);
    }
    assert_eq!(assignment(square.view()).unwrap(), before);
    let moved = (&square * 2.0).t().as_standard_layout().into_owned();
    let back = assignment(moved.view()).unwrap();
    assert!(before.iter().enumerate().all(|(i, &j)| back[j] == i));
}

#[test]
fn the_classic_case_and_the_edges() {
    assert_eq!(assignment(array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]].view()).unwrap(), [1, 0, 2]);
    assert_eq!(assignment(array![[3.0, 1.0, 2.0]].view()).unwrap(), [1]);
    assert_eq!(assignment(Array2::zeros((0, 0)).view()).unwrap(), []);
    assert_eq!(assignment(Array2::zeros((0, 4)).view()).unwrap(), []);
    assert_eq!(assignment(Array2::zeros((3, 3)).view()).unwrap(), [0, 1, 2]);
    for scale in [1e-300, 1e300, 1e307] {
        check((gaussian::<f64>(5, 5, 6).mapv(|x| x.clamp(-3.0, 3.0)) * scale).view(), 1e-14 * scale * 20.0);
    }
    assert!(matches!(assignment(Array2::zeros((3, 2)).view()), Err(LinalgError::Shape { expected: 3, found: 2, .. })));
    assert!(matches!(
        assignment(array![[0.0, 1.0], [f64::NAN, 2.0]].view()),
        Err(LinalgError::NotFinite { row: 1, column: 0, .. })
    ));
}
