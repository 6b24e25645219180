//! What can be read off the directions of features one by one.

use kymograph_linalg::Real;
use kymograph_linalg::random::normal;
use ndarray::{Array2, ArrayView2};
use rand::Rng;

use crate::{MeasureError, check};

/// Norm above which a feature counts as represented. A feature that is given back whole has norm 1 in a tied model, one that
/// is dropped has 0; models end near either.
const REPRESENTED: f64 = 0.5;

fn wide<T: Real>(w: ArrayView2<'_, T>) -> Result<Array2<f64>, MeasureError> {
    check::matrix("weights", w)?;
    Ok(w.mapv(Real::to_f64))
}

fn norm(column: ndarray::ArrayView1<'_, f64>) -> f64 {
    column.dot(&column).sqrt()
}

/// **How strongly is each feature written into the hidden layer?**
///
/// `‖W_i‖`, the norm of each column of `w` (`hidden × feature`). 0 is a feature that is dropped.
///
/// **Misleads** where encoder and decoder are not tied: a small column may be made up for by the decoder.
///
/// # Errors
/// Empty or not finite weights.
///
/// Reference: Elhage et al. 2022, Toy Models of Superposition, section 2.
///
/// ```
/// let w = ndarray::array![[3.0, 0.0], [4.0, 0.0]];
/// assert_eq!(kymograph_measures::superposition::feature_norms(w.view())?, [5.0, 0.0]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn feature_norms<T: Real>(w: ArrayView2<'_, T>) -> Result<Vec<f64>, MeasureError> {
    Ok(wide(w)?.columns().into_iter().map(norm).collect())
}

/// Which features have a norm above one half.
///
/// # Errors
/// As [`feature_norms`].
pub fn represented<T: Real>(w: ArrayView2<'_, T>) -> Result<Vec<usize>, MeasureError> {
    let norms = feature_norms(w)?;
    Ok((0..norms.len()).filter(|&i| norms[i] > REPRESENTED).collect())
}

/// **What fraction of a dimension does each feature get?**
///
/// `D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)²`, with `Ŵ_i` the column scaled to length 1; 0 for a column of zeros. 1 is a dimension of
/// its own, 1/2 an antipodal pair, 2/3 a triangle, 2/5 a pentagon, 3/4 a tetrahedron, 3/8 a square antiprism.
///
/// **Misleads** for features whose norm is near zero: their direction is noise, and D_i is small or large by chance.
///
/// # Errors
/// As [`feature_norms`].
///
/// Reference: Elhage et al. 2022, Toy Models of Superposition, section 4.
///
/// ```
/// let pair = ndarray::array![[1.0, -1.0]];
/// assert_eq!(kymograph_measures::superposition::dimensionality(pair.view())?, [0.5, 0.5]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn dimensionality<T: Real>(w: ArrayView2<'_, T>) -> Result<Vec<f64>, MeasureError> {
    let w = scaled(wide(w)?);
    let gram = w.t().dot(&w);
    let one = |i: usize| {
        let own = gram[[i, i]];
        let shared: f64 = gram.row(i).iter().map(|g| g * g).sum();
        if shared > 0.0 { own * own / shared } else { 0.0 }
    };
    Ok((0..w.ncols()).map(one).collect())
}

/// Divided by the largest entry, so that no square overflows; as it is where all are zero. Ratios of squares stay.
fn scaled(mut w: Array2<f64>) -> Array2<f64> {
    let largest = w.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    if largest > 0.0 {
        w.mapv_inplace(|v| v / largest);
    }
    w
}

/// **How many dimensions are there to a feature?**
///
/// `m / ‖W‖²_F`, with m hidden units: the squared norm stands for the number of features represented. 1 without
/// superposition, below 1 with it. `None` for weights that are all zero.
///
/// # Errors
/// As [`feature_norms`].
///
/// Reference: Elhage et al. 2022, Toy Models of Superposition, section 4 (`D*`).
///
/// ```
/// let pair = ndarray::array![[1.0, -1.0]];
/// assert_eq!(kymograph_measures::superposition::dimensions_per_feature(pair.view())?, Some(0.5));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn dimensions_per_feature<T: Real>(w: ArrayView2<'_, T>) -> Result<Option<f64>, MeasureError> {
    let total: f64 = wide(w)?.iter().map(|v| v * v).sum();
    Ok((total > 0.0 && total.is_finite()).then(|| w.nrows() as f64 / total))
}

/// By what the products of directions are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interference {
    /// By nothing: `Σ_{j≠i} (W_i · W_j)²`. Small weights alone make it small.
    Raw,
    /// By the feature's own norm: `Σ_{j≠i} (Ŵ_i · W_j)²`, as in the source.
    OwnNorm,
    /// By both norms: the sum of squared cosines, from 0 to n − 1.
    Cosine,
}

/// **How much do the other features lie along this one's direction?**
///
/// The sum over all other features of their squared product with it, divided as [`Interference`] says; 0 for a column of
/// zeros. Random directions in m dimensions have (n − 1)/m as their sum of squared cosines.
///
/// # Errors
/// As [`feature_norms`].
///
/// Reference: Elhage et al. 2022, Toy Models of Superposition, section 2.
///
/// ```
/// use kymograph_measures::superposition::{Interference, interference};
/// let pair = ndarray::array![[2.0, -3.0]];
/// assert_eq!(interference(pair.view(), Interference::Raw)?, [36.0, 36.0]);
/// assert_eq!(interference(pair.view(), Interference::OwnNorm)?, [9.0, 4.0]);
/// assert_eq!(interference(pair.view(), Interference::Cosine)?, [1.0, 1.0]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn interference<T: Real>(w: ArrayView2<'_, T>, by: Interference) -> Result<Vec<f64>, MeasureError> {
    let w = wide(w)?;
    let norms: Vec<f64> = w.columns().into_iter().map(norm).collect();
    let gram = w.t().dot(&w);
    let one = |i: usize| {
        let mut sum = 0.0;
        for j in (0..norms.len()).filter(|&j| j != i) {
            let by = match by {
                Interference::Raw => 1.0,
                Interference::OwnNorm => norms[i],
                Interference::Cosine => norms[i] * norms[j],
            };
            if by > 0.0 {
                sum += (gram[[i, j]] / by).powi(2);
            }
        }
        sum
    };
    let sums: Vec<f64> = (0..norms.len()).map(one).collect();
    match sums.iter().find(|sum| !sum.is_finite()) {
        Some(&value) => Err(MeasureError::Overflow { measure: "interference", value }),
        None => Ok(sums),
    }
}

/// Directions uniform on the sphere, `hidden × feature`, each with norm 1.
pub fn random_directions<R: Rng + ?Sized>(rng: &mut R, hidden: usize, features: usize) -> Array2<f64> {
    let mut w = Array2::from_shape_simple_fn((hidden, features), || normal(rng));
    for mut column in w.columns_mut() {
        let length = norm(column.view());
        if length > 0.0 {
            column /= length;
        }
    }
    w
}
