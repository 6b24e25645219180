//! Discrete Fourier transforms of several sequences at a time, in f32.

use std::ops::{Add, Mul, Sub};

/// Sequences transformed together.
pub const LANES: usize = 8;

/// One element of each of [`LANES`] sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lanes(pub [f32; LANES]);

impl Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a += b;
        }
        self
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a -= b;
        }
        self
    }
}

impl Mul<f32> for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(mut self, factor: f32) -> Self {
        for a in &mut self.0 {
            *a *= factor;
        }
        self
    }
}

/// The smallest length of at least `least` that [`Fourier::new`] takes and that is a multiple of 4.
pub fn fourier_length(least: usize) -> usize {
    (1..)
        .map(|quarter| 4 * quarter)
        .skip(least.div_ceil(4).saturating_sub(1))
        .find(|&length| factors(length).is_some())
        .unwrap_or(least)
}

/// Transforms of one length.
#[derive(Clone, Debug)]
pub struct Fourier {
    length: usize,
    passes: Vec<Pass>,
}

#[derive(Clone, Debug)]
struct Pass {
    radix: usize,
    /// Elements already in place behind each other.
    stride: usize,
    /// `exp(−2πi·p·k/n)` for each p below n/radix and k = 1, …, radix − 1.
    twiddles: Vec<[f32; 2]>,
}

impl Fourier {
    /// Transforms of `length` elements; None if it has prime factors other than 2 and 3, or is 0.
    pub fn new(length: usize) -> Option<Self> {
        let (mut left, mut stride) = (length, 1);
        let mut passes = Vec::new();
        for radix in factors(length)? {
            let turn = |p: usize, k: usize| {
                let angle = -std::f64::consts::TAU * ((p * k) % left) as f64 / left as f64;
                [angle.cos() as f32, angle.sin() as f32]
            };
            let twiddles = (0..left / radix).flat_map(|p| (1..radix).map(move |k| (p, k))).map(|(p, k)| turn(p, k));
            passes.push(Pass { radix, stride, twiddles: twiddles.collect() });
            left /= radix;
            stride *= radix;
        }
        Some(Self { length, passes })
    }

    /// What is `Σₜ x[t]·exp(−2πi·f·t/length)` for every f? In place: `re` and `im` are the real and imaginary parts of
    /// `length` elements of every sequence. With `re` and `im` exchanged it is the inverse, not divided by the length.
    ///
    /// # Panics
    /// When a slice has not `length` elements; `work` has twice as many.
    pub fn transform(&self, re: &mut [Lanes], im: &mut [Lanes], work: &mut [Lanes]) {
        let n = self.length;
        assert!(re.len() == n && im.len() == n && work.len() == 2 * n, "Fourier: slices of {n} elements are needed");
        let (work_re, work_im) = work.split_at_mut(n);
        let mut in_place = true;
        for pass in &self.passes {
            if in_place {
                pass.run(re, im, work_re, work_im);
            } else {
                pass.run(work_re, work_im, re, im);
            }
            in_place = !in_place;
        }
        if !in_place {
            re.copy_from_slice(work_re);
            im.copy_from_slice(work_im);
        }
    }
}

/// A complex number in every lane.
#[derive(Clone, Copy)]
struct Complex(Lanes, Lanes);

impl Complex {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0, self.1 - other.1)
    }

    /// Times −i.
    #[inline(always)]
    fn quarter(self) -> Self {
        Self(self.1, self.0 * -1.0)
    }

    #[inline(always)]
    fn scaled(self, factor: f32) -> Self {
        Self(self.0 * factor, self.1 * factor)
    }

    #[inline(always)]
    fn turned(self, [re, im]: [f32; 2]) -> Self {
        Self(self.0 * re - self.1 * im, self.0 * im + self.1 * re)
    }
}

impl Pass {
    /// One pass of the autosort form (Stockham), which leaves every element in its place without a reversal of bits.
    fn run(&self, re: &[Lanes], im: &[Lanes], to_re: &mut [Lanes], to_im: &mut [Lanes]) {
        match self.radix {
            4 => self.columns::<4>(re, im, to_re, to_im, |[a, b, c, d]| {
                let (ac, bd, ac_apart, bd_apart) = (a.plus(c), b.plus(d), a.minus(c), b.minus(d).quarter());
                [ac.plus(bd), ac_apart.plus(bd_apart), ac.minus(bd), ac_apart.minus(bd_apart)]
            }),
            3 => self.columns::<3>(re, im, to_re, to_im, |[a, b, c]| {
                let (sum, apart) = (b.plus(c), b.minus(c).quarter().scaled(0.75f32.sqrt()));
                let middle = a.minus(sum.scaled(0.5));
                [a.plus(sum), middle.plus(apart), middle.minus(apart)]
            }),
            _ => self.columns::<2>(re, im, to_re, to_im, |[a, b]| [a.plus(b), a.minus(b)]),
        }
    }

    #[inline(always)]
    fn columns<const R: usize>(
        &self,
        re: &[Lanes],
        im: &[Lanes],
        to_re: &mut [Lanes],
        to_im: &mut [Lanes],
        butterfly: impl Fn([Complex; R]) -> [Complex; R],
    ) {
        let s = self.stride;
        let apart = re.len() / R;
        let groups = to_re.chunks_exact_mut(R * s).zip(to_im.chunks_exact_mut(R * s));
        for ((p, (to_re, to_im)), turns) in groups.enumerate().zip(self.twiddles.chunks_exact(R - 1)) {
            for q in 0..s {
                let from = q + s * p;
                let x = std::array::from_fn(|k| Complex(re[from + k * apart], im[from + k * apart]));
                let y = butterfly(x);
                for k in 0..R {
                    let Complex(real, imaginary) = if k == 0 { y[0] } else { y[k].turned(turns[k - 1]) };
                    to_re[q + s * k] = real;
                    to_im[q + s * k] = imaginary;
                }
            }
        }
    }
}

/// The radices of a length, in the order of the passes.
fn factors(length: usize) -> Option<Vec<usize>> {
    let mut left = length;
    let mut found = Vec::new();
    for radix in [4, 3, 2] {
        while left > 1 && left.is_multiple_of(radix) {
            found.push(radix);
            left /= radix;
        }
    }
    (left == 1).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{normal, stream};

    fn draws(n: usize, seed: u64) -> Vec<Lanes> {
        let mut rng = stream(seed, "test");
        (0..n).map(|_| Lanes(std::array::from_fn(|_| normal(&mut rng) as f32))).collect()
    }

    #[test]
    fn equals_the_sum_that_defines_it_and_is_undone_by_its_inverse() {
        for n in [1, 2, 3, 4, 6, 8, 9, 12, 16, 36, 54, 96, 128, 144] {
            let plan = Fourier::new(n).expect("factors 2 and 3");
            let (re, im) = (draws(n, 1), draws(n, 2));
            let (mut a, mut b, mut work) = (re.clone(), im.clone(), vec![Lanes::default(); 2 * n]);
            plan.transform(&mut a, &mut b, &mut work);
            let allowed = 1e-6 * n as f64;
            for lane in 0..LANES {
                for f in 0..n {
                    let (mut x, mut y) = (0.0, 0.0);
                    for t in 0..n {
                        let angle = -std::f64::consts::TAU * (f * t % n) as f64 / n as f64;
                        let (r, i) = (f64::from(re[t].0[lane]), f64::from(im[t].0[lane]));
                        x += r * angle.cos() - i * angle.sin();
                        y += r * angle.sin() + i * angle.cos();
                    }
                    let (p, q) = (f64::from(a[f].0[lane]), f64::from(b[f].0[lane]));
                    assert!((p - x).abs() < allowed && (q - y).abs() < allowed, "{n}: {p} {x}, {q} {y}");
                }
            }
            plan.transform(&mut b, &mut a, &mut work);
            for t in 0..n {
                for lane in 0..LANES {
                    assert!((a[t].0[lane] / n as f32 - re[t].0[lane]).abs() < 1e-5);
                    assert!((b[t].0[lane] / n as f32 - im[t].0[lane]).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn lengths_with_other_factors_are_refused_and_passed_over() {
        assert!([0, 5, 7, 10, 100, 22].into_iter().all(|length| Fourier::new(length).is_none()));
        for (least, length) in [(0, 4), (1, 4), (5, 8), (97, 108), (96, 96), (193, 216), (577, 648)] {
            assert_eq!(fourier_length(least), length);
        }
    }
}
