//! Entropy of the attention that a query spreads over the keys.

use kymograph_linalg::Real;
use ndarray::{ArrayView4, Ix4};

use super::pattern;
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "attention_entropy",
    family: Family::Attention,
    summary: "Over how many keys does a head spread its attention?",
    inputs: &[Input::pattern("pattern")],
    options: &[],
    range: (0.0, f64::INFINITY),
    ends: "0: every query looks at one key; ln(keys): at all alike (2.77 nats for 16 keys, which no value can pass).",
    unit: "nats",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteHeads),
        Transform::joint(Change::PermuteQueries),
        Transform::joint(Change::PermuteKeys),
        Transform::joint(Change::PermuteKeysByHead),
    ],
    changed_by: &[],
    cost: "examples × heads × queries × keys",
    misleads: "Compare only patterns of as many keys, or the share of the maximum. Low entropy need not mean that a head has learnt something: large random weights sharpen the softmax, too, and a head that always looks at one separator is sharp and idle. A mean over heads hides one sharp head among flat ones.",
    references: &[
        "Clark, Khandelwal, Levy & Manning 2019, What does BERT look at? (arXiv:1906.04341), section 3.4",
        "Ghader & Monz 2017, What does attention in neural machine translation pay attention to? (arXiv:1710.03348), eq. 5",
    ],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, Ix4, |pattern| attention_entropy(pattern)),
};

/// **Over how many keys does a head spread its attention?**
///
/// `H = −Σ_k p_k ln p_k` in **nats**, meaned over examples, heads and queries; `pattern` is `[example, head, query, key]`
/// after the softmax. From 0, every query looks at one key, to `ln(keys)`, at all alike; `exp(H)` is a number of keys.
/// Parts: `per_head`; `per_row`, one for each example; `maximum`, `ln(keys)`, which a note states in figures; and
/// `share_of_maximum`, the value over it (absent with a single key). When no query looks at a later key, a note says
/// how large the entropy could be under that mask.
///
/// Unchanged by reordering examples, heads, queries or keys.
///
/// **Misleads**: large random weights sharpen attention as learning does (compare with the untrained network); a head
/// that always looks at one separator is sharp and idle; the mean hides one sharp head among flat ones.
///
/// # Errors
/// Empty or not finite input, or a row over the keys that is not a distribution; the error names example, head and query.
/// Cost: examples × heads × queries × keys.
///
/// References: Clark et al. 2019 (arXiv:1906.04341), section 3.4; Ghader & Monz 2017 (arXiv:1710.03348), eq. 5.
///
/// ```
/// let pattern = ndarray::array![[[[0.5, 0.5], [1.0, 0.0]]]];
/// let reading = kymograph_measures::attention::attention_entropy(pattern.view())?;
/// assert!((reading.value - 2.0_f64.ln() / 2.0).abs() < 1e-15);
/// assert!((reading.part("share_of_maximum").unwrap()[0] - 0.5).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn attention_entropy<T: Real>(pattern: ArrayView4<'_, T>) -> Result<Reading, MeasureError> {
    pattern::check("pattern", pattern)?;
    let (_, heads, queries, keys) = pattern.dim();
    let mut per_head = vec![0.0; heads];
    let mut per_row = Vec::with_capacity(pattern.len_of(ndarray::Axis(0)));
    for example in pattern.outer_iter() {
        let mut whole = 0.0;
        for (head, rows) in per_head.iter_mut().zip(example.outer_iter()) {
            let sum: f64 = rows.outer_iter().map(|row| pattern::entropy(row.iter())).sum();
            *head += sum / queries as f64;
            whole += sum;
        }
        per_row.push(whole / (heads * queries) as f64);
    }
    per_head.iter_mut().for_each(|sum| *sum /= per_row.len() as f64);
    let maximum = (keys as f64).ln();
    let value = check::mean(&per_row);
    let mut reading = Reading::of(value)
        .with_part("per_head", per_head)
        .with_part("per_row", per_row)
        .with_part("maximum", vec![maximum])
        .with_note(format!("in nats; the most that {keys} keys allow is ln {keys} = {maximum:.2}"));
    if keys > 1 {
        reading = reading.with_part("share_of_maximum", vec![value / maximum]);
    }
    if is_causal(pattern) {
        let masked = (1..=queries).map(|allowed| (allowed as f64).ln()).sum::<f64>() / queries as f64;
        reading = reading.with_note(format!("no query looks at a later key: under that mask the most is {masked:.2}"));
    }
    Ok(reading)
}

/// Whether every entry above the diagonal is zero, and there are some.
fn is_causal<T: Real>(pattern: ArrayView4<'_, T>) -> bool {
    let (_, _, queries, keys) = pattern.dim();
    let later = |(_, _, query, key): (usize, usize, usize, usize)| key > query;
    queries == keys && keys > 1 && pattern.indexed_iter().all(|(place, share)| !later(place) || *share == T::ZERO)
}
