//! Singular values and the share of the largest.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{CENTRE, singular_values};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "singular_spectrum",
    family: Family::Spectra,
    summary: "Which share of an array does its first singular direction carry?",
    inputs: &[Input { name: "x", axes: &["row", "column"], kind: crate::Kind::Real }],
    options: &[CENTRE],
    range: (0.0, 1.0),
    ends: "1: rank one; 1 / min(rows, columns): all directions carry the same; 0 is never reached.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::ScaleColumns),
        Transform::joint(Change::Translate),
    ],
    cost: "rows × columns × min(rows, columns)",
    misleads: "A random matrix has a spread spectrum too (Marchenko and Pastur): compare with noise of the same shape. Without centring, activations have a first direction that is mostly their mean.",
    references: &[
        "Eckart & Young 1936, The approximation of one matrix by another of lower rank",
        "Martin & Mahoney 2021, Implicit self-regularization in deep neural networks (arXiv:1810.01075)",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| singular_spectrum(x, centre))
    },
};

/// **Which share of an array does its first singular direction carry?**
///
/// `σ₁² / Σσ²`, the share of the sum of squares of `x` (`[row, column]`) that its best rank-one approximation holds. From
/// `1 / min(rows, columns)`, all directions alike, to 1, rank one. Parts: `singular_values`, largest first, in the units of
/// `x`; `explained`, the share held by the first one, two, … directions. With `centre`, column means are taken away first.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: noise has a spread spectrum too; without centring, the first direction of activations is mostly their
/// mean.
///
/// # Errors
/// Empty or not finite input, or one that is all zero (constant over rows, with `centre`). Cost: rows × columns ×
/// min(rows, columns).
///
/// ```
/// let x = ndarray::array![[3.0, 0.0], [0.0, 1.0]];
/// let reading = kymograph_measures::spectra::singular_spectrum(x.view(), false)?;
/// assert!((reading.value - 0.9).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn singular_spectrum<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<Reading, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    let squares: Vec<f64> = values.iter().map(|value| (value / values[0]).powi(2)).collect();
    let total: f64 = squares.iter().sum();
    let explained = squares
        .iter()
        .scan(0.0, |sum, square| {
            *sum += square;
            Some((*sum / total).min(1.0))
        })
        .collect();
    Ok(Reading::of(check::number(MEASURE.name, 1.0 / total)?)
        .with_part("singular_values", values)
        .with_part("explained", explained))
}
