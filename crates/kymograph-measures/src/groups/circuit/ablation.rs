//! A second pass: the loss after a part of the logits that depends on one element has been taken away, for many parts at once.
//!
//! softmax(z − D) needs no exponential of its own: exp(z − D) = exp(z) exp(−D), and exp(−D) is a table of |G| rows.

use kymograph_linalg::{Real, matmul_into_sequential, parallel};
use ndarray::{Array1, Array2};

use super::Circuit;
use super::losses::{cross_entropy, from_others};
use super::tables::{PIECES, block, dot, widen};
use crate::{MeasureError, check};

/// The element that picks the row of an [`Ablation`]'s table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinate {
    /// The left element a.
    Left,
    /// The right element b.
    Right,
    /// The product ab.
    Product,
}

/// Which logits something is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The network's logits.
    Logits,
    /// What the hidden layer alone writes, `hidden · unembed`: in a network with a residual stream not the same.
    HiddenTimesUnembed,
}

/// Which pairs the loss is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// Those trained on.
    Train,
    /// All.
    All,
}

/// Something to take away from the logits of every pair.
#[derive(Clone, Debug)]
pub struct Ablation {
    /// element × logit: the row that is taken away.
    pub table: Array2<f64>,
    /// Which element picks the row.
    pub by: Coordinate,
    /// What it is taken from.
    pub base: Base,
    /// Over which pairs.
    pub pairs: Pairs,
}

/// Beyond this range of logits and table together their product of exponentials may vanish, and the row is done in full.
const SAFE_RANGE: f64 = 600.0;

/// What does the loss become after each ablation? Mean cross-entropy over the ablation's pairs, nats.
///
/// Cost: |G|³ multiplications for each ablation over all pairs, and one exponential for each logit whatever their
/// number. The same bits for any number of threads.
///
/// # Errors
/// As [`super::tables()`]; a table that is not |G| × |G| or holds an entry that is not finite.
pub fn ablated_losses<T: Real>(circuit: &Circuit<'_, T>, ablations: &[Ablation]) -> Result<Vec<f64>, MeasureError> {
    circuit.check()?;
    let order = circuit.group.order();
    for ablation in ablations {
        check::same_size("elements", ("group", order), ("table", ablation.table.nrows()))?;
        check::same_size("elements", ("group", order), ("table", ablation.table.ncols()))?;
        check::matrix("table", ablation.table.view())?;
    }
    if ablations.is_empty() {
        return Ok(Vec::new());
    }
    let prepared: Vec<Prepared<'_>> = ablations.iter().map(Prepared::new).collect();
    let ranges = parallel::ranges(order, PIECES);
    let parts = parallel::map_indices(ranges.len(), |piece| {
        let mut losses = Array1::zeros(ablations.len());
        let mut hidden = Array2::<T>::zeros((order, circuit.width()));
        let mut logits = Array2::<T>::zeros((order, order));
        for a in ranges[piece].clone() {
            block(circuit, a, &mut hidden, &mut logits)?;
            // Without a residual stream both bases are the same, and share their exponentials.
            let shared = !circuit.residual;
            let of = |base: Base| {
                let chosen = prepared.iter().enumerate().filter(move |(_, p)| shared || p.ablation.base == base);
                chosen.collect::<Vec<_>>()
            };
            add_losses(circuit, a, &logits, &of(Base::Logits), &mut losses);
            if circuit.residual {
                matmul_into_sequential(T::ONE, hidden.view(), circuit.unembed, T::ZERO, logits.view_mut());
                add_losses(circuit, a, &logits, &of(Base::HiddenTimesUnembed), &mut losses);
            }
        }
        Ok(losses)
    });
    let mut sum = Array1::<f64>::zeros(ablations.len());
    for part in parts {
        sum += &part?;
    }
    let trained = (0..order * order).filter(|&pair| circuit.trained(pair)).count();
    let losses = ablations.iter().zip(sum).map(|(ablation, loss)| {
        let pairs = if ablation.pairs == Pairs::All { order * order } else { trained };
        check::number("an ablated loss", loss / pairs as f64)
    });
    losses.collect()
}

/// A table with the exponentials of its negative, scaled so that the largest of a row is one.
struct Prepared<'a> {
    ablation: &'a Ablation,
    factors: Array2<f64>,
    lowest: Vec<f64>,
    range: Vec<f64>,
}

impl<'a> Prepared<'a> {
    fn new(ablation: &'a Ablation) -> Self {
        let mut factors = ablation.table.clone();
        let (mut lowest, mut range) = (Vec::new(), Vec::new());
        for mut row in factors.outer_iter_mut() {
            let (low, high) = row.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
            row.mapv_inplace(|x| (low - x).exp());
            lowest.push(low);
            range.push(high - low);
        }
        Self { ablation, factors, lowest, range }
    }
}

fn add_losses<T: Real>(
    circuit: &Circuit<'_, T>,
    a: usize,
    logits: &Array2<T>,
    prepared: &[(usize, &Prepared<'_>)],
    losses: &mut Array1<f64>,
) {
    let order = circuit.group.order();
    if prepared.is_empty() {
        return;
    }
    let all = prepared.iter().any(|(_, p)| p.ablation.pairs == Pairs::All);
    let (mut z, mut exponentials) = (vec![0.0; order], vec![0.0; order]);
    for b in 0..order {
        let trained = circuit.trained(a * order + b);
        if !trained && !all {
            continue;
        }
        let g = circuit.group.product(a, b);
        widen(logits, b, &mut z);
        let (low, top) = z.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        for (to, x) in exponentials.iter_mut().zip(&z) {
            *to = (x - top).exp();
        }
        exponentials[g] = 0.0;
        for &(at, p) in prepared {
            if !trained && p.ablation.pairs == Pairs::Train {
                continue;
            }
            let row = match p.ablation.by {
                Coordinate::Left => a,
                Coordinate::Right => b,
                Coordinate::Product => g,
            };
            losses[at] += if top - low + p.range[row] < SAFE_RANGE {
                let others = dot(&exponentials, p.factors.row(row).as_slice().unwrap_or(&[]));
                from_others(others.ln(), z[g] - top + p.lowest[row] - p.ablation.table[[row, g]])
            } else {
                let left: Array1<f64> = z.iter().zip(p.ablation.table.row(row)).map(|(z, d)| z - d).collect();
                cross_entropy(left.view(), g)
            };
        }
    }
}
