//! Exact nearest neighbours: candidates from products in f32 with a bound on their error, distances from differences in f64.

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, s};

use crate::matmul::matmul_into_sequential;
use crate::parallel::{blocks, map_row_blocks};
use crate::{LinalgError, Real, Wide, check_finite, widest};

/// Rows whose neighbours are looked for together.
const ROWS: usize = 128;
/// Rows they are compared with at a time: their products stay in the cache.
const TILE: usize = 1024;
/// Terms of a distance summed side by side.
const LANES: usize = 8;
/// Absolute slack for products below the range of f32, in units in which the largest entry is about one.
const VANISHING: f64 = 1e-30;

/// The nearest rows of every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// row × neighbour: the neighbours' row numbers, nearest first, the lower number first among equals.
    pub indices: Array2<u32>,
    /// row × neighbour: squared Euclidean distances in units of `unit`².
    pub squared_distances: Array2<f64>,
    /// A power of two near the largest entry about the mean, so that squares neither overflow nor vanish.
    pub unit: f64,
}

/// Which `k` other rows are nearest to each row? Axes: `x` is row × feature.
///
/// Exact but for the rounding of distances in f64: products in f32 with a bound on their error rule rows out, and what they
/// cannot rule out is compared by differences. A row is never its own neighbour; a copy of it is one, at distance 0.
/// Cost: rows² × features multiplications in f32, and rows × k × features in f64.
///
/// # Errors
/// `k` of 0, as many neighbours as rows, 2³² rows, or an entry that is not finite.
pub fn nearest_neighbours<T: Real>(x: ArrayView2<'_, T>, k: usize) -> Result<Neighbours, LinalgError> {
    let n = x.nrows();
    if k == 0 || k >= n {
        return Err(LinalgError::Domain {
            name: "the number of neighbours",
            value: k as f64,
            range: "1 to one fewer than the rows",
        });
    }
    if u32::try_from(n).is_err() {
        return Err(LinalgError::Domain { name: "the number of rows", value: n as f64, range: "0 to 2³² − 1" });
    }
    check_finite(&x)?;
    let search = Search::new(x, k);
    let found = map_row_blocks(x, ROWS, |first, block| search.block(first, block.nrows()));
    let (mut indices, mut distances) = (Vec::with_capacity(n * k), Vec::with_capacity(n * k));
    for (squared, index) in found.into_iter().flatten() {
        indices.push(index);
        distances.push(squared);
    }
    let shaped = |what| move |_| LinalgError::Overflow { what };
    Ok(Neighbours {
        indices: Array2::from_shape_vec((n, k), indices).map_err(shaped("the table of neighbours"))?,
        squared_distances: Array2::from_shape_vec((n, k), distances).map_err(shaped("the table of distances"))?,
        unit: search.unit,
    })
}

struct Search<'a, T> {
    x: CowArray<'a, T, Ix2>,
    k: usize,
    unit: f64,
    /// About the mean, in units.
    rows: Array2<f32>,
    /// The squared norm of every row, less the error that a squared distance from it may have on its account.
    lower: Vec<f32>,
    /// That error.
    error: Vec<f32>,
}

impl<'a, T: Real> Search<'a, T> {
    fn new(x: ArrayView2<'a, T>, k: usize) -> Self {
        let (n, d) = x.dim();
        let entry = x.iter().fold(0.0, |most: f64, v| most.max(v.to_f64().abs()));
        let coarse = power_of_two(entry);
        let mut mean = vec![0.0; d];
        for row in x.outer_iter() {
            mean.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.to_f64() / coarse / n as f64);
        }
        let largest = x.outer_iter().fold(0.0, |most: f64, row| {
            row.iter().zip(&mean).fold(most, |most, (v, mean)| most.max((v.to_f64() / coarse - mean).abs()))
        });
        let fine = power_of_two(largest);
        let rows = Array2::from_shape_fn((n, d), |(row, column)| {
            ((x[[row, column]].to_f64() / coarse - mean[column]) / fine) as f32
        });
        // |a − b|² from norms and a product of d terms is wrong by less than (d + 16)·u·(|a| + |b|)², which is at most twice
        // that of either norm squared: rounding the entries, the products, the norms and the sums.
        let share = 2.0 * (d as f64 + 16.0) * f64::from(f32::EPSILON) / 2.0;
        let norms: Vec<f64> =
            rows.outer_iter().map(|row| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>()).collect();
        let error: Vec<f32> = norms.iter().map(|norm| (share * norm + VANISHING) as f32).collect();
        let lower = norms.iter().zip(&error).map(|(norm, error)| (norm - f64::from(*error)) as f32).collect();
        // The product is kept within the range of f64 even where the two differ by 2^1000 and more.
        Self { x: as_standard(x), k, unit: coarse * fine, rows, lower, error }
    }

    /// Squared distance and number of the neighbours of rows `first..first + count`, row after row.
    fn block(&self, first: usize, count: usize) -> Vec<(f64, u32)> {
        let n = self.rows.nrows();
        let mut kept: Vec<Kept> = (first..first + count).map(|row| Kept::new(self.k, self.error[row])).collect();
        let mut products = Array2::<f32>::zeros((count, TILE.min(n)));
        let own = self.rows.slice(s![first..first + count, ..]);
        for tile in blocks(n, TILE) {
            let mut part = products.slice_mut(s![.., ..tile.len()]);
            matmul_into_sequential(-2.0, own, self.rows.slice(s![tile.clone(), ..]).t(), 0.0, part.view_mut());
            for ((place, kept), products) in kept.iter_mut().enumerate().zip(part.axis_iter(Axis(0))) {
                let Some(products) = products.to_slice() else { continue };
                kept.add(tile.start, products, &self.lower[tile.clone()], first + place, &self.error);
            }
        }
        let mut found = Vec::with_capacity(count * self.k);
        for (place, mut kept) in kept.into_iter().enumerate() {
            kept.compact(&self.error);
            let mut exact = widest(Exact {
                x: self.x.as_slice().unwrap_or_default(),
                features: self.x.ncols(),
                row: first + place,
                others: &kept.candidates,
                unit: self.unit,
            });
            exact.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.extend_from_slice(&exact[..self.k]);
        }
        found
    }
}

/// The candidates of a row with their squared distances, from differences in f64.
struct Exact<'a, T> {
    /// Row after row.
    x: &'a [T],
    features: usize,
    row: usize,
    others: &'a [(f32, u32)],
    unit: f64,
}

impl<T: Real> Wide for Exact<'_, T> {
    type Output = Vec<(f64, u32)>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let row = |row: usize| &self.x[row * self.features..(row + 1) * self.features];
        let (own, rest) = row(self.row).as_chunks::<LANES>();
        // Multiplying by the inverse of a power of two is dividing by it; in two halves, neither of which overflows.
        let exponent = self.unit.log2().round();
        let (half, other_half) = ((-(exponent / 2.0).floor()).exp2(), (-(exponent / 2.0).ceil()).exp2());
        let squared = |a: T, b: T| {
            let difference = a.to_f64() * half * other_half - b.to_f64() * half * other_half;
            difference * difference
        };
        let mut found = Vec::with_capacity(self.others.len());
        for &(_, other) in self.others {
            let (others, rest_of_other) = row(other as usize).as_chunks::<LANES>();
            let mut sums = [0.0; LANES];
            for (a, b) in own.iter().zip(others) {
                for lane in 0..LANES {
                    sums[lane] += squared(a[lane], b[lane]);
                }
            }
            for ((sum, a), b) in sums.iter_mut().zip(rest).zip(rest_of_other) {
                *sum += squared(*a, *b);
            }
            found.push((sums.iter().sum(), other));
        }
        found
    }
}

pub(crate) fn as_standard<T: Real>(x: ArrayView2<'_, T>) -> CowArray<'_, T, Ix2> {
    if x.is_standard_layout() { x.into() } else { x.as_standard_layout().into_owned().into() }
}

/// What may still be among the nearest of one row: a lower bound of its squared distance, but for the row's own terms.
struct Kept {
    k: usize,
    own_error: f32,
    bound: f32,
    full: usize,
    candidates: Vec<(f32, u32)>,
    upper: Vec<f32>,
}

impl Kept {
    fn new(k: usize, own_error: f32) -> Self {
        let full = (4 * k).max(64);
        Self { k, own_error, bound: f32::INFINITY, full, candidates: Vec::with_capacity(full), upper: Vec::new() }
    }

    fn add(&mut self, start: usize, products: &[f32], lower: &[f32], row: usize, error: &[f32]) {
        for (place, (product, lower)) in products.iter().zip(lower).enumerate() {
            let value = product + lower;
            if value <= self.bound && start + place != row {
                self.candidates.push((value, (start + place) as u32));
                if self.candidates.len() >= self.full {
                    self.compact(error);
                }
            }
        }
    }

    /// Drops what lies beyond the k-th smallest upper bound.
    fn compact(&mut self, error: &[f32]) {
        if self.candidates.len() > self.k {
            self.upper.clear();
            self.upper.extend(self.candidates.iter().map(|&(value, other)| value + 2.0 * error[other as usize]));
            let (_, kth, _) = self.upper.select_nth_unstable_by(self.k - 1, f32::total_cmp);
            let bound = *kth + 2.0 * self.own_error;
            self.bound = bound;
            self.candidates.retain(|&(value, _)| value <= bound);
        }
        self.full = self.full.max(2 * self.candidates.len());
    }
}

/// The power of two at or below a positive number, within the exponents that can be divided by; 1 for zero.
fn power_of_two(value: f64) -> f64 {
    if value > 0.0 { value.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, normal_matrix, stream};

    /// Every distance, sorted.
    fn literal(x: &Array2<f64>, k: usize, unit: f64) -> Vec<Vec<(f64, u32)>> {
        (0..x.nrows())
            .map(|i| {
                let mut all: Vec<(f64, u32)> = (0..x.nrows())
                    .filter(|&j| j != i)
                    .map(|j| {
                        (x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a / unit - b / unit).powi(2)).sum(), j as u32)
                    })
                    .collect();
                all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
                all.truncate(k);
                all
            })
            .collect()
    }

    fn agree(x: &Array2<f64>, k: usize) {
        let found = nearest_neighbours(x.view(), k).expect("good input");
        for (row, expected) in literal(x, k, found.unit).iter().enumerate() {
            for (place, (squared, index)) in expected.iter().enumerate() {
                assert_eq!(found.indices[[row, place]], *index, "row {row}, neighbour {place}");
                let gap = (found.squared_distances[[row, place]] - squared).abs();
                assert!(gap <= 8.0 * f64::EPSILON * squared, "row {row}, neighbour {place}");
            }
        }
    }

    #[test]
    fn every_neighbour_and_distance_is_that_of_a_full_sort() {
        let mut rng = stream(1, "test");
        for (n, d, k) in [(2, 1, 1), (50, 3, 49), (300, 7, 10), (1100, 4, 30)] {
            let x: Array2<f64> = normal_matrix(&mut rng, n, d);
            agree(&x, k);
            // Far from the origin, and with rows far from all others, where products in f32 tell little.
            agree(&(&x + 1e4), k);
            let mut far = x.clone();
            far.row_mut(0).fill(1e6);
            agree(&far, k);
            agree(&(&x * 2f64.powi(-900)), k);
            agree(&(&x * 2f64.powi(900)), k);
        }
    }

    #[test]
    fn copies_are_neighbours_at_distance_zero_in_order() {
        let mut rng = stream(2, "test");
        let points: Array2<f64> = normal_matrix(&mut rng, 12, 5);
        let chosen: Vec<usize> = (0..600).map(|_| below(&mut rng, 12)).collect();
        agree(&points.select(Axis(0), &chosen), 80);
        agree(&Array2::from_elem((200, 3), 0.1), 20);
    }

    #[test]
    fn single_precision_is_exact_on_its_own_values_and_bits_do_not_depend_on_threads() {
        let x: Array2<f32> = normal_matrix(&mut stream(3, "test"), 700, 20);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| nearest_neighbours(x.view(), 25).expect("good input"))
        };
        let one = run(1);
        assert_eq!(one, run(3));
        assert_eq!(one, nearest_neighbours(x.mapv(f64::from).view(), 25).expect("good input"));
    }

    #[test]
    fn impossible_questions_are_refused() {
        let mut x: Array2<f64> = Array2::zeros((4, 2));
        for k in [0, 4, 5] {
            assert!(matches!(nearest_neighbours(x.view(), k), Err(LinalgError::Domain { .. })));
        }
        assert!(nearest_neighbours(Array2::<f32>::zeros((0, 2)).view(), 1).is_err());
        x[[2, 1]] = f64::NAN;
        assert!(matches!(nearest_neighbours(x.view(), 1), Err(LinalgError::NotFinite { row: 2, column: 1, .. })));
    }
}
