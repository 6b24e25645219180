//! Values computed by SciPy and NumPy (reference/write_values.py) against ours.

use kymograph_linalg::{assignment, correlation, covariance, eigenvalues, singular_values, statistics, tolerance};
use ndarray::Array2;

#[path = "../reference/values.rs"]
#[rustfmt::skip]
#[allow(clippy::all, unreachable_pub)]
mod expected;

fn values(n: usize, k: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * i * 7 + i * k + 3) % 101) as f64 / 16.0).collect()
}

fn matrix(rows: usize, columns: usize, k: usize) -> Array2<f64> {
    Array2::from_shape_vec((rows, columns), values(rows * columns, k)).unwrap()
}

#[track_caller]
fn close(a: f64, b: f64, tolerance: f64) {
    assert!(tolerance::close(a, b, tolerance), "{a} {b} differ by {:e}", (a - b).abs());
}

#[test]
fn t_intervals() {
    for &(n, level, low, high) in expected::T_INTERVALS {
        let found = statistics::t_interval(&values(n, n), level).unwrap();
        close(found.low, low, 1e-11);
        close(found.high, high, 1e-11);
    }
}

#[test]
fn wilson_intervals() {
    for &(successes, n, level, low, high) in expected::WILSON {
        let found = statistics::wilson_interval(successes, n, level).unwrap();
        close(found.low, low, 1e-13);
        close(found.high, high, 1e-13);
    }
}

#[test]
fn adjusted_p_values() {
    for &(p, adjusted) in expected::BENJAMINI_HOCHBERG {
        let found = statistics::benjamini_hochberg(p).unwrap();
        assert_eq!(found.len(), adjusted.len());
        for (a, b) in found.iter().zip(adjusted) {
            close(*a, *b, 1e-15);
        }
    }
}

#[test]
fn quantiles_and_moments() {
    for &(n, probability, quantile) in expected::QUANTILES {
        close(statistics::quantile(&values(n, 11), probability).unwrap(), quantile, 1e-15);
    }
    for &(n, mean, variance) in expected::MOMENTS {
        close(statistics::mean(&values(n, 4)).unwrap(), mean, 1e-15);
        close(statistics::variance(&values(n, 4)).unwrap(), variance, 1e-14);
    }
}

#[test]
fn spectra() {
    for &(rows, columns, values) in expected::SINGULAR_VALUES {
        let found = singular_values(matrix(rows, columns, 9).view()).unwrap();
        assert_eq!(found.len(), values.len());
        for (a, b) in found.iter().zip(values) {
            assert!((a - b).abs() <= tolerance::factorisation::<f64>(rows, columns) * values[0]);
        }
    }
    for &(n, values) in expected::EIGENVALUES {
        let a = matrix(n, n, 6);
        let found = eigenvalues((&a + &a.t()).view()).unwrap();
        for (a, b) in found.iter().zip(values) {
            assert!((a - b).abs() <= tolerance::factorisation::<f64>(n, n) * values[0].abs());
        }
    }
}

#[test]
fn covariances_and_correlations() {
    for &(rows, columns, covariances, correlations) in expected::COVARIANCES {
        let a = matrix(rows, columns, 2);
        for (a, b) in covariance(a.view()).unwrap().iter().zip(covariances) {
            close(*a, *b, 1e-14);
        }
        for (a, b) in correlation(a.view()).unwrap().iter().zip(correlations) {
            close(*a, *b, 1e-14);
        }
    }
}

#[test]
fn smallest_costs() {
    for &(rows, columns, smallest) in expected::ASSIGNMENTS {
        let cost = matrix(rows, columns, 13);
        let found = assignment(cost.view()).unwrap();
        let total: f64 = found.iter().enumerate().map(|(i, &j)| cost[[i, j]]).sum();
        // Sixteenths add up exactly.
        assert_eq!(total, smallest);
    }
}
