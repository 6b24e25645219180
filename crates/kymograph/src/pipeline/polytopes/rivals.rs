//! Could N centres with N affine maps stand for the network? Least-squares maps of the cells of a partition of the inputs beside
//! the network's own maps at the cells' centres.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random::{permutation, shuffle, stream, stream_at};
use kymograph_linalg::{matmul, matmul_nt, matmul_tn, symmetric_eigen};
use kymograph_measures::MeasureError;
use kymograph_measures::clusters::{KMeansOptions, kmeans};
use kymograph_nets::Polytopes;
use kymograph_studies::StudyError;
use kymograph_studies::signals::augment::augmented;
use ndarray::{Array2, ArrayView2, Axis};

use super::super::page::mean_of;
use super::look::{Look, Probe, distance, largest};
use crate::error::KymographError;

/// Numbers of centres; one is a single affine map.
const COUNTS: [usize; 4] = [1, 10, 30, 100];
/// Augmentations of each image that maps are fitted on, beside the image itself.
const COPIES: usize = 5;
/// The ridge, in mean squared distances of a cell's points from their mean.
const RIDGE: f64 = 0.1;
/// Partitions into cells of the same sizes that know nothing of where points lie.
const PARTITIONS: usize = 5;

/// A cell of a partition: its points, the tested ones that fall into it, and the weights with which the least-squares map
/// of any outputs at the points gives those at the tested ones.
struct Cell {
    points: Vec<usize>,
    tested: Vec<usize>,
    weights: Array2<f64>,
}

struct Partition {
    centres: Array2<f64>,
    cells: Vec<Cell>,
    /// Of the same sizes, dealt out at random.
    random: Vec<Vec<Cell>>,
}

/// Partitions of points, which hold for every network that takes them.
pub(super) struct Rivals {
    /// Images of one half of the probe and their augmentations, `[point, pixel]`.
    points: Array2<f64>,
    /// Images of the other half, by their number in the probe, and as points.
    tested: Vec<usize>,
    x: Array2<f64>,
    partitions: Vec<Partition>,
}

impl Rivals {
    /// Draws the halves and cuts them; nothing here depends on labels or networks.
    pub(super) fn of(probe: &Probe) -> Result<Self, KymographError> {
        let order = permutation(&mut stream(0, "polytopes: rivals"), probe.len());
        let (held, tested) = order.split_at(probe.len() / 2);
        let [low, high] = probe.ends.map(f64::from);
        let mut points = Vec::new();
        for &at in held {
            points.extend(probe.x.row(at));
            for copy in probe.grey.get(at).into_iter().flat_map(|image| (0..COPIES).map(move |copy| (image, copy))) {
                let image = augmented(copy.0.view(), 1, at, copy.1);
                points.extend(image.iter().map(|v| low + f64::from(*v) * (high - low)));
            }
        }
        let width = probe.x.ncols();
        let points = Array2::from_shape_vec((points.len() / width.max(1), width), points).unwrap_or_default();
        let x = probe.x.select(Axis(0), tested);
        let mut partitions = Vec::new();
        for count in COUNTS.into_iter().filter(|count| 2 * count <= points.nrows()) {
            let options = KMeansOptions { k: count, n_init: 1, ..KMeansOptions::default() };
            match kmeans(points.view(), &options) {
                Ok(fit) => partitions.push(partition(&points, &x, &fit.labels, fit.centres)?),
                Err(MeasureError::TooFewDistinctRows { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { points, tested: tested.to_vec(), x, partitions })
    }
}

fn partition(
    points: &Array2<f64>,
    x: &Array2<f64>,
    labels: &[usize],
    centres: Array2<f64>,
) -> Result<Partition, KymographError> {
    let nearest = |row: usize| {
        let far = |c: &usize| distance(x.row(row), centres.row(*c));
        (0..centres.nrows()).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0)
    };
    let mut of_tested: Vec<usize> = (0..x.nrows()).map(nearest).collect();
    let mut labels = labels.to_vec();
    let own = cells(points, x, &labels, &of_tested, centres.nrows())?;
    let mut random = Vec::new();
    for draw in 0..if centres.nrows() > 1 { PARTITIONS } else { 0 } {
        shuffle(&mut stream_at(0, "polytopes: random partition", draw as u64), &mut labels);
        shuffle(&mut stream_at(0, "polytopes: random partition, tested", draw as u64), &mut of_tested);
        random.push(cells(points, x, &labels, &of_tested, centres.nrows())?);
    }
    Ok(Partition { centres, cells: own, random })
}

fn cells(
    points: &Array2<f64>,
    x: &Array2<f64>,
    labels: &[usize],
    of_tested: &[usize],
    count: usize,
) -> Result<Vec<Cell>, KymographError> {
    let of = |cell: usize| -> Result<Cell, KymographError> {
        let members = |all: &[usize]| (0..all.len()).filter(|at| all[*at] == cell).collect::<Vec<_>>();
        let (own, tested) = (members(labels), members(of_tested));
        let weights = weights(points.select(Axis(0), &own).view(), x.select(Axis(0), &tested).view())?;
        Ok(Cell { points: own, tested, weights })
    };
    kymograph_linalg::parallel::map_indices(count, of).into_iter().collect()
}

/// What ridge regression with an unpenalised constant makes of any outputs at `points` for `x`: with both less the mean of the
/// points, `x (Pᵀ P + λ)⁻¹ Pᵀ`, `[row of x, point]`, for outputs less their mean. Through whichever of `Pᵀ P` and `P Pᵀ` is smaller.
fn weights(points: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> Result<Array2<f64>, KymographError> {
    let Some(mean) = points.mean_axis(Axis(0)) else { return Ok(Array2::zeros((x.nrows(), 0))) };
    let (p, x) = (&points - &mean, &x - &mean);
    let ridge = RIDGE * p.iter().map(|v| v * v).sum::<f64>() / p.nrows() as f64;
    if ridge <= 0.0 || x.is_empty() {
        return Ok(Array2::zeros((x.nrows(), p.nrows())));
    }
    let dual = p.nrows() <= p.ncols();
    let square = if dual { matmul_nt(p.view(), p.view()) } else { matmul_tn(p.view(), p.view()) };
    let eigen = symmetric_eigen(square.view()).map_err(StudyError::from)?;
    let mut scaled = eigen.vectors.clone();
    for (mut column, value) in scaled.columns_mut().into_iter().zip(&eigen.values) {
        column /= value.max(0.0) + ridge;
    }
    let inverse = matmul_nt(scaled.view(), eigen.vectors.view());
    Ok(match dual {
        true => matmul(matmul_nt(x.view(), p.view()).view(), inverse.view()),
        false => matmul_nt(matmul(x.view(), inverse.view()).view(), p.view()),
    })
}

/// The tested points' outputs by the least-squares maps of their cells.
fn fitted(cells: &[Cell], outputs: &Array2<f64>, tested: usize) -> Array2<f64> {
    let mut found = Array2::zeros((tested, outputs.ncols()));
    for cell in cells {
        let of_cell = outputs.select(Axis(0), &cell.points);
        // A cell without points has no map, and answers nothing in particular.
        let Some(mean) = of_cell.mean_axis(Axis(0)) else { continue };
        let rows = matmul(cell.weights.view(), (&of_cell - &mean).view()) + &mean;
        cell.tested.iter().zip(rows.outer_iter()).for_each(|(&at, row)| found.row_mut(at).assign(&row));
    }
    found
}

/// The tested points' outputs by the network's affine maps at their cells' centres.
fn exact(polytopes: &Polytopes, partition: &Partition, x: &Array2<f64>) -> Result<Array2<f64>, KymographError> {
    let gates = polytopes.gates(partition.centres.view())?;
    let mut of = vec![0; x.nrows()];
    for (number, cell) in partition.cells.iter().enumerate() {
        cell.tested.iter().for_each(|&at| of[at] = number);
    }
    Ok(polytopes.outputs_with(x.view(), &gates, &of)?)
}

/// Accuracy, and agreement with the network's own answers, on images that no map was fitted on.
pub(super) fn rows(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    let rivals = look.probe.rivals()?;
    let outputs = look.polytopes.outputs(rivals.points.view())?;
    let answers = |outputs: &Array2<f64>| outputs.outer_iter().map(largest).collect::<Vec<_>>();
    let own = answers(&look.polytopes.outputs(rivals.x.view())?);
    let labels: Vec<usize> =
        rivals.tested.iter().map(|&at| usize::try_from(look.probe.labels[at]).unwrap_or(usize::MAX)).collect();
    let shares = |found: &[usize], wanted: &[usize]| -> Vec<f64> {
        found.iter().zip(wanted).map(|(a, b)| f64::from(u8::from(a == b))).collect()
    };
    let network = mean_of(&shares(&own, &labels));
    let mut rows = Vec::new();
    for partition in &rivals.partitions {
        let count = partition.centres.nrows().to_string();
        let random: Vec<Vec<usize>> =
            partition.random.iter().map(|cells| answers(&fitted(cells, &outputs, own.len()))).collect();
        let maps = [
            ("least squares", answers(&fitted(&partition.cells, &outputs, own.len()))),
            ("the network's at the centre", answers(&exact(&look.polytopes, partition, &rivals.x)?)),
        ];
        for (map, found) in maps {
            for (measure, wanted) in [("affine_maps_accuracy", &labels), ("affine_maps_agreement", &own)] {
                let options = [("centres", count.as_str()), ("maps", map)];
                let mut row = look.mean_row(measure, "input", &options, &shares(&found, wanted));
                if map == "least squares" && !random.is_empty() {
                    let draws: Vec<f64> = random.iter().map(|found| mean_of(&shares(found, wanted))).collect();
                    row.nulls.extend(row.value.and_then(|value| Null::of_draws("random_partition", &draws, value)));
                }
                if measure == "affine_maps_accuracy" {
                    row.nulls.push(Null::exact("the_network_itself", network));
                }
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::normal_matrix;

    use super::*;

    /// Ridge regression of every output by Gaussian elimination on [features + 1] unknowns.
    fn literal(p: &Array2<f64>, y: &Array2<f64>, x: &Array2<f64>) -> Array2<f64> {
        let (n, d) = p.dim();
        let mean = p.mean_axis(Axis(0)).unwrap();
        let ridge = RIDGE * (p - &mean).iter().map(|v| v * v).sum::<f64>() / n as f64;
        let at = |row: usize, j: usize| if j == d { 1.0 } else { p[[row, j]] };
        let mut a = Array2::<f64>::zeros((d + 1, d + 1 + y.ncols()));
        for i in 0..=d {
            for j in 0..=d {
                a[[i, j]] = (0..n).map(|row| at(row, i) * at(row, j)).sum::<f64>();
            }
            a[[i, i]] += if i < d { ridge } else { 0.0 };
            for output in 0..y.ncols() {
                a[[i, d + 1 + output]] = (0..n).map(|row| at(row, i) * y[[row, output]]).sum::<f64>();
            }
        }
        for i in 0..=d {
            let pivot = a[[i, i]];
            for j in 0..a.ncols() {
                a[[i, j]] /= pivot;
            }
            for other in (0..=d).filter(|other| *other != i) {
                let factor = a[[other, i]];
                for j in 0..a.ncols() {
                    a[[other, j]] -= factor * a[[i, j]];
                }
            }
        }
        Array2::from_shape_fn((x.nrows(), y.ncols()), |(row, output)| {
            (0..d).map(|j| x[[row, j]] * a[[j, d + 1 + output]]).sum::<f64>() + a[[d, d + 1 + output]]
        })
    }

    #[test]
    fn weights_are_those_of_ridge_regression_both_ways_round() {
        for (n, d) in [(4, 6), (12, 5)] {
            let p: Array2<f64> = normal_matrix(&mut stream(1, "points"), n, d) + 3.0;
            let x: Array2<f64> = normal_matrix(&mut stream(2, "x"), 3, d);
            let y: Array2<f64> = normal_matrix(&mut stream(3, "y"), n, 2);
            let cell = Cell {
                points: (0..n).collect(),
                tested: vec![2, 0, 1],
                weights: weights(p.view(), x.select(Axis(0), &[2, 0, 1]).view()).unwrap(),
            };
            let found = fitted(&[cell], &y, 3);
            assert!((found - literal(&p, &y, &x)).iter().all(|d| d.abs() < 1e-10));
        }
    }
}
