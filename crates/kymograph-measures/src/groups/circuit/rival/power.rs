//! The full Fourier power over pairs: how much of a layer is ρ of the left element times σ of the right one?

use kymograph_linalg::{Real, matmul, parallel};
use ndarray::{Array2, s};

use super::super::Circuit;
use super::super::summary::check_irreps;
use super::super::tables::{block, widen};
use crate::MeasureError;
use crate::groups::Irrep;

/// Which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The hidden layer.
    Hidden,
    /// The logits.
    Logits,
}

/// Shares of the squares of a layer over all pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct PairPower {
    /// representation of the left element × representation of the right: share of the squares, not centred.
    pub shares: Array2<f64>,
    /// What the given representations leave over: 0 if they are all the group has.
    pub rest: f64,
}

/// Neurons are done so many at a time that their values over all pairs fill at most this many numbers.
const HELD: usize = 1 << 23;

/// How much of a layer is a product of the entries of ρ(a) with those of σ(b), for every ρ and σ?
///
/// The functions ρ(ab) are d² of the d⁴ in the block (ρ, ρ); the blocks (ρ, trivial) and (trivial, ρ) are ρ(a) and ρ(b)
/// alone. Axes: pairs × neurons as in [`Circuit`]. All shares are in [0, 1] and sum to 1 − `rest`.
///
/// Cost: 4 |G|³ multiplications for each neuron, 256 MiB at most; above 8 million pairs times neurons the activations are taken
/// several times.
///
/// # Errors
/// As [`super::super::tables()`]; a layer that is zero.
pub fn pair_power<T: Real>(
    circuit: &Circuit<'_, T>,
    irreps: &[Irrep],
    layer: Layer,
) -> Result<PairPower, MeasureError> {
    circuit.check()?;
    check_irreps(circuit.group, irreps, &[])?;
    let order = circuit.group.order();
    let columns = if layer == Layer::Hidden { circuit.width() } else { order };
    let spans: Vec<usize> = irreps.iter().map(|irrep| irrep.span.ncols()).collect();
    let all: usize = spans.iter().sum();
    let mut basis = Array2::<f64>::zeros((all, order));
    let mut starts = vec![0];
    for (irrep, span) in irreps.iter().zip(&spans) {
        let start = starts[starts.len() - 1];
        basis.slice_mut(s![start..start + span, ..]).assign(&irrep.span.t());
        starts.push(start + span);
    }
    let mut power = Array2::<f64>::zeros((irreps.len(), irreps.len()));
    let mut total = 0.0;
    for chosen in parallel::blocks(columns, (HELD / (order * order)).max(1)) {
        let count = chosen.len();
        // Left element × (function of the right element, neuron).
        let rows = parallel::map_indices(order, |a| {
            let mut hidden = Array2::<T>::zeros((order, circuit.width()));
            let mut logits = Array2::<T>::zeros((order, order));
            block(circuit, a, &mut hidden, &mut logits)?;
            let from = if layer == Layer::Hidden { &hidden } else { &logits };
            let mut row = vec![0.0; columns];
            let mut values = Array2::<f64>::zeros((order, count));
            for (b, mut to) in values.outer_iter_mut().enumerate() {
                widen(from, b, &mut row);
                to.iter_mut().zip(&row[chosen.clone()]).for_each(|(to, x)| *to = *x);
            }
            let squares: f64 = values.iter().map(|x| x * x).sum();
            let mut turned = Array2::zeros((all, count));
            kymograph_linalg::matmul_into_sequential(1.0, basis.view(), values.view(), 0.0, turned.view_mut());
            Ok((turned.into_raw_vec_and_offset().0, squares))
        });
        let mut held = Array2::<f64>::zeros((order, all * count));
        for (mut to, row) in held.outer_iter_mut().zip(rows) {
            let (values, squares) = row?;
            to.iter_mut().zip(values).for_each(|(to, x)| *to = x);
            total += squares;
        }
        let turned = matmul(basis.view(), held.view());
        for left in 0..irreps.len() {
            for right in 0..irreps.len() {
                let rows = starts[left]..starts[left + 1];
                let columns = starts[right] * count..starts[right + 1] * count;
                power[[left, right]] += turned.slice(s![rows, columns]).iter().map(|x| x * x).sum::<f64>();
            }
        }
    }
    if total == 0.0 {
        return Err(MeasureError::NoVariation { input: "layer", what: "every activation is zero" });
    }
    let shares = power / total;
    Ok(PairPower { rest: 1.0 - shares.sum(), shares })
}
