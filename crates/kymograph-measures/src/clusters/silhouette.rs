//! Silhouette of a given grouping of rows.

use std::collections::BTreeMap;

use kymograph_linalg::{Real, parallel, squared_distances};
use ndarray::{ArrayView1, ArrayView2, s};

use super::Points;
use crate::registry::matrix;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

/// Rows whose distances to all others are held at once.
const BLOCK: usize = 128;

pub(crate) static MEASURE: Measure = Measure {
    name: "silhouette",
    family: Family::Clusters,
    summary: "Are rows nearer to their own group than to the next one?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: groups are tight and far apart; 0: rows lie between groups, or there are none; −1: rows lie in the wrong group.",
    unit: "",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
        Transform::joint(Change::RenameLabels),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::ScaleColumns)],
    cost: "rows² × features",
    misleads: "It favours round groups of like size, falls with dimension, and labels fitted to the rows score above 0 in noise: compare with noise of the same shape clustered alike.",
    references: &[
        "Rousseeuw 1987, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis, section 2",
    ],
    version: 1,
    evaluate: |arrays, _| {
        MEASURE.check_inputs(arrays)?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(labels)) => silhouette(matrix(x, &MEASURE.inputs[0])?, *labels),
            (Array::F64(x), Array::Labels(labels)) => silhouette(matrix(x, &MEASURE.inputs[0])?, *labels),
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// **Are rows nearer to their own group than to the next one?**
///
/// `mean_i (bᵢ − aᵢ)/max(aᵢ, bᵢ)`: aᵢ is row i's mean Euclidean distance from the other rows of its group, bᵢ the least mean
/// distance from the rows of another group. `x` is `[row, feature]`, `labels` has one whole number per row. In [−1, 1]: 1 when
/// groups are tight and far apart, 0 when rows lie between groups, −1 when they lie in the wrong ones. The part `per_row`
/// holds each row's silhouette. A row alone in its group counts 0 (Rousseeuw's convention), and so does one at distance 0
/// from everything.
///
/// Unchanged by rotation, shift, sign and one factor for all of `x`, and by renaming labels.
///
/// **Misleads**: it favours round groups of like size, falls with dimension, and labels fitted to the rows score above 0
/// in noise.
///
/// # Errors
/// Numbers of rows that differ, empty or not finite input, fewer than 2 groups, or as many groups as rows. Cost: rows² ×
/// features; memory: rows × 128 for each thread.
///
/// Reference: Rousseeuw 1987, section 2.
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0], [1.0], [10.0], [11.0]];
/// let reading = kymograph_measures::clusters::silhouette(x.view(), array![7, 7, 3, 3].view())?;
/// assert!((reading.value - (1.0 - 1.0 / 10.5 + 1.0 - 1.0 / 9.5) / 2.0).abs() < 1e-14);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn silhouette<T: Real>(x: ArrayView2<'_, T>, labels: ArrayView1<'_, i64>) -> Result<Reading, MeasureError> {
    let points = Points::new("x", x)?;
    check::same_size("rows", ("x", x.nrows()), ("labels", labels.len()))?;
    let mut numbers: BTreeMap<i64, usize> = labels.iter().map(|&label| (label, 0)).collect();
    numbers.values_mut().enumerate().for_each(|(place, number)| *number = place);
    let groups = numbers.len();
    if groups < 2 || groups >= x.nrows() {
        return Err(MeasureError::BadLabels {
            found: groups,
            what: if groups == 1 { "group" } else { "groups" },
            needed: "the silhouette needs from 2 groups to one fewer than there are rows",
        });
    }
    let grouping: Vec<usize> = labels.iter().map(|label| numbers[label]).collect();
    let per_row = silhouettes(&points, &[&grouping], groups)?.into_iter().next().unwrap_or_default();
    Ok(Reading::of(check::mean(&per_row)).with_part("per_row", per_row))
}

/// The silhouette of every row under each of several groupings into `0..groups`, from one pass over the distances.
pub(super) fn silhouettes(
    points: &Points,
    groupings: &[&[usize]],
    groups: usize,
) -> Result<Vec<Vec<f64>>, MeasureError> {
    let rows = points.rows();
    let n = rows.nrows();
    let sizes: Vec<Vec<usize>> = groupings
        .iter()
        .map(|grouping| {
            let mut sizes = vec![0; groups];
            grouping.iter().for_each(|&group| sizes[group] += 1);
            sizes
        })
        .collect();
    let blocks = parallel::map_blocks(n, BLOCK, |block| {
        let mut distances = match points.table() {
            Some(table) => table.slice(s![block.clone(), ..]).to_owned(),
            None => squared_distances(rows.slice(s![block.clone(), ..]), rows).map_err(check::kernel(MEASURE.name))?,
        };
        distances.mapv_inplace(f64::sqrt);
        let mut values = vec![Vec::with_capacity(block.len()); groupings.len()];
        let mut sums = vec![0.0; groups];
        for (row, distances) in block.zip(distances.outer_iter()) {
            for ((grouping, sizes), values) in groupings.iter().zip(&sizes).zip(&mut values) {
                sums.fill(0.0);
                distances.iter().zip(grouping.iter()).for_each(|(distance, &group)| sums[group] += distance);
                values.push(of_row(&sums, sizes, grouping[row]));
            }
        }
        Ok(values)
    });
    let mut result = vec![Vec::with_capacity(n); groupings.len()];
    for block in blocks {
        result.iter_mut().zip(block?).for_each(|(all, part)| all.extend(part));
    }
    Ok(result)
}

fn of_row(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] == 1 {
        return 0.0;
    }
    let within = sums[own] / (sizes[own] - 1) as f64;
    let next = (0..sums.len())
        .filter(|&group| group != own && sizes[group] > 0)
        .map(|group| sums[group] / sizes[group] as f64)
        .fold(f64::INFINITY, f64::min);
    let larger = within.max(next);
    if larger > 0.0 && larger.is_finite() { (next - within) / larger } else { 0.0 }
}
