//! Where a coefficient row of a curve is zero.

use std::f64::consts::TAU;

use super::path::Curve;

impl Curve {
    /// Rows of a group: what moves along the curve, then the constant.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Segment => 2,
            Self::Arc => 3,
        }
    }

    /// By what the rows of a group are multiplied at place `t`.
    pub(super) fn weights(self, t: f64) -> [f64; 3] {
        match self {
            Self::Segment => [t, 1.0, 0.0],
            Self::Arc => [t.cos(), t.sin(), 1.0],
        }
    }

    /// Appends the places strictly between `from` and `to` at which a number with these coefficients is zero.
    pub(super) fn roots(self, coefficients: [f64; 3], from: f64, to: f64, found: &mut Vec<f64>) {
        let mut keep = |t: f64| {
            if t > from && t < to {
                found.push(t);
            }
        };
        match self {
            Self::Segment => {
                let [slope, constant, _] = coefficients;
                if slope != 0.0 {
                    keep(-constant / slope);
                }
            }
            Self::Arc => {
                let [cosine, sine, constant] = coefficients;
                let size = cosine.hypot(sine);
                if constant.abs() > size || size == 0.0 {
                    return;
                }
                let (middle, reach) = (sine.atan2(cosine), (-constant / size).acos());
                for turn in [-TAU, 0.0, TAU] {
                    keep(middle - reach + turn);
                    keep(middle + reach + turn);
                }
            }
        }
    }
}
