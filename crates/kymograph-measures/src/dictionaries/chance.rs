//! What random directions score.

/// Places of the quadrature.
const PLACES: usize = 1 << 15;

/// **What MMCS do `count` independent random directions in `width` dimensions have with any fixed direction?**
///
/// The mean of the largest of `count` cosines, each distributed as those of directions uniform on the sphere (density
/// proportional to sin^(width − 2) of the angle): E max = 1 − ∫₀^π F(cos θ)^count sin θ dθ, by the trapezoidal rule. It is the
/// level against which an MMCS is to be read: .19 for 512 directions in 256 dimensions.
///
/// Returns 0 for no direction; in one dimension, 1 − 2^(1 − count).
///
/// ```
/// use kymograph_measures::dictionaries::chance_mean_max_cosine;
/// assert!((chance_mean_max_cosine(256, 512) - 0.19).abs() < 0.005);
/// ```
#[must_use]
pub fn chance_mean_max_cosine(width: usize, count: usize) -> f64 {
    if count == 0 || width == 0 {
        return 0.0;
    }
    if width == 1 {
        return 1.0 - 2.0 * 0.5f64.powf(count as f64);
    }
    let step = std::f64::consts::PI / PLACES as f64;
    let power = (width - 2) as f64;
    let density = |place: usize| (place as f64 * step).sin().max(0.0).powf(power);
    // The share of directions farther off than each angle, from the far end on.
    let mut farther = vec![0.0; PLACES + 1];
    for place in (0..PLACES).rev() {
        farther[place] = farther[place + 1] + (density(place) + density(place + 1)) / 2.0;
    }
    let total = farther[0];
    let height = |place: usize| (farther[place] / total).powf(count as f64) * (place as f64 * step).sin();
    let integral: f64 = (0..PLACES).map(|place| (height(place) + height(place + 1)) / 2.0 * step).sum();
    1.0 - integral
}
