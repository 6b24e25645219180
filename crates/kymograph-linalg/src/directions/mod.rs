//! The largest product of each row with the rows of another set: exact, by way of products of 16-bit integers.

mod lanes;
mod shorts;

use ndarray::{ArrayView2, CowArray, Ix2, s};

use crate::neighbours::as_standard;
use crate::parallel::{blocks, map_blocks};
use crate::{Real, Wide, widest};
use shorts::{ONE, Path, Products, by_panels, by_rows};

/// Rows that are compared together: whole tiles on every path.
const ROWS: usize = 252;
/// With how many others at a time: whole panels on every path, and the products stay in the cache.
const COLUMNS: usize = 384;
/// Products compared, and terms summed, side by side.
const LANES: usize = 16;
/// Products of which the largest is looked at before any single one.
const GLANCE: usize = 8 * LANES;
/// A place whose product does not count.
const LEFT_OUT: i32 = i32::MIN;

/// **With which row of `y` has each row of `x` its largest product, and which one?** Axes: both are row × input; rows have norm one,
/// or are all zero.
///
/// Products of 16-bit integers with a bound on their error rule rows out, and what they cannot rule out is compared in f64, so
/// that the answer depends on no instruction set: products are exact but for rounding in f64, and the lower number counts among equals.
/// Rows of zeros have no direction: they have no answer and are nobody's. With `own`, a row is not compared with the one at its own
/// place. What longer rows give means nothing. Cost: rows × other rows × inputs multiplications of 16-bit integers; more where thousands
/// of rows are nearly the same, or inputs so many (tens of thousands) that rounding to 16 bits tells few random rows apart.
///
/// # Panics
/// When the numbers of inputs differ.
pub fn nearest_directions<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, own: bool) -> Vec<Option<(f64, usize)>> {
    nearest_by(x, y, own, *Path::supported().last().unwrap_or(&Path::Plain))
}

fn nearest_by<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, own: bool, path: Path) -> Vec<Option<(f64, usize)>> {
    assert_eq!(x.ncols(), y.ncols(), "rows of as many inputs on both sides");
    if x.is_empty() || y.is_empty() {
        return vec![None; x.nrows()];
    }
    let (x, y) = (as_standard(x), as_standard(y));
    let (tiles, errors): (Vec<_>, Vec<_>) = map_blocks(y.nrows(), COLUMNS, |range| {
        let part = y.slice(s![range, ..]);
        (by_panels(part, path.tile().1), errors(part).max().unwrap_or(0))
    })
    .into_iter()
    .unzip();
    let zero: Vec<usize> = (0..y.nrows()).filter(|&row| y.row(row).iter().all(|v| *v == T::ZERO)).collect();
    let search = Search { x, y, own, path, tiles, error: errors.into_iter().max().unwrap_or(0), zero };
    map_blocks(search.x.nrows(), ROWS, |range| search.block(range.start, range.len())).into_iter().flatten().collect()
}

/// For each row, how far its part of a product of integers may be from that of its numbers: entries are off by half a unit, and so are those of the
/// other row. In units of 1/32,767², of which the rounding of norms is far less than the one that is added.
fn errors<T: Real>(rows: ArrayView2<'_, T>) -> impl Iterator<Item = i32> {
    let inputs = rows.ncols() as f64;
    (0..rows.nrows()).map(move |row| {
        let sum: f64 = rows.row(row).iter().map(|v| v.to_f64().abs()).sum();
        (0.5 * ONE * sum * 1.001 + 0.25 * inputs + 1.0).min(f64::from(i32::MAX / 8)) as i32
    })
}

struct Search<'a, T> {
    x: CowArray<'a, T, Ix2>,
    y: CowArray<'a, T, Ix2>,
    own: bool,
    path: Path,
    /// Panels of `COLUMNS` rows of `y` each.
    tiles: Vec<Vec<i32>>,
    /// The largest error of a row of `y`.
    error: i32,
    /// Rows of zeros in `y`.
    zero: Vec<usize>,
}

impl<T: Real> Search<'_, T> {
    /// Of rows `first..first + count`.
    fn block(&self, first: usize, count: usize) -> Vec<Option<(f64, usize)>> {
        let rows = self.x.slice(s![first..first + count, ..]);
        let (tile, panel) = self.path.tile();
        let words = by_rows(rows, tile);
        let mut kept: Vec<Kept> = errors(rows).map(|error| Kept::new(error + self.error)).collect();
        let mut products = vec![0; count.next_multiple_of(tile) * COLUMNS];
        for (columns, panels) in blocks(self.y.nrows(), COLUMNS).into_iter().zip(&self.tiles) {
            let width = columns.len().next_multiple_of(panel);
            let out = &mut products[..count.next_multiple_of(tile) * width];
            Products { rows: &words, panels, pairs: self.x.ncols().div_ceil(2), out }.take(self.path);
            for (row, (kept, products)) in kept.iter_mut().zip(out.chunks_exact_mut(width)).enumerate() {
                let zero = self.zero.partition_point(|&zero| zero < columns.start);
                let zero = self.zero[zero..].iter().take_while(|&&zero| zero < columns.end);
                zero.for_each(|zero| products[zero - columns.start] = LEFT_OUT);
                if self.own && columns.contains(&(first + row)) {
                    products[first + row - columns.start] = LEFT_OUT;
                }
                widest(Scan { kept, products: &products[..columns.len()], start: columns.start });
            }
        }
        rows.outer_iter().zip(kept).map(|(row, kept)| self.nearest(row.to_slice()?, &kept)).collect()
    }

    /// The best of a row's candidates.
    fn nearest(&self, row: &[T], kept: &Kept) -> Option<(f64, usize)> {
        if row.iter().all(|v| *v == T::ZERO) {
            return None;
        }
        let mut best: Option<(f64, usize)> = None;
        for &(_, other) in kept.candidates.iter().filter(|candidate| candidate.0 >= kept.bound) {
            let value = widest(Product { x: row, y: self.y.row(other as usize).to_slice()? });
            if best.is_none_or(|best| value > best.0) {
                best = Some((value, other as usize));
            }
        }
        best
    }
}

/// What may still be the nearest of one row.
struct Kept {
    /// Twice the error of a product.
    slack: i32,
    /// A product below it is not the largest.
    bound: i32,
    /// In the order of their numbers.
    candidates: Vec<(i32, u32)>,
}

impl Kept {
    fn new(error: i32) -> Self {
        Self { slack: 2 * error, bound: LEFT_OUT + 1, candidates: Vec::new() }
    }
}

/// Adds the products of one tile that may be a row's largest.
struct Scan<'a> {
    kept: &'a mut Kept,
    products: &'a [i32],
    start: usize,
}

impl Wide for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let kept = self.kept;
        for (at, block) in self.products.chunks(GLANCE).enumerate() {
            let (whole, rest) = block.as_chunks::<LANES>();
            let mut most = [LEFT_OUT; LANES];
            for products in whole {
                for lane in 0..LANES {
                    most[lane] = most[lane].max(products[lane]);
                }
            }
            let most = most.iter().fold(LEFT_OUT, |most, product| most.max(*product));
            let most = rest.iter().fold(most, |most, product| most.max(*product));
            if most < kept.bound {
                continue;
            }
            kept.bound = kept.bound.max(most.saturating_sub(kept.slack));
            for (place, &product) in block.iter().enumerate().filter(|(_, product)| **product >= kept.bound) {
                kept.candidates.push((product, (self.start + at * GLANCE + place) as u32));
            }
        }
    }
}

/// The product of two rows, in f64.
struct Product<'a, T> {
    x: &'a [T],
    y: &'a [T],
}

impl<T: Real> Wide for Product<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let ((x, rest_of_x), (y, rest_of_y)) = (self.x.as_chunks::<LANES>(), self.y.as_chunks::<LANES>());
        let mut sums = [0.0; LANES];
        for (x, y) in x.iter().zip(y) {
            for lane in 0..LANES {
                sums[lane] += x[lane].to_f64() * y[lane].to_f64();
            }
        }
        for (sum, (x, y)) in sums.iter_mut().zip(rest_of_x.iter().zip(rest_of_y)) {
            *sum += x.to_f64() * y.to_f64();
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis};

    use super::*;
    use crate::random::{below, normal_matrix, stream};

    fn unit<T: Real>(seed: u64, rows: usize, inputs: usize) -> Array2<T> {
        let mut x: Array2<f64> = normal_matrix(&mut stream(seed, "test"), rows, inputs);
        x.outer_iter_mut().for_each(|mut row| row /= row.dot(&row).sqrt());
        x.mapv(T::from_f64)
    }

    fn agree<T: Real>(x: &Array2<T>, y: &Array2<T>, own: bool) {
        let [x64, y64] = [x, y].map(|x| x.mapv(Real::to_f64));
        for path in Path::supported() {
            let found = nearest_by(x.view(), y.view(), own, path);
            for (row, found) in found.iter().enumerate() {
                let counts = |other: &usize| !(own && *other == row) && y64.row(*other).iter().any(|v| *v != 0.0);
                let products = (0..y.nrows()).filter(counts).map(|other| (x64.row(row).dot(&y64.row(other)), other));
                let largest = products.clone().map(|product| product.0).fold(f64::NEG_INFINITY, f64::max);
                if x64.row(row).iter().all(|v| *v == 0.0) || largest == f64::NEG_INFINITY {
                    assert_eq!(*found, None, "{path:?}, row {row}");
                    continue;
                }
                let (value, place) = found.unwrap();
                // Rounding of sums of numbers below one, in another order.
                let rounding = x.ncols() as f64 * f64::EPSILON;
                assert!((value - largest).abs() <= rounding, "{path:?}, row {row}: {value} for {largest}");
                let first = products.clone().find(|product| product.0 >= largest - rounding).unwrap();
                assert_eq!(place, first.1, "{path:?}, row {row}");
            }
        }
    }

    #[test]
    fn the_nearest_are_those_of_all_products() {
        for (n, m, d) in [(1, 1, 1), (3, 2, 5), (300, 500, 40), (260, 800, 3), (40, 100, 700)] {
            agree(&unit::<f32>(1, n, d), &unit::<f32>(2, m, d), false);
            agree(&unit::<f64>(1, n, d), &unit::<f64>(2, m, d), false);
            let x = unit::<f64>(3, m, d);
            agree(&x, &x, m > 1);
        }
    }

    #[test]
    fn the_first_of_equals_counts_and_rows_of_zeros_are_nobodys() {
        let mut rng = stream(4, "test");
        let few = unit::<f32>(5, 7, 20);
        let chosen: Vec<usize> = (0..900).map(|_| below(&mut rng, 7)).collect();
        let mut many = few.select(Axis(0), &chosen);
        agree(&few, &many, false);
        agree(&many, &many, true);
        for row in [0, 5, 383, 384, 899] {
            many.row_mut(row).fill(0.0);
        }
        agree(&few, &many, false);
        agree(&many, &-&many, true);
        agree(&few, &Array2::zeros((3, 20)), false);
    }

    #[test]
    fn bits_depend_on_neither_threads_nor_instruction_sets() {
        let (x, y) = (unit::<f32>(6, 600, 90), unit::<f32>(7, 1000, 90));
        let run = |threads, path| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| nearest_by(x.view(), y.view(), false, path))
        };
        let one = run(1, Path::Plain);
        for path in Path::supported() {
            assert_eq!(one, run(3, path));
        }
    }
}
