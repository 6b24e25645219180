//! The two loops over a row in which sparse codes are multiplied, written so that the compiler vectorises them.

use kymograph_linalg::Real;

const LANES: usize = 32;

/// `sum += factor · row`
#[inline(always)]
pub(super) fn add_scaled<T: Real>(sum: &mut [T], factor: T, row: &[T]) {
    for (sum, &value) in sum.iter_mut().zip(row) {
        *sum += factor * value;
    }
}

/// `Σ a·b`, in lanes that are added up at the end.
#[inline(always)]
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (lane, (&x, &y)) in lanes.iter_mut().zip(left.remainder().iter().zip(right.remainder())) {
        *lane = x * y;
    }
    for (x, y) in left.zip(right) {
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        let (lower, upper) = lanes.split_at_mut(width);
        for (lane, &other) in lower.iter_mut().zip(upper.iter()) {
            *lane += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// Σ a², in f64.
#[inline(always)]
pub(super) fn squares<T: Real>(a: &[T]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let blocks = a.chunks_exact(8);
    for (lane, x) in lanes.iter_mut().zip(blocks.remainder()) {
        *lane = x.to_f64() * x.to_f64();
    }
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += x.to_f64() * x.to_f64();
        }
    }
    lanes.iter().sum()
}
