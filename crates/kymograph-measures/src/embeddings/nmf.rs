//! Non-negative factors.

use kymograph_linalg::{Real, column_gram, matmul, matmul_into_sequential, parallel, random};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::{MeasureError, check};

/// Rows that are descended along at a time.
const BLOCK: usize = 64;

/// How to fit non-negative factors.
#[derive(Clone, Copy, Debug)]
pub struct NmfOptions<'a> {
    /// Components.
    pub components: usize,
    /// Iterations after which the fit is given up as not converged.
    pub max_iterations: usize,
    /// The fit has converged when the projected gradient, `x` divided by the power of two below its largest entry, has fallen to
    /// this share of what it was in the first iteration.
    pub tolerance: f64,
    /// The seed of the first factors.
    pub seed: u64,
    /// First weights `[row, component]` and parts `[component, feature]` instead of drawn ones.
    pub initial: Option<[ArrayView2<'a, f64>; 2]>,
}

impl Default for NmfOptions<'_> {
    fn default() -> Self {
        Self { components: 2, max_iterations: 200, tolerance: 1e-4, seed: 0, initial: None }
    }
}

/// Non-negative parts, and how much of each a row holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Nmf {
    /// `[row, component]`, at least 0.
    pub weights: Array2<f64>,
    /// `[component, feature]`, at least 0.
    pub parts: Array2<f64>,
    /// `‖x − weights · parts‖ / ‖x‖`, Frobenius norms: 0 where the factors are exact, 1 where they are nothing.
    pub relative_error: f64,
    /// Iterations taken.
    pub iterations: usize,
    /// Had the projected gradient fallen to the tolerance?
    pub converged: bool,
}

/// **Of which non-negative parts are the rows sums?**
///
/// Minimises `‖x − W H‖²` over `W` (`[row, component]`) and `H` (`[component, feature]`), all entries at least 0, by coordinate
/// descent: each entry of `W` in turn goes to its optimum given the others, cut at 0, then each of `H` (hierarchical alternating
/// least squares). Drawn first factors are `√(mean x / components) · |normal|`. `x` must have no entry below 0; of signed rows
/// take [`rectified_halves`], for which a part has a positive and a negative half.
///
/// **Misleads**: a local optimum, which the first factors decide; with as many components as features the exact answer `x · I` is
/// among the solutions, and it means nothing; a shift of `x` to make it non-negative makes the mean a part.
///
/// # Errors
/// Empty or not finite input, an entry below 0, input of zeros alone, `components` or `max_iterations` of 0, a tolerance below 0,
/// first factors of other shapes or below 0. Cost: rows × features × components and (rows + features) × components² an
/// iteration.
///
/// References: Cichocki & Phan 2009, Fast local algorithms for large scale nonnegative matrix and tensor factorizations
/// (doi:10.1587/transfun.E92.A.708); Hsieh & Dhillon 2011, Fast coordinate descent methods with variable selection for
/// non-negative matrix factorization (doi:10.1145/2020408.2020577).
///
/// ```
/// use kymograph_measures::embeddings::{NmfOptions, nmf};
/// let x = ndarray::array![[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]];
/// let found = nmf(x.view(), &NmfOptions { tolerance: 1e-8, ..NmfOptions::default() })?;
/// assert!(found.relative_error < 1e-5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn nmf<T: Real>(x: ArrayView2<'_, T>, options: &NmfOptions<'_>) -> Result<Nmf, MeasureError> {
    not_below_zero("x", x)?;
    let bad = |option: &'static str, value: String, expected: &str| {
        Err(MeasureError::BadOption { measure: "nmf", option, value, expected: expected.to_owned() })
    };
    if options.components == 0 || options.components > 1 << 16 {
        return bad("components", options.components.to_string(), "from 1 to 65536");
    }
    if options.max_iterations == 0 {
        return bad("max_iterations", "0".into(), "at least 1");
    }
    if !(options.tolerance >= 0.0 && options.tolerance.is_finite()) {
        return bad("tolerance", options.tolerance.to_string(), "a number of at least 0");
    }
    let scale = check::binary_scale(x.iter());
    let x = x.mapv(|v| v.to_f64() / scale);
    let squares: f64 = x.iter().map(|v| v * v).sum();
    if squares == 0.0 {
        return Err(MeasureError::NoVariation { input: "x", what: "every entry is 0" });
    }
    let (mut weights, mut parts) = first(&x, options, scale)?;
    let (mut iterations, mut converged, mut at_first) = (0, false, 0.0);
    while iterations < options.max_iterations && !converged {
        let products = matmul(x.view(), parts.view());
        let mut violation = descend(&mut weights, &column_gram(parts.view()), &products);
        let products = matmul(x.t(), weights.view());
        violation += descend(&mut parts, &column_gram(weights.view()), &products);
        iterations += 1;
        if iterations == 1 {
            at_first = violation;
        }
        converged = violation <= options.tolerance * at_first;
    }
    let error: f64 = parallel::map_row_blocks(weights.view(), BLOCK, |first, block| {
        let rebuilt = matmul(block, parts.t());
        let of = x.slice(s![first..first + block.nrows(), ..]);
        rebuilt.iter().zip(of.iter()).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    })
    .into_iter()
    .sum();
    weights.mapv_inplace(|w| w * scale);
    let parts = parts.reversed_axes().as_standard_layout().into_owned();
    if !weights.iter().chain(&parts).all(|v| v.is_finite()) {
        return Err(MeasureError::Overflow { measure: "nmf", value: f64::INFINITY });
    }
    Ok(Nmf { weights, parts, relative_error: (error / squares).sqrt(), iterations, converged })
}

/// Signed rows without a sign: `[max(x, 0), max(−x, 0)]` side by side, `[row, 2 · feature]`.
///
/// What a part of them stands for is its first half less its second. A part may hold both halves of a feature, which no
/// difference shows. Reference: Hoyer 2003, Modeling receptive fields with non-negative sparse coding
/// (doi:10.1016/S0925-2312(02)00782-8), which does so with the channels "on" and "off".
///
/// ```
/// let halves = kymograph_measures::embeddings::rectified_halves(ndarray::array![[1.0, -2.0]].view());
/// assert_eq!(halves, ndarray::array![[1.0, 0.0, 0.0, 2.0]]);
/// ```
pub fn rectified_halves<T: Real>(x: ArrayView2<'_, T>) -> Array2<T> {
    let width = x.ncols();
    Array2::from_shape_fn((x.nrows(), 2 * width), |(row, column)| {
        let value = if column < width { x[[row, column]] } else { -x[[row, column - width]] };
        // A NaN stays, to be refused where it is used.
        if value <= T::ZERO { T::ZERO } else { value }
    })
}

fn not_below_zero<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<(), MeasureError> {
    check::matrix(input, x)?;
    match x.indexed_iter().find(|(_, value)| **value < T::ZERO) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let remedy = "take the halves [max(x, 0), max(-x, 0)] side by side";
            Err(MeasureError::Negative { input, row, column, value: value.to_f64(), remedy })
        }
    }
}

/// First weights `[row, component]` and transposed parts `[feature, component]`.
fn first(x: &Array2<f64>, options: &NmfOptions<'_>, scale: f64) -> Result<(Array2<f64>, Array2<f64>), MeasureError> {
    let components = options.components;
    if let Some([weights, parts]) = options.initial {
        not_below_zero("initial weights", weights)?;
        not_below_zero("initial parts", parts)?;
        check::same_size("rows", ("x", x.nrows()), ("initial weights", weights.nrows()))?;
        check::same_size("features", ("x", x.ncols()), ("initial parts", parts.ncols()))?;
        check::same_size("components", ("components", components), ("initial weights", weights.ncols()))?;
        check::same_size("components", ("components", components), ("initial parts", parts.nrows()))?;
        return Ok((weights.mapv(|w| w / scale), parts.t().as_standard_layout().into_owned()));
    }
    let size = (x.mean().unwrap_or(0.0) / components as f64).sqrt();
    let draw = |purpose: &str, rows: usize| {
        let drawn: Array2<f64> = random::normal_matrix(&mut random::stream(options.seed, purpose), rows, components);
        drawn.mapv(|v| size * v.abs())
    };
    Ok((draw("weights", x.nrows()), draw("parts", x.ncols())))
}

/// Each entry of each row to its optimum given the row's others: `values` and `products` are `[row, component]`, `gram`
/// `[component, component]`. Returns the sum of the projected gradient's magnitudes met on the way.
fn descend(values: &mut Array2<f64>, gram: &Array2<f64>, products: &Array2<f64>) -> f64 {
    let components = gram.nrows();
    let blocks = parallel::map_row_blocks(values.view(), BLOCK, |first, block| {
        let mut block = block.to_owned();
        let mut gradients = products.slice(s![first..first + block.nrows(), ..]).to_owned();
        matmul_into_sequential(1.0, block.view(), gram.view(), -1.0, gradients.view_mut());
        let mut violation = 0.0;
        for (mut row, mut gradient) in block.outer_iter_mut().zip(gradients.outer_iter_mut()) {
            for at in 0..components {
                let (value, slope) = (row[at], gradient[at]);
                violation += if value == 0.0 { slope.min(0.0).abs() } else { slope.abs() };
                let curvature = gram[[at, at]];
                if curvature <= 0.0 {
                    continue;
                }
                let next = (value - slope / curvature).max(0.0);
                if next != value {
                    row[at] = next;
                    gradient.scaled_add(next - value, &gram.row(at));
                }
            }
        }
        (block, violation)
    });
    let mut violation = 0.0;
    for ((block, of_block), mut to) in blocks.into_iter().zip(values.axis_chunks_iter_mut(Axis(0), BLOCK)) {
        to.assign(&block);
        violation += of_block;
    }
    violation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let rng = &mut random::stream(seed, "test");
        Array2::from_shape_simple_fn((rows, columns), || random::uniform(rng))
    }

    #[test]
    fn a_step_is_the_best_entry_after_the_best_entry() {
        let (x, weights, parts) = (uniform(90, 7, 1), uniform(90, 3, 2), uniform(3, 7, 3));
        let initial = Some([weights.view(), parts.view()]);
        let options = NmfOptions { components: 3, max_iterations: 2, tolerance: 0.0, initial, ..NmfOptions::default() };
        let found = nmf(x.view(), &options).unwrap();
        // Entry by entry, each to the minimum of the squared error along it, found from two differences.
        let (mut w, mut h) = (weights, parts);
        let error = |w: &Array2<f64>, h: &Array2<f64>| (&x - &w.dot(h)).mapv(|v| v * v).sum();
        fn best(at: f64, mut error: impl FnMut(f64) -> f64) -> f64 {
            let (low, middle, high) = (error(at - 1.0), error(at), error(at + 1.0));
            (at - (high - low) / 2.0 / (high - 2.0 * middle + low)).max(0.0)
        }
        for _ in 0..2 {
            for row in 0..90 {
                for c in 0..3 {
                    let at = w[[row, c]];
                    w[[row, c]] = best(at, |v| {
                        let mut w = w.clone();
                        w[[row, c]] = v;
                        error(&w, &h)
                    });
                }
            }
            for feature in 0..7 {
                for c in 0..3 {
                    let at = h[[c, feature]];
                    h[[c, feature]] = best(at, |v| {
                        let mut h = h.clone();
                        h[[c, feature]] = v;
                        error(&w, &h)
                    });
                }
            }
        }
        assert!((&found.weights - &w).iter().chain(&(&found.parts - &h)).all(|v| v.abs() < 1e-9));
        let squares: f64 = x.iter().map(|v| v * v).sum();
        assert!((found.relative_error - (error(&w, &h) / squares).sqrt()).abs() < 1e-12);
        assert!(w.iter().any(|v| *v == 0.0), "the cut at 0 was never met");
    }

    #[test]
    fn parts_are_found_and_the_error_never_rises() {
        // Parts on places of their own are the only ones.
        let mut parts = Array2::<f64>::zeros((4, 12));
        (0..12).for_each(|place| parts[[place / 3, place]] = 1.0 + place as f64 / 12.0);
        let mut weights = uniform(300, 4, 5);
        weights.mapv_inplace(|w| if w < 0.6 { 0.0 } else { w });
        let x = weights.dot(&parts);
        let mut last = f64::INFINITY;
        for max_iterations in [1, 2, 4, 8, 400] {
            let options = NmfOptions { components: 4, max_iterations, tolerance: 1e-7, ..NmfOptions::default() };
            let found = nmf(x.view(), &options).unwrap();
            assert!(found.relative_error <= last + 1e-12);
            last = found.relative_error;
            assert!(found.weights.iter().chain(&found.parts).all(|v| *v >= 0.0));
            if max_iterations == 400 {
                let score = crate::dictionaries::mean_max_cosine(parts.view(), found.parts.view()).unwrap().value;
                assert!(last < 1e-3 && score > 0.999, "{last} {score}");
            }
        }
    }

    #[test]
    fn hostile_input_is_refused_with_its_reason() {
        let x = uniform(8, 5, 6);
        let default = NmfOptions::default();
        let mut signed = x.clone();
        signed[[3, 1]] = -0.5;
        let error = nmf(signed.view(), &default).unwrap_err();
        assert!(
            matches!(error, MeasureError::Negative { row: 3, column: 1, .. }) && error.to_string().contains("halves")
        );
        assert!(nmf(rectified_halves(signed.view()).view(), &default).is_ok());
        signed[[3, 1]] = f64::NAN;
        assert!(matches!(nmf(signed.view(), &default), Err(MeasureError::NotFinite { row: 3, column: 1, .. })));
        assert!(nmf(rectified_halves(signed.view()).view(), &default).is_err());
        assert!(matches!(nmf(Array2::<f64>::zeros((4, 4)).view(), &default), Err(MeasureError::NoVariation { .. })));
        assert!(nmf(x.view(), &NmfOptions { components: 0, ..default }).is_err());
        assert!(nmf(x.view(), &NmfOptions { max_iterations: 0, ..default }).is_err());
        assert!(nmf(x.view(), &NmfOptions { tolerance: f64::NAN, ..default }).is_err());
        let (weights, parts) = (uniform(8, 2, 7), uniform(2, 4, 8));
        assert!(nmf(x.view(), &NmfOptions { initial: Some([weights.view(), parts.view()]), ..default }).is_err());
        // A component of nothing stays nothing.
        let (mut weights, mut parts) = (uniform(8, 2, 7), uniform(2, 5, 8));
        weights.column_mut(1).fill(0.0);
        parts.row_mut(1).fill(0.0);
        let found = nmf(x.view(), &NmfOptions { initial: Some([weights.view(), parts.view()]), ..default }).unwrap();
        assert!(found.parts.row(1).iter().all(|v| *v == 0.0) && found.relative_error < 1.0);
        for factor in [1e300, 1e-300] {
            let scaled = nmf((&x * factor).view(), &default).unwrap();
            assert!((scaled.relative_error - nmf(x.view(), &default).unwrap().relative_error).abs() < 1e-9);
        }
        let doubled = kymograph_linalg::gram(x.view());
        assert!(nmf(doubled.mapv(|v| v as f32).view(), &default).unwrap().relative_error < 0.5);
    }
}
