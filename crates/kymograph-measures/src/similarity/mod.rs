//! How alike two arrays are, unit by unit or as whole representations.

mod angular_speed;
mod correlation_grid;
mod correlations;
mod debiased_linear_cka;
mod inner_products;
mod linear_cka;
mod matched_cosine;
mod mean_absolute_correlation;
mod mean_absolute_correlation_within;
mod mean_clipped_correlation;
mod mean_largest_correlation;
mod mean_signed_correlation;
mod procrustes_distance;
mod relative_displacement;
mod same_index_cosine;
mod standardise;

pub use angular_speed::angular_speed;
pub use correlation_grid::{CorrelationGrid, correlation_grid};
pub use correlations::{CorrelationMeans, absolute_correlation_by_chance, correlations};
pub use debiased_linear_cka::debiased_linear_cka;
pub use linear_cka::linear_cka;
pub use matched_cosine::matched_cosine;
pub use mean_absolute_correlation::mean_absolute_correlation;
pub use mean_absolute_correlation_within::mean_absolute_correlation_within;
pub use mean_clipped_correlation::mean_clipped_correlation;
pub use mean_largest_correlation::mean_largest_correlation;
pub use mean_signed_correlation::mean_signed_correlation;
pub use procrustes_distance::procrustes_distance;
pub use relative_displacement::relative_displacement;
pub use same_index_cosine::same_index_cosine;

pub(crate) use inner_products::{centred, centred_and_scale};

use debiased_linear_cka::debiased_linear_cka_in_orders;
use linear_cka::linear_cka_in_orders;

use crate::registry::with_pair;
use crate::{Array, Measure, MeasureError};

/// The values of a measure with example i of its first array beside example `order[i]` of its second, if there is a
/// way to have them for less than one by one.
pub(crate) fn in_orders(
    measure: &Measure,
    arrays: &[Array<'_>],
    orders: &[Vec<usize>],
) -> Result<Option<Vec<f64>>, MeasureError> {
    match measure.name {
        "linear_cka" => with_pair!(measure, arrays, |x, y| linear_cka_in_orders(x, y, orders)).map(Some),
        "debiased_linear_cka" => {
            with_pair!(measure, arrays, |x, y| debiased_linear_cka_in_orders(x, y, orders)).map(Some)
        }
        _ => Ok(None),
    }
}

pub(crate) static MEASURES: &[&Measure] = &[
    &same_index_cosine::MEASURE,
    &matched_cosine::MEASURE,
    &angular_speed::MEASURE,
    &relative_displacement::MEASURE,
    &linear_cka::MEASURE,
    &debiased_linear_cka::MEASURE,
    &procrustes_distance::MEASURE,
    &mean_signed_correlation::MEASURE,
    &mean_absolute_correlation::MEASURE,
    &mean_clipped_correlation::MEASURE,
    &mean_absolute_correlation_within::MEASURE,
    &mean_largest_correlation::MEASURE,
];
