//! Eigenvalues and eigenvectors of symmetric matrices.

use ndarray::{Array2, ArrayView2};

use super::{exact_scale, jacobi};
use crate::{LinalgError, Real, check_finite};

/// `a = vectors · diag(values) · vectorsᵀ` of a symmetric matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct SymmetricEigen<T> {
    /// Eigenvalues, largest first.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors in the columns, in the order of the values; each column's entry of largest magnitude is
    /// positive.
    pub vectors: Array2<T>,
}

/// Along which orthogonal directions does a symmetric matrix only stretch, and by how much? Axes: `a` is square.
///
/// Values come largest first (not largest magnitude first), each within about ε·‖a‖ of the truth, so values far smaller
/// than the largest have few right digits and those of a positive semi-definite matrix may be slightly negative. Vectors
/// of equal values are an arbitrary, repeatable basis of their subspace.
///
/// # Errors
/// A matrix that is not square or not symmetric up to rounding, or an entry that is not finite.
pub fn symmetric_eigen<T: Real>(a: ArrayView2<'_, T>) -> Result<SymmetricEigen<T>, LinalgError> {
    let scale = check(&a)?;
    let n = a.nrows();
    for method in METHODS {
        if let Some((values, vectors)) = method.run(&a, scale, true) {
            return finish(values, vectors, scale, n);
        }
    }
    Err(LinalgError::NotConverged { what: "the eigendecomposition", rows: n, columns: n })
}

/// The eigenvalues alone, largest first; as [`symmetric_eigen`], at a fraction of the time.
///
/// # Errors
/// As [`symmetric_eigen`].
pub fn eigenvalues<T: Real>(a: ArrayView2<'_, T>) -> Result<Vec<f64>, LinalgError> {
    let scale = check(&a)?;
    let n = a.nrows();
    for method in METHODS {
        if let Some((values, vectors)) = method.run(&a, scale, false) {
            return finish(values, vectors, scale, n).map(|eigen| eigen.values);
        }
    }
    Err(LinalgError::NotConverged { what: "the eigenvalues", rows: n, columns: n })
}

fn check<T: Real>(a: &ArrayView2<'_, T>) -> Result<f64, LinalgError> {
    let (rows, columns) = a.dim();
    if rows != columns {
        return Err(LinalgError::Shape {
            what: "an eigendecomposition needs a square matrix; columns",
            expected: rows,
            found: columns,
        });
    }
    check_finite(a)?;
    let scale = exact_scale(a);
    let allowed = 64.0 * T::EPSILON.to_f64() * (rows.max(1) as f64) * scale;
    let mut worst = (0.0, 0, 0);
    for row in 0..rows {
        for column in 0..row {
            let difference = (a[[row, column]].to_f64() - a[[column, row]].to_f64()).abs();
            if difference > worst.0 {
                worst = (difference, row, column);
            }
        }
    }
    if worst.0 > allowed {
        return Err(LinalgError::NotSymmetric { row: worst.1, column: worst.2, difference: worst.0 });
    }
    Ok(scale)
}

const METHODS: [Method; 3] = [Method::Faer, Method::FaerNegated, Method::Jacobi];

#[derive(Clone, Copy, Debug)]
enum Method {
    Faer,
    /// The same eigenvectors in the opposite order: another path through the same code.
    FaerNegated,
    Jacobi,
}

impl Method {
    /// Values of `a / scale` in any order, and vectors unless only values are wanted; None if it did not converge.
    fn run<T: Real>(self, a: &ArrayView2<'_, T>, scale: f64, vectors: bool) -> Option<(Vec<f64>, Array2<T>)> {
        let n = a.nrows();
        if n == 0 {
            return Some((Vec::new(), Array2::zeros((0, 0))));
        }
        let (values, basis) = match self {
            Method::Faer => T::eigen(a, scale, vectors)?,
            Method::FaerNegated => {
                let (values, basis) = T::eigen(a, -scale, vectors)?;
                (values.iter().map(|value| -value).collect(), basis)
            }
            Method::Jacobi => {
                let mut work = Array2::from_shape_fn((n, n), |(i, j)| a[[i.max(j), i.min(j)]].to_f64() / scale);
                let mut basis = Array2::eye(n);
                if !jacobi::diagonalise(&mut work, &mut basis) {
                    return None;
                }
                (work.diag().to_vec(), basis.mapv(T::from_f64))
            }
        };
        // Squared values sum to the squared norm, whatever went wrong inside.
        let norm: f64 = (0..n)
            .map(|i| {
                let entry = |j: usize| (a[[i, j]].to_f64() / scale).powi(2);
                2.0 * (0..i).map(entry).sum::<f64>() + entry(i)
            })
            .sum();
        let found: f64 = values.iter().map(|value| value * value).sum();
        let sound = (found - norm).abs() <= 1e3 * T::EPSILON.to_f64() * (n as f64) * norm
            && basis.iter().all(|x| x.is_finite());
        sound.then_some((values, basis))
    }
}

fn finish<T: Real>(
    values: Vec<f64>,
    vectors: Array2<T>,
    scale: f64,
    n: usize,
) -> Result<SymmetricEigen<T>, LinalgError> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    let sorted: Vec<f64> = order.iter().map(|&i| values[i] * scale).collect();
    if sorted.iter().any(|value| !value.is_finite()) {
        return Err(LinalgError::Overflow { what: "an eigenvalue" });
    }
    let mut result = Array2::zeros(vectors.raw_dim());
    if vectors.nrows() == n {
        for (to, &from) in order.iter().enumerate() {
            let column = vectors.column(from);
            let sign = super::sign_of_largest(column);
            result.column_mut(to).assign(&column.mapv(|x| x * sign));
        }
    }
    Ok(SymmetricEigen { values: sorted, vectors: result })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{normal_matrix, stream};
    use crate::tolerance::{factorisation, largest_difference};

    fn agree<T: Real>() {
        for n in [1, 2, 5, 16, 40] {
            let a: Array2<T> = normal_matrix(&mut stream(1, "eigen"), n, n);
            for a in [&a + &a.t(), a.dot(&a.t()), Array2::zeros((n, n)), Array2::ones((n, n))] {
                let allowed = factorisation::<T>(n, n);
                let scale = exact_scale(&a.view());
                let mut first = None;
                for method in METHODS {
                    let (values, vectors) = method.run(&a.view(), scale, true).expect("it converges");
                    let found = finish(values, vectors, scale, n).expect("in range");
                    let size = found.values[0].abs().max(found.values[n - 1].abs());
                    let label = format!("{method:?} {n} {}", T::NAME);
                    let frame = found.vectors.t().dot(&found.vectors);
                    let worst = largest_difference(frame.view(), Array2::eye(n).view());
                    assert!(worst <= allowed, "{label}: {worst:e}");
                    let av = a.dot(&found.vectors);
                    let vl = Array2::from_shape_fn((n, n), |(i, j)| {
                        T::from_f64(found.vectors[[i, j]].to_f64() * found.values[j])
                    });
                    let worst = largest_difference(av.view(), vl.view());
                    assert!(worst <= 2.0 * allowed * size, "{label}: {worst:e}");
                    let expected = first.get_or_insert_with(|| found.values.clone());
                    for (x, y) in found.values.iter().zip(expected) {
                        assert!((x - *y).abs() <= allowed * size, "{label}: {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_method_gives_the_same_eigenvalues() {
        agree::<f32>();
        agree::<f64>();
    }
}
