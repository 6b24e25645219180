//! What activations look like and what a reconstruction keeps of a loss: by hand, against theory, hostile input.

use kymograph_linalg::random;
use kymograph_measures::MeasureError;
use kymograph_measures::dictionaries::{activation_shape, loss_recovered};
use ndarray::{Array2, Axis, array};

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(seed, "activations"), rows, columns)
}

#[test]
fn a_case_worked_by_hand() {
    // The first unit is 0, 0, 0, 4: mean 1, deviations −1, −1, −1, 3, variance 3, third moment 6, fourth 21.
    let x = array![[0.0, 3.0], [0.0, -3.0], [0.0, 3.0], [4.0, -3.0]];
    let shape = activation_shape(x.view()).unwrap();
    assert_eq!((shape.zeros, shape.negatives, shape.active), (0.375, 0.25, 1.25));
    assert!((shape.skewness[0] - 6.0 / 3f64.powf(1.5)).abs() < 1e-14 && shape.skewness[1].abs() < 1e-14);
    assert!((shape.excess_kurtosis[0] - (21.0 / 9.0 - 3.0)).abs() < 1e-14);
    assert!((shape.excess_kurtosis[1] + 2.0).abs() < 1e-14);
    // Norms 3, 3, 3, 5: mean 3.5, mean square 13; the mean is (1, 0).
    assert!((shape.norm_variance - (1.0 - 12.25 / 13.0)).abs() < 1e-14);
    assert!((shape.mean_norm - (1.0f64 / 13.0).sqrt()).abs() < 1e-14);
}

#[test]
fn known_distributions_have_their_moments() {
    let n = 60_000;
    let gaussian = normal(0, n, 3);
    // Standard errors of skewness and kurtosis of normal numbers are √(6/n) and √(24/n).
    let shape = activation_shape(gaussian.view()).unwrap();
    assert!(shape.skewness.iter().all(|s| s.abs() < 5.0 * (6.0 / n as f64).sqrt()));
    assert!(shape.excess_kurtosis.iter().all(|k| k.abs() < 5.0 * (24.0 / n as f64).sqrt()));
    // Lengths of normal vectors in d dimensions: E|x|² = d and, in three, E|x| = 2 √(2/π).
    let expected = 1.0 - 8.0 / std::f64::consts::PI / 3.0;
    assert!((shape.norm_variance - expected).abs() < 0.01, "{}", shape.norm_variance);
    // Half a normal number, as a ReLU leaves it: mean 1/√(2π), and the third and fourth moments that follow.
    let rectified = activation_shape(gaussian.mapv(|v| v.max(0.0)).view()).unwrap();
    let m = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    let (second, third, fourth) = (0.5, 2.0 * m, 1.5);
    let variance = second - m * m;
    let skewness = (third - 3.0 * m * second + 2.0 * m.powi(3)) / variance.powf(1.5);
    let kurtosis = (fourth - 4.0 * m * third + 6.0 * m * m * second - 3.0 * m.powi(4)) / variance.powi(2) - 3.0;
    assert!((rectified.zeros - 0.5).abs() < 0.01 && (rectified.active - 1.5).abs() < 0.03);
    assert!((rectified.skewness[0] - skewness).abs() < 0.05, "{} {skewness}", rectified.skewness[0]);
    assert!((rectified.excess_kurtosis[0] - kurtosis).abs() < 0.15, "{} {kurtosis}", rectified.excess_kurtosis[0]);
}

#[test]
fn order_and_scale_do_not_matter_and_single_precision_agrees() {
    let x = normal(3, 200, 5).mapv(|v| v.max(0.2) - 0.2);
    let shape = activation_shape(x.view()).unwrap();
    let order = random::permutation(&mut random::stream(0, "order"), 200);
    let close = |a: &[f64], b: &[f64], tolerance: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance);
    for (other, tolerance) in [(x.select(Axis(0), &order), 1e-12), (&x * 1e200, 1e-12), (&x * 1e-200, 1e-12)] {
        let again = activation_shape(other.view()).unwrap();
        assert_eq!((again.zeros, again.negatives, again.active), (shape.zeros, shape.negatives, shape.active));
        assert!(close(&again.skewness, &shape.skewness, tolerance));
        assert!(close(&again.excess_kurtosis, &shape.excess_kurtosis, tolerance));
        assert!((again.mean_norm - shape.mean_norm).abs() < tolerance);
        assert!((again.norm_variance - shape.norm_variance).abs() < tolerance);
    }
    let single = activation_shape(x.mapv(|v| v as f32).view()).unwrap();
    assert!(close(&single.excess_kurtosis, &shape.excess_kurtosis, 1e-4));
}

#[test]
fn units_that_never_vary_are_named_and_bad_input_is_refused() {
    let mut x = normal(4, 300, 4);
    x.column_mut(1).fill(0.1);
    x.column_mut(3).fill(0.0);
    let shape = activation_shape(x.view()).unwrap();
    assert_eq!((shape.constant, shape.skewness.len()), (vec![1, 3], 2));
    let alike = activation_shape(Array2::<f64>::from_elem((7, 2), 0.3).view()).unwrap();
    assert!((alike.mean_norm - 1.0).abs() < 1e-14 && alike.norm_variance < 1e-14);
    let zero = activation_shape(Array2::<f64>::zeros((7, 2)).view()).unwrap();
    assert_eq!((zero.zeros, zero.active, zero.mean_norm, zero.norm_variance), (1.0, 0.0, 0.0, 0.0));
    assert!(activation_shape(Array2::<f64>::zeros((0, 2)).view()).is_err());
    x[[5, 2]] = f64::INFINITY;
    assert!(matches!(activation_shape(x.view()), Err(MeasureError::NotFinite { row: 5, column: 2, .. })));
}

#[test]
fn losses_are_recovered_by_their_share() {
    assert_eq!(loss_recovered(0.25, 0.25, 2.25).unwrap(), 1.0);
    assert_eq!(loss_recovered(0.25, 2.25, 2.25).unwrap(), 0.0);
    assert_eq!(loss_recovered(0.25, 4.25, 2.25).unwrap(), -1.0);
    assert_eq!(loss_recovered(0.25, 0.0, 2.25).unwrap(), 1.125);
    let moved = loss_recovered(3.0 * 0.3, 3.0 * 0.9, 3.0 * 2.0).unwrap();
    assert!((moved - loss_recovered(0.3, 0.9, 2.0).unwrap()).abs() < 1e-14);
    for ablated in [0.25, 0.2, 0.252] {
        assert!(matches!(loss_recovered(0.25, 0.3, ablated), Err(MeasureError::NoVariation { input: "ablated", .. })));
    }
    assert!(loss_recovered(f64::NAN, 0.0, 1.0).is_err() && loss_recovered(0.0, f64::INFINITY, 1.0).is_err());
    assert!(loss_recovered(0.0, 1e308, 1e-300).is_err() && loss_recovered(0.0, 0.0, 0.0).is_err());
}
