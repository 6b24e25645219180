//! How alike two arrays are, unit by unit or as whole representations.

mod angular_speed;
mod debiased_linear_cka;
mod inner_products;
mod linear_cka;
mod matched_cosine;
mod procrustes_distance;
mod relative_displacement;
mod same_index_cosine;

pub use angular_speed::angular_speed;
pub use debiased_linear_cka::debiased_linear_cka;
pub use linear_cka::linear_cka;
pub use matched_cosine::matched_cosine;
pub use procrustes_distance::procrustes_distance;
pub use relative_displacement::relative_displacement;
pub use same_index_cosine::same_index_cosine;

pub(crate) use inner_products::{centred, centred_and_scale};

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[
    &same_index_cosine::MEASURE,
    &matched_cosine::MEASURE,
    &angular_speed::MEASURE,
    &relative_displacement::MEASURE,
    &linear_cka::MEASURE,
    &debiased_linear_cka::MEASURE,
    &procrustes_distance::MEASURE,
];
