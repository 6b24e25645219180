//! From the matrices of some generators to those of a whole group.

use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis};

use super::super::Group;

/// Matrices of all elements as products of those of generators, by shortest words.
pub(super) fn extend(group: &Group, generators: &[(usize, Array2<f64>)], degree: usize) -> Array3<f64> {
    let mut matrices = Array3::zeros((group.order(), degree, degree));
    let mut known = vec![false; group.order()];
    let mut queue = vec![group.identity()];
    known[group.identity()] = true;
    matrices.index_axis_mut(Axis(0), group.identity()).assign(&Array2::eye(degree));
    let mut at = 0;
    while at < queue.len() {
        let element = queue[at];
        for (generator, matrix) in generators {
            let next = group.product(element, *generator);
            if !known[next] {
                known[next] = true;
                queue.push(next);
                let (from, mut to) =
                    matrices.multi_slice_mut((ndarray::s![element, .., ..], ndarray::s![next, .., ..]));
                multiply(from.view(), matrix.view(), &mut to);
            }
        }
        at += 1;
    }
    matrices
}

/// The largest entry of ρ(g) ρ(s) − ρ(gs) over all elements g and generators s, which bounds how far the matrices are
/// from a representation.
pub(super) fn largest_defect(group: &Group, generators: &[(usize, Array2<f64>)], matrices: &Array3<f64>) -> f64 {
    let degree = matrices.dim().1;
    let mut product = Array2::zeros((degree, degree));
    let mut largest: f64 = 0.0;
    for element in 0..group.order() {
        for (generator, matrix) in generators {
            multiply(matrices.index_axis(Axis(0), element), matrix.view(), &mut product.view_mut());
            let expected = matrices.index_axis(Axis(0), group.product(element, *generator));
            largest = product.iter().zip(expected).fold(largest, |largest, (a, b)| largest.max((a - b).abs()));
        }
    }
    largest
}

fn multiply(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, to: &mut ArrayViewMut2<'_, f64>) {
    for (row, mut result) in a.outer_iter().zip(to.outer_iter_mut()) {
        result.fill(0.0);
        for (&factor, other) in row.iter().zip(b.outer_iter()) {
            result.scaled_add(factor, &other);
        }
    }
}
