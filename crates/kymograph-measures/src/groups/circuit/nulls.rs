//! What chance alone gives: the null beside each number of a circuit.

use kymograph_linalg::{Real, matmul, matmul_tn, qr, random};
use ndarray::{Array2, ArrayView2, Axis, s};

use super::summary::{check_irreps, part_of};
use super::{Ablation, Base, Circuit, Coordinate, Pairs, Tables, ablated_losses};
use crate::groups::Irrep;
use crate::{MeasureError, check};

/// The share of a random matrix's squares that lies in a representation: its functions over all functions, d²/|G|.
///
/// The null of `percent_x_embed_<r>_rep`, `percent_y_embed_…` and `percent_unembed_…` at initialisation, exact in the mean
/// for entries drawn independently around zero.
pub fn random_share(irrep: &Irrep) -> f64 {
    irrep.span.ncols() as f64 / irrep.span.nrows().max(1) as f64
}

/// The similarity with a character that every network with the right answers has some of.
#[derive(Clone, Debug, PartialEq)]
pub struct OneHotLogits {
    /// Each representation but the trivial one, and its similarity.
    pub similarities: Vec<(String, f64)>,
    /// Σ similarity² over the key representations.
    pub explained: f64,
}

/// How much do logits that are one for the product and zero for the rest resemble each character?
///
/// χ(e)/√((1 − 1/|G|) Σχ²), which is d/√(|G| − 1) for a representation of real type; over a set of representations
/// Σd²/(|G| − 1) of the squares. The null of `logit_<r>_rep_trace_similarity` and `percent_logits_explained`: a network
/// that knows nothing but the answers has these.
///
/// # Errors
/// A name that is not among `irreps`.
pub fn one_hot_logits(
    group: &crate::groups::Group,
    irreps: &[Irrep],
    key: &[String],
) -> Result<OneHotLogits, MeasureError> {
    check_irreps(group, irreps, key)?;
    let order = group.order() as f64;
    let mut found = OneHotLogits { similarities: Vec::new(), explained: 0.0 };
    for irrep in irreps.iter().filter(|irrep| !super::summary::is_trivial(irrep)) {
        let squares = irrep.character.dot(&irrep.character);
        let similarity = irrep.character[group.identity()] / ((1.0 - 1.0 / order) * squares).sqrt();
        if key.contains(&irrep.name) {
            found.explained += similarity * similarity;
        }
        found.similarities.push((irrep.name.clone(), similarity));
    }
    Ok(found)
}

/// What do the losses become when random functions of ab are taken out of the hidden layer, or kept alone?
///
/// Each draw takes `functions` orthonormal functions on the group, uniformly random among those that sum to zero: as many as
/// ρ(ab) has (d²). Nats. The null of `hidden_excluded_loss_<r>_rep` (over the training pairs) with [`Pairs::Train`] and of
/// [`super::notebook::AblationLosses::xy`] with [`Pairs::All`].
///
/// # Errors
/// As [`super::tables()`]; more functions than |G| − 1.
pub fn random_ablations<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    functions: usize,
    pairs: Pairs,
    draws: usize,
    seed: u64,
) -> Result<Vec<f64>, MeasureError> {
    let order = circuit.group.order();
    check::same_size("elements", ("group", order), ("tables", tables.order()))?;
    if functions == 0 || functions >= order {
        return Err(MeasureError::BadOption {
            measure: "random_ablations",
            option: "functions",
            value: functions.to_string(),
            expected: format!("1 to {}", order.saturating_sub(1)),
        });
    }
    let unembed = circuit.unembed.mapv(Real::to_f64);
    let mut ablations = Vec::new();
    for draw in 0..draws {
        let span = random_span(order, functions, seed, draw as u64)?;
        let table = part_of(span.view(), tables.hidden_by_product.view(), unembed.view());
        ablations.push(Ablation { table, by: Coordinate::Product, base: Base::HiddenTimesUnembed, pairs });
    }
    ablated_losses(circuit, &ablations)
}

fn random_span(order: usize, functions: usize, seed: u64, draw: u64) -> Result<Array2<f64>, MeasureError> {
    let mut stream = random::stream_at(seed, "null: random functions", draw);
    // A constant first column makes all others orthogonal to it.
    let mut drawn = random::normal_matrix::<f64, _>(&mut stream, order, functions + 1);
    drawn.column_mut(0).fill(1.0);
    let q = qr(drawn.view()).map_err(check::kernel("random_ablations"))?.q;
    Ok(q.slice(s![.., 1..]).to_owned())
}

/// Each function with its values dealt out to the elements anew, every function in its own order.
///
/// Axes: element × function. The null of a coset concentration that keeps each function's values and nothing of the group.
pub fn permuted_elements(functions: ArrayView2<'_, f64>, seed: u64, draw: u64) -> Array2<f64> {
    let mut stream = random::stream_at(seed, "null: permuted elements", draw);
    let mut dealt = functions.to_owned();
    for (mut to, from) in dealt.axis_iter_mut(Axis(1)).zip(functions.axis_iter(Axis(1))) {
        let order = random::permutation(&mut stream, from.len());
        to.iter_mut().zip(order).for_each(|(to, at)| *to = from[at]);
    }
    dealt
}

/// Random functions that have as much in each representation as the given ones.
///
/// Axes: element × function. In each representation's span the direction is uniformly random and the norm is kept. The
/// null that asks whether a coset concentration says more than the representations do: a function in the standard
/// representation is not yet constant on cosets. What `irreps` leave over is dropped.
///
/// # Errors
/// Shapes that do not fit, an entry that is not finite.
pub fn matched_spectrum(
    functions: ArrayView2<'_, f64>,
    irreps: &[Irrep],
    seed: u64,
    draw: u64,
) -> Result<Array2<f64>, MeasureError> {
    check::matrix("functions", functions)?;
    let mut stream = random::stream_at(seed, "null: matched spectrum", draw);
    let mut found = Array2::zeros(functions.raw_dim());
    for irrep in irreps {
        check::same_size("elements", ("functions", functions.nrows()), ("irreps", irrep.span.nrows()))?;
        let mut coefficients = matmul_tn(irrep.span.view(), functions);
        for mut column in coefficients.axis_iter_mut(Axis(1)) {
            let norm = column.dot(&column).sqrt();
            column.mapv_inplace(|_| random::normal(&mut stream));
            let drawn = column.dot(&column).sqrt();
            column.mapv_inplace(|x| x * norm / drawn);
        }
        found += &matmul(irrep.span.view(), coefficients.view());
    }
    Ok(found)
}
