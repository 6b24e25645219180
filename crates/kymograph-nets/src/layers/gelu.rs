//! GELU (Hendrycks and Gimpel 2016) and SiLU, with their derivatives kept for the way back.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use kymograph_linalg::Real;

use crate::spec::Gelu;

/// Output and derivative, number by number, in f64.
fn each<T: Real>(input: &[T], derivatives: &mut [T], output: &mut [T], f: impl Fn(f64) -> (f64, f64)) {
    for ((&x, slope), y) in input.iter().zip(derivatives).zip(output) {
        let (value, derivative) = f(x.to_f64());
        *y = T::from_f64(value);
        *slope = T::from_f64(derivative);
    }
}

pub(crate) fn gelu<T: Real>(form: Gelu, input: &[T], derivatives: &mut [T], output: &mut [T]) {
    match form {
        Gelu::None => each(input, derivatives, output, exact),
        Gelu::Tanh => each(input, derivatives, output, approximate),
    }
}

/// The factor by which a GELU multiplies its input: the share of a standard normal distribution below it, or what the other
/// formula has in its place.
pub(crate) fn gelu_share(form: Gelu, x: f64) -> f64 {
    match form {
        Gelu::None => 0.5 * complementary_error(-x * FRAC_1_SQRT_2),
        Gelu::Tanh => 0.5 * (1.0 + tanh_of(x)),
    }
}

pub(crate) fn silu<T: Real>(input: &[T], derivatives: &mut [T], output: &mut [T]) {
    each(input, derivatives, output, |x| {
        let share = 1.0 / (1.0 + (-x).exp());
        (x * share, share * (1.0 + x * (1.0 - share)))
    });
}

fn exact(x: f64) -> (f64, f64) {
    let below = 0.5 * complementary_error(-x * FRAC_1_SQRT_2);
    let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * x * x).exp();
    (x * below, below + x * density)
}

const CUBE: f64 = 0.044_715;

/// The tanh of the approximate formula, which is ±1 to the last bit beyond 20.
fn tanh_of(x: f64) -> f64 {
    let x = x.clamp(-20.0, 20.0);
    (SQRT_2 * FRAC_2_SQRT_PI * 0.5 * (x + CUBE * x * x * x)).tanh()
}

fn approximate(x: f64) -> (f64, f64) {
    // Beyond, tanh is ±1 to the last bit, and the cube may overflow.
    if x.abs() > 20.0 {
        return (x.max(0.0), f64::from(u8::from(x > 0.0)));
    }
    let factor = SQRT_2 * FRAC_2_SQRT_PI * 0.5;
    let t = tanh_of(x);
    let inner = factor * (1.0 + 3.0 * CUBE * x * x);
    (0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)
}

/// `2/√π · ∫ₓ^∞ e^(−s²) ds`, to 14 digits: with t = 2 / (2 + |x|) the logarithm of `erfc(|x|)·e^(x²) / t` is nearly linear
/// in t, and these are its Chebyshev coefficients (the scheme of Press et al. 2007, section 6.2.2).
fn complementary_error(x: f64) -> f64 {
    const SERIES: [f64; 26] = [
        -0.651_326_859_890_854_7,
        0.641_969_792_356_490_1,
        0.019_476_473_204_185_89,
        -0.009_561_514_786_808_696,
        -0.000_946_595_344_482_211_4,
        0.000_366_839_497_852_907_3,
        4.252_332_480_659_445e-5,
        -2.027_857_811_270_905_6e-5,
        -1.624_290_004_572_278_1e-6,
        1.303_655_835_297_827e-6,
        1.562_644_222_907_75e-8,
        -8.523_809_567_802_706e-8,
        6.529_053_460_842_723e-9,
        5.059_342_789_159_871e-9,
        -9.913_635_764_154_567e-10,
        -2.273_662_813_578_880_5e-10,
        9.646_832_221_932_3e-11,
        2.394_077_528_814_857e-12,
        -6.886_032_484_961_409_5e-12,
        8.944_400_775_590_111e-13,
        3.133_937_553_911_892e-13,
        -1.132_131_425_644_426_3e-13,
        7.031_412_489_292_658e-16,
        6.846_375_318_521_798_4e-15,
        -2.457_293_627_837_013e-15,
        -1.265_654_248_072_678_5e-15,
    ];
    let size = x.abs();
    let t = 2.0 / (2.0 + size);
    let u = 2.0 * t - 1.0;
    let (mut b, mut before) = (0.0, 0.0);
    for &coefficient in SERIES[1..].iter().rev() {
        (b, before) = (2.0 * u * b - before + coefficient, b);
    }
    let tail = t * (u * b - before + SERIES[0] - size * size).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}
