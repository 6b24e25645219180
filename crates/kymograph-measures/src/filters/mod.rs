//! What the weights of one layer say on their own.

mod cluster_count_at_fixed_k;
mod unique_patterns;
mod weight_mean_abs;
mod weight_norm_ratio;
mod weight_std;

pub use cluster_count_at_fixed_k::cluster_count_at_fixed_k;
pub use unique_patterns::unique_patterns;
pub use weight_mean_abs::weight_mean_abs;
pub use weight_norm_ratio::weight_norm_ratio;
pub use weight_std::weight_std;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[
    &unique_patterns::MEASURE,
    &cluster_count_at_fixed_k::MEASURE,
    &weight_std::MEASURE,
    &weight_mean_abs::MEASURE,
    &weight_norm_ratio::MEASURE,
];
