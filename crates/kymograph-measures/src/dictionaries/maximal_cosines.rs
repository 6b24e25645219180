//! For each direction of one set, the nearest of another.

use kymograph_linalg::{Real, matmul_into_sequential, parallel};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::{MeasureError, check};

/// Directions compared at a time; their products stay in the cache, and no table of all pairs is ever held.
const TILE: usize = 256;

/// The nearest direction of another set, for each of one.
#[derive(Clone, Debug, PartialEq)]
pub struct MaximalCosines {
    /// The largest cosine, signed; 0 for a row of zeros, which has no direction.
    pub cosines: Vec<f64>,
    /// Whose it is; the lower index among equals.
    pub indices: Vec<usize>,
    /// Rows of zeros on the first side.
    pub zero_x: Vec<usize>,
    /// Rows of zeros on the second side.
    pub zero_y: Vec<usize>,
}

impl MaximalCosines {
    /// The cosines of the rows that have a direction.
    pub(super) fn of_directions(&self) -> Vec<f64> {
        let zero: std::collections::BTreeSet<usize> = self.zero_x.iter().copied().collect();
        self.cosines.iter().enumerate().filter(|(row, _)| !zero.contains(row)).map(|(_, cosine)| *cosine).collect()
    }
}

/// **Which direction of `y` is nearest to each of `x`, and how near is it?**
///
/// `max_k cos(x_g, y_k)`, signed: `x` is `[unit, input]`, `y` `[other unit, input]`; all pairs are compared in tiles, in the
/// arrays' own precision (in f32 a cosine is off by less than 10⁻⁶). With `own`, a direction is not compared with the one at
/// its own place, to find duplicates within a set.
///
/// Unchanged by rotating inputs jointly and a positive factor per unit.
///
/// **Misleads**: see [`super::mean_max_cosine()`].
///
/// # Errors
/// Numbers of inputs that differ, empty or not finite input, sides of which every row is zero, and fewer than two
/// directions with `own`. Cost: units × other units × inputs.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[1.0, 0.0], [0.0, 2.0]], array![[0.0, 5.0], [3.0, 0.0], [1.0, 1.0]]);
/// let found = kymograph_measures::dictionaries::maximal_cosines(x.view(), y.view(), false)?;
/// assert_eq!((found.cosines, found.indices), (vec![1.0, 1.0], vec![1, 0]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn maximal_cosines<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    own: bool,
) -> Result<MaximalCosines, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_size("inputs", ("x", x.ncols()), ("y", y.ncols()))?;
    if own {
        check::rows_at_least("y", y.nrows(), 2, "a direction needs another to be compared with")?;
    }
    let (x, y) = (check::unit_rows(x), check::unit_rows(y));
    for (input, zero) in [("x", &x.zero), ("y", &y.zero)] {
        if zero.iter().all(|zero| *zero) {
            return Err(MeasureError::NoVariation { input, what: "every unit is all zero" });
        }
    }
    let (zero_x, zero_y) = (check::places(x.zero.iter().copied()), check::places(y.zero.iter().copied()));
    let rows_x: Array2<T> = x.rows.mapv(T::from_f64);
    let rows_y: Array2<T> = y.rows.mapv(T::from_f64);
    let blocks = parallel::map_row_blocks(rows_x.view(), TILE, |first, rows| {
        let mut best = vec![(f64::NEG_INFINITY, 0usize); rows.nrows()];
        let mut tile = Array2::<T>::zeros((rows.nrows(), TILE));
        for (at, columns) in rows_y.axis_chunks_iter(Axis(0), TILE).enumerate() {
            let mut products = tile.slice_mut(s![.., ..columns.nrows()]);
            matmul_into_sequential(T::ONE, rows, columns.reversed_axes(), T::ZERO, products.view_mut());
            for (row, (best, products)) in best.iter_mut().zip(products.outer_iter()).enumerate() {
                for (column, product) in products.iter().enumerate() {
                    let other = at * TILE + column;
                    let cosine = product.to_f64();
                    if cosine > best.0 && !y.zero[other] && !(own && other == first + row) {
                        *best = (cosine, other);
                    }
                }
            }
        }
        best
    });
    let mut found = MaximalCosines { cosines: Vec::new(), indices: Vec::new(), zero_x, zero_y };
    for (row, (cosine, index)) in blocks.into_iter().flatten().enumerate() {
        // A set of one direction beside zeros has nothing to compare that one with.
        let nothing = x.zero[row] || cosine == f64::NEG_INFINITY;
        found.cosines.push(if nothing { 0.0 } else { cosine.clamp(-1.0, 1.0) });
        found.indices.push(index);
    }
    Ok(found)
}
