//! Gram, covariance, correlation and distances against their definitions, with invariances and hostile input.

use crate::common::{difference, gaussian, product};
use kymograph_linalg::{
    LinalgError, Real, centred, column_gram, correlation, covariance, cross_column_gram, cross_gram, gram,
    squared_distances, tolerance,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};

fn check_gram<T: Real>() {
    // Past 256 rows the blocked half is taken; 300 is no multiple of a block.
    for (n, d) in [(1, 1), (1, 6), (6, 1), (50, 20), (256, 3), (257, 40), (300, 17), (400, 1100)] {
        let x = gaussian::<T>(1, n, d);
        let expected = product(x.view(), x.t());
        // Relative to the norms multiplied: about d for standard normal rows, up to 25 for a single feature.
        let allowed = tolerance::relative::<T>(d) * (2 * d).max(25) as f64;
        let found = gram(x.view());
        assert!(difference(found.view(), expected.view()) <= allowed, "{n}×{d}");
        assert_eq!(found, found.t(), "{n}×{d} is symmetric to the bit");
        let columns = column_gram(x.t());
        assert!(difference(columns.view(), expected.view()) <= allowed, "{n}×{d}");
        assert_eq!(columns, columns.t());
        let crossed = cross_column_gram(x.t(), x.slice(s![..n.div_ceil(2), ..]).t());
        assert!(difference(crossed.view(), expected.slice(s![.., ..n.div_ceil(2)])) <= allowed);
        let crossed = cross_gram(x.view(), x.slice(s![..n.div_ceil(2), ..]));
        assert!(difference(crossed.view(), expected.slice(s![.., ..n.div_ceil(2)])) <= allowed);
    }
}

#[test]
fn gram_forms_are_products() {
    check_gram::<f32>();
    check_gram::<f64>();
}

#[test]
fn empty_gram_forms_are_empty_or_zero() {
    assert_eq!(gram(Array2::<f32>::zeros((0, 3)).view()).dim(), (0, 0));
    assert_eq!(gram(Array2::<f32>::zeros((3, 0)).view()), Array2::<f32>::zeros((3, 3)));
    assert_eq!(column_gram(Array2::<f32>::zeros((0, 3)).view()), Array2::<f64>::zeros((3, 3)));
}

fn covariance_twin<T: Real>(x: ArrayView2<'_, T>) -> Array2<f64> {
    let x = x.mapv(Real::to_f64);
    let means: Vec<f64> = x.axis_iter(Axis(1)).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect();
    Array2::from_shape_fn((x.ncols(), x.ncols()), |(i, j)| {
        let sum: f64 = (0..x.nrows()).map(|n| (x[[n, i]] - means[i]) * (x[[n, j]] - means[j])).sum();
        sum / (x.nrows() - 1) as f64
    })
}

#[test]
fn covariance_is_its_definition() {
    let x = array![[1.0f32, 2.0], [2.0, 4.0], [3.0, 9.0]];
    assert_eq!(covariance(x.view()).unwrap(), array![[1.0, 3.5], [3.5, 13.0]]);
    for (n, d) in [(2, 1), (2, 5), (30, 7), (2500, 12)] {
        let x = gaussian::<f64>(1, n, d);
        let expected = covariance_twin(x.view());
        assert!(
            difference(covariance(x.view()).unwrap().view(), expected.view()) <= 25.0 * tolerance::relative::<f64>(n)
        );
        let x = gaussian::<f32>(1, n, d);
        let expected = covariance_twin(x.view());
        assert!(
            difference(covariance(x.view()).unwrap().view(), expected.view())
                <= 25.0 * tolerance::relative::<f32>(n.min(1024))
        );
    }
}

#[test]
fn a_large_mean_costs_no_digits() {
    let x = gaussian::<f64>(2, 500, 4);
    let shifted = &x + 1e8;
    // The shift itself rounds each entry to ε·1e8.
    let apart = difference(covariance(shifted.view()).unwrap().view(), covariance(x.view()).unwrap().view());
    assert!(apart < 500.0 * f64::EPSILON * 1e8, "{apart:e}");
    let middle = centred(shifted.view()).unwrap();
    for column in middle.axis_iter(Axis(1)) {
        assert!(column.sum().abs() / 500.0 < 4.0 * f64::EPSILON * 1e8);
    }
}

#[test]
fn correlation_is_its_definition_and_forgets_shift_and_scale() {
    for n in [3, 40, 2500] {
        let x = gaussian::<f64>(3, n, 9);
        let c = covariance_twin(x.view());
        let expected = Array2::from_shape_fn((9, 9), |(i, j)| c[[i, j]] / (c[[i, i]] * c[[j, j]]).sqrt());
        let found = correlation(x.view()).unwrap();
        assert!(difference(found.view(), expected.view()) <= tolerance::relative::<f64>(n) * 4.0);
        assert!(found.diag().iter().all(|&r| r == 1.0));
        assert!(found.iter().all(|r| r.abs() <= 1.0));

        let scale = Array1::from_iter((0..9).map(|i| if i % 2 == 0 { 3.0 } else { -0.25 }));
        let moved = &x * &scale + 7.0;
        let signs = Array2::from_shape_fn((9, 9), |(i, j)| (scale[i] * scale[j]).signum());
        let again = correlation(moved.view()).unwrap() * signs;
        assert!(difference(again.view(), found.view()) < 1e-12);

        let single = correlation(x.mapv(|v| v as f32).view()).unwrap();
        assert!(difference(single.view(), found.view()) < 16.0 * f64::from(f32::EPSILON));
    }
}

#[test]
fn perfect_correlation_is_exactly_one_in_magnitude_and_never_more() {
    for n in 2..40 {
        let x = Array2::from_shape_fn((n, 3), |(i, j)| match j {
            0 => 0.1 + i as f64 * 0.3,
            1 => 5.0 - i as f64 * 1.7,
            _ => 1e-9 * i as f64,
        });
        let r = correlation(x.view()).unwrap();
        assert!(r.iter().all(|v| v.abs() <= 1.0 && v.abs() > 1.0 - 1e-12));
    }
}

#[test]
fn correlation_stands_extreme_scales() {
    let x = gaussian::<f64>(4, 50, 5);
    let plain = correlation(x.view()).unwrap();
    for scale in [1e-200, 1e200] {
        let found = correlation((&x * scale).view()).unwrap();
        assert!(difference(found.view(), plain.view()) < 1e-14, "{scale:e}");
    }
    let x = gaussian::<f32>(4, 50, 5);
    let plain = correlation(x.view()).unwrap();
    for scale in [1e-30, 1e30] {
        let found = correlation((&x * scale).view()).unwrap();
        assert!(difference(found.view(), plain.view()) < 1e-5, "{scale:e}");
    }
}

#[test]
fn constant_columns_are_named() {
    let mut x = gaussian::<f32>(5, 30, 6);
    x.column_mut(4).fill(0.1);
    assert_eq!(correlation(x.view()), Err(LinalgError::ConstantColumn { column: 4 }));
    x.column_mut(2).fill(0.0);
    assert_eq!(correlation(x.view()), Err(LinalgError::ConstantColumn { column: 2 }));
    assert!(covariance(x.view()).unwrap().column(2).iter().all(|&v| v == 0.0));
}

#[test]
fn hostile_input_is_an_error_with_its_place() {
    let mut x = gaussian::<f32>(6, 30, 6);
    x[[17, 3]] = f32::NAN;
    for error in [
        covariance(x.view()).unwrap_err(),
        correlation(x.view()).unwrap_err(),
        centred(x.view()).unwrap_err(),
        squared_distances(x.view(), gaussian(1, 2, 6).view()).unwrap_err(),
        squared_distances(gaussian(1, 2, 6).view(), x.view()).unwrap_err(),
    ] {
        assert!(matches!(error, LinalgError::NotFinite { row: 17, column: 3, .. }), "{error}");
    }
    let one = gaussian::<f32>(6, 1, 6);
    assert!(matches!(covariance(one.view()), Err(LinalgError::TooFew { needed: 2, found: 1, .. })));
    assert!(matches!(correlation(one.view()), Err(LinalgError::TooFew { needed: 2, found: 1, .. })));
    let huge = array![[1e300f64], [-1e300]];
    assert!(matches!(covariance(huge.view()), Err(LinalgError::Overflow { .. })));
    assert_eq!(correlation(huge.view()).unwrap(), array![[1.0]]);
    assert!(matches!(squared_distances(huge.view(), huge.view()), Err(LinalgError::Overflow { .. })));
    let most = array![[f64::MAX], [-f64::MAX], [f64::MAX]];
    for result in [covariance(most.view()), correlation(most.view())] {
        match result {
            Ok(values) => assert!(values.iter().all(|v| v.is_finite())),
            Err(error) => assert!(matches!(error, LinalgError::Overflow { .. })),
        }
    }
}

fn distances_twin<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array2<f64> {
    Array2::from_shape_fn((x.nrows(), y.nrows()), |(i, j)| {
        (0..x.ncols()).map(|l| (x[[i, l]].to_f64() - y[[j, l]].to_f64()).powi(2)).sum()
    })
}

#[test]
fn distances_are_their_definition_to_relative_precision() {
    assert_eq!(
        squared_distances(array![[0.0f32, 0.0]].view(), array![[3.0f32, 4.0], [0.0, 0.0]].view()).unwrap(),
        array![[25.0, 0.0]]
    );
    for (shift, n, m, d) in [(0.0, 40, 30, 7), (1e4, 40, 30, 7), (0.0, 200, 210, 64), (0.0, 1, 5, 1)] {
        let mut x = gaussian::<f64>(1, n, d) + shift;
        let y = gaussian::<f64>(2, m, d) + shift;
        // Rows that nearly meet, at every closeness.
        for i in 0..n.min(m) {
            let near = &y.row(i) + &(gaussian::<f64>(3, 1, d).row(0).to_owned() * 10f64.powi(-(i as i32 % 12)));
            x.row_mut(i).assign(&near);
        }
        let expected = distances_twin(x.view(), y.view());
        let found = squared_distances(x.view(), y.view()).unwrap();
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-11 * b, "{a:e} {b:e}");
        }
        let own = squared_distances(x.view(), x.view()).unwrap();
        assert!(own.diag().iter().all(|&v| v == 0.0));
        assert!(own.iter().all(|&v| v >= 0.0));
    }
    let (x, y) = (gaussian::<f32>(1, 90, 50), gaussian::<f32>(2, 80, 50));
    let expected = distances_twin(x.view(), y.view());
    let found = squared_distances(x.view(), y.view()).unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-11 * b));
}

#[test]
fn distances_of_nothing_are_nothing() {
    let none = Array2::<f32>::zeros((0, 3));
    let some = gaussian::<f32>(1, 4, 3);
    assert_eq!(squared_distances(none.view(), some.view()).unwrap().dim(), (0, 4));
    assert_eq!(squared_distances(some.view(), none.view()).unwrap().dim(), (4, 0));
    let flat = Array2::<f32>::zeros((4, 0));
    assert_eq!(squared_distances(flat.view(), flat.view()).unwrap(), Array2::<f64>::zeros((4, 4)));
    assert!(matches!(
        squared_distances(some.view(), flat.view()),
        Err(LinalgError::Shape { expected: 3, found: 0, .. })
    ));
}
