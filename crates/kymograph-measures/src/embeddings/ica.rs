//! Independent components.

use kymograph_linalg::{Real, cross_column_gram, gram, matmul, matmul_nt, parallel, random, symmetric_eigen};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::pca::pca;
use crate::{MeasureError, check};

/// Rows that are bent at a time.
const BLOCK: usize = 256;

/// What tells a component from a normal number: the derivative of the contrast is taken of every source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcaContrast {
    /// `log cosh y`, whose derivative is `tanh y`: robust, for sources of either tail.
    LogCosh,
    /// `y⁴ / 4`, whose derivative is `y³`: kurtosis, which a few large values decide.
    Cube,
}

/// How to fit independent components.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IcaOptions {
    /// Components, at most the rank of the centred rows.
    pub components: usize,
    /// The contrast.
    pub contrast: IcaContrast,
    /// Iterations after which the fit is given up as not converged.
    pub max_iterations: usize,
    /// The fit has converged when no component turned by more: `max |1 − |cos||` of a step.
    pub tolerance: f64,
    /// The seed of the first rotation.
    pub seed: u64,
}

impl Default for IcaOptions {
    fn default() -> Self {
        Self { components: 2, contrast: IcaContrast::LogCosh, max_iterations: 200, tolerance: 1e-4, seed: 0 }
    }
}

/// Sources that are as little like normal numbers as can be, and what each of them adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Ica {
    /// `[row, component]`: how much of each component a row holds, of mean 0, variance 1 and skewness of at least 0.
    pub sources: Array2<f64>,
    /// `[component, feature]`, largest norm first: what one unit of a source adds to a row, so that with as many components as
    /// the rank `x = sources · directions + mean`.
    pub directions: Array2<f64>,
    /// The mean of every feature.
    pub mean: Array1<f64>,
    /// Iterations taken.
    pub iterations: usize,
    /// Did the last one turn no component by more than the tolerance?
    pub converged: bool,
}

/// **Of which independent sources are the rows mixed?**
///
/// FastICA with symmetric decorrelation. `x` (`[row, feature]`) is centred, projected on its first principal components and
/// scaled to variance 1 there (divisor: rows); then `W ← (W⁺W⁺ᵀ)^(−1/2) W⁺` with `W⁺ = g(y)ᵀz / rows − mean g′(y) · W` for
/// `y = z Wᵀ`, from a random rotation, until no component turns. Sources have no natural sign or order: each gets the one that
/// makes its skewness at least 0, and those that add most come first.
///
/// **Misleads**: it finds at most as many directions as there are features, so of features in superposition at most a part; it
/// gives components of normal noise too, where the first rotation decides; a local optimum; mean and whitening come from all rows,
/// so few outlying ones turn everything.
///
/// # Errors
/// Empty or not finite input, rows that are all the same, `components` of 0 or above the rank of the centred rows,
/// `max_iterations` of 0, a tolerance that is not above 0. Cost: those of [`super::pca()`], then rows × components² and
/// components³ an iteration.
///
/// Reference: Hyvärinen 1999, Fast and robust fixed-point algorithms for independent component analysis
/// (doi:10.1109/72.761722).
///
/// ```
/// use kymograph_measures::embeddings::{IcaOptions, ica};
/// // Two square waves of different period, mixed.
/// let wave = |row: usize, period: usize| if row / period % 2 == 0 { 1.0 } else { -1.0 };
/// let x = ndarray::Array2::from_shape_fn((48, 2), |(row, feature)| {
///     wave(row, 3) + [0.5, -2.0][feature] * wave(row, 4)
/// });
/// let found = ica(x.view(), &IcaOptions::default())?;
/// // The one that adds most is the second wave, which adds 0.5 and −2.
/// let ratio = found.directions[[0, 1]] / found.directions[[0, 0]];
/// assert!((ratio + 4.0).abs() < 1e-6 && found.converged);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn ica<T: Real>(x: ArrayView2<'_, T>, options: &IcaOptions) -> Result<Ica, MeasureError> {
    check::matrix("x", x)?;
    let most = x.nrows().min(x.ncols());
    let components = options.components;
    let bad = |option: &'static str, value: String, expected: String| {
        Err(MeasureError::BadOption { measure: "ica", option, value, expected })
    };
    if components == 0 || components > most {
        let expected = format!("from 1 to {most}, the smaller of rows and features");
        return bad("components", components.to_string(), expected);
    }
    if options.max_iterations == 0 {
        return bad("max_iterations", "0".into(), "at least 1".into());
    }
    if !(options.tolerance > 0.0 && options.tolerance.is_finite()) {
        return bad("tolerance", options.tolerance.to_string(), "a number above 0".into());
    }
    let principal = pca(x, components)?;
    let rank = principal.explained.iter().filter(|share| **share > 0.0).count();
    if rank < components {
        let expected = format!("at most {rank}, the rank of the rows about their mean");
        return bad("components", components.to_string(), expected);
    }
    let rows = x.nrows() as f64;
    let deviations: Array1<f64> = principal.scores.axis_iter(Axis(1)).map(|c| check::norm(c) / rows.sqrt()).collect();
    let white = &principal.scores / &deviations;
    let kernel = check::kernel("ica");
    let first: Array2<f64> =
        random::normal_matrix(&mut random::stream(options.seed, "rotation"), components, components);
    let mut rotation = decorrelated(first.view()).map_err(&kernel)?;
    let (mut iterations, mut converged) = (0, false);
    while iterations < options.max_iterations && !converged {
        let mut bent = matmul_nt(white.view(), rotation.view());
        let slopes = bend(&mut bent, options.contrast);
        let mut next = cross_column_gram(bent.view(), white.view()) / rows;
        for ((mut to, from), slope) in next.outer_iter_mut().zip(rotation.outer_iter()).zip(slopes) {
            to.scaled_add(-slope, &from);
        }
        let next = decorrelated(next.view()).map_err(&kernel)?;
        let turned = next.outer_iter().zip(rotation.outer_iter()).map(|(a, b)| (a.dot(&b).abs() - 1.0).abs());
        converged = turned.fold(0.0, f64::max) < options.tolerance;
        rotation = next;
        iterations += 1;
    }
    let mut sources = matmul_nt(white.view(), rotation.view());
    let mut directions = matmul((&rotation * &deviations).view(), principal.axes.view());
    for (mut source, mut direction) in sources.axis_iter_mut(Axis(1)).zip(directions.outer_iter_mut()) {
        if source.iter().map(|y| y.powi(3)).sum::<f64>() < 0.0 {
            source.mapv_inplace(|y| -y);
            direction.mapv_inplace(|v| -v);
        }
    }
    let norms: Vec<f64> = directions.outer_iter().map(check::norm).collect();
    let mut order: Vec<usize> = (0..components).collect();
    order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]));
    Ok(Ica {
        sources: sources.select(Axis(1), &order),
        directions: directions.select(Axis(0), &order),
        mean: principal.mean,
        iterations,
        converged,
    })
}

/// Puts the contrast's derivative in place of every source, and gives the mean of its second derivative, by component.
fn bend(sources: &mut Array2<f64>, contrast: IcaContrast) -> Vec<f64> {
    let (rows, components) = sources.dim();
    let bent = parallel::map_row_blocks(sources.view(), BLOCK, |_, block| {
        let mut slopes = vec![0.0; components];
        let mut block = block.to_owned();
        for mut row in block.outer_iter_mut() {
            for (value, slope) in row.iter_mut().zip(&mut slopes) {
                let y = *value;
                (*value, *slope) = match contrast {
                    IcaContrast::LogCosh => {
                        let bent = y.tanh();
                        (bent, *slope + (1.0 - bent * bent))
                    }
                    IcaContrast::Cube => (y * y * y, *slope + 3.0 * y * y),
                };
            }
        }
        (block, slopes)
    });
    let mut means = vec![0.0; components];
    for ((block, slopes), mut to) in bent.into_iter().zip(sources.axis_chunks_iter_mut(Axis(0), BLOCK)) {
        to.assign(&block);
        means.iter_mut().zip(slopes).for_each(|(mean, slope)| *mean += slope / rows as f64);
    }
    means
}

/// The nearest orthogonal matrix, `(W Wᵀ)^(−1/2) W`.
fn decorrelated(w: ArrayView2<'_, f64>) -> Result<Array2<f64>, kymograph_linalg::LinalgError> {
    let eigen = symmetric_eigen(gram(w).view())?;
    // Rows that fell together are parted by what rounding left of them.
    let roots: Array1<f64> = eigen.values.iter().map(|value| 1.0 / value.max(f64::MIN_POSITIVE).sqrt()).collect();
    let inverse_root = matmul_nt((&eigen.vectors * &roots).view(), eigen.vectors.view());
    Ok(matmul(inverse_root.view(), w))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skewed sources, mixed.
    fn mixed(rows: usize, sources: usize, features: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
        let rng = &mut random::stream(seed, "test");
        let mut drawn = Array2::from_shape_simple_fn((rows, sources), || random::uniform(rng));
        drawn.mapv_inplace(|u| if u < 0.8 { 0.0 } else { (u - 0.8) * 5.0 });
        let mixing: Array2<f64> = random::normal_matrix(rng, sources, features);
        (matmul(drawn.view(), mixing.view()), mixing)
    }

    #[test]
    fn sparse_sources_are_parted_with_their_sign() {
        let (x, mixing) = mixed(4000, 6, 9, 1);
        for contrast in [IcaContrast::LogCosh, IcaContrast::Cube] {
            let options = IcaOptions { components: 6, contrast, ..IcaOptions::default() };
            let found = ica(x.view(), &options).unwrap();
            let score = crate::dictionaries::mean_max_cosine(mixing.view(), found.directions.view()).unwrap().value;
            assert!(score > 0.995 && found.converged, "{contrast:?}: {score}");
            let rebuilt = matmul(found.sources.view(), found.directions.view()) + &found.mean;
            assert!((&rebuilt - &x).iter().all(|difference| difference.abs() < 1e-9));
            let products = cross_column_gram(found.sources.view(), found.sources.view()) / 4000.0;
            assert!((&products - &Array2::<f64>::eye(6)).iter().all(|v| v.abs() < 1e-9));
        }
        // Principal directions are not the sources'.
        let principal = pca(x.view(), 6).unwrap().axes;
        let both = ndarray::concatenate![Axis(0), principal, -&principal];
        assert!(crate::dictionaries::mean_max_cosine(mixing.view(), both.view()).unwrap().value < 0.9);
    }

    #[test]
    fn a_step_is_what_its_formula_says() {
        let (x, _) = mixed(70, 3, 3, 2);
        let options = IcaOptions { components: 3, max_iterations: 1, ..IcaOptions::default() };
        let found = ica(x.view(), &options).unwrap();
        // The same step entry by entry.
        let principal = pca(x.view(), 3).unwrap();
        let z = |row: usize, c: usize| {
            let column = principal.scores.column(c);
            column[row] / (column.dot(&column) / 70.0).sqrt()
        };
        let first: Array2<f64> = random::normal_matrix(&mut random::stream(0, "rotation"), 3, 3);
        let w = decorrelated(first.view()).unwrap();
        let mut next = Array2::<f64>::zeros((3, 3));
        for i in 0..3 {
            for row in 0..70 {
                let y: f64 = (0..3).map(|c| w[[i, c]] * z(row, c)).sum();
                for c in 0..3 {
                    next[[i, c]] += (y.tanh() * z(row, c) - (1.0 - y.tanh().powi(2)) * w[[i, c]]) / 70.0;
                }
            }
        }
        let w = decorrelated(next.view()).unwrap();
        for row in 0..70 {
            for i in 0..3 {
                let y: f64 = (0..3).map(|c| w[[i, c]] * z(row, c)).sum();
                // Signs and order are chosen afterwards.
                let nearest = (0..3).map(|c| (found.sources[[row, c]].abs() - y.abs()).abs()).fold(f64::MAX, f64::min);
                assert!(nearest < 1e-9, "{row} {i}: {nearest}");
            }
        }
    }

    #[test]
    fn hostile_input_is_refused_with_its_reason() {
        let (x, _) = mixed(60, 3, 5, 3);
        let with = |components| IcaOptions { components, ..IcaOptions::default() };
        for (components, word) in [(0, "components"), (6, "from 1 to 5"), (5, "the rank")] {
            let error = ica(x.view(), &with(components)).unwrap_err().to_string();
            assert!(error.contains(word), "{components}: {error}");
        }
        assert!(ica(x.view(), &IcaOptions { max_iterations: 0, ..with(2) }).is_err());
        for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(ica(x.view(), &IcaOptions { tolerance, ..with(2) }).is_err());
        }
        assert!(ica(Array2::from_elem((9, 3), 0.3).view(), &with(1)).is_err());
        let mut broken = x.clone();
        broken[[7, 2]] = f64::INFINITY;
        assert!(matches!(ica(broken.view(), &with(2)), Err(MeasureError::NotFinite { row: 7, column: 2, .. })));
        for factor in [1e250, 1e-250] {
            let scaled = ica((&x * factor).view(), &with(3)).unwrap();
            let plain = ica(x.view(), &with(3)).unwrap();
            assert!((&scaled.sources - &plain.sources).iter().all(|v| v.abs() < 1e-6), "{factor}");
        }
    }
}
