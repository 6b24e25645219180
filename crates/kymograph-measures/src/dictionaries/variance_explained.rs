//! Share of the variance of activations that a reconstruction explains.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "variance_explained",
    family: Family::Dictionaries,
    summary: "Which share of the variance about the mean does a reconstruction explain?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[],
    range: (f64::NEG_INFINITY, 1.0),
    ends: "1: the reconstruction is exact; 0: it is as far off as the mean; below 0: farther.",
    unit: "share",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Translate),
        Transform::joint(Change::Scale),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::Translate)],
    cost: "examples × features",
    misleads: "A few features of large variance decide it. About the mean: taken about zero, a mean that is far off makes any reconstruction that holds it look good.",
    references: &[
        "Gao et al. 2024, Scaling and evaluating sparse autoencoders (arXiv:2406.04093), section 2: normalized MSE",
    ],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| variance_explained(x, y)),
};

/// **Which share of the variance about the mean does a reconstruction explain?**
///
/// `1 − Σ|x − y|² / Σ|x − mean(x)|²`: `x` holds activations (`[example, feature]`), `y` what a dictionary rebuilt of them. 1
/// when the reconstruction is exact, 0 when it is as far off as the mean, and below 0 when farther. One less it is the
/// fraction of variance unexplained (FVU).
///
/// Unchanged by reordering, by rotating, shifting and scaling both.
///
/// **Misleads**: a few features of large variance decide it.
///
/// # Errors
/// Shapes that differ, empty or not finite input, activations that are all alike. Cost: two passes.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[0.0], [2.0]], array![[0.0], [1.0]]);
/// assert_eq!(kymograph_measures::dictionaries::variance_explained(x.view(), y.view())?.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn variance_explained<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_shape(("x", x), ("y", y), ["examples", "features"])?;
    let scale = check::binary_scale(x.iter());
    let (rows, columns) = x.dim();
    let mut mean = vec![0.0; columns];
    for row in x.outer_iter() {
        mean.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.to_f64() / scale / rows as f64);
    }
    let (mut about_mean, mut left) = (0.0, 0.0);
    for (row, rebuilt) in x.outer_iter().zip(y.outer_iter()) {
        for ((v, w), mean) in row.iter().zip(rebuilt).zip(&mean) {
            about_mean += (v.to_f64() / scale - mean).powi(2);
            left += (v.to_f64() / scale - w.to_f64() / scale).powi(2);
        }
    }
    // What rounding of the mean leaves of rows that are all alike.
    let rounding = (rows * columns) as f64 * (4.0 * f64::EPSILON).powi(2);
    if about_mean <= rounding {
        return Err(MeasureError::NoVariation { input: "x", what: "all examples are alike" });
    }
    Ok(Reading::of(check::number(MEASURE.name, 1.0 - left / about_mean)?))
}
