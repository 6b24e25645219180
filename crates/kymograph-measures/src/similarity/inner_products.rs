//! The sums over pairs of examples on which both forms of linear CKA stand, by whichever form is cheaper, and for as
//! many orders of the examples as nulls ask for.

use kymograph_linalg::{Real, column_gram, cross_column_gram, gram};
use ndarray::{Array2, ArrayView2, Axis};

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

/// Sums over the Gram matrices K = XXᵀ and L = YYᵀ of two centred arrays.
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

/// What the sums are taken from: features × features since `‖XᵀY‖²` is Σᵢⱼ KᵢⱼLᵢⱼ, or K and L themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    ColumnGrams,
    RowGrams,
}

/// Two centred arrays of the same examples, and all that does not depend on which example of one meets which of the
/// other.
pub(super) struct Pair<T> {
    entries: Entries,
    x: Array2<T>,
    y: Array2<T>,
    /// K and L where they are held.
    grams: Option<(Array2<T>, Array2<T>)>,
    xx: f64,
    yy: f64,
    x_diagonal: Vec<f64>,
    y_diagonal: Vec<f64>,
}

impl<T: Real> Pair<T> {
    /// Of arrays that are not centred yet, in the cheaper form.
    pub(super) fn new(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, entries: Entries) -> Result<Self, MeasureError> {
        let (x, y) = (centred("x", x)?, centred("y", y)?);
        check::same_size("examples", ("x", x.nrows()), ("y", y.nrows()))?;
        let (n, p, q) = (x.nrows() as f64, x.ncols() as f64, y.ncols() as f64);
        let by_features = n * (p * p + q * q + 2.0 * p * q) <= n * n * (p + q);
        Ok(Self::by(if by_features { Form::ColumnGrams } else { Form::RowGrams }, x, y, entries))
    }

    pub(super) fn by(form: Form, x: Array2<T>, y: Array2<T>, entries: Entries) -> Self {
        let (x_diagonal, y_diagonal) = (squared_norms(x.view()), squared_norms(y.view()));
        let (grams, xx, yy) = match form {
            Form::ColumnGrams => {
                let own = |z: &Array2<T>, diagonal| off(squared(&column_gram(z.view())), diagonal, diagonal, entries);
                (None, own(&x, &x_diagonal), own(&y, &y_diagonal))
            }
            Form::RowGrams => {
                let (mut k, mut l) = (gram(x.view()), gram(y.view()));
                if entries == Entries::OffDiagonal {
                    k.diag_mut().fill(T::ZERO);
                    l.diag_mut().fill(T::ZERO);
                }
                let (xx, yy) = (product_in(&k, &k, None), product_in(&l, &l, None));
                (Some((k, l)), xx, yy)
            }
        };
        Self { entries, x, y, grams, xx, yy, x_diagonal, y_diagonal }
    }

    pub(super) fn examples(&self) -> usize {
        self.x.nrows()
    }

    /// With example i of `x` beside example `order[i]` of `y`, or beside its own where no order is given.
    pub(super) fn products(&self, order: Option<&[usize]>) -> InnerProducts {
        let y_diagonal = match order {
            None => self.y_diagonal.clone(),
            Some(order) => order.iter().map(|&i| self.y_diagonal[i]).collect(),
        };
        let xy = match (&self.grams, order) {
            (Some((k, l)), order) => product_in(k, l, order),
            (None, None) => self.by_columns(self.y.view(), &y_diagonal),
            (None, Some(order)) => self.by_columns(self.y.select(Axis(0), order).view(), &y_diagonal),
        };
        InnerProducts { xx: self.xx, xy, yy: self.yy, x_diagonal: self.x_diagonal.clone(), y_diagonal }
    }

    fn by_columns(&self, y: ArrayView2<'_, T>, y_diagonal: &[f64]) -> f64 {
        off(squared(&cross_column_gram(self.x.view(), y)), &self.x_diagonal, y_diagonal, self.entries)
    }
}

/// A sum over all entries without that over the diagonal, if so asked for.
fn off(all: f64, a: &[f64], b: &[f64], entries: Entries) -> f64 {
    match entries {
        Entries::All => all,
        Entries::OffDiagonal => all - dot(a, b),
    }
}

/// Σᵢⱼ KᵢⱼLᵢⱼ with the rows and columns of L in an order, row by row so that a long sum is one of short ones.
fn product_in<T: Real>(k: &Array2<T>, l: &Array2<T>, order: Option<&[usize]>) -> f64 {
    let product = |(a, b): (&T, &T)| a.to_f64() * b.to_f64();
    let rows = k.outer_iter().enumerate();
    match order {
        None => rows.map(|(i, k)| k.iter().zip(l.row(i)).map(product).sum::<f64>()).sum(),
        Some(order) => rows
            .map(|(i, k)| {
                let l = l.row(order[i]);
                k.iter().zip(order.iter().map(|&j| &l[j])).map(product).sum::<f64>()
            })
            .sum(),
    }
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
