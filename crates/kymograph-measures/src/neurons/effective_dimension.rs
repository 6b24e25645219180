//! Participation ratio of the eigenvalues of the covariance over examples.

use kymograph_linalg::{Real, column_gram, gram};
use ndarray::ArrayView2;

use crate::registry::with_one;
use crate::similarity::centred;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "effective_dimension",
    family: Family::Neurons,
    summary: "Over how many directions is the variance of a representation spread?",
    inputs: &[Input::activations("x")],
    options: &[],
    range: (1.0, f64::INFINITY),
    ends: "1: all variance lies along one direction; min(examples − 1, features): it is spread evenly.",
    unit: "directions",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::ScaleColumns), Transform::joint(Change::ScaleRows)],
    cost: "examples × features², or examples² × features where that is less",
    misleads: "Biased downward by few examples: noise of p equal variances over n examples gives about p/(1 + p/n), not p. One direction of large variance pulls it to 1 whatever the others do. On singular values instead of eigenvalues, or without centring, it is another number.",
    references: &[
        "Gao et al. 2017, A theory of multineuronal dimensionality, dynamics and measurement (doi:10.1101/214262), eq. 2",
        "Recanatesi et al. 2022, A scale-dependent measure of system dimensionality (doi:10.1016/j.patter.2022.100555)",
    ],
    version: 1,
    evaluate: |arrays, _| with_one!(&MEASURE, arrays, |x| effective_dimension(x).map(Reading::of)),
};

/// **Over how many directions is the variance of a representation spread?**
///
/// `(Σλ)² / Σλ²` over the eigenvalues λ of the covariance of the columns of `x` (`[example, feature]`), centred over
/// examples: the participation ratio. From 1, all variance along one direction, to `min(examples − 1, features)`,
/// spread evenly. Computed without eigenvalues, as `(tr C)²/‖C‖²_F`.
///
/// Unchanged by rotation, shift, factor and sign; changed by a factor per feature.
///
/// **Misleads**: few examples bias it downward (p equal variances over n examples give about `p/(1 + p/n)`), and one
/// direction of large variance pulls it to 1.
///
/// # Errors
/// Empty or not finite input, or one that does not vary over examples. Cost: examples × features², or examples² ×
/// features where that is less.
///
/// ```
/// let x = ndarray::array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
/// assert_eq!(kymograph_measures::neurons::effective_dimension(x.view())?, 2.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn effective_dimension<T: Real>(x: ArrayView2<'_, T>) -> Result<f64, MeasureError> {
    let x = centred("x", x)?;
    let square = |value: f64| value * value;
    let trace: f64 = x.outer_iter().map(|row| row.iter().map(|v| square(v.to_f64())).sum::<f64>()).sum();
    let squares: f64 = if x.ncols() <= x.nrows() {
        let product = column_gram(x.view());
        product.outer_iter().map(|row| row.iter().map(|v| square(*v)).sum::<f64>()).sum()
    } else {
        let product = gram(x.view());
        product.outer_iter().map(|row| row.iter().map(|v| square(v.to_f64())).sum::<f64>()).sum()
    };
    // Rounding may pass 1, which the inequality of the norms does not allow.
    check::number(MEASURE.name, square(trace) / squares).map(|value| value.max(1.0))
}
