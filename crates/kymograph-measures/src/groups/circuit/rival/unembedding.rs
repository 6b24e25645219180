//! Does the unembedding treat the elements of a coset, or of a conjugacy class, alike?

use ndarray::ArrayView1;

use crate::{MeasureError, check};

/// Correlations of the entries of a row of the unembedding, over pairs of elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WithinPart {
    /// Over pairs of different elements of the same part: their mean correlation, in [−1, 1].
    pub within: f64,
    /// Over all pairs of different elements: −1/(|G| − 1) whatever the row.
    pub baseline: f64,
}

/// Do the elements of one part (a coset, a conjugacy class) get like weights from a neuron?
///
/// With w the neuron's row of the unembedding, its mean μ and variance σ²: the mean of (w_c − μ)(w_c' − μ)/σ² over pairs
/// c ≠ c' of the same part, which is the intraclass correlation. 1: equal within each part. `labels` gives the part of
/// each element ([`crate::groups::left_cosets`], or the conjugacy classes). `None` for a constant row or parts of one element.
///
/// # Errors
/// A number of labels other than that of the weights.
///
/// # References
/// Stander et al. 2024 (arXiv:2312.06581), section 5, who find .81 within cosets and 0 within conjugacy classes.
pub fn correlation_within(weights: ArrayView1<'_, f64>, labels: &[usize]) -> Result<Option<WithinPart>, MeasureError> {
    check::same_size("elements", ("weights", weights.len()), ("labels", labels.len()))?;
    if let Some((at, &value)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite()) {
        return Err(MeasureError::NotFiniteAt { input: "weights", place: vec![at], value });
    }
    let n = weights.len() as f64;
    let mean = weights.sum() / n;
    let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
    let mut parts = std::collections::BTreeMap::<usize, (f64, f64, f64)>::new();
    for (w, &label) in weights.iter().zip(labels) {
        let part = parts.entry(label).or_default();
        let centred = w - mean;
        *part = (part.0 + 1.0, part.1 + centred, part.2 + centred * centred);
    }
    let pairs: f64 = parts.values().map(|(count, ..)| count * (count - 1.0)).sum();
    let products: f64 = parts.values().map(|(_, sum, squares)| sum * sum - squares).sum();
    let scale = weights.iter().fold(0.0_f64, |s, w| s.max(w.abs()));
    if pairs == 0.0 || variance <= (1e-14 * scale).powi(2) {
        return Ok(None);
    }
    Ok(Some(WithinPart { within: products / (pairs * variance), baseline: -1.0 / (n - 1.0) }))
}
