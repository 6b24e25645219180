//! How well learned codes follow the true ones, and how much smaller they are.

use crate::MeasureError;

/// How the codes of a learned latent follow those of the true feature it is matched with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeAgreement {
    /// Pearson's correlation over all examples.
    pub correlation: f64,
    /// Slope of the learned codes on the true ones through the origin, over examples in which the feature is present: 1 where
    /// nothing has shrunk.
    pub slope: f64,
    /// Examples in which the feature is present.
    pub present: usize,
}

/// **Does a learned latent fire as the true feature does, and does the penalty shrink it?**
///
/// `truth` and `learned` hold one number an example: the true coefficient of a feature, and the code of the latent matched
/// with it, whose direction must have norm 1 as the feature's. Correlation over all examples; shrinkage as the slope
/// `Σ truth·learned / Σ truth²` over examples in which the feature is present.
///
/// **Misleads**: where features interfere, a slope near 1 can hide codes that are too high in some examples and too low in
/// others; look at the correlation beside it.
///
/// # Errors
/// Lists of different lengths, numbers that are not finite, a feature that is never present, or a side that never varies.
///
/// ```
/// let (truth, learned) = ([0.0, 1.0, 0.0, 2.0], [0.0, 0.8, 0.0, 1.6]);
/// let agreement = kymograph_measures::dictionaries::code_agreement(&truth, &learned)?;
/// assert!((agreement.slope - 0.8).abs() < 1e-12 && agreement.correlation > 0.999 && agreement.present == 2);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn code_agreement(truth: &[f64], learned: &[f64]) -> Result<CodeAgreement, MeasureError> {
    for (input, values) in [("truth", truth), ("learned", learned)] {
        if values.is_empty() {
            return Err(MeasureError::Empty { input, rows: 0, columns: 1 });
        }
        if let Some((row, value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(MeasureError::NotFinite { input, row, column: 0, value: *value });
        }
    }
    crate::check::same_size("examples", ("truth", truth.len()), ("learned", learned.len()))?;
    let (scale_x, scale_y) = (crate::check::binary_scale(truth), crate::check::binary_scale(learned));
    let n = truth.len() as f64;
    let (mut x1, mut y1, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut of_present, mut squares, mut present) = (0.0, 0.0, 0);
    for (x, y) in truth.iter().map(|x| x / scale_x).zip(learned.iter().map(|y| y / scale_y)) {
        (x1, y1, xx, yy, xy) = (x1 + x / n, y1 + y / n, xx + x * x / n, yy + y * y / n, xy + x * y / n);
        if x != 0.0 {
            (of_present, squares, present) = (of_present + x * y, squares + x * x, present + 1);
        }
    }
    let (var_x, var_y) = (xx - x1 * x1, yy - y1 * y1);
    for (input, variance, second) in [("truth", var_x, xx), ("learned", var_y, yy)] {
        if variance <= 8.0 * f64::EPSILON * second {
            return Err(MeasureError::NoVariation { input, what: "the codes never vary" });
        }
    }
    Ok(CodeAgreement {
        correlation: ((xy - x1 * y1) / (var_x * var_y).sqrt()).clamp(-1.0, 1.0),
        slope: of_present / squares * (scale_y / scale_x),
        present,
    })
}
