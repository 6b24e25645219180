//! Singular values of an array, and what they say about its rank.

mod effective_rank;
mod singular_spectrum;
mod stable_rank;

pub use effective_rank::effective_rank;
pub use singular_spectrum::singular_spectrum;
pub use stable_rank::stable_rank;

use std::borrow::Cow;

use kymograph_linalg::Real;
use ndarray::{ArrayView2, CowArray, Ix2};

use crate::{Measure, MeasureError, OptionSpec, Setting, check, similarity};

pub(crate) static MEASURES: &[&Measure] =
    &[&singular_spectrum::MEASURE, &effective_rank::MEASURE, &stable_rank::MEASURE];

const CENTRE: OptionSpec = OptionSpec {
    name: "centre",
    default: Setting::Flag(false),
    doc: "Whether the mean of every column is taken away first (for activations; weights are taken as they are).",
};

/// Singular values, largest first, up to one common power of two.
fn singular_values<T: Real>(
    measure: &'static str,
    x: ArrayView2<'_, T>,
    centre: bool,
) -> Result<Vec<f64>, MeasureError> {
    check::matrix("x", x)?;
    let values = if centre { similarity::centred("x", x)? } else { x.to_owned() };
    let values = kymograph_linalg::singular_values(values.view()).map_err(check::kernel(measure))?;
    if values.first().is_none_or(|largest| *largest <= 0.0) {
        return Err(MeasureError::NoVariation { input: "x", what: "it is all zero" });
    }
    Ok(values)
}
