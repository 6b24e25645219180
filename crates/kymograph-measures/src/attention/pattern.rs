//! What every measure of attention asks of a pattern, and the entropy of one row.

use kymograph_linalg::Real;
use ndarray::{ArrayView4, Axis};

use crate::MeasureError;

/// How far the sum over the keys may lie from 1: what rounding to single, or half, precision can do.
const OFF: f64 = 2e-3;

/// Every row over the keys is a distribution: finite, not negative, of sum 1.
pub(super) fn check<T: Real>(input: &'static str, pattern: ArrayView4<'_, T>) -> Result<(), MeasureError> {
    let (examples, heads, queries, keys) = pattern.dim();
    if pattern.is_empty() {
        return Err(MeasureError::Empty { input, rows: examples, columns: heads * queries * keys });
    }
    for (example, of_example) in pattern.outer_iter().enumerate() {
        for (head, of_head) in of_example.outer_iter().enumerate() {
            for (query, row) in of_head.outer_iter().enumerate() {
                if let Some((key, value)) = row.iter().enumerate().find(|(_, share)| !share.is_finite()) {
                    let place = vec![example, head, query, key];
                    return Err(MeasureError::NotFiniteAt { input, place, value: value.to_f64() });
                }
                let least = row.iter().map(|share| share.to_f64()).fold(f64::INFINITY, f64::min);
                let sum: f64 = row.iter().map(|share| share.to_f64()).sum();
                let fault = if least < 0.0 {
                    Some(("an entry is", least))
                } else if (sum - 1.0).abs() > OFF {
                    Some(("the keys' shares must sum to 1, and they sum to", sum))
                } else {
                    None
                };
                if let Some((what, value)) = fault {
                    return Err(MeasureError::NotAttention { input, example, head, query, what, value });
                }
            }
        }
    }
    Ok(())
}

/// At least two heads to compare.
pub(super) fn two_heads<T: Real>(
    input: &'static str,
    pattern: ArrayView4<'_, T>,
    why: &'static str,
) -> Result<usize, MeasureError> {
    let heads = pattern.len_of(Axis(1));
    if heads < 2 {
        return Err(MeasureError::TooFew { input, what: "head", found: heads, needed: 2, why });
    }
    Ok(heads)
}

/// The pairs of different heads, in the order in which parts list them: 0–1, 0–2, …, 1–2, ….
pub(super) fn pairs(heads: usize) -> Vec<(usize, usize)> {
    (0..heads).flat_map(|a| (a + 1..heads).map(move |b| (a, b))).collect()
}

/// `−Σ p ln p` in nats, of shares divided by their sum.
pub(super) fn entropy<'a, T: Real>(row: impl Iterator<Item = &'a T> + Clone) -> f64 {
    let sum: f64 = row.clone().map(|share| share.to_f64()).sum();
    let terms = row.map(|share| share.to_f64() / sum).filter(|share| *share > 0.0).map(|share| -share * share.ln());
    terms.sum::<f64>().max(0.0)
}
