//! Is a neuron's embedding constant on the cosets of a subgroup?

use kymograph_linalg::parallel;
use ndarray::{Array2, ArrayView2};

use crate::groups::{Group, Subgroup, left_cosets, right_cosets};
use crate::{MeasureError, check};

/// Which cosets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CosetSide {
    /// gH.
    Left,
    /// Hg.
    Right,
}

/// The subgroup whose cosets a function on the group respects best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosetHome {
    /// Smallest concentration over all subgroups and both sides: 0 where the function is constant on each coset, about the
    /// number of cosets for noise on large ones.
    pub concentration: f64,
    /// Largest share of the variance that lies between cosets, in [0, 1].
    pub alignment: f64,
    /// The largest subgroup with an alignment of .9 or more (of equally large ones the best aligned), and the side; where
    /// none reaches that, the best aligned.
    pub subgroup: usize,
    /// Its alignment.
    pub subgroup_alignment: f64,
    /// Which of its cosets.
    pub side: CosetSide,
    /// Variance of the function over the group (its energy).
    pub energy: f64,
}

/// The alignment from which a function counts as constant on cosets (the affine re-test of the released networks).
const ALIGNED: f64 = 0.9;

/// How unlike are the values of each function within the cosets of one subgroup?
///
/// C_H(f) = Σ over the cosets C of Var(f | C) / Var(f), variances over elements alike likely. Axes: `functions` is element ×
/// function, one embedding's columns before the nonlinearity. 0: constant on each coset; for noise near
/// (number of cosets) · (1 − 1/|H|). `None` for a function that is constant. The sum is not weighted by 1/(number of
/// cosets), so that numbers of different subgroups do not compare; [`CosetHome::alignment`] does.
///
/// # Errors
/// An entry that is not finite, a shape that does not fit, a subgroup of another group.
///
/// # References
/// Stander, Yu, Fan & Biderman 2024, Grokking group multiplication with cosets (arXiv:2312.06581), section 4.
pub fn coset_concentration(
    group: &Group,
    functions: ArrayView2<'_, f64>,
    subgroup: &Subgroup,
    side: CosetSide,
) -> Result<Vec<Option<f64>>, MeasureError> {
    check_functions(group, functions)?;
    let labels = cosets(group, subgroup, side)?;
    let parts = group.order() / subgroup.order;
    let variances = variances(functions);
    let within = within(functions, &labels, parts);
    let ratio =
        |(within, variance): (f64, &f64)| (*variance > 0.0).then(|| within / (subgroup.order as f64 * variance));
    Ok(within.into_iter().zip(&variances).map(ratio).collect())
}

/// On which subgroup's cosets is each function most nearly constant, over all given subgroups and both sides?
///
/// Subgroups of one element say nothing and are passed over; so is the whole group. `None` for a function that is
/// constant. Axes as in [`coset_concentration`].
///
/// It misleads without [`super::super::nulls::permuted_elements`]: with 156 subgroups to choose from, small ones give noise an
/// alignment of one half and more. Neurons that hold an irreducible representation of degree one are constant on the
/// cosets of its kernel.
///
/// # Errors
/// As [`coset_concentration`]; no subgroup left.
pub fn coset_homes(
    group: &Group,
    functions: ArrayView2<'_, f64>,
    subgroups: &[Subgroup],
) -> Result<Vec<Option<CosetHome>>, MeasureError> {
    check_functions(group, functions)?;
    let order = group.order();
    let used: Vec<usize> = (0..subgroups.len()).filter(|&at| (2..order).contains(&subgroups[at].order)).collect();
    if used.is_empty() {
        let why = "a coset concentration";
        return Err(MeasureError::TooFew { input: "subgroups", what: "proper subgroups", found: 0, needed: 1, why });
    }
    let variances = variances(functions);
    let rows = parallel::map_indices(used.len(), |at| {
        let subgroup = &subgroups[used[at]];
        let sides = [CosetSide::Left, CosetSide::Right].map(|side| {
            let labels = cosets(group, subgroup, side)?;
            Ok((side, within(functions, &labels, order / subgroup.order)))
        });
        sides.into_iter().collect::<Result<Vec<_>, MeasureError>>()
    });
    let mut homes: Vec<Option<CosetHome>> = vec![None; functions.ncols()];
    for (&subgroup, sides) in used.iter().zip(rows) {
        for (side, within) in sides? {
            let size = subgroups[subgroup].order;
            for ((home, within), &energy) in homes.iter_mut().zip(within).zip(&variances) {
                if energy > 0.0 {
                    let alignment = (1.0 - within / (order as f64 * energy)).clamp(0.0, 1.0);
                    let concentration = within / (size as f64 * energy);
                    join(home, subgroups, concentration, alignment, subgroup, side, energy);
                }
            }
        }
    }
    Ok(homes)
}

fn join(
    home: &mut Option<CosetHome>,
    subgroups: &[Subgroup],
    concentration: f64,
    alignment: f64,
    subgroup: usize,
    side: CosetSide,
    energy: f64,
) {
    let Some(best) = home else {
        *home = Some(CosetHome { concentration, alignment, subgroup, subgroup_alignment: alignment, side, energy });
        return;
    };
    best.concentration = best.concentration.min(concentration);
    best.alignment = best.alignment.max(alignment);
    let rank = |alignment: f64, subgroup: usize| {
        let reached = alignment >= ALIGNED;
        (reached, if reached { subgroups[subgroup].order } else { 0 }, alignment)
    };
    if rank(alignment, subgroup) > rank(best.subgroup_alignment, best.subgroup) {
        (best.subgroup, best.subgroup_alignment, best.side) = (subgroup, alignment, side);
    }
}

/// What share of the energy of all functions lies in those aligned with each subgroup by .9 or more? By subgroup, in
/// descending order of share; the rest is aligned with none.
pub fn energy_by_subgroup(homes: &[Option<CosetHome>]) -> Vec<(usize, f64)> {
    let all: f64 = homes.iter().flatten().map(|home| home.energy).sum();
    let mut shares = std::collections::BTreeMap::<usize, f64>::new();
    for home in homes.iter().flatten().filter(|home| home.subgroup_alignment >= ALIGNED) {
        *shares.entry(home.subgroup).or_default() += home.energy / all;
    }
    let mut shares: Vec<_> = shares.into_iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares
}

/// The coset of each element.
fn cosets(group: &Group, subgroup: &Subgroup, side: CosetSide) -> Result<Vec<usize>, MeasureError> {
    let labels = match side {
        CosetSide::Left => left_cosets(group, subgroup),
        CosetSide::Right => right_cosets(group, subgroup),
    };
    labels.map_err(|error| MeasureError::Kernel { measure: "coset_concentration", message: error.to_string() })
}

fn check_functions(group: &Group, functions: ArrayView2<'_, f64>) -> Result<(), MeasureError> {
    check::same_size("elements", ("group", group.order()), ("functions", functions.nrows()))?;
    check::matrix("functions", functions)
}

/// Variance of each column; exactly zero for a constant one.
fn variances(functions: ArrayView2<'_, f64>) -> Vec<f64> {
    let rows = functions.nrows() as f64;
    let of = |column: ndarray::ArrayView1<'_, f64>| {
        let first = column[0];
        let mean = column.iter().map(|x| x - first).sum::<f64>() / rows;
        let variance = column.iter().map(|x| (x - first - mean).powi(2)).sum::<f64>() / rows;
        let scale = column.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
        if variance <= (1e-14 * scale).powi(2) { 0.0 } else { variance }
    };
    functions.axis_iter(ndarray::Axis(1)).map(of).collect()
}

/// Σ (f − its coset's mean)² of each column.
fn within(functions: ArrayView2<'_, f64>, labels: &[usize], parts: usize) -> Vec<f64> {
    let mut means = Array2::<f64>::zeros((parts, functions.ncols()));
    for (row, &label) in functions.outer_iter().zip(labels) {
        let mut mean = means.row_mut(label);
        mean += &row;
    }
    means /= labels.len() as f64 / parts as f64;
    let mut sums = vec![0.0; functions.ncols()];
    for (row, &label) in functions.outer_iter().zip(labels) {
        for ((sum, x), mean) in sums.iter_mut().zip(row).zip(means.row(label)) {
            *sum += (x - mean) * (x - mean);
        }
    }
    sums
}
