//! Jensen–Shannon divergence between the class probabilities of two networks.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2};

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "prediction_divergence",
    family: Family::Predictions,
    summary: "How far apart are the class probabilities of two networks (mean Jensen–Shannon divergence)?",
    inputs: &[Input::logits("x"), Input::logits("y")],
    options: &[],
    range: (0.0, std::f64::consts::LN_2),
    ends: "0: the same probabilities for every example; ln 2 = 0.693: each is sure of what the other excludes.",
    unit: "nats",
    direction: Direction::FartherApart,
    symmetric: true,
    unchanged_by: &[Transform::joint(Change::PermuteRows), Transform::joint(Change::PermuteColumns)],
    changed_by: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::Scale),
        Transform::first(Change::FlipSign),
        Transform::joint(Change::Scale),
    ],
    cost: "examples × classes",
    misleads: "Growing logits alone raise it: a network that becomes surer without changing a single answer moves away from its earlier self. It takes logits, to which the softmax is applied here; given probabilities it is near 0 whatever they are.",
    references: &[
        "Lin 1991, Divergence measures based on the Shannon entropy (doi:10.1109/18.61115), eq. 4.1",
        "Fort, Hu & Lakshminarayanan 2019, Deep ensembles: a loss landscape perspective (arXiv:1912.02757), section 4: distances in function space",
    ],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| prediction_divergence(x, y)),
};

/// **How far apart are the class probabilities of two networks?**
///
/// The mean over examples of the Jensen–Shannon divergence `H((p + q)/2) − (H(p) + H(q))/2`, in **nats**, between
/// `p = softmax(x)` and `q = softmax(y)`; `x` and `y` are logits `[example, class]`, rows being the same examples. From 0 to
/// `ln 2`. The part `per_row` holds each example's divergence.
///
/// Unchanged by reordering examples or classes jointly, and by a number added to all logits of an example.
///
/// **Misleads**: growing logits alone raise it, with not a single answer changed; given probabilities instead of logits
/// it is near 0 whatever they are.
///
/// # Errors
/// Shapes that differ, empty or not finite input. Cost: examples × classes.
///
/// References: Lin 1991, eq. 4.1; Fort et al. 2019 (arXiv:1912.02757), section 4.
///
/// ```
/// use ndarray::array;
/// let sure = array![[1000.0, 0.0], [0.0, 1000.0]];
/// let reading = kymograph_measures::predictions::prediction_divergence(sure.view(), array![[0.0, 1e9], [0.0, 7.0]].view())?;
/// assert!((reading.part("per_row").unwrap()[0] - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn prediction_divergence<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_shape(("x", x), ("y", y), ["examples", "classes"])?;
    let of_row = |(x, y)| jensen_shannon(softmax(x).into_iter().zip(softmax(y)));
    let per_row: Vec<f64> = x.outer_iter().zip(y.outer_iter()).map(of_row).collect();
    Ok(Reading::of(check::mean(&per_row).min(std::f64::consts::LN_2)).with_part("per_row", per_row))
}

fn softmax<T: Real>(logits: ArrayView1<'_, T>) -> Vec<f64> {
    let largest = logits.iter().map(|logit| logit.to_f64()).fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = logits.iter().map(|logit| (logit.to_f64() - largest).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// `H((p + q)/2) − (H(p) + H(q))/2` in nats, of pairs of shares that sum to 1 on either side.
pub(crate) fn jensen_shannon(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    // Near p = q the logarithm of the ratio is that of almost 1, of which `ln_1p` keeps the digits. A share below the
    // smallest normal number adds nothing, and its ratio would overflow.
    let half = |p: f64, q: f64| if p > f64::MIN_POSITIVE { -p * ((q - p) / (2.0 * p)).ln_1p() } else { 0.0 };
    let sum: f64 = pairs.map(|(p, q)| half(p, q) + half(q, p)).sum();
    (sum / 2.0).clamp(0.0, std::f64::consts::LN_2)
}
