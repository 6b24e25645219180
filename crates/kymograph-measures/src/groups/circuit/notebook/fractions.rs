//! How much of the hidden layer each representation of a, b and ab tells, over all neurons or those of one cluster.

use std::collections::BTreeMap;

use kymograph_linalg::{Real, matmul_tn};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::super::summary::{check_irreps, squares};
use super::super::{Circuit, Tables};
use super::NeuronClusters;
use super::neurons::column_squares;
use crate::MeasureError;
use crate::groups::Irrep;

/// Shares of the squared hidden layer, not centred, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartFractions {
    /// Along the entries of ρ(a).
    pub x: f64,
    /// Along those of ρ(b).
    pub y: f64,
    /// Along those of ρ(ab).
    pub xy: f64,
    /// In the mean over all pairs.
    pub trivial: f64,
    /// Their sum. For the trivial representation the four are one and the same part, and the sum counts it four times.
    pub sum: f64,
}

/// The fractions of one representation.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterFractions {
    /// The representation.
    pub irrep: String,
    /// Over all neurons; `None` where the hidden layer is zero.
    pub all: Option<PartFractions>,
    /// Over the neurons of its own cluster; `None` where there are none or they are silent.
    pub cluster: Option<PartFractions>,
}

/// How much of the hidden layer is ρ(a), ρ(b), ρ(ab) or constant, over all neurons and within each representation's own?
///
/// It misleads within a cluster: the neurons were chosen by the representation they are then said to hold.
///
/// # Errors
/// Representations of another group.
pub fn cluster_fractions(
    tables: &Tables,
    irreps: &[Irrep],
    clusters: &NeuronClusters,
) -> Result<Vec<ClusterFractions>, MeasureError> {
    let order = tables.order();
    let pairs = (order * order) as f64;
    let means = tables.hidden_means();
    let trivial = means.mapv(|m| m * m * pairs);
    let mut found = Vec::new();
    for irrep in irreps {
        crate::check::same_size("elements", ("tables", order), ("irreps", irrep.span.nrows()))?;
        let sums = [&tables.hidden_by_left, &tables.hidden_by_right, &tables.hidden_by_product];
        let parts = sums.map(|sums| column_squares(&matmul_tn(irrep.span.view(), sums.view())) / order as f64);
        let over = |neurons: &[usize]| {
            let sum = |values: &Array1<f64>| neurons.iter().map(|&n| values[n]).sum::<f64>();
            let all = sum(&tables.hidden_squares);
            let [x, y, xy, trivial] = [&parts[0], &parts[1], &parts[2], &trivial].map(|part| sum(part) / all);
            (all > 0.0).then_some(PartFractions { x, y, xy, trivial, sum: x + y + xy + trivial })
        };
        let everyone: Vec<usize> = (0..means.len()).collect();
        found.push(ClusterFractions {
            irrep: irrep.name.clone(),
            all: over(&everyone),
            cluster: over(clusters.of(&irrep.name)),
        });
    }
    Ok(found)
}

/// How unevenly do the entries of each representation's matrices contribute? Published as `percent_std_x_embed_<r>_rep`,
/// `…_y_embed_…`, `…_unembed_…` and `…_hidden_…` (ρ(ab), not centred): the standard deviation (n − 1) of the share of
/// the squares over the functions that span ρ. Representations with one function have none.
///
/// It depends on the basis of ρ, which the published code takes from Specht modules and a QR, so that its numbers
/// differ from these; its author calls it not that meaningful.
///
/// # Errors
/// As [`super::super::summary()`].
pub fn column_deviations<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    irreps: &[Irrep],
) -> Result<BTreeMap<String, f64>, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, irreps, &[])?;
    let arrays = [
        ("x_embed", circuit.embed_x.mapv(Real::to_f64)),
        ("y_embed", circuit.embed_y.mapv(Real::to_f64)),
        ("unembed", circuit.unembed.reversed_axes().mapv(Real::to_f64)),
    ];
    let pairs = tables.order() as f64;
    let mut columns = BTreeMap::new();
    for irrep in irreps.iter().filter(|irrep| irrep.span.ncols() > 1) {
        let mut put = |name: &str, sums: ArrayView2<'_, f64>, all: f64| {
            if let Some(deviation) = deviation(irrep, sums, all) {
                columns.insert(format!("percent_std_{name}_{}_rep", irrep.name), deviation);
            }
        };
        for (name, x) in &arrays {
            put(name, x.view(), squares(x.view()));
        }
        put("hidden", tables.hidden_by_product.view(), pairs * tables.hidden_squares.sum());
    }
    Ok(columns)
}

fn deviation(irrep: &Irrep, sums: ArrayView2<'_, f64>, all: f64) -> Option<f64> {
    let coefficients: Array2<f64> = matmul_tn(irrep.span.view(), sums);
    let shares = coefficients.map_axis(Axis(1), |row| row.dot(&row) / all);
    (all > 0.0).then(|| shares.std(1.0))
}
