//! Products against their definition, over shapes, strides, types and the in-place form.

use crate::common::{difference, gaussian, product};
use kymograph_linalg::{Real, matmul, matmul_into, matmul_into_sequential, matmul_nt, matmul_tn, tolerance};
use ndarray::{Array2, ArrayView2, array, s};

/// Rows × columns × inner: ones, odd sizes, and one of each way a large product is cut.
const SHAPES: [(usize, usize, usize); 17] = [
    (1, 1, 1),
    (1, 7, 5),
    (7, 1, 5),
    (5, 7, 1),
    (3, 4, 2),
    (17, 33, 65),
    (64, 64, 64),
    (100, 100, 100),
    (700, 31, 70),
    (31, 700, 70),
    (20, 24, 3000),
    (300, 290, 40),
    (200, 200, 333),
    (20, 24, 5000),
    (90, 250, 1100),
    (1, 2000, 1500),
    (2000, 1, 1500),
];

fn allowed<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    // Entries of both are standard normal, so each term of the sum is of order one and the worst about 20.
    let largest = |x: ArrayView2<'_, T>| x.iter().fold(0.0, |m: f64, v| m.max(v.to_f64().abs()));
    tolerance::relative::<T>(a.ncols()) * largest(a) * largest(b)
}

fn forms<T: Real>() {
    for (m, n, k) in SHAPES {
        let (a, b) = (gaussian::<T>(1, m, k), gaussian::<T>(2, k, n));
        let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
        let expected = product(a.view(), b.view());
        let allowed = allowed(a.view(), b.view());
        for (form, found) in [
            ("nn", matmul(a.view(), b.view())),
            ("tn", matmul_tn(at.view(), b.view())),
            ("nt", matmul_nt(a.view(), bt.view())),
            ("tt", matmul(at.t(), bt.t())),
        ] {
            let worst = difference(found.view(), expected.view());
            assert!(worst <= allowed, "{m}×{n}×{k} {form} {}: {worst:e} > {allowed:e}", T::NAME);
        }
    }
}

#[test]
fn every_form_is_the_product_in_f32() {
    forms::<f32>();
}

#[test]
fn every_form_is_the_product_in_f64() {
    forms::<f64>();
}

#[test]
fn small_integers_are_exact() {
    let a = array![[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let b = array![[7.0f32, 8.0, 9.0], [10.0, 11.0, 12.0]];
    let expected = array![[27.0f32, 30.0, 33.0], [61.0, 68.0, 75.0], [95.0, 106.0, 117.0]];
    assert_eq!(matmul(a.view(), b.view()), expected);
    assert_eq!(matmul_tn(a.t().to_owned().view(), b.view()), expected);
    assert_eq!(matmul_nt(a.view(), b.t().to_owned().view()), expected);
}

fn into<T: Real>(m: usize, n: usize, k: usize) {
    let (a, b, c) = (gaussian::<T>(3, m, k), gaussian::<T>(4, k, n), gaussian::<T>(5, m, n));
    let ab = product(a.view(), b.view());
    for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-2.0, 0.5), (0.0, 1.0), (0.0, 0.0), (0.5, -1.0)] {
        let expected = &ab * alpha + &c.mapv(|x| x.to_f64() * beta);
        let allowed = 8.0 * allowed(a.view(), b.view());
        // Row order, column order, and every second row and column of a larger array.
        let mut row_order = c.clone();
        let mut column_order = c.t().as_standard_layout().into_owned();
        let mut wide = Array2::zeros((2 * m, 2 * n));
        wide.slice_mut(s![..;2, ..;2]).assign(&c);
        let mut serial = c.clone();
        let (alpha, beta) = (T::from_f64(alpha), T::from_f64(beta));
        matmul_into(alpha, a.view(), b.view(), beta, row_order.view_mut());
        matmul_into(alpha, a.view(), b.view(), beta, column_order.view_mut().reversed_axes());
        matmul_into(alpha, a.view(), b.view(), beta, wide.slice_mut(s![..;2, ..;2]));
        matmul_into_sequential(alpha, a.view(), b.view(), beta, serial.view_mut());
        for found in [row_order.view(), column_order.t(), wide.slice(s![..;2, ..;2]), serial.view()] {
            let worst = difference(found, expected.view());
            assert!(worst <= allowed, "{m}×{n}×{k} {alpha} {beta}: {worst:e} > {allowed:e}");
        }
        assert!(wide.slice(s![1..;2, ..]).iter().all(|&x| x == T::ZERO), "wrote between the strides");
        assert!(wide.slice(s![.., 1..;2]).iter().all(|&x| x == T::ZERO), "wrote between the strides");
    }
}

#[test]
fn in_place_form_scales_and_adds() {
    for (m, n, k) in [(3, 4, 5), (130, 140, 90), (520, 30, 90), (20, 24, 3000)] {
        into::<f32>(m, n, k);
        into::<f64>(m, n, k);
    }
}

#[test]
fn beta_zero_does_not_read_the_result() {
    for (m, n, k) in [(3, 4, 5), (300, 300, 20), (16, 16, 5000)] {
        let (a, b) = (gaussian::<f64>(6, m, k), gaussian::<f64>(7, k, n));
        let mut c = Array2::from_elem((m, n), f64::NAN);
        matmul_into(1.0, a.view(), b.view(), 0.0, c.view_mut());
        assert!(c.iter().all(|x| x.is_finite()), "{m}×{n}×{k}");
    }
}

#[test]
fn negative_and_zero_strides_are_read_rightly() {
    let a = gaussian::<f32>(8, 40, 30);
    let b = gaussian::<f32>(9, 30, 20);
    let reversed = a.slice(s![..;-1, ..;-1]);
    let flipped = b.slice(s![..;-1, ..]);
    let found = matmul(reversed, flipped);
    let expected = product(reversed, flipped);
    assert!(difference(found.view(), expected.view()) <= allowed(reversed, flipped));

    let row = gaussian::<f32>(10, 1, 30);
    let repeated = row.broadcast((40, 30)).expect("a row repeats");
    let found = matmul(repeated, b.view());
    let expected = product(repeated, b.view());
    assert!(difference(found.view(), expected.view()) <= allowed(repeated, b.view()));
    for other in found.outer_iter().skip(1) {
        assert!((&other - &found.row(0)).iter().all(|d| d.abs() < 1e-4));
    }
}

#[test]
fn empty_axes_give_empty_or_zero_results() {
    let none = Array2::<f32>::zeros((0, 5));
    assert_eq!(matmul(none.view(), gaussian(1, 5, 3).view()).dim(), (0, 3));
    assert_eq!(matmul(gaussian(1, 3, 5).view(), none.t()).dim(), (3, 0));
    let inner = matmul(Array2::<f32>::zeros((2, 0)).view(), Array2::zeros((0, 3)).view());
    assert_eq!(inner, Array2::<f32>::zeros((2, 3)));
    let mut kept = array![[1.0f64, 2.0]];
    matmul_into(1.0, Array2::zeros((1, 0)).view(), Array2::zeros((0, 2)).view(), 2.0, kept.view_mut());
    assert_eq!(kept, array![[2.0, 4.0]]);
}

#[test]
fn extreme_scales_keep_their_digits() {
    for scale in [1e-30f32, 1e30] {
        let (a, b) = (gaussian::<f32>(11, 70, 80), gaussian::<f32>(12, 80, 90));
        let found = matmul((&a * scale).view(), (&b / scale).view());
        let expected = product(a.view(), b.view());
        assert!(difference(found.view(), expected.view()) <= 4.0 * allowed(a.view(), b.view()));
    }
}

#[test]
#[should_panic(expected = "3×4 times 5×6")]
fn inner_lengths_that_differ_are_named() {
    let _ = matmul(Array2::<f32>::zeros((3, 4)).view(), Array2::zeros((5, 6)).view());
}
