//! The hidden layer in the basis of ρ(ab), and the unembedding between that basis and ρ of the answer.

use kymograph_linalg::{Real, matmul, matmul_nt, matmul_tn};
use ndarray::{Array2, ArrayView2};

use super::super::summary::check_irreps;
use super::super::{Circuit, Tables};
use crate::MeasureError;
use crate::groups::{Group, Irrep};

/// The ρ(ab) part of the hidden layer, written in the entries of ρ.
///
/// All depends on the product alone, so tables have a row for each product instead of one for each pair; the published
/// "first ten rows" are those of the pairs (0, 0), (0, 1), ….
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeOfBasis {
    /// From neurons to entries: entry × neuron.
    pub matrix: Array2<f64>,
    /// The hidden layer's ρ(ab) part in that basis: product × entry.
    pub projected: Array2<f64>,
    /// ρ itself: product × entry.
    pub rho: Array2<f64>,
    /// Cosine of the two, as long vectors.
    pub cosine: f64,
}

/// Does the hidden layer's ρ(ab) part look like ρ(ab)?
///
/// With R the entries of ρ(ab) over all pairs, P the projection onto them and H the hidden layer, it compares
/// P H Hᵀ P R with R. **Not evidence**: it is 1 for every representation of degree one, whatever the network, and for others asks
/// only whether the neurons use all entries alike.
///
/// # Errors
/// Representations of another group; a hidden layer without a ρ(ab) part.
pub fn change_of_basis(tables: &Tables, irrep: &Irrep) -> Result<ChangeOfBasis, MeasureError> {
    let order = tables.order();
    crate::check::same_size("elements", ("tables", order), ("irreps", irrep.span.nrows()))?;
    let rho = entries(irrep);
    let coefficients = matmul_tn(irrep.span.view(), tables.hidden_by_product.view());
    let part = matmul(irrep.span.view(), coefficients.view()) / order as f64;
    let matrix = matmul_tn(rho.view(), tables.hidden_by_product.view());
    let projected = matmul_nt(part.view(), matrix.view());
    let cosine = cosine(projected.view(), rho.view());
    if !cosine.is_finite() {
        return Err(MeasureError::NoVariation { input: "hidden", what: "nothing of it lies along ρ(ab)" });
    }
    Ok(ChangeOfBasis { matrix, projected, rho, cosine })
}

/// The unembedding between the entries of ρ(ab) and those of ρ(c⁻¹).
#[derive(Clone, Debug, PartialEq)]
pub struct UnembeddingMap {
    /// entry of ρ(ab) × entry of ρ(c⁻¹).
    pub matrix: Array2<f64>,
    /// What tr ρ(ab)ρ(c⁻¹) as logits would make of it, up to a factor: entry × entry.
    pub expected: Array2<f64>,
    /// Cosine of the two.
    pub cosine: f64,
}

/// Is the unembedding the map that turns ρ(ab) into tr ρ(ab)ρ(c⁻¹)? The notebook's question, done right.
///
/// The logits tr ρ(ab)ρ(c⁻¹) = Σ_ij ρ(ab)_ij ρ(c⁻¹)_ji need the entry ij of one side to meet the entry ji of the other.
/// 1: just that; a random unembedding gives 0 ± 1/d².
///
/// # Errors
/// As [`change_of_basis`]; an unembedding without a part in ρ.
pub fn unembedding_map<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    irrep: &Irrep,
) -> Result<UnembeddingMap, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, std::slice::from_ref(irrep), &[])?;
    let matrix = map(circuit, &change_of_basis(tables, irrep)?, irrep);
    let inverses = inverse_entries(circuit.group, irrep);
    let d = irrep.degree;
    let swapped = Array2::from_shape_fn(inverses.dim(), |(c, at)| inverses[[c, at % d * d + at / d]]);
    let expected = matmul_tn(swapped.view(), inverses.view());
    let cosine = cosine(matrix.view(), expected.view());
    if !cosine.is_finite() {
        return Err(MeasureError::NoVariation { input: "unembed", what: "nothing of it lies in the representation" });
    }
    Ok(UnembeddingMap { matrix, expected, cosine })
}

/// The notebook's cell as it stands, for comparison: its matrix's shape and its cosine.
///
/// Two mistakes are in it. The change of basis is left over from the loop before, so `last` (there sign, one entry) meets
/// the entries of `standard` in a matrix of 1 × 16. And it is compared with `matrix > 1e5`, which is a truth value and
/// false everywhere, so that the cosine is 0 whatever the network learned.
///
/// # Errors
/// As [`unembedding_map`].
pub fn notebook_unembedding_map<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    last: &Irrep,
    standard: &Irrep,
) -> Result<([usize; 2], f64), MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, &[last.clone(), standard.clone()], &[])?;
    let matrix = map(circuit, &change_of_basis(tables, last)?, standard);
    let above = matrix.mapv(|x| f64::from(u8::from(x > 1e5)));
    let cosine = cosine(matrix.view(), above.view());
    Ok(([matrix.nrows(), matrix.ncols()], if cosine.is_finite() { cosine } else { 0.0 }))
}

fn map<T: Real>(circuit: &Circuit<'_, T>, basis: &ChangeOfBasis, out: &Irrep) -> Array2<f64> {
    let unembed = circuit.unembed.mapv(Real::to_f64);
    let written = matmul(basis.matrix.view(), unembed.view());
    matmul(written.view(), inverse_entries(circuit.group, out).view())
}

/// ρ: element × entry.
fn entries(irrep: &Irrep) -> Array2<f64> {
    let d = irrep.degree;
    Array2::from_shape_fn((irrep.character.len(), d * d), |(g, at)| irrep.matrices[[g, at / d, at % d]])
}

/// ρ(c⁻¹): element × entry.
fn inverse_entries(group: &Group, irrep: &Irrep) -> Array2<f64> {
    let rho = entries(irrep);
    Array2::from_shape_fn(rho.dim(), |(c, at)| rho[[group.inverse(c), at]])
}

fn cosine(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> f64 {
    let norm = |x: ArrayView2<'_, f64>| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / (norm(x) * norm(y))
}
