//! Which neurons belong to which representation, at the published thresholds.

use kymograph_linalg::{Real, matmul_tn};
use ndarray::{Array1, Array2, Axis};

use super::super::summary::check_irreps;
use super::super::{Circuit, Tables};
use crate::MeasureError;
use crate::groups::Irrep;

/// Neurons by the representations they hold, each list in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NeuronClusters {
    /// Off: squared norm below the threshold on every side.
    pub off: Vec<usize>,
    /// Off on one side only (the published notebook stops there).
    pub off_on_one_side: Vec<usize>,
    /// Each representation but the trivial one, with the neurons whose part in it is above the threshold on every side.
    pub irreps: Vec<(String, Vec<usize>)>,
    /// Neurons above the threshold for a representation on one side only (the notebook stops there too).
    pub on_one_side: Vec<(String, Vec<usize>)>,
    /// Neurons that belong to more than one representation.
    pub mixed: Vec<usize>,
    /// Neurons that are neither off nor belong anywhere.
    pub unaccounted: Vec<usize>,
}

impl NeuronClusters {
    /// The neurons of one representation.
    pub fn of(&self, irrep: &str) -> &[usize] {
        self.irreps.iter().find(|(name, _)| name == irrep).map_or(&[], |(_, neurons)| neurons)
    }
}

/// Before the nonlinearity: which neurons' embeddings lie in which representation?
///
/// A neuron is off when the squared norm of its column is below `threshold` in both embeddings, and belongs to ρ when its
/// squared part in the span of ρ is above it in both. The published threshold is 1, in the units of the weights: it
/// misleads where a network is scaled otherwise. Embeddings must have a column for each neuron.
///
/// # Errors
/// As [`super::super::tables()`].
pub fn clusters_before_relu<T: Real>(
    circuit: &Circuit<'_, T>,
    irreps: &[Irrep],
    threshold: f64,
) -> Result<NeuronClusters, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, irreps, &[])?;
    crate::check::same_size("neurons", ("embed_x", circuit.embed_x.ncols()), ("unembed", circuit.width()))?;
    let sides = [circuit.embed_x, circuit.embed_y].map(|x| x.mapv(Real::to_f64));
    let norms = sides.iter().map(|x| x.map_axis(Axis(0), |c| c.dot(&c))).collect();
    let parts = irreps.iter().filter(|irrep| !super::super::summary::is_trivial(irrep)).map(|irrep| {
        let sides = sides.iter().map(|x| column_squares(&matmul_tn(irrep.span.view(), x.view())));
        (irrep.name.clone(), sides.collect())
    });
    Ok(cluster(norms, parts.collect(), threshold))
}

/// After the nonlinearity: which neurons hold which representation of a, b or ab?
///
/// A neuron is off when the sum of its squares over all pairs is below `threshold` (published: 100), and belongs to ρ
/// when its squared parts along the entries of ρ(a), ρ(b) and ρ(ab) are together above it. The notebook publishes only
/// the first.
///
/// # Errors
/// Representations of another group.
pub fn clusters_after_relu(tables: &Tables, irreps: &[Irrep], threshold: f64) -> Result<NeuronClusters, MeasureError> {
    let order = tables.order();
    for irrep in irreps {
        crate::check::same_size("elements", ("tables", order), ("irreps", irrep.span.nrows()))?;
    }
    let sums = [&tables.hidden_by_left, &tables.hidden_by_right, &tables.hidden_by_product];
    let parts = irreps.iter().filter(|irrep| !super::super::summary::is_trivial(irrep)).map(|irrep| {
        let squares = sums.map(|sums| column_squares(&matmul_tn(irrep.span.view(), sums.view())) / order as f64);
        (irrep.name.clone(), vec![squares.iter().fold(Array1::zeros(squares[0].len()), |sum, part| sum + part)])
    });
    Ok(cluster(vec![tables.hidden_squares.clone()], parts.collect(), threshold))
}

/// Sum of the squares of each column.
pub(super) fn column_squares(coefficients: &Array2<f64>) -> Array1<f64> {
    coefficients.map_axis(Axis(0), |column| column.dot(&column))
}

/// `norms` and each part: one array of squares a side.
fn cluster(norms: Vec<Array1<f64>>, parts: Vec<(String, Vec<Array1<f64>>)>, threshold: f64) -> NeuronClusters {
    let width = norms[0].len();
    let sides = norms.len();
    let below = |neuron: usize| norms.iter().filter(|side| side[neuron] < threshold).count();
    let mut found = NeuronClusters::default();
    let mut homes = vec![0; width];
    for (name, part) in parts {
        let above = |neuron: usize| part.iter().filter(|side| side[neuron] > threshold).count();
        let members: Vec<usize> = (0..width).filter(|&neuron| above(neuron) == sides).collect();
        members.iter().for_each(|&neuron| homes[neuron] += 1);
        let one = (0..width).filter(|&neuron| (1..sides).contains(&above(neuron))).collect();
        found.irreps.push((name.clone(), members));
        found.on_one_side.push((name, one));
    }
    for (neuron, homes) in homes.into_iter().enumerate() {
        let off = below(neuron);
        if off == sides {
            found.off.push(neuron);
        } else if off > 0 {
            found.off_on_one_side.push(neuron);
        }
        match homes {
            0 if off < sides => found.unaccounted.push(neuron),
            0 | 1 => {}
            _ => found.mixed.push(neuron),
        }
    }
    found.on_one_side.retain(|(_, neurons)| !neurons.is_empty());
    found
}
