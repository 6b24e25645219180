//! Correlations over examples between the units of layers: standardised once a layer, one product a pair of layers.

use kymograph_linalg::{Real, matmul_tn};
use ndarray::{Array2, ArrayView2};

use super::standardise::standardise;
use crate::{Change, MeasureError, OptionSpec, Options, Reading, Setting, Transform, check};

/// Of every measure of correlations.
pub(super) const EXAMPLES: OptionSpec = OptionSpec {
    name: "examples",
    default: Setting::Count(0),
    doc: "Only so many examples from the top are looked at, such as one minibatch; 0 takes all.",
};

/// What measures of correlations between two layers feel and what they do not.
pub(super) struct Invariances {
    pub(super) unchanged: &'static [Transform],
    pub(super) changed: &'static [Transform],
}

/// Of those that tell the signs of a correlation apart.
pub(super) const SIGNED: Invariances = Invariances {
    unchanged: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleColumns),
        Transform::first(Change::Translate),
    ],
    changed: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipRowSigns),
        Transform::first(Change::FlipSign),
    ],
};

/// Of those that do not.
pub(super) const ABSOLUTE: Invariances = Invariances {
    unchanged: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleColumns),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipRowSigns),
    ],
};

/// Means over the pairs of units of two layers, of which neither is constant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CorrelationMeans {
    /// Of the correlation r, from −1 to 1.
    pub signed: f64,
    /// Of |r|, from 0 to 1.
    pub absolute: f64,
    /// Of max(0, r), from 0 to 1: what a picture with colours from 0 to 1 shows of r.
    pub clipped: f64,
}

/// The correlation of every unit of `x` with every unit of `y` over the examples: `[unit, other unit]`. Units that are
/// constant have correlation 0 with all.
///
/// # Errors
/// As [`super::correlation_grid()`].
pub fn correlations<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Array2<T>, MeasureError> {
    let mut r = between(x, y)?.r;
    // Rounding may pass the ends.
    let (low, high) = (-T::ONE, T::ONE);
    r.mapv_inplace(|v| {
        if v > high {
            high
        } else if v < low {
            low
        } else {
            v
        }
    });
    Ok(r)
}

/// The correlations of two layers, and how many units of each are constant.
pub(super) struct Between<T> {
    pub(super) r: Array2<T>,
    pub(super) constant: [usize; 2],
    pub(super) examples: usize,
}

pub(super) fn between<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Between<T>, MeasureError> {
    let (z, no_x) = standardised("x", x)?;
    let (w, no_y) = standardised("y", y)?;
    check::same_size("examples", ("x", x.nrows()), ("y", y.nrows()))?;
    Ok(Between { r: matmul_tn(z.view(), w.view()), constant: [no_x, no_y], examples: x.nrows() })
}

/// The units of one layer with each other.
pub(super) fn within<T: Real>(x: ArrayView2<'_, T>) -> Result<Between<T>, MeasureError> {
    let (z, constant) = standardised("x", x)?;
    Ok(Between { r: matmul_tn(z.view(), z.view()), constant: [constant; 2], examples: x.nrows() })
}

impl<T: Real> Between<T> {
    fn varying(&self) -> [f64; 2] {
        [(self.r.nrows() - self.constant[0]) as f64, (self.r.ncols() - self.constant[1]) as f64]
    }

    pub(super) fn means(&self) -> CorrelationMeans {
        let [p, q] = self.varying();
        Sums::of(self.r.view()).means(p * q)
    }

    /// Of a layer with itself, over pairs of different units.
    pub(super) fn off_diagonal(&self) -> Option<CorrelationMeans> {
        let diagonal = self.r.diag().iter().map(|v| v.to_f64()).sum();
        Sums { diagonal, ..Sums::of(self.r.view()) }.off_diagonal(self.varying()[0])
    }

    /// The reading of one of the means: with the constant units that it leaves out.
    pub(super) fn reading(&self, value: f64, by_chance: f64) -> Reading {
        let left_out = self.constant[0] + self.constant[1];
        let note = (left_out > 0)
            .then(|| format!("{} and {} constant units are left out", self.constant[0], self.constant[1]));
        Reading::of(value)
            .with_part("expected_by_chance", vec![by_chance])
            .with_part("constant_units", self.constant.iter().map(|&n| n as f64).collect())
            .with_notes(note)
    }
}

/// The first rows of an array, as many as the option says.
pub(super) fn leading<'v, T>(
    x: &ArrayView2<'v, T>,
    options: &Options,
    measure: &'static str,
) -> Result<ArrayView2<'v, T>, MeasureError> {
    let wanted = options.count(EXAMPLES.name)?;
    if wanted > x.nrows() {
        return Err(MeasureError::BadOption {
            measure,
            option: EXAMPLES.name,
            value: wanted.to_string(),
            expected: format!("0 or at most the {} examples there are", x.nrows()),
        });
    }
    let rows = if wanted == 0 { x.nrows() } else { wanted };
    Ok((*x).split_at(ndarray::Axis(0), rows).0)
}

/// What is the mean of |r| over draws of `examples` examples of two independent normal units?
///
/// `E|r| = Γ((n−1)/2) / (√π Γ(n/2))`, about .80/√n, from the density `(1−r²)^((n−4)/2)` of r; that of max(0, r) is half of it.
/// It is the same for any two independent units of which one is normal, and close for examples in random order.
///
/// # Panics
/// For fewer than 2 examples, which have no correlation.
///
/// Reference: Fisher 1915, Frequency distribution of the values of the correlation coefficient (Biometrika 10).
#[must_use]
pub fn absolute_correlation_by_chance(examples: usize) -> f64 {
    assert!(examples >= 2, "a correlation needs two examples");
    // E|r| is 1 for n = 2 and 2/π for n = 3, and Γ(x + 1) = x Γ(x) takes it from n to n + 2.
    let (start, value) = if examples.is_multiple_of(2) { (2, 1.0) } else { (3, std::f64::consts::FRAC_2_PI) };
    (start..examples).step_by(2).fold(value, |value, n| value * (n as f64 - 1.0) / n as f64)
}

/// Every column less its mean and of norm one, and how many are constant; those are zero.
fn standardised<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<(Array2<T>, usize), MeasureError> {
    let mut z = Array2::<T>::zeros(x.raw_dim());
    let constant = standardise(input, x, z.view_mut())?;
    Ok((z, constant))
}

/// Σ r and Σ |r| over pairs of units, and Σ r over pairs of a unit with itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    sum: f64,
    absolute: f64,
    pub(super) diagonal: f64,
}

impl Sums {
    /// Without the diagonal.
    pub(super) fn of<T: Real>(r: ArrayView2<'_, T>) -> Self {
        let mut sums = Self::default();
        for row in r.outer_iter() {
            let (mut of_row, mut absolute_of_row) = (0.0, 0.0);
            for value in row {
                of_row += value.to_f64();
                absolute_of_row += value.to_f64().abs();
            }
            sums.sum += of_row;
            sums.absolute += absolute_of_row;
        }
        sums
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.absolute += other.absolute;
        self.diagonal += other.diagonal;
    }

    pub(super) fn means(&self, pairs: f64) -> CorrelationMeans {
        // Rounding may pass the ends. max(0, r) is (r + |r|) / 2.
        CorrelationMeans {
            signed: (self.sum / pairs).clamp(-1.0, 1.0),
            absolute: (self.absolute / pairs).clamp(0.0, 1.0),
            clipped: (0.5 * (self.sum + self.absolute) / pairs).clamp(0.0, 1.0),
        }
    }

    /// Over pairs of different units, of which so many vary.
    pub(super) fn off_diagonal(&self, varying: f64) -> Option<CorrelationMeans> {
        let (sum, absolute) = (self.sum - self.diagonal, self.absolute - self.diagonal);
        (varying > 1.0).then(|| Self { sum, absolute, diagonal: 0.0 }.means(varying * (varying - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;

    /// ∫|r| (1−r²)^((n−4)/2) dr over ∫(1−r²)^((n−4)/2) dr, with r = sin t so that the ends are smooth.
    #[test]
    fn the_expectation_by_chance_is_the_integral_over_the_density() {
        for n in [4, 5, 10, 32, 256, 1001] {
            let steps = 20_000;
            let (mut above, mut below) = (0.0, 0.0);
            for k in 0..steps {
                let t = std::f64::consts::FRAC_PI_2 * (f64::from(k) + 0.5) / f64::from(steps);
                let density = t.cos().powi(n - 3);
                above += t.sin() * density;
                below += density;
            }
            let found = absolute_correlation_by_chance(n as usize);
            assert!((found - above / below).abs() < 1e-6, "{n}: {found} {}", above / below);
            if n >= 32 {
                assert!((found * f64::from(n).sqrt() - 0.798).abs() < 0.02, "{n}");
            }
        }
        assert_eq!(absolute_correlation_by_chance(2), 1.0);
    }

    /// 60 × 60 independent units: the mean of 3,600 |r| scatters by about .6/√n/60 and more for shared units; five of those.
    #[test]
    fn independent_units_correlate_as_chance_says() {
        for n in [16, 256] {
            let x: Array2<f64> = random::normal_matrix(&mut random::stream(7, "test"), n, 60);
            let y: Array2<f64> = random::normal_matrix(&mut random::stream(8, "test"), n, 60);
            let means = between(x.view(), y.view()).unwrap().means();
            let expected = absolute_correlation_by_chance(n);
            assert!((means.absolute - expected).abs() < 0.08 / (n as f64).sqrt(), "{n}: {means:?} {expected}");
            assert!((means.clipped - expected / 2.0).abs() < 0.08 / (n as f64).sqrt(), "{n}: {means:?} {expected}");
        }
    }
}
