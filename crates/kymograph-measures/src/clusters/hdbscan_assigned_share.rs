//! The share of rows that HDBSCAN puts into clusters.

use kymograph_linalg::{Real, parallel};
use ndarray::ArrayView2;

use super::hdbscan::{Apart, HdbscanOptions, Metric, hdbscan};
use crate::registry::with_one;
use crate::{
    Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Options, Reading, Setting, Transform, check,
};

pub(crate) const MIN_CLUSTER_SIZE: OptionSpec =
    OptionSpec { name: "min_cluster_size", default: Setting::Count(5), doc: "The fewest rows that make a cluster." };
pub(crate) const MIN_SAMPLES: OptionSpec = OptionSpec {
    name: "min_samples",
    default: Setting::Count(5),
    doc: "A row is as dense as its neighbour of this number, itself counted, is near.",
};
pub(crate) const METRIC: OptionSpec = OptionSpec {
    name: "metric",
    default: Setting::Choice { default: "euclidean", among: &["euclidean", "hamming"] },
    doc: "euclidean, or hamming: the share of features of which one is above zero and the other is not (hard codes).",
};

/// The options of measures that cluster by HDBSCAN.
pub(crate) fn options_of(options: &Options) -> Result<HdbscanOptions, MeasureError> {
    Ok(HdbscanOptions {
        min_cluster_size: options.count("min_cluster_size")?,
        min_samples: options.count("min_samples")?,
        metric: if options.choice("metric")? == "hamming" { Metric::Hamming } else { Metric::Euclidean },
    })
}

pub(crate) static MEASURE: Measure = Measure {
    name: "hdbscan_assigned_share",
    family: Family::Clusters,
    summary: "Which share of the rows lies in a cluster that stays dense over a wide range of densities?",
    inputs: &[Input::activations("x")],
    options: &[MIN_CLUSTER_SIZE, MIN_SAMPLES, METRIC],
    range: (0.0, 1.0),
    ends: "1: every row lies in a cluster; 0: there is no cluster, all rows are noise. Noise is what is left to 1.",
    unit: "",
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
    changed_by: &[],
    cost: "rows² × features",
    misleads: "In many dimensions distances hardly differ and most rows are lost whatever structure there is; two clusters of most rows and thirty of few may have one share: read `clusters` and `silhouette` beside it, and the same of shuffled columns.",
    references: &[
        "Campello, Moulavi & Sander 2013 (doi:10.1007/978-3-642-37456-2_14), sections 3 and 5",
        "McInnes & Healy 2017 (arXiv 1705.07321)",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = options_of(options)?;
        with_one!(&MEASURE, arrays, |x| hdbscan_assigned_share(x, &options))
    },
};

/// **Which share of the rows lies in a cluster that stays dense over a wide range of densities?**
///
/// The share of the rows of `x`, `[row, feature]`, that [`hdbscan()`] puts into a cluster; 1 less it is its noise. In [0, 1]. Parts:
/// `clusters`, their number; `cluster_sizes`, largest first; `silhouette`, where there are two clusters, the mean over their
/// rows of `(b − a)/max(a, b)` by the same distance, with a the mean distance from a row's own cluster and b that from the next.
///
/// Unchanged by the order of rows, and with Euclidean distances by rotation, shift, sign and one factor for all of `x`.
///
/// **Misleads**: in many dimensions most rows are lost whatever structure there is; compare with the same of shuffled columns,
/// which keeps each feature's distribution and breaks what features do together.
///
/// # Errors
/// Those of [`hdbscan()`]. Cost: rows² × features.
///
/// ```
/// use kymograph_measures::clusters::{HdbscanOptions, hdbscan_assigned_share};
/// let x = ndarray::array![[0.0], [0.1], [0.2], [5.0], [5.1], [5.3], [20.0], [40.0]];
/// let options = HdbscanOptions { min_cluster_size: 3, min_samples: 2, ..Default::default() };
/// let reading = hdbscan_assigned_share(x.view(), &options)?;
/// assert_eq!((reading.value, reading.part("clusters")), (0.75, Some(&[2.0][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn hdbscan_assigned_share<T: Real>(
    x: ArrayView2<'_, T>,
    options: &HdbscanOptions,
) -> Result<Reading, MeasureError> {
    let found = hdbscan(x, options)?;
    let mut sizes = vec![0_usize; found.groups()];
    found.labels.iter().flatten().for_each(|label| sizes[*label] += 1);
    let mut reading = Reading::of(found.assigned()).with_part("clusters", vec![found.groups() as f64]);
    if found.groups() > 1 {
        let apart = Apart::of(x, options.metric);
        let rows: Vec<usize> = (0..x.nrows()).filter(|row| found.labels[*row].is_some()).collect();
        let of = |at: usize| {
            let mut sums = vec![0.0; sizes.len()];
            for &other in &rows {
                if let Some(label) = found.labels[other] {
                    sums[label] += apart.distance(rows[at], other);
                }
            }
            let own = found.labels[rows[at]].unwrap_or(0);
            let within = sums[own] / (sizes[own] - 1) as f64;
            let next = (0..sums.len()).filter(|group| *group != own).map(|group| sums[group] / sizes[group] as f64);
            let next = next.fold(f64::INFINITY, f64::min);
            let larger = within.max(next);
            if larger > 0.0 { (next - within) / larger } else { 0.0 }
        };
        let per_row = parallel::map_indices(rows.len(), of);
        reading = reading.with_part("silhouette", vec![check::mean(&per_row)]);
    }
    let mut sizes: Vec<f64> = sizes.into_iter().map(|size| size as f64).collect();
    sizes.sort_by(|a, b| f64::total_cmp(b, a));
    Ok(reading.with_part("cluster_sizes", sizes))
}
