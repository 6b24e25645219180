//! Row by row: layer normalisation and the softmax of attention, written plainly so that the compiler vectorises them; the
//! same bits on every path.

use kymograph_linalg::Real;

/// Sums in f64, eight at a time.
#[inline(always)]
fn sum<T: Real>(row: &[T], term: impl Fn(usize, f64) -> f64) -> f64 {
    let mut partial = [0.0f64; 8];
    let mut at = 0;
    let blocks = row.chunks_exact(8);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, (sum, x)) in partial.iter_mut().zip(block).enumerate() {
            *sum += term(at + lane, x.to_f64());
        }
        at += 8;
    }
    for (lane, (sum, x)) in partial.iter_mut().zip(rest).enumerate() {
        *sum += term(at + lane, x.to_f64());
    }
    partial.iter().sum()
}

/// `(x − mean) / √(variance + eps) · weight + bias` for each row; keeps the normalised numbers and each row's scale.
#[inline(always)]
pub(super) fn layer_norm<T: Real>(
    eps: f64,
    [weight, bias]: [&[T]; 2],
    input: &[T],
    normalised: &mut [T],
    scales: &mut [T],
    output: &mut [T],
) {
    let features = weight.len();
    let rows = input.chunks_exact(features).zip(normalised.chunks_exact_mut(features));
    for (((x, n), y), scale) in rows.zip(output.chunks_exact_mut(features)).zip(scales) {
        let mean = sum(x, |_, x| x) / features as f64;
        let variance = sum(x, |_, x| (x - mean) * (x - mean)) / features as f64;
        let (mean, factor) = (T::from_f64(mean), T::from_f64(1.0 / (variance + eps).sqrt()));
        *scale = factor;
        for (((n, y), &x), (&w, &b)) in n.iter_mut().zip(y).zip(x).zip(weight.iter().zip(bias)) {
            *n = (x - mean) * factor;
            *y = *n * w + b;
        }
    }
}

/// From the output's slopes to the input's, in place; adds to the weight's gradient.
#[inline(always)]
pub(super) fn layer_norm_gradient<T: Real>(
    weight: &[T],
    normalised: &[T],
    scales: &[T],
    slopes: &mut [T],
    weight_gradient: &mut [T],
) {
    let features = weight.len();
    for ((n, g), &scale) in normalised.chunks_exact(features).zip(slopes.chunks_exact_mut(features)).zip(scales) {
        for (((total, g), &n), &w) in weight_gradient.iter_mut().zip(g.iter_mut()).zip(n).zip(weight) {
            *total += *g * n;
            *g *= w;
        }
        let n = &n[..g.len()];
        let mean = T::from_f64(sum(g, |_, g| g) / features as f64);
        let along = T::from_f64(sum(g, |at, g| g * n[at].to_f64()) / features as f64);
        for (g, &n) in g.iter_mut().zip(n) {
            *g = scale * (*g - mean - n * along);
        }
    }
}

/// `softmax(scale · row)` in place.
#[inline(always)]
pub(super) fn softmax<T: Real>(row: &mut [T], scale: T) {
    let largest = row.iter().fold(-T::MAX, |largest, &x| if x > largest { x } else { largest });
    let mut total = 0.0;
    for x in row.iter_mut() {
        *x = ((*x - largest) * scale).exp();
        total += x.to_f64();
    }
    let share = T::from_f64(1.0 / total);
    for x in row {
        *x *= share;
    }
}

/// The slopes of the numbers before [`softmax`], in place of those after it.
#[inline(always)]
pub(super) fn softmax_gradient<T: Real>(row: &[T], slopes: &mut [T], scale: T) {
    let row = &row[..slopes.len()];
    let mean = T::from_f64(sum(slopes, |at, g| g * row[at].to_f64()));
    for (g, &p) in slopes.iter_mut().zip(row) {
        *g = scale * p * (*g - mean);
    }
}
