//! The curve by which UMAP turns distances in the layout into memberships, and tables of its slopes.

/// The a and b with which `1/(1 + a·d^2b)` lies nearest, at 300 distances up to three spreads, to 1 within `min_dist` and
/// `exp(−(d − min_dist)/spread)` beyond (McInnes et al. 2018, section 4.2, as umap-learn 0.5.12 fits it): damped
/// Gauss–Newton steps from a = b = 1.
pub(super) fn fit(min_dist: f64, spread: f64) -> [f64; 2] {
    let samples: Vec<(f64, f64)> = (0..300)
        .map(|place| 3.0 * spread * f64::from(place) / 299.0)
        .map(|d| (d, if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() }))
        .collect();
    let error = |[a, b]: [f64; 2]| -> f64 { samples.iter().map(|&(d, y)| (membership(d, a, b) - y).powi(2)).sum() };
    let (mut at, mut damping) = ([1.0, 1.0], 1e-3);
    let mut least = error(at);
    for _ in 0..500 {
        let [a, b] = at;
        let (mut gram, mut slope) = ([[0.0; 2]; 2], [0.0; 2]);
        for &(d, y) in samples.iter().filter(|(d, _)| *d > 0.0) {
            let power = d.powf(2.0 * b);
            let value = 1.0 / (1.0 + a * power);
            let by = [-value * value * power, -value * value * a * power * 2.0 * d.ln()];
            for row in 0..2 {
                slope[row] += by[row] * (value - y);
                (0..2).for_each(|column| gram[row][column] += by[row] * by[column]);
            }
        }
        let (p, q) = (gram[0][0] * (1.0 + damping), gram[1][1] * (1.0 + damping));
        let determinant = p * q - gram[0][1] * gram[1][0];
        let change = [
            (q * slope[0] - gram[0][1] * slope[1]) / determinant,
            (p * slope[1] - gram[1][0] * slope[0]) / determinant,
        ];
        let next = [a - change[0], b - change[1]];
        let found = error(next);
        if next.iter().all(|value| value.is_finite() && *value > 0.0) && found <= least {
            let small = change.iter().zip(at).all(|(change, at)| change.abs() < 1e-12 * at);
            (at, least, damping) = (next, found, damping * 0.1);
            if small {
                break;
            }
        } else {
            damping = (damping * 10.0).max(1e-12);
            if damping > 1e12 {
                break;
            }
        }
    }
    at
}

fn membership(d: f64, a: f64, b: f64) -> f64 {
    1.0 / (1.0 + a * d.powf(2.0 * b))
}

/// Squared distances from 2^LOWEST to 2^(LOWEST + OCTAVES), each octave in so many equal parts.
const LOWEST: i32 = -40;
const OCTAVES: usize = 64;
const PARTS: u32 = 5;
/// Bits of an f32 below those that name the part.
const BELOW: u32 = 23 - PARTS;

/// How strongly rows pull and push, as factors of their difference, by squared distance: straight lines between a few
/// thousand points, within a thousandth of the true ones.
pub(super) struct Slopes {
    points: Vec<[f32; 2]>,
}

impl Slopes {
    pub(super) fn of(a: f64, b: f64, repulsion: f64) -> Self {
        let points = (0..=OCTAVES << PARTS)
            .map(|point| {
                let octave = (f64::from(LOWEST) + (point >> PARTS) as f64).exp2();
                let squared = octave * (1.0 + (point & ((1 << PARTS) - 1)) as f64 / f64::from(1 << PARTS));
                slopes(squared, a, b, repulsion).map(|slope| slope as f32)
            })
            .collect();
        Self { points }
    }

    /// Pull (negative) and push (positive) of two rows at this squared distance, which must be positive.
    #[inline]
    pub(super) fn at(&self, squared: f32) -> [f32; 2] {
        let lowest = ((LOWEST + 127) as u32) << 23;
        let highest = lowest + ((OCTAVES as u32) << 23) - 1;
        let bits = squared.to_bits().clamp(lowest, highest) - lowest;
        let place = (bits >> BELOW) as usize;
        let share = (bits & ((1 << BELOW) - 1)) as f32 * (1.0 / (1 << BELOW) as f32);
        let (low, high) = (self.points[place], self.points[place + 1]);
        [low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])]
    }
}

/// The derivatives of the cross entropy's two terms (McInnes et al. 2018, section 4.2), with the thousandth that keeps the
/// push finite.
fn slopes(squared: f64, a: f64, b: f64, repulsion: f64) -> [f64; 2] {
    let power = squared.powf(b);
    let pull = -2.0 * a * b * power / squared / (1.0 + a * power);
    let push = 2.0 * repulsion * b / ((0.001 + squared) * (1.0 + a * power));
    [pull, push]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `umap.umap_.find_ab_params` of umap-learn 0.5.12 gives (`tests/reference/make_embedding_reference.py`).
    #[test]
    fn the_curve_is_that_of_umap_learn() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/reference/embeddings.json")).unwrap();
        let curves = reference["curves"].as_array().unwrap();
        assert_eq!(curves.len(), 4);
        for row in curves {
            let [min_dist, spread, a, b] = [0, 1, 2, 3].map(|place| row[place].as_f64().unwrap());
            let [found_a, found_b] = fit(min_dist, spread);
            assert!((found_a / a - 1.0).abs() < 1e-5 && (found_b / b - 1.0).abs() < 1e-5, "{row}: {found_a} {found_b}");
        }
    }

    #[test]
    fn slopes_are_derivatives_of_the_cross_entropy() {
        let (a, b) = (1.577, 0.895);
        for squared in [1e-3f64, 0.04, 1.0, 30.0] {
            let d = squared.sqrt();
            let pull = |d: f64| membership(d, a, b).ln();
            let numeric = (pull(d + 1e-6) - pull(d - 1e-6)) / 2e-6;
            assert!((slopes(squared, a, b, 1.0)[0] * d / numeric - 1.0).abs() < 1e-6);
            let push = |d: f64| (1.0 - membership(d, a, b)).ln();
            let numeric = (push(d + 1e-6) - push(d - 1e-6)) / 2e-6;
            // The derivative without the thousandth.
            let expected = slopes(squared, a, b, 1.0)[1] * d * (0.001 + squared) / squared;
            assert!((expected / numeric - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_table_is_within_a_thousandth() {
        let (a, b) = (1.577, 0.895);
        let table = Slopes::of(a, b, 1.0);
        let mut squared = 1e-11f64;
        while squared < 1e6 {
            let exact = slopes(squared, a, b, 1.0);
            let found = table.at(squared as f32);
            for (found, exact) in found.iter().zip(exact) {
                assert!((f64::from(*found) / exact - 1.0).abs() < 1e-3, "{squared}: {found} {exact}");
            }
            squared *= 1.013;
        }
        assert!(table.at(f32::MIN_POSITIVE).iter().chain(&table.at(f32::MAX)).all(|slope| slope.is_finite()));
    }
}
