//! The share of rows that HDBSCAN puts into clusters of their label.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2};

use super::hdbscan::{HdbscanOptions, hdbscan};
use super::hdbscan_assigned_share::{METRIC, MIN_CLUSTER_SIZE, MIN_SAMPLES, options_of};
use super::label_purity::label_purity;
use crate::registry::matrix;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "hdbscan_label_share",
    family: Family::Clusters,
    summary: "Which share of the rows lies in a cluster most rows of which bear its label?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: &[MIN_CLUSTER_SIZE, MIN_SAMPLES, METRIC],
    range: (0.0, 1.0),
    ends: "1: every row lies in a cluster of its label; 0: there is no cluster. The part `purity` is over the rows in clusters alone.",
    unit: "",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::RenameLabels),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[],
    cost: "rows² × features",
    misleads: "Many small clusters are pure whatever they hold, and rows that are lost count as wrong: read `purity`, `assigned` and `clusters` beside it, and compare with labels dealt out at random over the same clusters (the null `permuted_examples`).",
    references: &[
        "Campello, Moulavi & Sander 2013 (doi:10.1007/978-3-642-37456-2_14), sections 3 and 5",
        "Black et al. 2022 (arXiv 2211.12312): clusters of activations and of spline codes",
    ],
    version: 1,
    evaluate: |arrays, options| {
        MEASURE.check_inputs(arrays)?;
        let options = options_of(options)?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(l)) => hdbscan_label_share(matrix(x, &MEASURE.inputs[0])?, *l, &options),
            (Array::F64(x), Array::Labels(l)) => hdbscan_label_share(matrix(x, &MEASURE.inputs[0])?, *l, &options),
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// **Which share of the rows lies in a cluster most rows of which bear its label?**
///
/// Rows of `x`, `[row, feature]`, are clustered by [`hdbscan()`]; the value is the number of those that have their cluster's most
/// frequent label over all rows: `purity × assigned`. `labels` has one whole number a row. In [0, 1]. Parts: `assigned`, the share of
/// rows in clusters; `clusters`, their number; where there is one, `purity` and `information` (bits) over the rows in
/// clusters, as [`label_purity()`] gives them, and `label_entropy`, the most that the information can be.
///
/// Unchanged by the order of rows and by renaming labels, and with Euclidean distances by rotation, shift, sign and factor of `x`.
///
/// **Misleads**: many small clusters are pure whatever they hold; lay labels dealt out at random over the same clusters
/// beside it.
///
/// # Errors
/// Another number of labels than rows, and those of [`hdbscan()`]. Cost: rows² × features.
///
/// ```
/// use kymograph_measures::clusters::{HdbscanOptions, hdbscan_label_share};
/// let x = ndarray::array![[0.0], [0.1], [0.2], [5.0], [5.1], [5.3], [20.0], [40.0]];
/// let labels = ndarray::array![1, 1, 2, 3, 3, 3, 3, 3];
/// let options = HdbscanOptions { min_cluster_size: 3, min_samples: 2, ..Default::default() };
/// let reading = hdbscan_label_share(x.view(), labels.view(), &options)?;
/// assert_eq!((reading.value, reading.part("assigned")), (5.0 / 8.0, Some(&[0.75][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn hdbscan_label_share<T: Real>(
    x: ArrayView2<'_, T>,
    labels: ArrayView1<'_, i64>,
    options: &HdbscanOptions,
) -> Result<Reading, MeasureError> {
    check::same_size("rows", ("x", x.nrows()), ("labels", labels.len()))?;
    let found = hdbscan(x, options)?;
    let assigned = found.assigned();
    let clusters = vec![found.groups() as f64];
    if found.groups() == 0 {
        let reading = Reading::of(0.0).with_part("assigned", vec![0.0]).with_part("clusters", clusters);
        return Ok(reading.with_note("there is no cluster".to_owned()));
    }
    let of = label_purity(&found.labels, &labels.to_vec())?;
    let right = (of.purity * of.assigned as f64).round();
    Ok(Reading::of(right / x.nrows() as f64)
        .with_part("assigned", vec![assigned])
        .with_part("clusters", clusters)
        .with_part("purity", vec![of.purity])
        .with_part("information", vec![of.information])
        .with_part("label_entropy", vec![of.entropy]))
}
