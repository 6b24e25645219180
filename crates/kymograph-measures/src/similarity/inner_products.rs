//! The sums over pairs of examples on which both forms of linear CKA stand, by whichever form is cheaper.

use kymograph_linalg::{Real, column_gram, cross_column_gram, gram};
use ndarray::{Array2, ArrayView2, Axis, Zip};

use crate::{Array, MeasureError, check};

/// Centred copy of an array, divided by a power of two so that no square overflows or vanishes. Axes as the input's.
pub(crate) fn centred<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<Array2<T>, MeasureError> {
    centred_and_scale(input, x).map(|(centred, _)| centred)
}

/// The same, with the power of two.
pub(crate) fn centred_and_scale<T: Real>(
    input: &'static str,
    x: ArrayView2<'_, T>,
) -> Result<(Array2<T>, f64), MeasureError> {
    check::matrix(input, x)?;
    let copy: Vec<T>;
    let values = match x.as_slice() {
        Some(values) => values,
        None => {
            copy = x.iter().copied().collect();
            &copy
        }
    };
    let columns = x.ncols();
    let scale = check::binary_scale(values.iter());
    // A power of two within 2^±1000: multiplying by its inverse is as exact as dividing, and faster.
    let inverse = 1.0 / scale;
    let n = x.nrows() as f64;
    // Distances from the first row are exactly zero in a constant column, whatever its value.
    let first: Vec<f64> = values[..columns].iter().map(|value| value.to_f64() * inverse).collect();
    let mut means = vec![0.0; columns];
    for row in values.chunks_exact(columns) {
        for ((mean, value), first) in means.iter_mut().zip(row).zip(&first) {
            *mean += value.to_f64() * inverse - first;
        }
    }
    means.iter_mut().for_each(|mean| *mean /= n);
    let mut result = Array2::<T>::zeros(x.raw_dim());
    let rows = result.as_slice_mut().into_iter().flat_map(|all| all.chunks_exact_mut(columns));
    for (to, row) in rows.zip(values.chunks_exact(columns)) {
        for (((to, value), first), mean) in to.iter_mut().zip(row).zip(&first).zip(&means) {
            *to = T::from_f64(value.to_f64() * inverse - first - mean);
        }
    }
    let spread = check::binary_scale(result.as_slice().into_iter().flatten());
    if result.iter().all(|value| *value == T::ZERO) {
        return Err(MeasureError::NoVariation { input, what: "every column is constant over the examples" });
    }
    let inverse = 1.0 / spread;
    result.mapv_inplace(|value| T::from_f64(value.to_f64() * inverse));
    Ok((result, scale * spread))
}

/// What the Gram matrices K = XXᵀ and L = YYᵀ of two centred arrays have to say, without forming them unless that is
/// cheaper.
pub(super) struct InnerProducts {
    /// Σᵢⱼ KᵢⱼKᵢⱼ, Σᵢⱼ KᵢⱼLᵢⱼ and Σᵢⱼ LᵢⱼLᵢⱼ; over i ≠ j if off-diagonal ones were asked for.
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) yy: f64,
    /// Kᵢᵢ and Lᵢᵢ.
    pub(super) x_diagonal: Vec<f64>,
    pub(super) y_diagonal: Vec<f64>,
}

/// Which entries of the Gram matrices are summed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    All,
    OffDiagonal,
}

pub(super) fn inner_products<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, entries: Entries) -> InnerProducts {
    let (n, p, q) = (x.nrows() as f64, x.ncols() as f64, y.ncols() as f64);
    let by_features = n * (p * p + q * q + 2.0 * p * q) <= n * n * (p + q);
    if by_features { by_column_grams(x, y, entries) } else { by_row_grams(x, y, entries) }
}

/// `‖XᵀY‖²` is Σᵢⱼ KᵢⱼLᵢⱼ: features × features instead of examples × examples.
pub(super) fn by_column_grams<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, entries: Entries) -> InnerProducts {
    let (x_diagonal, y_diagonal) = (squared_norms(x), squared_norms(y));
    let off = |square: f64, a: &[f64], b: &[f64]| match entries {
        Entries::All => square,
        Entries::OffDiagonal => square - dot(a, b),
    };
    InnerProducts {
        xx: off(squared(&column_gram(x)), &x_diagonal, &x_diagonal),
        xy: off(squared(&cross_column_gram(x, y)), &x_diagonal, &y_diagonal),
        yy: off(squared(&column_gram(y)), &y_diagonal, &y_diagonal),
        x_diagonal,
        y_diagonal,
    }
}

pub(super) fn by_row_grams<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, entries: Entries) -> InnerProducts {
    let (mut k, mut l) = (gram(x), gram(y));
    if entries == Entries::OffDiagonal {
        k.diag_mut().fill(T::ZERO);
        l.diag_mut().fill(T::ZERO);
    }
    let [mut xx, mut xy, mut yy] = [0.0; 3];
    // Row by row, so that a long sum is one of short ones.
    Zip::from(k.axis_iter(Axis(0))).and(l.axis_iter(Axis(0))).for_each(|k, l| {
        let [mut row_xx, mut row_xy, mut row_yy] = [0.0; 3];
        for (a, b) in k.iter().zip(l) {
            let (a, b) = (a.to_f64(), b.to_f64());
            row_xx += a * a;
            row_xy += a * b;
            row_yy += b * b;
        }
        xx += row_xx;
        xy += row_xy;
        yy += row_yy;
    });
    InnerProducts { xx, xy, yy, x_diagonal: squared_norms(x), y_diagonal: squared_norms(y) }
}

/// Says when there are few examples for the features.
pub(super) fn few_examples(arrays: &[Array<'_>], consequence: &str) -> Option<String> {
    let n = arrays.first().map_or(0, |array| array.shape()[0]);
    let widest = arrays.iter().map(|array| array.shape()[1]).max().unwrap_or(0);
    (n < 10 * widest).then(|| format!("{n} examples for {widest} features, fewer than 10 for each: {consequence}"))
}

fn squared_norms<T: Real>(x: ArrayView2<'_, T>) -> Vec<f64> {
    x.outer_iter().map(|row| row.iter().map(|value| value.to_f64().powi(2)).sum()).collect()
}

fn squared(matrix: &Array2<f64>) -> f64 {
    matrix.outer_iter().map(|row| row.iter().map(|value| value * value).sum::<f64>()).sum()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
