//! Absolute value, tanh, sigmoid and softmax; the gradients of all but the first need the output alone.

use kymograph_linalg::Real;

pub(crate) fn abs<T: Real>(input: &[T], output: &mut [T]) {
    for (y, &x) in output.iter_mut().zip(input) {
        *y = if x < T::ZERO { T::ZERO - x } else { x };
    }
}

/// At zero the gradient is zero, as PyTorch's.
pub(crate) fn abs_gradient<T: Real>(input: &[T], slopes: &mut [T]) {
    for (slope, &x) in slopes.iter_mut().zip(input) {
        if x < T::ZERO {
            *slope = T::ZERO - *slope;
        } else if x == T::ZERO {
            *slope = T::ZERO;
        }
    }
}

pub(crate) fn sigmoid<T: Real>(input: &[T], output: &mut [T]) {
    for (y, &x) in output.iter_mut().zip(input) {
        *y = T::from_f64(1.0 / (1.0 + (-x.to_f64()).exp()));
    }
}

pub(crate) fn sigmoid_gradient<T: Real>(output: &[T], slopes: &mut [T]) {
    for (slope, &y) in slopes.iter_mut().zip(output) {
        *slope *= y * (T::ONE - y);
    }
}

pub(crate) fn tanh<T: Real>(input: &[T], output: &mut [T]) {
    for (y, &x) in output.iter_mut().zip(input) {
        *y = x.tanh();
    }
}

pub(crate) fn tanh_gradient<T: Real>(output: &[T], slopes: &mut [T]) {
    for (slope, &y) in slopes.iter_mut().zip(output) {
        *slope *= T::ONE - y * y;
    }
}

/// Rows of `features` numbers that sum to one.
pub(crate) fn softmax<T: Real>(features: usize, input: &[T], output: &mut [T]) {
    for (x, y) in input.chunks_exact(features).zip(output.chunks_exact_mut(features)) {
        let largest = x.iter().fold(f64::NEG_INFINITY, |m, v| m.max(v.to_f64()));
        let total: f64 = x.iter().map(|v| (v.to_f64() - largest).exp()).sum();
        for (y, x) in y.iter_mut().zip(x) {
            *y = T::from_f64((x.to_f64() - largest).exp() / total);
        }
    }
}

pub(crate) fn softmax_gradient<T: Real>(features: usize, output: &[T], slopes: &mut [T]) {
    for (y, slope) in output.chunks_exact(features).zip(slopes.chunks_exact_mut(features)) {
        let mean: f64 = y.iter().zip(slope.iter()).map(|(y, g)| y.to_f64() * g.to_f64()).sum();
        for (slope, y) in slope.iter_mut().zip(y) {
            *slope = T::from_f64(y.to_f64() * (slope.to_f64() - mean));
        }
    }
}
