//! Correlation between the patterns of two heads.

use kymograph_linalg::Real;
use ndarray::{ArrayView4, Axis, Ix4};

use super::pattern;
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "head_correlation",
    family: Family::Attention,
    summary: "Do the heads of a layer look at the same keys?",
    inputs: &[Input::pattern("pattern")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: all heads have the same pattern up to sharpness; 0: unrelated; below 0: they look at different keys.",
    unit: "correlation",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteHeads),
        Transform::joint(Change::PermuteQueries),
        Transform::joint(Change::PermuteKeys),
    ],
    changed_by: &[Transform::joint(Change::PermuteKeysByHead)],
    cost: "examples × heads² × queries × keys",
    misleads: "A mask or one key that all heads look at (a separator, the token itself) makes them correlated whatever else they do, and sharp rows outweigh flat ones. It says nothing about what the heads then do with what they look at. Untrained heads are not uncorrelated: compare with them.",
    references: &[
        "Pearson's correlation of the flattened patterns",
        "Bian et al. 2021, On attention redundancy: a comprehensive study (NAACL), section 3: distances between heads",
    ],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, Ix4, |pattern| head_correlation(pattern)),
};

/// **Do the heads of a layer look at the same keys?**
///
/// The mean over pairs of heads of Pearson's correlation between their patterns, each flattened over examples, queries and
/// keys; `pattern` is `[example, head, query, key]` after the softmax. In [−1, 1]: 1 when all heads have the same pattern
/// up to its sharpness, 0 when they are unrelated, below 0 when they look at different keys. Parts: `pairs`, in the order
/// 0–1, 0–2, …, 1–2, …; `per_head`, each head's mean over its pairs.
///
/// A head that gives every key the same share for every query and example has no correlation: it is left out, `left_out`
/// names it and a note says so; its pairs are absent.
///
/// Unchanged by reordering examples, heads, queries or keys for all heads alike.
///
/// **Misleads**: a mask, or one key that all heads look at, correlates them whatever else they do; sharp rows outweigh
/// flat ones.
///
/// # Errors
/// Fewer than two heads, fewer than two that vary, empty or not finite input, or a row over the keys that is not a
/// distribution. Cost: examples × heads² × queries × keys.
///
/// ```
/// use ndarray::array;
/// let pattern = array![[[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.5, 0.5]], [[0.1, 0.9], [0.8, 0.2]]]];
/// let reading = kymograph_measures::attention::head_correlation(pattern.view())?;
/// assert!((reading.part("pairs").unwrap()[1] + 1.0).abs() < 1e-14);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn head_correlation<T: Real>(pattern: ArrayView4<'_, T>) -> Result<Reading, MeasureError> {
    pattern::check("pattern", pattern)?;
    let heads = pattern::two_heads("pattern", pattern, "a correlation between heads")?;
    let centred: Vec<Option<Vec<f64>>> = (0..heads).map(|head| unit(pattern, head)).collect();
    let left_out = check::places(centred.iter().map(Option::is_none));
    let (mut pairs, mut sums, mut counts) = (Vec::new(), vec![0.0; heads], vec![0.0; heads]);
    for (a, b) in pattern::pairs(heads) {
        if let (Some(x), Some(y)) = (&centred[a], &centred[b]) {
            let value = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>().clamp(-1.0, 1.0);
            pairs.push(value);
            for head in [a, b] {
                sums[head] += value;
                counts[head] += 1.0;
            }
        }
    }
    if pairs.is_empty() {
        return Err(MeasureError::NoVariation {
            input: "pattern",
            what: "fewer than two heads give any key more than another",
        });
    }
    let per_head = sums.iter().zip(&counts).filter(|(_, n)| **n > 0.0).map(|(sum, n)| sum / n).collect();
    let reading = Reading::of(check::mean(&pairs)).with_part("pairs", pairs).with_part("per_head", per_head);
    if left_out.is_empty() {
        return Ok(reading);
    }
    let names = check::listed(&left_out);
    Ok(reading
        .with_part("left_out", left_out.iter().map(|&head| head as f64).collect())
        .with_note(format!("uniform attention has no correlation: left out head {names}")))
}

/// A head's pattern less its mean, of norm one; `None` when it does not vary.
fn unit<T: Real>(pattern: ArrayView4<'_, T>, head: usize) -> Option<Vec<f64>> {
    let mut values: Vec<f64> = pattern.index_axis(Axis(1), head).iter().map(|share| share.to_f64()).collect();
    let mean = check::mean(&values);
    let largest = values.iter().copied().fold(0.0, f64::max);
    values.iter_mut().for_each(|value| *value -= mean);
    let spread = values.iter().map(|value| value.abs()).fold(0.0, f64::max);
    // Uniform attention that a softmax rounded has rows of 1/keys up to a few ε.
    if spread <= 16.0 * T::EPSILON.to_f64() * largest {
        return None;
    }
    let norm = values.iter().map(|value| (value / spread).powi(2)).sum::<f64>().sqrt() * spread;
    values.iter_mut().for_each(|value| *value /= norm);
    Some(values)
}
