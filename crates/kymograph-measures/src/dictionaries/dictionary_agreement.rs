//! Whether two dictionaries, trained from other first weights, hold the same directions.

use kymograph_linalg::{Real, assignment, matmul_nt};
use ndarray::ArrayView2;

use super::check_threshold;
use crate::similarity::matched_cosine;
use crate::{MeasureError, check};

/// What is left of a dictionary when it is trained again.
#[derive(Clone, Debug, PartialEq)]
pub struct DictionaryAgreement {
    /// Mean cosine after the best one-to-one matching.
    pub matched_cosine: f64,
    /// Share of the smaller dictionary matched at the threshold or above.
    pub share: f64,
    /// Mean absolute cosine after the one-to-one matching that is best for these: PW-MCC.
    pub absolute: f64,
    /// The cosine of every matched direction of `x`, in order.
    pub per_unit: Vec<f64>,
}

/// **Do two dictionaries hold the same directions, one for one?**
///
/// `x` and `y` are `[direction, feature]`. Each direction of the smaller one is matched with one of the other so that the mean
/// cosine is largest (Hungarian algorithm): that mean, the share of matched pairs with a cosine of at least `threshold`, and the
/// same mean with absolute cosines, matched for these, which is the pairwise dictionary mean correlation coefficient (PW-MCC).
/// Opposite directions are the same to PW-MCC; to a dictionary of ReLU codes they are different features.
///
/// **Misleads**: the matching is chosen to be good, so random directions score above 0: read it against as many of them. Two
/// dictionaries may agree on directions that are not features.
///
/// # Errors
/// A threshold that is no cosine; numbers of features that differ, empty or not finite input, a row of zeros. Cost: directions² ×
/// features, and directions³ for the matchings.
///
/// References: Paulo & Belrose 2025, Sparse autoencoders trained on the same data learn different features (arXiv:2501.16615):
/// Hungarian matching; Song et al. 2025, Mechanistic interpretability should prioritize feature consistency in SAEs
/// (arXiv:2505.20254): PW-MCC.
///
/// ```
/// use kymograph_measures::dictionaries::dictionary_agreement;
/// let (x, y) = (ndarray::array![[1.0, 0.0], [0.0, 2.0]], ndarray::array![[0.0, 5.0], [3.0, 4.0]]);
/// let found = dictionary_agreement(x.view(), y.view(), 0.9)?;
/// assert!((found.matched_cosine - 0.8).abs() < 1e-12 && (found.absolute - 0.8).abs() < 1e-12);
/// assert_eq!(found.share, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn dictionary_agreement<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    threshold: f64,
) -> Result<DictionaryAgreement, MeasureError> {
    check_threshold("dictionary_agreement", threshold)?;
    let matched = matched_cosine(x, y)?;
    let (x, y) = (check::unit_rows(x), check::unit_rows(y));
    for (input, rows) in [("x", &x), ("y", &y)] {
        if let Some(row) = rows.zero.iter().position(|zero| *zero) {
            return Err(MeasureError::ZeroRow { input, row, remedy: "leave it out" });
        }
    }
    let cost = matmul_nt(x.rows.view(), y.rows.view()).mapv_into(|cosine| -cosine.clamp(-1.0, 1.0).abs());
    let cost = if x.rows.nrows() <= y.rows.nrows() { cost.view() } else { cost.t() };
    let partners = assignment(cost).map_err(check::kernel("dictionary_agreement"))?;
    let absolute: Vec<f64> = partners.iter().enumerate().map(|(row, &column)| -cost[[row, column]]).collect();
    let per_unit = matched.part("per_unit").unwrap_or_default().to_vec();
    let same = per_unit.iter().filter(|cosine| **cosine >= threshold).count();
    Ok(DictionaryAgreement {
        matched_cosine: matched.value,
        share: same as f64 / per_unit.len() as f64,
        absolute: check::mean(&absolute),
        per_unit,
    })
}
