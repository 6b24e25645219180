//! The pass over a stretch of parameters: everything is read from memory once, and what several thresholds look at lies in
//! the first cache.

use super::counts::Measured;
use super::within::SetLanes;

/// Parameters in a stretch: its scratch arrays fill about half of a first-level cache.
pub(super) const STRETCH: usize = 512;
/// Numbers summed side by side: a register of the widest kind.
pub(super) const LANES: usize = 16;

/// History word: 15 steps of the near-zero set, 15 of the exact zeros, and the sign of the last change of the weight.
const EXACT: u32 = 15;
const WENT_UP: u32 = 30;
const WENT_DOWN: u32 = 31;
/// The bits that stay when both histories move by a step.
const KEPT: u32 = 0x3fff | 0x3fff << EXACT;

/// Averages below this are taken for zero: their squares would be too small for the number type, and slow.
pub(super) const SMALLEST: f32 = 1e-18;
const SMALLEST_SQUARE: f32 = 1e-36;
/// Sizes beyond this are those of a training that diverged; their squares would leave the number type.
pub(super) const LARGEST: f32 = 1e18;

/// Winitzki's erf(x)² ≈ 1 − exp(−x² (4/π + a x²) / (1 + a x²)), which is within 3e-4.
const WINITZKI: f32 = 0.147;
const FOUR_OVER_PI: f32 = 2.0 * std::f32::consts::FRAC_2_PI;

/// What a stretch is compared in. Every array is written for a whole stretch; places beyond its end count nowhere.
#[derive(Clone)]
pub(super) struct Scratch {
    /// Sizes of the previous and the present gradient.
    pub(super) before: [f32; STRETCH],
    pub(super) now: [f32; STRETCH],
    /// A bit in each byte: changed sign, both not zero, published minimum, published maximum.
    pub(super) flags: [u32; STRETCH],
    /// The same: aligned minimum and maximum, true minimum and maximum, where the sign changed.
    pub(super) more: [u32; STRETCH],
    /// True minimum and maximum whether the sign changed or not.
    curved: [u32; STRETCH],
    /// |Δw|, and where the sign did not change.
    pub(super) change: [f32; STRETCH],
    pub(super) unflipped: [f32; STRETCH],
    pub(super) weight: [f32; STRETCH],
    pub(super) gradient: [f32; STRETCH],
    /// Chance of a change of sign, where neither gradient is zero.
    pub(super) chance: [f32; STRETCH],
}

impl Scratch {
    pub(super) fn new() -> Self {
        let (numbers, bits) = ([0.0; STRETCH], [0; STRETCH]);
        Self {
            before: numbers,
            now: numbers,
            flags: bits,
            more: bits,
            curved: bits,
            change: numbers,
            unflipped: numbers,
            weight: numbers,
            gradient: numbers,
            chance: numbers,
        }
    }

    /// Makes the places from `n` on count nowhere.
    #[inline(always)]
    pub(super) fn end_at(&mut self, n: usize) {
        self.before[n..].fill(f32::INFINITY);
        self.now[n..].fill(f32::INFINITY);
        for bits in [&mut self.flags, &mut self.more, &mut self.curved] {
            bits[n..].fill(0);
        }
        for numbers in [&mut self.change, &mut self.unflipped, &mut self.weight, &mut self.gradient, &mut self.chance] {
            numbers[n..].fill(0.0);
        }
    }
}

/// Minima and maxima along the step that was taken, from the gradient of the same minibatch before and after it.
#[inline(always)]
pub(super) fn true_secants(s: &mut Scratch, g: &[f32], w: &[f32], before: &[f32], second: Option<&[f32]>) {
    let n = g.len();
    let Some(second) = second else {
        s.curved[..n].fill(0);
        return;
    };
    let (w, before, second, curved) = (&w[..n], &before[..n], &second[..n], &mut s.curved[..n]);
    for i in 0..n {
        let (step, rise) = (w[i] - before[i], second[i] - g[i]);
        let same = (step > 0.0) & (rise > 0.0) | (step < 0.0) & (rise < 0.0);
        let opposite = (step > 0.0) & (rise < 0.0) | (step < 0.0) & (rise > 0.0);
        curved[i] = u32::from(same) << 16 | u32::from(opposite) << 24;
    }
}

/// Compares gradients and weights as they come with those of the step before, which they then replace.
#[inline(always)]
pub(super) fn compare(
    s: &mut Scratch,
    g: &[f32],
    w: &[f32],
    old_g: &mut [f32],
    old_w: &mut [f32],
    history: &mut [u32],
    threshold: f32,
) {
    let n = g.len();
    let (w, old_g, old_w, history) = (&w[..n], &mut old_g[..n], &mut old_w[..n], &mut history[..n]);
    let (flags, more, curved) = (&mut s.flags[..n], &mut s.more[..n], &s.curved[..n]);
    let (before, now, change) = (&mut s.before[..n], &mut s.now[..n], &mut s.change[..n]);
    let (unflipped, weight, gradient) = (&mut s.unflipped[..n], &mut s.weight[..n], &mut s.gradient[..n]);
    for i in 0..n {
        let (g1, g2, step) = (old_g[i], g[i], w[i] - old_w[i]);
        let rise = g2 - g1;
        let flipped = (g1 < 0.0) & (g2 > 0.0) | (g1 > 0.0) & (g2 < 0.0);
        let nonzero = (g1 != 0.0) & (g2 != 0.0);
        let (up, down) = (step > 0.0, step < 0.0);
        let (rose, fell) = (rise > 0.0, rise < 0.0);
        let h = history[i];
        let (was_up, was_down) = (h >> WENT_UP & 1, h >> WENT_DOWN);
        let (rose_bit, fell_bit) = (u32::from(rose), u32::from(fell));
        let mask = 0u32.wrapping_sub(u32::from(flipped));
        flags[i] = u32::from(flipped)
            | u32::from(nonzero) << 8
            | u32::from(flipped & (up & rose | down & fell)) << 16
            | u32::from(flipped & (up & fell | down & rose)) << 24;
        let aligned = was_up & rose_bit | was_down & fell_bit | (was_up & fell_bit | was_down & rose_bit) << 8;
        more[i] = mask & (aligned | curved[i]);
        history[i] = (h & KEPT) << 1
            | u32::from(g2.abs() <= threshold)
            | u32::from(g2 == 0.0) << EXACT
            | u32::from(up) << WENT_UP
            | u32::from(down) << WENT_DOWN;
        before[i] = g1.abs();
        now[i] = g2.abs();
        change[i] = step.abs();
        unflipped[i] = f32::from_bits(step.abs().to_bits() & !mask);
        weight[i] = w[i];
        gradient[i] = g2;
        old_g[i] = g2;
        old_w[i] = w[i];
    }
}

/// The chance that a sign changes if the two minibatches are independent draws, 2Φ(s)(1 − Φ(s)), with the signal-to-noise
/// ratio s from the running averages before this step, corrected for the few steps they rest on. `squares` then takes this
/// step in.
#[inline(always)]
pub(super) fn chances(s: &mut Scratch, g: &[f32], mean: &[f32], squares: &mut [f32], decay: f32) {
    let n = g.len();
    let (mean, squares, flags, chance) = (&mean[..n], &mut squares[..n], &s.flags[..n], &mut s.chance[..n]);
    // An average of this decay scatters like one of (1 + decay) / (1 − decay) draws.
    let scatter = (1.0 - decay) / (1.0 + decay);
    let unbiased = 1.0 / (1.0 - scatter);
    for i in 0..n {
        let m2 = mean[i] * mean[i];
        let variance = (squares[i] - m2) * unbiased;
        let signal = m2 - scatter * variance;
        let signal = if signal > 0.0 { signal } else { 0.0 };
        let variance = if variance > SMALLEST_SQUARE { variance } else { SMALLEST_SQUARE };
        let ratio = signal / variance;
        let x = if ratio < 80.0 { 0.5 * ratio } else { 40.0 };
        let p = 0.5 * exp_minus(x * (FOUR_OVER_PI + WINITZKI * x) / (1.0 + WINITZKI * x));
        let counts = 0u32.wrapping_sub(flags[i] >> 8 & 1);
        chance[i] = f32::from_bits(p.to_bits() & counts);
        let seen = if g[i].abs() < SMALLEST { 0.0 } else { g[i] };
        let next = decay * squares[i] + (1.0 - decay) * (seen * seen);
        squares[i] = if next < SMALLEST_SQUARE { 0.0 } else { next };
    }
}

/// exp(−y) for y from 0 to 60, to 4e-6.
#[inline(always)]
fn exp_minus(y: f32) -> f32 {
    // Added and taken away again, it rounds to a whole number, whose low bits it keeps.
    const ROUND: f32 = 12_582_912.0;
    let t = -y * std::f32::consts::LOG2_E;
    let rounded = t + ROUND;
    let f = (t - (rounded - ROUND)) * std::f32::consts::LN_2;
    let part = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f / 120.0))));
    part * f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23))
}

/// Takes the step into the running averages and compares them with those before it.
#[inline(always)]
pub(super) fn average(
    s: &mut Scratch,
    g: &[f32],
    w: &[f32],
    mean_g: &mut [f32],
    mean_w: &mut [f32],
    decay: f32,
) -> u64 {
    let n = g.len();
    let (w, mean_g, mean_w) = (&w[..n], &mut mean_g[..n], &mut mean_w[..n]);
    let flags = &mut s.flags[..n];
    let (before, now, change) = (&mut s.before[..n], &mut s.now[..n], &mut s.change[..n]);
    let (unflipped, weight, gradient) = (&mut s.unflipped[..n], &mut s.weight[..n], &mut s.gradient[..n]);
    let mut exact = 0u32;
    for i in 0..n {
        let (g1, w1) = (mean_g[i], mean_w[i]);
        let g2 = decay * g1 + (1.0 - decay) * g[i];
        let g2 = if g2.abs() < SMALLEST { 0.0 } else { g2 };
        let w2 = decay * w1 + (1.0 - decay) * w[i];
        let (step, rise) = (w2 - w1, g2 - g1);
        let flipped = (g1 < 0.0) & (g2 > 0.0) | (g1 > 0.0) & (g2 < 0.0);
        let nonzero = (g1 != 0.0) & (g2 != 0.0);
        let same = (step > 0.0) & (rise > 0.0) | (step < 0.0) & (rise < 0.0);
        let opposite = (step > 0.0) & (rise < 0.0) | (step < 0.0) & (rise > 0.0);
        flags[i] = u32::from(flipped)
            | u32::from(nonzero) << 8
            | u32::from(flipped & same) << 16
            | u32::from(flipped & opposite) << 24;
        exact += u32::from(g2 == 0.0);
        before[i] = g1.abs();
        now[i] = g2.abs();
        change[i] = step.abs();
        unflipped[i] = f32::from_bits(step.abs().to_bits() & 0u32.wrapping_sub(u32::from(!flipped)));
        weight[i] = w2;
        gradient[i] = g2;
        mean_g[i] = g2;
        mean_w[i] = w2;
    }
    u64::from(exact)
}

/// What holds of all parameters of a stretch.
#[inline(always)]
pub(super) fn all_parameters(s: &Scratch, history: &[u32], lags: &[u32], out: &mut Measured, lanes: &mut SetLanes) {
    let mut packed = [0u32; 4];
    let (mut curved, mut flags) = ([0u32; 2], [0u32; 2]);
    for i in 0..STRETCH {
        flags[0] += s.flags[i] & 0xff;
        flags[1] += s.flags[i] >> 8 & 0xff;
        curved[0] += s.curved[i] >> 16 & 0xff;
        curved[1] += s.curved[i] >> 24;
    }
    out.flips += u64::from(flags[0]);
    out.nonzero += u64::from(flags[1]);
    out.true_minima += u64::from(curved[0]);
    out.true_maxima += u64::from(curved[1]);
    for h in history {
        packed[0] += h >> EXACT & 1;
    }
    out.exact_zeros += u64::from(packed[0]);
    for (&lag, counts) in lags.iter().zip(&mut out.persistence) {
        let mut packed = [0u32; 4];
        for &h in history {
            let then = h >> lag;
            packed[0] += then & 1;
            packed[1] += then & h & 1;
            packed[2] += then >> EXACT & 1;
            packed[3] += (then & h) >> EXACT & 1;
        }
        for (count, more) in counts.iter_mut().zip(packed) {
            *count += u64::from(more);
        }
    }
    add(&s.change, &mut lanes[3]);
    add(&s.chance, &mut lanes[4]);
}

/// Squares of gradients and changes, and the product of neighbouring gradients, in 64 bits so that neither tiny nor huge
/// gradients are lost.
#[inline(always)]
pub(super) fn products(old_g: &[f32], g: &[f32], old_w: &[f32], w: &[f32], lanes: &mut SetLanes) {
    let n = g.len();
    let (old_g, old_w, w) = (&old_g[..n], &old_w[..n], &w[..n]);
    let mut total = [[0.0f64; LANES]; 3];
    let whole = n / LANES * LANES;
    let (a, b, c, d) = (as_lanes(old_g), as_lanes(g), as_lanes(old_w), as_lanes(w));
    for k in 0..whole / LANES {
        for lane in 0..LANES {
            let (g1, g2) = (f64::from(a[k][lane]), f64::from(b[k][lane]));
            let step = f64::from(d[k][lane] - c[k][lane]);
            total[0][lane] += g1 * g2;
            total[1][lane] += g2 * g2;
            total[2][lane] += step * step;
        }
    }
    for i in whole..n {
        let (g1, g2, step) = (f64::from(old_g[i]), f64::from(g[i]), f64::from(w[i] - old_w[i]));
        total[0][i - whole] += g1 * g2;
        total[1][i - whole] += g2 * g2;
        total[2][i - whole] += step * step;
    }
    for (sum, total) in lanes.iter_mut().zip(&total) {
        for lane in 0..LANES {
            sum[lane] += total[lane];
        }
    }
}

#[inline(always)]
pub(super) fn as_lanes(values: &[f32]) -> &[[f32; LANES]] {
    values.as_chunks::<LANES>().0
}

pub(super) fn in_order(lanes: &Lanes) -> f64 {
    lanes.iter().sum()
}

/// Adds up what holds of all parameters: product, squares of gradient and change, change, chance.
pub(super) fn finish_all(lanes: &SetLanes, out: &mut Measured) {
    let [dot, squares, change_squares, change, chance] = lanes.map(|lanes| in_order(&lanes));
    out.dot += dot;
    out.squares += squares;
    out.change_squares += change_squares;
    out.change += change;
    out.chance += chance;
}

/// Sums lane by lane, in 64 bits; added up only when a part is done, since adding across lanes keeps the rest from being wide.
pub(super) type Lanes = [f64; LANES];

/// Adds a stretch: each lane in 32 bits, then in 64.
#[inline(always)]
fn add(values: &[f32; STRETCH], sum: &mut Lanes) {
    let mut total = [0.0f32; LANES];
    for lanes in as_lanes(values) {
        for lane in 0..LANES {
            total[lane] += lanes[lane];
        }
    }
    for lane in 0..LANES {
        sum[lane] += f64::from(total[lane]);
    }
}

/// Whether all numbers are finite and no larger than [`LARGEST`].
#[inline(always)]
pub(super) fn all_usable(values: &[f32]) -> bool {
    let mut largest = 0u32;
    for value in values {
        let size = value.to_bits() & 0x7fff_ffff;
        largest = if size > largest { size } else { largest };
    }
    largest <= LARGEST.to_bits()
}
