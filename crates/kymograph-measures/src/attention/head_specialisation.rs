//! Jensen–Shannon divergence between what two heads look at.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView4, Ix4};

use super::pattern;
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "head_specialisation",
    family: Family::Attention,
    summary: "How far do the heads of a layer look at different keys (mean Jensen–Shannon divergence)?",
    inputs: &[Input::pattern("pattern")],
    options: &[],
    range: (0.0, std::f64::consts::LN_2),
    ends: "0: all heads look alike; ln 2 = 0.693: no two heads ever share a key.",
    unit: "nats",
    direction: Direction::FartherApart,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteHeads),
        Transform::joint(Change::PermuteQueries),
        Transform::joint(Change::PermuteKeys),
    ],
    changed_by: &[Transform::joint(Change::PermuteKeysByHead)],
    cost: "examples × heads² × queries × keys",
    misleads: "Bounded by sharpness: heads that spread their attention widely cannot differ much, so a rise may be falling entropy alone. Read it beside `attention_entropy`, and against the same heads with each one's keys in an order of its own. Different keys need not mean different work.",
    references: &[
        "Lin 1991, Divergence measures based on the Shannon entropy (doi:10.1109/18.61115), eq. 4.1",
        "Clark, Khandelwal, Levy & Manning 2019, What does BERT look at? (arXiv:1906.04341), section 6: distance between heads",
    ],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, Ix4, |pattern| head_specialisation(pattern)),
};

/// **How far do the heads of a layer look at different keys?**
///
/// The mean over examples, queries and pairs of heads of the Jensen–Shannon divergence `H((p + q)/2) − (H(p) + H(q))/2`, in
/// **nats**, between the two heads' attention p and q at the same query of the same example; `pattern` is `[example, head,
/// query, key]` after the softmax. From 0, all heads look alike, to `ln 2`, no two ever share a key. Parts: `pairs`, in the
/// order 0–1, 0–2, …, 1–2, …; `per_head`, each head's mean over its pairs; `per_row`, one for each example.
///
/// Why this and not one minus the correlation: it is taken query by query, so a head that moves its attention with the
/// example is not averaged away, every query counts alike however sharp, and it has a unit and a fixed maximum.
///
/// Unchanged by reordering examples, heads, queries or keys for all heads alike.
///
/// **Misleads**: heads that spread their attention widely cannot differ much, so a rise may be falling entropy alone;
/// different keys need not mean different work.
///
/// # Errors
/// Fewer than two heads, empty or not finite input, or a row over the keys that is not a distribution. Cost: examples ×
/// heads² × queries × keys.
///
/// References: Lin 1991, eq. 4.1; Clark et al. 2019 (arXiv:1906.04341), section 6.
///
/// ```
/// let pattern = ndarray::array![[[[1.0, 0.0]], [[0.0, 1.0]]]];
/// let reading = kymograph_measures::attention::head_specialisation(pattern.view())?;
/// assert!((reading.value - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn head_specialisation<T: Real>(pattern: ArrayView4<'_, T>) -> Result<Reading, MeasureError> {
    pattern::check("pattern", pattern)?;
    let heads = pattern::two_heads("pattern", pattern, "a difference between heads")?;
    let pairs = pattern::pairs(heads);
    let mut by_pair = vec![0.0; pairs.len()];
    let mut per_row = Vec::new();
    for example in pattern.outer_iter() {
        let mut whole = 0.0;
        for (sum, &(a, b)) in by_pair.iter_mut().zip(&pairs) {
            let (one, other) = (example.index_axis(ndarray::Axis(0), a), example.index_axis(ndarray::Axis(0), b));
            let queries = one.outer_iter().zip(other.outer_iter());
            let mean = queries.map(|(p, q)| divergence(p, q)).sum::<f64>() / one.nrows() as f64;
            *sum += mean;
            whole += mean;
        }
        per_row.push(whole / pairs.len() as f64);
    }
    by_pair.iter_mut().for_each(|sum| *sum /= per_row.len() as f64);
    let of_head = |head: usize| {
        let own = pairs.iter().zip(&by_pair).filter(|((a, b), _)| *a == head || *b == head);
        own.map(|(_, value)| value).sum::<f64>() / (heads - 1) as f64
    };
    let per_head = (0..heads).map(of_head).collect();
    Ok(Reading::of(check::mean(&per_row).min(std::f64::consts::LN_2))
        .with_part("pairs", by_pair)
        .with_part("per_head", per_head)
        .with_part("per_row", per_row))
}

/// Of two rows divided by their sums.
fn divergence<T: Real>(p: ArrayView1<'_, T>, q: ArrayView1<'_, T>) -> f64 {
    let sum = |row: ArrayView1<'_, T>| row.iter().map(|share| share.to_f64()).sum::<f64>();
    let (p_sum, q_sum) = (sum(p), sum(q));
    crate::predictions::jensen_shannon(p.iter().zip(q).map(|(p, q)| (p.to_f64() / p_sum, q.to_f64() / q_sum)))
}
