//! Rows of 16-bit integers and all their products: exact, and two to an instruction where f32 has one.
#![allow(unsafe_code)]

use ndarray::ArrayView2;

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Plain};
use crate::{Real, Wide, widest};

/// Units of one: entries are between −1 and 1, so that a product of rows of norm one stays below 2³⁰ and a half.
pub(super) const ONE: f64 = 32_767.0;

/// The instruction sets that products are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Path {
    /// Has this machine what it takes?
    fn is_supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        use std::arch::is_x86_feature_detected as has;
        match self {
            Self::Plain => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => has!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => has!("avx512f") && has!("avx512bw") && has!("avx512vnni"),
        }
    }

    /// Those that this machine has, the fastest last. They give the same integers.
    pub(super) fn supported() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let all = [Self::Plain, Self::Avx2, Self::Avx512];
        #[cfg(not(target_arch = "x86_64"))]
        let all = [Self::Plain];
        all.into_iter().filter(|path| path.is_supported()).collect()
    }

    /// Rows of a tile, and columns of a panel.
    pub(super) fn tile(self) -> (usize, usize) {
        match self {
            Self::Plain => (Plain::ROWS, 2 * Plain::WIDTH),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => (Avx2::ROWS, 2 * Avx2::WIDTH),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => (Avx512::ROWS, 2 * Avx512::WIDTH),
        }
    }
}

/// Added to a number it leaves its nearest integer in the lowest bits.
const ROUNDED: f64 = 6_755_399_441_055_744.0;

/// An entry of a row with norm one at most, rounded to units of 1/32,767.
#[inline(always)]
fn short<T: Real>(entry: T) -> i32 {
    i32::from(((entry.to_f64() * ONE).clamp(-ONE, ONE) + ROUNDED).to_bits() as i16)
}

/// The words of a row, two entries each.
struct Words<'a, T> {
    row: &'a [T],
    words: &'a mut [i32],
}

impl<T: Real> Wide for Words<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (whole, rest) = self.row.as_chunks::<2>();
        for (word, [low, high]) in self.words.iter_mut().zip(whole) {
            *word = short(*low) & 0xffff | short(*high) << 16;
        }
        if let ([entry], Some(word)) = (rest, self.words.last_mut()) {
            *word = short(*entry) & 0xffff;
        }
    }
}

/// Words of rows `[row, pair of entries]`, with rows of zeros up to a multiple of `tile`.
pub(super) fn by_rows<T: Real>(rows: ArrayView2<'_, T>, tile: usize) -> Vec<i32> {
    let pairs = rows.ncols().div_ceil(2);
    let mut words = vec![0; rows.nrows().next_multiple_of(tile) * pairs];
    for (row, words) in rows.outer_iter().zip(words.chunks_exact_mut(pairs)) {
        widest(Words { row: row.to_slice().unwrap_or_default(), words });
    }
    words
}

/// Words of rows in panels `[panel, pair of entries, row of the panel]`, with rows of zeros up to a whole panel.
pub(super) fn by_panels<T: Real>(rows: ArrayView2<'_, T>, panel: usize) -> Vec<i32> {
    let pairs = rows.ncols().div_ceil(2);
    let mut panels = vec![0; rows.nrows().next_multiple_of(panel) * pairs];
    for (rows, to) in by_rows(rows, panel).chunks_exact(panel * pairs).zip(panels.chunks_exact_mut(panel * pairs)) {
        for (pair, to) in to.chunks_exact_mut(panel).enumerate() {
            to.iter_mut().zip(rows[pair..].iter().step_by(pairs)).for_each(|(to, word)| *to = *word);
        }
    }
    panels
}

/// All products of some rows with some columns.
pub(super) struct Products<'a> {
    /// As [`by_rows`] leaves them, a multiple of the tile's rows.
    pub(super) rows: &'a [i32],
    /// As [`by_panels`] leaves them.
    pub(super) panels: &'a [i32],
    pub(super) pairs: usize,
    /// `[row, column]`, as many as rows and columns with those added.
    pub(super) out: &'a mut [i32],
}

impl Products<'_> {
    /// Takes them. Sums are exact for rows of norm one at most, in units of 1/32,767².
    ///
    /// # Panics
    /// When lengths do not fit.
    pub(super) fn take(self, path: Path) {
        let (rows, columns) = (self.rows.len() / self.pairs, self.panels.len() / self.pairs);
        let (tile, panel) = path.tile();
        assert!(rows * self.pairs == self.rows.len() && rows.is_multiple_of(tile), "rows are not whole tiles");
        assert!(columns * self.pairs == self.panels.len() && columns.is_multiple_of(panel), "not whole panels");
        assert_eq!(self.out.len(), rows * columns, "a place for each product");
        assert!(path.is_supported(), "the machine lacks {path:?}");
        // SAFETY: the lengths and the instruction set are checked above.
        unsafe {
            match path {
                Path::Plain => products::<Plain>(self),
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => with_avx2(self),
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 => with_avx512(self),
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn with_avx512(p: Products<'_>) {
    // SAFETY: passed on.
    unsafe { products::<Avx512>(p) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn with_avx2(p: Products<'_>) {
    // SAFETY: passed on.
    unsafe { products::<Avx2>(p) }
}

/// # Safety
/// The lane's instruction set is available, and lengths fit as `take` checks.
#[inline(always)]
unsafe fn products<L: Lanes>(p: Products<'_>) {
    let (rows, columns) = (p.rows.len() / p.pairs, p.panels.len() / p.pairs);
    for column in (0..columns).step_by(2 * L::WIDTH) {
        let panel = p.panels[column * p.pairs..].as_ptr();
        for row in (0..rows).step_by(L::ROWS) {
            let out = p.out[row * columns + column..].as_mut_ptr();
            // SAFETY: a panel of 2·WIDTH columns and a tile of ROWS rows begin here, and so does a place for their products.
            unsafe {
                let a = p.rows[row * p.pairs..].as_ptr();
                match L::ROWS {
                    14 => tile::<L, 14>(a, panel, p.pairs, out, columns),
                    6 => tile::<L, 6>(a, panel, p.pairs, out, columns),
                    _ => tile::<L, 2>(a, panel, p.pairs, out, columns),
                }
            }
        }
    }
}

/// Repeats a body for constant indices below a constant: arrays stay in registers only if no variable ever indexes them.
macro_rules! unroll {
    ($index:ident < $count:expr, $body:block) => {
        unroll!(@ $index $count, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $index:ident $count:expr, $body:block, $($value:literal)*) => {{
        $(if $value < $count {
            #[allow(non_upper_case_globals)]
            const $index: usize = $value;
            $body
        })*
    }};
}

/// # Safety
/// The lane's instruction set is available; `a` is valid for R rows of `pairs` words, `panel` for `pairs` of two registers, `out` for R
/// rows of two registers, `stride` apart.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize>(a: *const i32, panel: *const i32, pairs: usize, out: *mut i32, stride: usize) {
    // SAFETY: the caller's contract covers every address formed here.
    unsafe {
        let mut sums = [[L::zero(); 2]; R];
        for pair in 0..pairs {
            let from = panel.add(pair * 2 * L::WIDTH);
            let columns = [L::load(from), L::load(from.add(L::WIDTH))];
            let a = a.add(pair);
            unroll!(r < R, {
                let row = L::splat(*a.add(r * pairs));
                sums[r][0] = L::add_products(sums[r][0], row, columns[0]);
                sums[r][1] = L::add_products(sums[r][1], row, columns[1]);
            });
        }
        unroll!(r < R, {
            L::store(out.add(r * stride), sums[r][0]);
            L::store(out.add(r * stride + L::WIDTH), sums[r][1]);
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::random::{normal_matrix, stream};

    #[test]
    fn products_are_those_of_a_literal_loop_on_every_path() {
        for (n, m, d) in [(1, 1, 1), (3, 5, 7), (29, 70, 33), (14, 32, 2)] {
            let [x, y] = [n, m].map(|rows| {
                let x: Array2<f32> = normal_matrix(&mut stream(rows as u64, "test"), rows, d);
                x.map(|v| (v / 3.0).clamp(-1.0, 1.0) / (d as f32).sqrt())
            });
            let short = |v: f32| (f64::from(v) * ONE).round() as i64;
            for path in Path::supported() {
                let (tile, panel) = path.tile();
                let (rows, panels) = (by_rows(x.view(), tile), by_panels(y.view(), panel));
                let columns = m.next_multiple_of(panel);
                let mut out = vec![1; n.next_multiple_of(tile) * columns];
                Products { rows: &rows, panels: &panels, pairs: d.div_ceil(2), out: &mut out }.take(path);
                for i in 0..n {
                    for j in 0..columns {
                        let literal: i64 =
                            if j < m { (0..d).map(|k| short(x[[i, k]]) * short(y[[j, k]])).sum() } else { 0 };
                        assert_eq!(i64::from(out[i * columns + j]), literal, "{path:?}, {n} x {m} x {d} at {i}, {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_longest_rows_do_not_overflow() {
        for path in Path::supported() {
            let (tile, panel) = path.tile();
            for row in [
                vec![-1.0f64, 0.0],
                vec![-1.0, 1.0].into_iter().map(|v: f64| v * 0.5f64.sqrt()).collect(),
                vec![0.01; 10_000],
            ] {
                let x = Array2::from_shape_vec((1, row.len()), row).unwrap();
                let (rows, panels) = (by_rows(x.view(), tile), by_panels(x.view(), panel));
                let mut out = vec![0; tile * panel];
                Products { rows: &rows, panels: &panels, pairs: x.ncols() / 2, out: &mut out }.take(path);
                assert!((f64::from(out[0]) / ONE / ONE - 1.0).abs() < 1e-2, "{}", out[0]);
            }
        }
    }
}
