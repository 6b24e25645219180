//! Who is near whom, in two arrays of the same rows.

use kymograph_linalg::{Real, nearest_neighbours, parallel, squared_distances};
use ndarray::{Array2, ArrayView1, ArrayView2, s};

use crate::clusters::Points;
use crate::{Change, MeasureError, OptionSpec, Setting, Transform, check};

/// Rows whose distances to all others are held at once.
const BLOCK: usize = 64;

pub(super) const NEIGHBOURS: OptionSpec = OptionSpec {
    name: "k",
    default: Setting::Count(10),
    doc: "The number of nearest rows that count as neighbours, the row itself not among them.",
};

/// What leaves the ranks of distances as they are in both arrays of the same rows, or in one of them.
pub(super) static UNCHANGED: &[Transform] = &[
    Transform::joint(Change::PermuteRows),
    Transform::joint(Change::PermuteColumns),
    Transform::joint(Change::RotateColumns),
    Transform::joint(Change::Scale),
    Transform::joint(Change::Translate),
    Transform::joint(Change::FlipSign),
    Transform::first(Change::PermuteColumns),
    Transform::first(Change::RotateColumns),
    Transform::first(Change::Scale),
    Transform::first(Change::Translate),
    Transform::first(Change::FlipSign),
];

/// What gives one of the arrays other neighbours.
pub(super) static CHANGED: &[Transform] =
    &[Transform::first(Change::PermuteRows), Transform::first(Change::ScaleColumns)];

/// The `k` nearest other rows of every row, the lower number first among equals.
pub(super) fn neighbours<T: Real>(
    measure: &'static str,
    input: &'static str,
    x: ArrayView2<'_, T>,
    k: usize,
) -> Result<Array2<u32>, MeasureError> {
    check::matrix(input, x)?;
    if k == 0 || k >= x.nrows() {
        let expected = format!("from 1 to one fewer than the {} rows of `{input}`", x.nrows());
        return Err(bad(measure, k, expected));
    }
    nearest_neighbours(x, k).map(|found| found.indices).map_err(check::kernel(measure))
}

/// Both arrays hold the same rows, and their ranks say something about neighbours.
pub(super) fn check_pair<T: Real>(
    measure: &'static str,
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    k: usize,
) -> Result<(), MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_size("rows", ("x", x.nrows()), ("y", y.nrows()))?;
    if k == 0 || 2 * k >= x.nrows() {
        return Err(bad(measure, k, format!("at least 1 and less than half of the {} rows", x.nrows())));
    }
    Ok(())
}

fn bad(measure: &'static str, k: usize, expected: String) -> MeasureError {
    MeasureError::BadOption { measure, option: "k", value: k.to_string(), expected }
}

/// For every row, `1 − 2/(k(2n − 3k − 1)) Σ (r − k)` over those of its k neighbours in `from` that are not among the k in
/// `into`, with r their rank by distance there, 1 the nearest (Venna & Kaski 2001, eq. 2).
pub(super) fn rank_agreement<T: Real>(
    measure: &'static str,
    from: (&'static str, ArrayView2<'_, T>),
    into: (&'static str, ArrayView2<'_, T>),
    k: usize,
) -> Result<Vec<f64>, MeasureError> {
    let near = neighbours(measure, from.0, from.1, k)?;
    let points = Points::new(into.0, into.1)?;
    let rows = points.rows();
    let n = rows.nrows();
    let worst = k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0) / 2.0;
    let blocks = parallel::map_blocks(n, BLOCK, |block| -> Result<Vec<f64>, MeasureError> {
        let distances = squared_distances(rows.slice(s![block.clone(), ..]), rows).map_err(check::kernel(measure))?;
        let of_row = |(row, distances): (usize, ArrayView1<'_, f64>)| {
            let beyond = |&other: &u32| (rank(distances, row, other as usize) as f64 - k as f64).max(0.0);
            1.0 - near.row(row).iter().map(beyond).sum::<f64>() / worst
        };
        Ok(block.zip(distances.outer_iter()).map(of_row).collect())
    });
    let mut values = Vec::with_capacity(n);
    for block in blocks {
        values.extend(block?);
    }
    Ok(values)
}

/// How many rows are as near as `other` or nearer, itself included; among equals the lower number is nearer.
fn rank(distances: ArrayView1<'_, f64>, row: usize, other: usize) -> usize {
    let own = distances[other];
    let (before, after) = distances.split_at(ndarray::Axis(0), other);
    let nearer = before.iter().filter(|distance| **distance <= own).count()
        + after.iter().filter(|distance| **distance < own).count();
    // The row itself was counted, unless it comes later and the other is a copy of it.
    let itself = if row < other { distances[row] <= own } else { distances[row] < own };
    nearer + 1 - usize::from(itself)
}

#[cfg(test)]
pub(super) mod literal {
    use super::*;

    /// The same by sorting every row in full.
    pub(in crate::embeddings) fn rank_agreement(from: &Array2<f64>, into: &Array2<f64>, k: usize) -> f64 {
        let n = from.nrows();
        let order = |x: &Array2<f64>, row: usize| {
            let mut others: Vec<usize> = (0..n).filter(|&other| other != row).collect();
            let apart = |other: usize| -> f64 { (&x.row(row) - &x.row(other)).mapv(|d| d * d).sum() };
            others.sort_by(|&a, &b| apart(a).total_cmp(&apart(b)).then(a.cmp(&b)));
            others
        };
        let mut sum = 0.0;
        for row in 0..n {
            let there = order(into, row);
            for neighbour in &order(from, row)[..k] {
                let rank = 1 + there.iter().position(|other| other == neighbour).expect("every other row has a rank");
                if rank > k {
                    sum += (rank - k) as f64;
                }
            }
        }
        1.0 - 2.0 / (n * k * (2 * n - 3 * k - 1)) as f64 * sum
    }
}
