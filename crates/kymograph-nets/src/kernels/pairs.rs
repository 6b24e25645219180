//! Pairs of rows of two tables: combined, gone back through, and their logits turned into a loss; written plainly so that
//! the compiler vectorises them, with the same bits on every path.

use kymograph_linalg::Real;

/// How a row of the left table and one of the right table become a hidden row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combine {
    /// `max(x + y, 0)`
    Rectify,
    /// `x · y`
    Product,
}

/// Rows of two tables of `width` columns, chosen pair by pair.
#[derive(Clone, Copy)]
pub(crate) struct PairRows<'a, T> {
    pub(crate) width: usize,
    pub(crate) left: &'a [T],
    pub(crate) right: &'a [T],
    pub(crate) left_rows: &'a [u32],
    pub(crate) right_rows: &'a [u32],
}

impl<'a, T> PairRows<'a, T> {
    #[inline(always)]
    fn each(&self) -> impl Iterator<Item = (usize, usize, &'a [T], &'a [T])> {
        let Self { width, left, right, left_rows, right_rows } = *self;
        left_rows.iter().zip(right_rows).map(move |(&l, &r)| {
            let (l, r) = (l as usize * width, r as usize * width);
            (l, r, &left[l..l + width], &right[r..r + width])
        })
    }
}

/// A hidden row for each pair.
#[inline(always)]
pub(super) fn combine<T: Real>(how: Combine, rows: &PairRows<'_, T>, hidden: &mut [T]) {
    let each = rows.each().zip(hidden.chunks_exact_mut(rows.width));
    match how {
        Combine::Rectify => {
            for ((_, _, x, y), h) in each {
                for ((h, &x), &y) in h.iter_mut().zip(x).zip(y) {
                    let sum = x + y;
                    *h = if sum < T::ZERO { T::ZERO } else { sum };
                }
            }
        }
        Combine::Product => {
            for ((_, _, x, y), h) in each {
                for ((h, &x), &y) in h.iter_mut().zip(x).zip(y) {
                    *h = x * y;
                }
            }
        }
    }
}

/// Adds the slopes of the hidden rows to the gradients of the tables' rows they came from, pair after pair.
#[inline(always)]
pub(super) fn combine_gradient<T: Real>(
    how: Combine,
    rows: &PairRows<'_, T>,
    hidden: &[T],
    slopes: &[T],
    left_gradient: &mut [T],
    right_gradient: &mut [T],
) {
    let width = rows.width;
    let each = rows.each().zip(hidden.chunks_exact(width).zip(slopes.chunks_exact(width)));
    for ((l, r, x, y), (h, slope)) in each {
        let left = &mut left_gradient[l..l + width];
        let right = &mut right_gradient[r..r + width];
        match how {
            Combine::Rectify => {
                for (((a, b), &h), &g) in left.iter_mut().zip(right).zip(h).zip(slope) {
                    let g = if h > T::ZERO { g } else { T::ZERO };
                    *a += g;
                    *b += g;
                }
            }
            Combine::Product => {
                for (((a, b), (&x, &y)), &g) in left.iter_mut().zip(right).zip(x.iter().zip(y)).zip(slope) {
                    *a += g * y;
                    *b += g * x;
                }
            }
        }
    }
}

/// The exponential function in operations that vectorise.
pub(super) trait Exponential: Real {
    /// `eˣ` for x at most 0, to 1.5 units in the last place; exactly 1 at 0, and 0 where the value is below the normal range.
    fn exponential(self) -> Self;
}

impl Exponential for f32 {
    // Range reduction and polynomial of Cephes' expf (Moshier 1989).
    #[inline(always)]
    fn exponential(self) -> f32 {
        const LOWEST: f32 = -87.336_54;
        const SHIFT: f32 = 12_582_912.0;
        let x = if self < LOWEST { LOWEST } else { self };
        // The nearest whole number stands in the lowest bits of the sum.
        let shifted = x * std::f32::consts::LOG2_E + SHIFT;
        let whole = shifted - SHIFT;
        let x = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
        let mut p = 1.987_569_1e-4;
        p = p * x + 1.398_199_9e-3;
        p = p * x + 8.333_452e-3;
        p = p * x + 4.166_579_6e-2;
        p = p * x + 1.666_666_5e-1;
        p = p * x + 0.5;
        let value = p * (x * x) + x + 1.0;
        let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
        if self < LOWEST { 0.0 } else { value * scale }
    }
}

impl Exponential for f64 {
    // Taylor's polynomial of degree 13 for |x| ≤ ln 2 / 2, whose remainder is below 5e-18.
    #[inline(always)]
    fn exponential(self) -> f64 {
        const LOWEST: f64 = -708.396_418_532_264_1;
        const SHIFT: f64 = 6_755_399_441_055_744.0;
        const COEFFICIENTS: [f64; 12] = [
            1.0 / 6_227_020_800.0,
            1.0 / 479_001_600.0,
            1.0 / 39_916_800.0,
            1.0 / 3_628_800.0,
            1.0 / 362_880.0,
            1.0 / 40_320.0,
            1.0 / 5_040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
        ];
        let x = if self < LOWEST { LOWEST } else { self };
        let shifted = x * std::f64::consts::LOG2_E + SHIFT;
        let whole = shifted - SHIFT;
        let x = x - whole * 0.693_147_180_369_123_8 - whole * 1.908_214_929_270_587_7e-10;
        let mut p = COEFFICIENTS[0];
        for &c in &COEFFICIENTS[1..] {
            p = p * x + c;
        }
        let value = p * (x * x) + x + 1.0;
        let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
        if self < LOWEST { 0.0 } else { value * scale }
    }
}

const LANES: usize = 16;

#[inline(always)]
fn largest<T: Real>(row: &[T]) -> T {
    let mut partial = [-T::MAX; LANES];
    let blocks = row.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (best, &x) in partial.iter_mut().zip(block) {
            *best = if x > *best { x } else { *best };
        }
    }
    for (best, &x) in partial.iter_mut().zip(rest) {
        *best = if x > *best { x } else { *best };
    }
    partial.into_iter().fold(-T::MAX, |best, x| if x > best { x } else { best })
}

/// Puts `exp(x − largest)` in `to`; returns the sum.
#[inline(always)]
fn exponentials<T: Real, W: Exponential>(row: &[T], largest: W, widen: impl Fn(T) -> W, to: &mut [W]) -> W {
    let mut partial = [W::ZERO; LANES];
    let to = &mut to[..row.len()];
    let mut outs = to.chunks_exact_mut(LANES);
    let blocks = row.chunks_exact(LANES);
    let rest = blocks.remainder();
    for (block, out) in blocks.zip(&mut outs) {
        for ((sum, &x), e) in partial.iter_mut().zip(block).zip(out) {
            *e = (widen(x) - largest).exponential();
            *sum += *e;
        }
    }
    for ((sum, &x), e) in partial.iter_mut().zip(rest).zip(outs.into_remainder()) {
        *e = (widen(x) - largest).exponential();
        *sum += *e;
    }
    // Halved again and again, as a register would be.
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            partial[lane] += partial[lane + half];
        }
    }
    partial[0]
}

/// Sum of `−log softmax(row)[label]`, and how many rows have their first largest number at their label. As
/// `torch.nn.functional.cross_entropy`: `log Σ exp(x − largest) − (x[label] − largest)`, each step rounded to the
/// precision chosen, so that in f32 a confident row's loss is a multiple of 2⁻²³ and its label's gradient may be zero
/// while the others' is not. Unless `share` is 0, the gradient of the loss times it takes the place of the logits.
#[inline(always)]
pub(super) fn cross_entropy<T: Real, W: Exponential>(
    share: f64,
    classes: usize,
    labels: &[u32],
    logits: &mut [T],
    scratch: &mut [W],
    widen: impl Fn(T) -> W + Copy,
    narrow: impl Fn(W) -> T + Copy,
) -> (f64, usize) {
    let mut loss = 0.0;
    let mut correct = 0;
    let share = W::from_f64(share);
    let powers = &mut scratch[..classes];
    for (row, &label) in logits.chunks_exact_mut(classes).zip(labels) {
        let label = label as usize;
        let top = largest(row);
        let earlier: u32 = row[..label].iter().map(|&x| u32::from(x == top)).sum();
        correct += usize::from(row[label] == top && earlier == 0);
        let wide_top = widen(top);
        let ahead = widen(row[label]) - wide_top;
        let total = exponentials(row, wide_top, widen, powers);
        loss += (total.ln() - ahead).to_f64();
        if share > W::ZERO {
            let part = W::ONE / total;
            let of_label = powers[label] * part * share - share;
            for (slope, &power) in row.iter_mut().zip(powers.iter()) {
                *slope = narrow(power * part * share);
            }
            row[label] = narrow(of_label);
        }
    }
    (loss, correct)
}
