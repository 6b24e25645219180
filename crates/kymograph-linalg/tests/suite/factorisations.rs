//! All the properties of each factorisation over shapes, ranks and scales, and its hostile inputs.

use crate::common::gaussian;
use kymograph_linalg::{
    LinalgError, Real, eigenvalues, matmul, matmul_nt, matmul_tn, qr, singular_values, svd, symmetric_eigen, tolerance,
};
use ndarray::{Array2, ArrayView2, array};

const SHAPES: [(usize, usize); 13] = [
    (1, 1),
    (1, 9),
    (9, 1),
    (2, 2),
    (3, 5),
    (5, 3),
    (17, 17),
    (40, 130),
    (130, 40),
    (64, 64),
    (200, 30),
    (150, 149),
    (33, 200),
];

/// Ordinary, low-rank, repeated, zero, graded and sparse matrices of one shape.
fn kinds<T: Real>(m: usize, n: usize) -> Vec<(&'static str, Array2<T>)> {
    let rank = (m.min(n) / 2).max(1);
    let low = matmul(gaussian::<T>(2, m, rank).view(), gaussian::<T>(3, rank, n).view());
    let graded = Array2::from_shape_fn((m, n), |(i, j)| {
        T::from_f64(((i * 7 + j * 13) % 11) as f64 * 0.5f64.powi((j % 20) as i32))
    });
    vec![
        ("gaussian", gaussian::<T>(1, m, n)),
        ("low rank", low),
        ("zero", Array2::zeros((m, n))),
        ("ones", Array2::ones((m, n))),
        ("identity", Array2::from_shape_fn((m, n), |(i, j)| if i == j { T::ONE } else { T::ZERO })),
        ("graded", graded),
        ("one entry", Array2::from_shape_fn((m, n), |(i, j)| if (i, j) == (m - 1, n - 1) { -T::ONE } else { T::ZERO })),
    ]
}

fn scales<T: Real>() -> [f64; 3] {
    if T::NAME == "float32" { [1.0, 1e-30, 1e30] } else { [1.0, 1e-150, 1e150] }
}

fn orthonormal<T: Real>(columns: ArrayView2<'_, T>) -> f64 {
    let product = matmul_tn(columns, columns);
    tolerance::largest_difference(product.view(), Array2::eye(columns.ncols()).view())
}

/// ‖a − b‖ over ‖a‖, without leaving the number range.
fn relative<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    let norm = tolerance::frobenius(a);
    if norm == 0.0 {
        return tolerance::frobenius(b);
    }
    let apart = Array2::from_shape_fn(a.dim(), |at| (a[at].to_f64() - b[at].to_f64()) / norm);
    tolerance::frobenius(apart.view())
}

fn check_svd<T: Real>() {
    for (m, n) in SHAPES {
        for (kind, base) in kinds::<T>(m, n) {
            for scale in scales::<T>() {
                let a = base.mapv(|x| T::from_f64(x.to_f64() * scale));
                let allowed = tolerance::factorisation::<T>(m, n);
                let found = svd(a.view()).unwrap();
                let label = format!("{m}×{n} {kind} · {scale:e} {}", T::NAME);
                let k = m.min(n);
                assert_eq!((found.u.dim(), found.s.len(), found.vt.dim()), ((m, k), k, (k, n)), "{label}");
                assert!(orthonormal(found.u.view()) <= allowed, "U {label}: {:e}", orthonormal(found.u.view()));
                assert!(orthonormal(found.vt.t()) <= allowed, "V {label}: {:e}", orthonormal(found.vt.t()));
                assert!(found.s.windows(2).all(|w| w[0] >= w[1]) && found.s.iter().all(|&s| s >= 0.0), "{label}");
                let us = Array2::from_shape_fn((m, k), |(i, j)| T::from_f64(found.u[[i, j]].to_f64() * found.s[j]));
                let back = matmul(us.view(), found.vt.view());
                assert!(relative(a.view(), back.view()) <= allowed, "{label}: {:e}", relative(a.view(), back.view()));
                for row in found.vt.outer_iter() {
                    let largest = row.iter().fold(T::ZERO, |m, &x| if x.abs() > m.abs() { x } else { m });
                    assert!(largest > T::ZERO, "sign {label}");
                }
                let alone = singular_values(a.view()).unwrap();
                for (x, y) in alone.iter().zip(&found.s) {
                    assert!((x - y).abs() <= allowed * found.s[0], "{label}: {x} {y}");
                }
                if kind == "low rank" {
                    let rank = (k / 2).max(1);
                    assert!(found.s[rank..].iter().all(|&s| s <= allowed * found.s[0]), "rank {label}");
                    assert!(found.s[rank - 1] > allowed * found.s[0], "rank {label}");
                }
            }
        }
    }
}

#[test]
fn svd_has_all_its_properties_in_f32() {
    check_svd::<f32>();
}

#[test]
fn svd_has_all_its_properties_in_f64() {
    check_svd::<f64>();
}

fn check_eigen<T: Real>() {
    for n in [1, 2, 3, 8, 33, 90, 150] {
        for (kind, base) in kinds::<T>(n, n) {
            let half = &base + &base.t();
            for scale in scales::<T>() {
                let a = half.mapv(|x| T::from_f64(x.to_f64() * scale));
                let allowed = tolerance::factorisation::<T>(n, n);
                let found = symmetric_eigen(a.view()).unwrap();
                let label = format!("{n} {kind} · {scale:e} {}", T::NAME);
                assert_eq!((found.values.len(), found.vectors.dim()), (n, (n, n)), "{label}");
                assert!(found.values.windows(2).all(|w| w[0] >= w[1]), "{label}");
                assert!(orthonormal(found.vectors.view()) <= allowed, "{label}");
                let scaled = Array2::from_shape_fn((n, n), |(i, j)| {
                    T::from_f64(found.vectors[[i, j]].to_f64() * found.values[j])
                });
                let back = matmul_nt(scaled.view(), found.vectors.view());
                assert!(relative(a.view(), back.view()) <= allowed, "{label}: {:e}", relative(a.view(), back.view()));
                let largest = found.values[0].abs().max(found.values[n - 1].abs());
                for (x, y) in eigenvalues(a.view()).unwrap().iter().zip(&found.values) {
                    assert!((x - y).abs() <= allowed * largest, "{label}: {x} {y}");
                }
            }
        }
    }
}

#[test]
fn eigen_has_all_its_properties_in_f32() {
    check_eigen::<f32>();
}

#[test]
fn eigen_has_all_its_properties_in_f64() {
    check_eigen::<f64>();
}

fn check_qr<T: Real>() {
    for (m, n) in SHAPES {
        for (kind, base) in kinds::<T>(m, n) {
            for scale in scales::<T>() {
                let a = base.mapv(|x| T::from_f64(x.to_f64() * scale));
                let allowed = tolerance::factorisation::<T>(m, n);
                let found = qr(a.view()).unwrap();
                let label = format!("{m}×{n} {kind} · {scale:e} {}", T::NAME);
                let k = m.min(n);
                assert_eq!((found.q.dim(), found.r.dim()), ((m, k), (k, n)), "{label}");
                assert!(orthonormal(found.q.view()) <= allowed, "{label}");
                for ((i, j), &x) in found.r.indexed_iter() {
                    assert!(i < j || i == j && x >= T::ZERO || x == T::ZERO, "{label} R[{i}, {j}] = {x}");
                }
                let back = matmul(found.q.view(), found.r.view());
                assert!(relative(a.view(), back.view()) <= allowed, "{label}");
            }
        }
    }
}

#[test]
fn qr_has_all_its_properties_in_f32() {
    check_qr::<f32>();
}

#[test]
fn qr_has_all_its_properties_in_f64() {
    check_qr::<f64>();
}

#[test]
fn diagonal_and_rotated_cases_are_exact() {
    let found = svd(array![[0.0f64, -3.0], [2.0, 0.0]].view()).unwrap();
    assert_eq!(found.s, vec![3.0, 2.0]);
    assert_eq!(found.vt, array![[0.0, 1.0], [1.0, 0.0]]);
    assert_eq!(found.u, array![[-1.0, 0.0], [0.0, 1.0]]);

    // [[2, 1], [1, 2]] has eigenvalues 3 and 1 along (1, 1) and (1, −1).
    let found = symmetric_eigen(array![[2.0f64, 1.0], [1.0, 2.0]].view()).unwrap();
    let root = 0.5f64.sqrt();
    assert!((found.values[0] - 3.0).abs() < 1e-15 && (found.values[1] - 1.0).abs() < 1e-15);
    assert!((found.vectors[[0, 0]] - root).abs() < 1e-15 && (found.vectors[[1, 0]] - root).abs() < 1e-15);
    assert!((found.vectors[[0, 1]] + found.vectors[[1, 1]]).abs() < 1e-15);

    let found = qr(array![[3.0f64, 1.0], [4.0, 2.0]].view()).unwrap();
    for (x, y) in found.r.iter().zip([5.0, 2.2, 0.0, 0.4]) {
        assert!((x - y).abs() < 1e-15);
    }
}

#[test]
fn second_difference_matrix_has_its_closed_form_eigenvalues() {
    let n = 60;
    let a = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
        0 => 2.0,
        1 => -1.0,
        _ => 0.0,
    });
    let values = eigenvalues(a.view()).unwrap();
    for (k, value) in values.iter().rev().enumerate() {
        let angle = std::f64::consts::PI * (k + 1) as f64 / (2.0 * (n + 1) as f64);
        assert!((value - 4.0 * angle.sin().powi(2)).abs() < 4.0 * tolerance::factorisation::<f64>(n, n));
    }
}

#[test]
fn gaussian_singular_values_fill_the_marchenko_pastur_band() {
    // Edges √n ± √m hold within a few multiples of n^(1/6) (Tracy–Widom); 6 is far outside their scatter.
    let (m, n) = (100, 400);
    let s = singular_values(gaussian::<f64>(9, m, n).view()).unwrap();
    let (low, high) = ((n as f64).sqrt() - (m as f64).sqrt(), (n as f64).sqrt() + (m as f64).sqrt());
    assert!((s[0] - high).abs() < 1.0, "{} {high}", s[0]);
    assert!((s[m - 1] - low).abs() < 1.0, "{} {low}", s[m - 1]);
    let energy: f64 = s.iter().map(|x| x * x).sum();
    assert!((energy / (m * n) as f64 - 1.0).abs() < 6.0 * (2.0 / (m * n) as f64).sqrt());
}

#[test]
fn empty_matrices_have_empty_factors() {
    for (m, n) in [(0, 0), (0, 4), (4, 0)] {
        let a = Array2::<f32>::zeros((m, n));
        let found = svd(a.view()).unwrap();
        assert_eq!((found.u.dim(), found.s.len(), found.vt.dim()), ((m, 0), 0, (0, n)));
        assert!(singular_values(a.view()).unwrap().is_empty());
        let found = qr(a.view()).unwrap();
        assert_eq!((found.q.dim(), found.r.dim()), ((m, 0), (0, n)));
    }
    let found = symmetric_eigen(Array2::<f64>::zeros((0, 0)).view()).unwrap();
    assert!(found.values.is_empty());
}

#[test]
fn entries_that_are_not_finite_are_named() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut a = gaussian::<f64>(1, 6, 6);
        a[[4, 2]] = bad;
        for error in [
            svd(a.view()).unwrap_err(),
            singular_values(a.view()).unwrap_err(),
            qr(a.view()).unwrap_err(),
            symmetric_eigen(a.view()).unwrap_err(),
            eigenvalues(a.view()).unwrap_err(),
            svd(a.t().t()).unwrap_err(),
        ] {
            let LinalgError::NotFinite { row, column, value } = error else {
                panic!("{error}");
            };
            assert_eq!((row, column), (4, 2));
            assert!(value.is_nan() == bad.is_nan());
        }
        // The transposed view takes the path for strided rows.
        assert!(matches!(svd(a.t()).unwrap_err(), LinalgError::NotFinite { row: 2, column: 4, .. }));
    }
}

#[test]
fn matrices_that_are_not_symmetric_or_square_are_refused() {
    let mut a = gaussian::<f32>(1, 5, 5);
    a = &a + &a.t();
    a[[3, 1]] += 1.0;
    let error = symmetric_eigen(a.view()).unwrap_err();
    assert!(matches!(error, LinalgError::NotSymmetric { row: 3, column: 1, .. }), "{error}");
    assert!(matches!(
        symmetric_eigen(Array2::<f32>::zeros((2, 3)).view()),
        Err(LinalgError::Shape { expected: 2, found: 3, .. })
    ));
}

#[test]
fn values_past_the_largest_number_are_an_error_not_infinity() {
    let a = Array2::from_elem((8, 8), 1e308f64);
    assert!(matches!(svd(a.view()), Err(LinalgError::Overflow { .. })));
    assert!(matches!(symmetric_eigen(a.view()), Err(LinalgError::Overflow { .. })));
    assert!(matches!(qr(a.view()), Err(LinalgError::Overflow { .. })));
    // In f32 the values themselves are f64, so this one is a number.
    let a = Array2::from_elem((8, 8), 1e38f32);
    let s = singular_values(a.view()).unwrap();
    assert!((s[0] / 8e38 - 1.0).abs() < 1e-5);
}

#[test]
fn subnormal_matrices_still_factor() {
    let a = Array2::from_elem((3, 2), 5e-324f64);
    let s = singular_values(a.view()).unwrap();
    assert!(s[0] >= 5e-324 && s[0] <= 2e-323 && s[1] == 0.0, "{s:?}");
}
