//! The units of a layer less their means and of norm one, a block of units at a time.

use kymograph_linalg::{Real, Wide, widest};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{MeasureError, check};

/// Units whose sums are kept in registers and the first cache at once.
const BLOCK: usize = 64;

/// Writes every column of `x`, `[example, unit]`, less its mean and of norm one into a place of the same shape, and counts those
/// that are constant; they become zero. Sums are in 64 bits and in the order of the examples.
pub(super) fn standardise<T: Real>(
    input: &'static str,
    x: ArrayView2<'_, T>,
    mut z: ArrayViewMut2<'_, T>,
) -> Result<usize, MeasureError> {
    check::matrix(input, x)?;
    check::rows_at_least(input, x.nrows(), 2, "a correlation")?;
    let standard = x.as_standard_layout();
    let constant = standard
        .axis_chunks_iter(Axis(1), BLOCK)
        .into_par_iter()
        .zip(z.axis_chunks_iter_mut(Axis(1), BLOCK))
        .map(|(x, z)| widest(Block { x, z }))
        .sum();
    if constant == x.ncols() {
        return Err(MeasureError::NoVariation { input, what: "every column is constant over the examples" });
    }
    Ok(constant)
}

/// Some columns of which the entries of a row lie side by side, and where they go.
struct Block<'a, T> {
    x: ArrayView2<'a, T>,
    z: ArrayViewMut2<'a, T>,
}

impl<T: Real> Wide for Block<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { x, mut z } = self;
        let (rows, columns) = x.dim();
        // Squares of f32 fit into f64; those of f64 need each column divided by a power of two.
        let mut inverse = [1.0; BLOCK];
        if T::EPSILON.to_f64() <= 1e-10 {
            for (inverse, column) in inverse.iter_mut().zip(x.columns()) {
                *inverse = 1.0 / check::binary_scale(column);
            }
        }
        // Distances from the first row are exactly zero in a constant column, whatever its value.
        let mut first = [0.0; BLOCK];
        for ((first, v), inverse) in first.iter_mut().zip(x.row(0)).zip(&inverse) {
            *first = v.to_f64() * inverse;
        }
        let mut sum = [0.0; BLOCK];
        for row in x.outer_iter() {
            let row = row.to_slice().unwrap_or_default();
            for (((sum, v), first), inverse) in sum.iter_mut().zip(row).zip(&first).zip(&inverse) {
                *sum += v.to_f64() * inverse - first;
            }
        }
        let mut shift = first;
        for (shift, sum) in shift.iter_mut().zip(&sum) {
            *shift += sum / rows as f64;
        }
        let mut squares = [0.0; BLOCK];
        for row in x.outer_iter() {
            let row = row.to_slice().unwrap_or_default();
            for (((square, v), shift), inverse) in squares.iter_mut().zip(row).zip(&shift).zip(&inverse) {
                let deviation = v.to_f64() * inverse - shift;
                *square += deviation * deviation;
            }
        }
        let factor = squares.map(|square| if square > 0.0 { 1.0 / f64::sqrt(square) } else { 0.0 });
        for (mut to, row) in z.outer_iter_mut().zip(x.outer_iter()) {
            let (to, row) = (to.as_slice_mut().unwrap_or_default(), row.to_slice().unwrap_or_default());
            for ((((to, v), shift), inverse), factor) in to.iter_mut().zip(row).zip(&shift).zip(&inverse).zip(&factor) {
                *to = T::from_f64((v.to_f64() * inverse - shift) * factor);
            }
        }
        squares[..columns].iter().filter(|square| **square == 0.0).count()
    }
}
