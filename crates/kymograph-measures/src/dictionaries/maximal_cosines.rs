//! For each direction of one set, the nearest of another.

use kymograph_linalg::{Real, Wide, nearest_directions, widest};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{MeasureError, check};

/// Rows made unit vectors together.
const ROWS: usize = 256;
/// Squares summed side by side.
const LANES: usize = 16;

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
/// `max_k cos(x_g, y_k)`, signed: `x` is `[unit, input]`, `y` `[other unit, input]`; unit vectors have the
/// arrays' own precision, and their products are exact but for rounding in f64 (see [`kymograph_linalg::nearest_directions`]): of
/// arrays in f32 a cosine is off by less than 2 · 10⁻⁷. With `own`, a direction is not compared with the one at
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
    let (x, y) = (Directions::of(x), Directions::of(y));
    for (input, zero) in [("x", &x.zero), ("y", &y.zero)] {
        if zero.iter().all(|zero| *zero) {
            return Err(MeasureError::NoVariation { input, what: "every unit is all zero" });
        }
    }
    let (zero_x, zero_y) = (check::places(x.zero.iter().copied()), check::places(y.zero.iter().copied()));
    let mut found = MaximalCosines { cosines: Vec::new(), indices: Vec::new(), zero_x, zero_y };
    for nearest in nearest_directions(x.rows.view(), y.rows.view(), own) {
        // A set of one direction beside zeros has nothing to compare that one with.
        let (cosine, index) = nearest.unwrap_or_default();
        found.cosines.push(cosine.clamp(-1.0, 1.0));
        found.indices.push(index);
    }
    Ok(found)
}

/// Rows of norm one in the arrays' own precision, and which have no direction.
struct Directions<T> {
    rows: Array2<T>,
    zero: Vec<bool>,
}

impl<T: Real> Directions<T> {
    fn of(x: ArrayView2<'_, T>) -> Self {
        let mut rows = Array2::zeros(x.raw_dim());
        let pairs = rows.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter().zip(x.axis_chunks_iter(Axis(0), ROWS));
        let zero: Vec<Vec<bool>> = pairs.map(|(to, from)| widest(Normed { from, to })).collect();
        Self { rows, zero: zero.concat() }
    }
}

/// Some rows, and where they go with norm one; gives which of them are all zero.
struct Normed<'a, T> {
    from: ArrayView2<'a, T>,
    to: ArrayViewMut2<'a, T>,
}

impl<T: Real> Wide for Normed<'_, T> {
    type Output = Vec<bool>;

    #[inline(always)]
    fn run(mut self) -> Vec<bool> {
        let mut zero = Vec::with_capacity(self.from.nrows());
        for (from, mut to) in self.from.outer_iter().zip(self.to.outer_iter_mut()) {
            // Squares of f32 fit into f64; those of f64 need a row divided by a power of two.
            let wide = T::EPSILON.to_f64() <= 1e-10;
            let scale = if wide { 1.0 / check::binary_scale(from.iter()) } else { 1.0 };
            let mut squares = [0.0f64; LANES];
            match from.to_slice().map(|row| row.as_chunks::<LANES>()) {
                Some((whole, rest)) => {
                    for values in whole {
                        for lane in 0..LANES {
                            let value = values[lane].to_f64() * scale;
                            squares[lane] += value * value;
                        }
                    }
                    for (square, value) in squares.iter_mut().zip(rest) {
                        *square += (value.to_f64() * scale) * (value.to_f64() * scale);
                    }
                }
                None => {
                    for (at, value) in from.iter().enumerate() {
                        squares[at % LANES] += (value.to_f64() * scale) * (value.to_f64() * scale);
                    }
                }
            }
            let length = squares.iter().sum::<f64>().sqrt();
            // The scale first: that of a row of subnormal numbers, divided by a length, may be beyond f64.
            let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
            for (to, value) in to.iter_mut().zip(from) {
                *to = T::from_f64(value.to_f64() * scale * factor);
            }
            zero.push(length == 0.0);
        }
        zero
    }
}
