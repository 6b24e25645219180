//! Principal components.

use kymograph_linalg::{Real, column_gram, gram, matmul, qr, random, symmetric_eigen};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::{MeasureError, check};

/// What decides, relative to the largest, whether a variance is more than rounding.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// Up to this many rows or columns the factorisation is cheap enough for a mere starting point.
const CHEAP: usize = 600;

/// The directions along which the rows vary most.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// `[row, component]`: the rows along the axes, in the units of the input.
    pub scores: Array2<f64>,
    /// `[component, feature]`: unit vectors, each with its entry of largest magnitude positive (the first of equals); 0
    /// beyond the rank of the centred input.
    pub axes: Array2<f64>,
    /// Each component's share of the variance, largest first.
    pub explained: Vec<f64>,
    /// The mean of every feature.
    pub mean: Array1<f64>,
}

/// **Along which few directions do the rows vary most?**
///
/// The eigenvectors of the covariance of `x` (`[row, feature]`) over rows, those of largest variance first, and the
/// centred rows along them. Taken from the products of columns, or of rows where these are fewer, in f64.
///
/// **Misleads**: features in larger units decide, so scale them first where units are arbitrary; directions of like
/// variance are an arbitrary basis of their plane; what is curved is shown as its shadow.
///
/// # Errors
/// Empty or not finite input, rows that are all the same, `components` of 0 or more than rows or features. Cost: rows ×
/// features × min(rows, features), and min(rows, features)³ on one thread.
///
/// Reference: Pearson 1901, On lines and planes of closest fit (doi:10.1080/14786440109462720).
///
/// ```
/// let x = ndarray::array![[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]];
/// let found = kymograph_measures::embeddings::pca(x.view(), 1)?;
/// assert!((found.axes[[0, 1]] - 0.8).abs() < 1e-12 && (found.explained[0] - 1.0).abs() < 1e-12);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn pca<T: Real>(x: ArrayView2<'_, T>, components: usize) -> Result<Pca, MeasureError> {
    check::matrix("x", x)?;
    let most = x.nrows().min(x.ncols());
    if components == 0 || components > most {
        return Err(MeasureError::BadOption {
            measure: "pca",
            option: "components",
            value: components.to_string(),
            expected: format!("from 1 to {most}, the smaller of rows and features"),
        });
    }
    let Centred { rows, mean, scale } = Centred::of(x)?;
    let by_columns = rows.ncols() <= rows.nrows();
    let products = if by_columns { column_gram(rows.view()) } else { gram(rows.view()) };
    let eigen = symmetric_eigen(products.view()).map_err(check::kernel("pca"))?;
    let total: f64 = eigen.values.iter().map(|value| value.max(0.0)).sum();
    let floor = eigen.values[0] * ROUNDING * x.nrows().max(x.ncols()) as f64;
    let mut axes = if by_columns {
        eigen.vectors.slice(s![.., ..components]).t().to_owned()
    } else {
        matmul(eigen.vectors.slice(s![.., ..components]).reversed_axes(), rows.view())
    };
    for (mut axis, &value) in axes.outer_iter_mut().zip(&eigen.values) {
        let length = axis.dot(&axis).sqrt();
        let factor = if value > floor && length > 0.0 { sign(&axis.to_vec()) / length } else { 0.0 };
        axis.mapv_inplace(|entry| entry * factor);
    }
    let scores = matmul(rows.view(), axes.t()) * scale;
    if scores.iter().any(|value| !value.is_finite()) {
        return Err(MeasureError::Overflow { measure: "pca", value: f64::INFINITY });
    }
    let kept = |&value: &f64| if value > floor { value / total } else { 0.0 };
    let explained = eigen.values[..components].iter().map(kept).collect();
    Ok(Pca { scores, axes, explained, mean })
}

/// The rows along about the first principal components, up to a common factor: exact where that is cheap, and otherwise
/// by a few iterations on a random subspace (Halko, Martinsson & Tropp 2011, algorithm 4.4). Columns past the number of
/// features are left out.
pub(super) fn leading<T: Real>(
    what: &'static str,
    x: ArrayView2<'_, T>,
    components: usize,
    seed: u64,
) -> Result<Array2<f64>, MeasureError> {
    let components = components.min(x.nrows()).min(x.ncols());
    if x.nrows().min(x.ncols()) <= CHEAP {
        return pca(x, components).map(|found| found.scores);
    }
    let rows = Centred::of(x)?.rows;
    let mut basis: Array2<f64> = random::normal_matrix(&mut random::stream(seed, "subspace"), rows.ncols(), 12);
    for _ in 0..8 {
        let image = matmul(rows.view(), basis.view());
        basis = qr(matmul(rows.t(), image.view()).view()).map_err(check::kernel(what))?.q;
    }
    let image = matmul(rows.view(), basis.view());
    let within = symmetric_eigen(column_gram(image.view()).view()).map_err(check::kernel(what))?;
    let turn = within.vectors.slice(s![.., ..components]);
    let axes = matmul(basis.view(), turn);
    let mut scores = matmul(image.view(), turn);
    for (mut score, axis) in scores.axis_iter_mut(Axis(1)).zip(axes.axis_iter(Axis(1))) {
        let sign = sign(&axis.to_vec());
        score.mapv_inplace(|value| value * sign);
    }
    Ok(scores)
}

/// The sign that makes the entry of largest magnitude positive.
fn sign(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0, |most: f64, &value| if value.abs() > most.abs() { value } else { most });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

/// Rows about their mean, divided by a power of two so that no square overflows.
struct Centred {
    rows: Array2<f64>,
    mean: Array1<f64>,
    scale: f64,
}

impl Centred {
    fn of<T: Real>(x: ArrayView2<'_, T>) -> Result<Self, MeasureError> {
        let coarse = check::binary_scale(x.iter());
        let mut rows = Array2::from_shape_fn(x.dim(), |place| x[place].to_f64() / coarse);
        let mean = rows.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(x.ncols()));
        rows -= &mean;
        let largest = rows.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        if largest <= 8.0 * f64::EPSILON {
            return Err(MeasureError::NoVariation { input: "x", what: "all rows are the same" });
        }
        let fine = check::binary_scale(rows.iter());
        rows.mapv_inplace(|value| value / fine);
        Ok(Self { rows, mean: mean * coarse, scale: coarse * fine })
    }
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::svd;

    use super::*;

    fn draws(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut rng = random::stream(seed, "test");
        let mut x: Array2<f64> = random::normal_matrix(&mut rng, rows, columns);
        for (place, mut column) in x.axis_iter_mut(Axis(1)).enumerate() {
            column.mapv_inplace(|value| 5.0 + value * 0.8f64.powi(place as i32));
        }
        x
    }

    #[test]
    fn equals_the_singular_vectors_of_the_centred_rows() {
        for (rows, columns) in [(40, 6), (9, 30), (12, 12), (5, 1)] {
            let x = draws(rows, columns, 1);
            let k = 4.min(columns);
            let found = pca(x.view(), k).unwrap();
            let centred = &x - &x.mean_axis(Axis(0)).unwrap();
            let twin = svd(centred.view()).unwrap();
            let total: f64 = twin.s.iter().map(|s| s * s).sum();
            for c in 0..k {
                assert!((found.explained[c] - twin.s[c].powi(2) / total).abs() < 1e-12);
                for feature in 0..columns {
                    assert!((found.axes[[c, feature]] - twin.vt[[c, feature]]).abs() < 1e-8, "{rows}×{columns}, {c}");
                }
                for row in 0..rows {
                    assert!((found.scores[[row, c]] - twin.u[[row, c]] * twin.s[c]).abs() < 1e-8);
                }
            }
            let single = pca(x.mapv(|value| value as f32).view(), k).unwrap();
            assert!((single.explained[0] - found.explained[0]).abs() < 1e-5);
        }
    }

    #[test]
    fn the_iteration_on_a_subspace_finds_the_same_scores() {
        let x = draws(900, 700, 2);
        let exact = pca(x.view(), 2).unwrap().scores;
        let found = leading("test", x.view(), 2, 0).unwrap();
        for c in 0..2 {
            let (a, b) = (exact.column(c), found.column(c));
            let cosine = a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt();
            assert!(cosine > 0.999, "{c}: {cosine}");
        }
    }

    #[test]
    fn hostile_input_gives_components_or_a_reason() {
        let x = draws(6, 3, 3);
        for bad in [0, 4] {
            assert!(pca(x.view(), bad).unwrap_err().to_string().contains("components"));
        }
        let constant = Array2::from_elem((5, 3), 0.1);
        assert!(matches!(pca(constant.view(), 1), Err(MeasureError::NoVariation { .. })));
        assert!(pca(x.slice(s![..1, ..]), 1).is_err());
        assert!(pca(Array2::<f64>::zeros((0, 3)).view(), 1).is_err());
        let mut broken = x.clone();
        broken[[4, 1]] = f64::NAN;
        assert!(matches!(pca(broken.view(), 1), Err(MeasureError::NotFinite { row: 4, column: 1, .. })));
        for factor in [1e300, 1e-300] {
            let scaled = pca((&x * factor).view(), 2).unwrap();
            assert!((scaled.explained[0] - pca(x.view(), 2).unwrap().explained[0]).abs() < 1e-9);
        }
        // One direction only: the rest of the components is nothing.
        let line = Array2::from_shape_fn((6, 3), |(i, j)| (i * (j + 1)) as f64);
        let found = pca(line.view(), 3).unwrap();
        assert_eq!((found.explained[1], found.explained[2]), (0.0, 0.0));
        assert!(found.scores.slice(s![.., 1..]).iter().all(|value| *value == 0.0));
    }
}
