//! Products of small dense matrices on the packed kernels, each on the calling thread.

use kymograph_linalg::Real;

use crate::kernels::{Aligned, Columns, Examples, Kernels, Rows};

/// A row-major matrix with `columns` columns, read as its transpose if asked.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    pub(super) values: &'a [T],
    pub(super) columns: usize,
    pub(super) transposed: bool,
}

impl<'a, T: Real> Matrix<'a, T> {
    pub(super) fn new(values: &'a [T], columns: usize) -> Self {
        Self { values, columns, transposed: false }
    }

    pub(super) fn transposed(values: &'a [T], columns: usize) -> Self {
        Self { values, columns, transposed: true }
    }

    /// (rows, columns) as it is read.
    fn shape(&self) -> (usize, usize) {
        let rows = self.values.len() / self.columns;
        if self.transposed { (self.columns, rows) } else { (rows, self.columns) }
    }

    /// Packs it as the columns of a product; returns how many there are.
    pub(super) fn pack(&self, kernels: &Kernels<T>, packed: &mut Aligned<T>) -> usize {
        let (depth, columns) = self.shape();
        kernels.pack(depth, columns, packed, |row, first, numbers| {
            if self.transposed {
                let column = self.values[first * self.columns + row..].iter().step_by(self.columns);
                numbers.iter_mut().zip(column).for_each(|(number, &value)| *number = value);
            } else {
                numbers.copy_from_slice(&self.values[row * self.columns + first..][..numbers.len()]);
            }
        });
        columns
    }
}

/// `out = a · b (+ bias)`, where the rows of `a` are as long as `b` has rows.
pub(super) fn product<T: Real>(
    kernels: &Kernels<T>,
    a: &[T],
    b: Matrix<'_, T>,
    bias: Option<&[T]>,
    scratch: &mut Aligned<T>,
    out: &mut [T],
) {
    let (depth, _) = b.shape();
    let count = b.pack(kernels, scratch);
    let columns = Columns { packed: scratch, count, bias, rectify: false };
    kernels.product(a, &Rows::dense(a.len() / depth, depth), &columns, out);
}

/// `out = aᵀ · b`, or `out += aᵀ · b`; `a` and `b` have equally many rows, of `depth` and `columns` numbers.
pub(super) fn transposed_product<T: Real>(
    kernels: &Kernels<T>,
    (a, depth): (&[T], usize),
    (b, columns): (&[T], usize),
    out: &mut [T],
    accumulate: bool,
) {
    let examples = Examples { values: a, count: 1, stride: a.len() };
    kernels.weight_gradient(&examples, &Rows::dense(a.len() / depth, depth), b, columns, out, accumulate);
}
