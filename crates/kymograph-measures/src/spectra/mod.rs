//! Singular values of an array, and what they say about its rank.

mod components_for_90_percent;
mod effective_rank;
mod marchenko_pastur_distance;
mod nuclear_to_spectral_ratio;
mod numerical_rank;
mod singular_spectrum;
mod singular_value_participation_ratio;
mod stable_rank;

pub use components_for_90_percent::components_for_90_percent;
pub use effective_rank::effective_rank;
pub use marchenko_pastur_distance::marchenko_pastur_distance;
pub use nuclear_to_spectral_ratio::nuclear_to_spectral_ratio;
pub use numerical_rank::numerical_rank;
pub use singular_spectrum::singular_spectrum;
pub use singular_value_participation_ratio::singular_value_participation_ratio;
pub use stable_rank::stable_rank;

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::{Change, Input, Measure, MeasureError, OptionSpec, Setting, Transform, check, similarity};

pub(crate) static MEASURES: &[&Measure] = &[
    &singular_spectrum::MEASURE,
    &effective_rank::MEASURE,
    &stable_rank::MEASURE,
    &singular_value_participation_ratio::MEASURE,
    &components_for_90_percent::MEASURE,
    &nuclear_to_spectral_ratio::MEASURE,
    &numerical_rank::MEASURE,
    &marchenko_pastur_distance::MEASURE,
];

/// What every measure of a spectrum takes.
const ARRAY: &[Input] = &[Input { name: "x", axes: &["row", "column"], kind: crate::Kind::Real }];

/// What leaves singular values, or their ratios, as they are.
const UNCHANGED: &[Transform] = &[
    Transform::joint(Change::PermuteRows),
    Transform::joint(Change::PermuteColumns),
    Transform::joint(Change::RotateColumns),
    Transform::joint(Change::Scale),
    Transform::joint(Change::FlipSign),
    Transform::joint(Change::FlipRowSigns),
];

/// What changes their ratios.
const CHANGED: &[Transform] =
    &[Transform::joint(Change::ScaleRows), Transform::joint(Change::ScaleColumns), Transform::joint(Change::Translate)];

const CENTRE: OptionSpec = OptionSpec {
    name: "centre",
    default: Setting::Flag(false),
    doc: "Whether the mean of every column is taken away first (for activations; weights are taken as they are).",
};

/// Singular values in the units of `x`, largest first.
fn singular_values<T: Real>(
    measure: &'static str,
    x: ArrayView2<'_, T>,
    centre: bool,
) -> Result<Vec<f64>, MeasureError> {
    check::matrix("x", x)?;
    let found = if centre {
        let (centred, scale) = similarity::centred_and_scale("x", x)?;
        let values = kymograph_linalg::singular_values(centred.view());
        values.map(|values| values.into_iter().map(|value| value * scale).collect())
    } else {
        kymograph_linalg::singular_values(x)
    };
    let values: Vec<f64> = found.map_err(check::kernel(measure))?;
    match values.first() {
        Some(&largest) if largest > 0.0 => {
            check::number(measure, largest)?;
            Ok(values)
        }
        _ => Err(MeasureError::NoVariation { input: "x", what: "it is all zero" }),
    }
}
