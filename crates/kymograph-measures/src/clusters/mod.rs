//! How far rows fall into groups: k-means as a fit, and the silhouette of a grouping.

mod adjusted_rand_index;
mod hdbscan;
mod hdbscan_assigned_share;
mod hdbscan_label_share;
mod kmeans;
mod kmeans_agreement;
mod kmeans_silhouette;
mod label_purity;
mod points;
mod silhouette;
mod within_group_variance_share;

pub use adjusted_rand_index::adjusted_rand_index;
pub use hdbscan::{Hdbscan, HdbscanOptions, Metric, hdbscan};
pub use hdbscan_assigned_share::hdbscan_assigned_share;
pub use hdbscan_label_share::hdbscan_label_share;
pub use kmeans::{KMeans, KMeansOptions, kmeans};
pub use kmeans_agreement::kmeans_agreement;
pub use kmeans_silhouette::{KMeansSilhouetteOptions, kmeans_silhouette};
pub use label_purity::{LabelPurity, label_purity, shuffled_purities};
pub use silhouette::silhouette;
pub use within_group_variance_share::{GroupScatter, within_group_variance_share};

pub(crate) use kmeans::{K, N_INIT, SEED};
pub(crate) use points::Points;

use crate::Measure;

pub(crate) static MEASURES: &[&Measure] = &[
    &silhouette::MEASURE,
    &kmeans_silhouette::MEASURE,
    &adjusted_rand_index::MEASURE,
    &kmeans_agreement::MEASURE,
    &within_group_variance_share::MEASURE,
    &hdbscan_assigned_share::MEASURE,
    &hdbscan_label_share::MEASURE,
];
