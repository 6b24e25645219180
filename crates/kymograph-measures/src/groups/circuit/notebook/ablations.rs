//! What happens without ρ(a), ρ(b) or ρ(ab) in the hidden layer, and without ρ in the embeddings.

use kymograph_linalg::{Real, matmul, matmul_tn};
use ndarray::{Array2, ArrayView2};

use super::super::summary::{check_irreps, is_trivial, part_of};
use super::super::{Ablation, Base, Circuit, Coordinate, Pairing, Pairs, Tables, ablated_losses, paired_block};
use crate::groups::Irrep;
use crate::{MeasureError, check};

/// Losses over ALL pairs, nats, after one part of the hidden layer has been taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct AblationLosses {
    /// The representation.
    pub irrep: String,
    /// Without the entries of ρ(a).
    pub x: f64,
    /// Without the entries of ρ(b).
    pub y: f64,
    /// Without the entries of ρ(ab).
    pub xy: f64,
}

/// What does each representation of a, of b, of ab in the hidden layer do for the loss? For every representation but
/// the trivial one, in the order of `irreps`.
///
/// A loss that grows when ρ(ab) goes is implied by coset circuits as well: see [`super::super::rival`]. Compare with
/// [`super::super::nulls::random_ablations`].
///
/// # Errors
/// As [`super::super::tables()`].
pub fn ablation_losses<T: Real>(
    circuit: &Circuit<'_, T>,
    tables: &Tables,
    irreps: &[Irrep],
) -> Result<Vec<AblationLosses>, MeasureError> {
    check_irreps(circuit.group, irreps, &[])?;
    let unembed = circuit.unembed.mapv(Real::to_f64);
    let chosen: Vec<&Irrep> = irreps.iter().filter(|irrep| !is_trivial(irrep)).collect();
    let parts = [
        (Coordinate::Left, &tables.hidden_by_left),
        (Coordinate::Right, &tables.hidden_by_right),
        (Coordinate::Product, &tables.hidden_by_product),
    ];
    let ablations: Vec<Ablation> = chosen
        .iter()
        .flat_map(|irrep| parts.map(|(by, sums)| (irrep, by, sums)))
        .map(|(irrep, by, sums)| Ablation {
            table: part_of(irrep.span.view(), sums.view(), unembed.view()),
            by,
            base: Base::HiddenTimesUnembed,
            pairs: Pairs::All,
        })
        .collect();
    let losses = ablated_losses(circuit, &ablations)?;
    let of = |(irrep, losses): (&&Irrep, &[f64])| AblationLosses {
        irrep: irrep.name.clone(),
        x: losses[0],
        y: losses[1],
        xy: losses[2],
    };
    Ok(chosen.iter().zip(losses.chunks_exact(3)).map(of).collect())
}

/// Losses over ALL pairs, nats, of the network whose embeddings have lost something.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingLosses {
    /// Without one representation in both embeddings: published as `excluded_loss_<r>_rep`.
    pub excluded: Vec<(String, f64)>,
    /// Without all key representations: `total_excluded_loss`.
    pub total_excluded: f64,
    /// With the key representations alone: `restricted_loss`.
    pub restricted: f64,
}

/// What do the embeddings' representations do for the loss? The notebook's excluded and restricted losses, before the
/// repository moved them to the hidden layer.
///
/// The network must be told by its tables (see [`paired_block`]): `pairing` says how. A transformer is not.
///
/// # Errors
/// As [`super::super::tables()`]; a name that is not among `irreps`; embeddings without a column for each neuron.
pub fn embedding_losses<T: Real>(
    circuit: &Circuit<'_, T>,
    pairing: Pairing,
    irreps: &[Irrep],
    key: &[String],
) -> Result<EmbeddingLosses, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, irreps, key)?;
    check::same_size("neurons", ("embed_x", circuit.embed_x.ncols()), ("unembed", circuit.width()))?;
    let sides = [circuit.embed_x, circuit.embed_y].map(|x| x.mapv(Real::to_f64));
    let part = |irrep: &Irrep| sides.each_ref().map(|x| projected(irrep.span.view(), x.view()));
    let loss = |sides: [Array2<f64>; 2]| loss_of(circuit, pairing, sides.map(|x| x.mapv(T::from_f64)));
    let less = |parts: &[Array2<f64>; 2]| [&sides[0] - &parts[0], &sides[1] - &parts[1]];
    let mut excluded = Vec::new();
    let mut kept = [Array2::zeros(sides[0].raw_dim()), Array2::zeros(sides[1].raw_dim())];
    for irrep in irreps {
        let parts = part(irrep);
        if key.contains(&irrep.name) {
            kept.iter_mut().zip(&parts).for_each(|(kept, part)| *kept += part);
        }
        excluded.push((irrep.name.clone(), loss(less(&parts))?));
    }
    Ok(EmbeddingLosses { excluded, total_excluded: loss(less(&kept))?, restricted: loss(kept)? })
}

fn projected(span: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    matmul(span, matmul_tn(span, x).view())
}

fn loss_of<T: Real>(circuit: &Circuit<'_, T>, pairing: Pairing, [x, y]: [Array2<T>; 2]) -> Result<f64, MeasureError> {
    let block = paired_block(x.view(), y.view(), circuit.unembed, pairing);
    let changed =
        Circuit { embed_x: x.view(), embed_y: y.view(), block: &block, residual: false, train: None, ..*circuit };
    let order = circuit.group.order();
    let nothing = Ablation {
        table: Array2::zeros((order, order)),
        by: Coordinate::Product,
        base: Base::Logits,
        pairs: Pairs::All,
    };
    Ok(ablated_losses(&changed, &[nothing])?[0])
}
