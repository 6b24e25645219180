//! Thin singular value decomposition.

use ndarray::{Array2, ArrayView2, Axis, s};

use super::{exact_scale, jacobi, qr, symmetric_eigen};
use crate::backend::SvdFactors;
use crate::{LinalgError, Real, check_finite};

/// `a = u · diag(s) · vt` for a matrix of rows × columns, with k the smaller of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd<T> {
    /// rows × k, with orthonormal columns.
    pub u: Array2<T>,
    /// The k singular values, largest first, none negative.
    pub s: Vec<f64>,
    /// k × columns, with orthonormal rows; each row's entry of largest magnitude is positive.
    pub vt: Array2<T>,
}

/// Which orthogonal directions does `a` map onto which, and with what stretch?
///
/// Singular values are within about ε·‖a‖ of the truth, so those far below the largest have few right digits. Vectors of
/// equal singular values are an arbitrary, repeatable basis of their subspace. A matrix without rows or columns has k = 0.
///
/// # Errors
/// An entry that is not finite, or a singular value too large for f64.
pub fn svd<T: Real>(a: ArrayView2<'_, T>) -> Result<Svd<T>, LinalgError> {
    decompose(&a, true, &METHODS)
}

/// The singular values alone, largest first; as [`svd`], at a fraction of the time.
///
/// # Errors
/// As [`svd`].
pub fn singular_values<T: Real>(a: ArrayView2<'_, T>) -> Result<Vec<f64>, LinalgError> {
    decompose(&a, false, &METHODS).map(|svd| svd.s)
}

const METHODS: [Method; 3] = [Method::Faer, Method::FaerTransposed, Method::Jacobi];

#[derive(Clone, Copy, Debug)]
enum Method {
    Faer,
    FaerTransposed,
    /// R of a QR, brought near diagonal by the eigenvectors of its Gram matrix, finished by one-sided rotations in f64.
    Jacobi,
}

fn decompose<T: Real>(a: &ArrayView2<'_, T>, vectors: bool, methods: &[Method]) -> Result<Svd<T>, LinalgError> {
    check_finite(a)?;
    let (m, n) = a.dim();
    if m.min(n) == 0 {
        return Ok(Svd { u: Array2::zeros((m, 0)), s: Vec::new(), vt: Array2::zeros((0, n)) });
    }
    let scale = exact_scale(a);
    for method in methods {
        let found = match method {
            Method::Faer => T::thin_svd(a, scale, vectors),
            Method::FaerTransposed => T::thin_svd(&a.t(), scale, vectors).map(|(u, s, v)| (v, s, u)),
            Method::Jacobi => jacobi_thin(a, scale),
        };
        if let Some(factors) = found.filter(|factors| sound(a, scale, factors)) {
            return finish(factors, scale);
        }
    }
    Err(LinalgError::NotConverged { what: "the singular value decomposition", rows: m, columns: n })
}

/// Finite, and the squared singular values sum to the squared norm.
fn sound<T: Real>(a: &ArrayView2<'_, T>, scale: f64, (u, s, v): &SvdFactors<T>) -> bool {
    let norm: f64 = a.iter().map(|x| (x.to_f64() / scale).powi(2)).sum();
    let found: f64 = s.iter().map(|x| x * x).sum();
    let size = (a.nrows() + a.ncols()) as f64;
    (found - norm).abs() <= 1e3 * T::EPSILON.to_f64() * size * norm && u.iter().chain(v).all(|x| x.is_finite())
}

fn jacobi_thin<T: Real>(a: &ArrayView2<'_, T>, scale: f64) -> Option<SvdFactors<T>> {
    let wide = a.ncols() > a.nrows();
    let tall = if wide { a.t() } else { a.view() };
    let scaled = tall.mapv(|x| x.to_f64() / scale);
    let factor = qr(scaled.view()).ok()?;
    let mut v = match symmetric_eigen(factor.r.t().dot(&factor.r).view()) {
        Ok(eigen) => eigen.vectors,
        Err(_) => Array2::eye(factor.r.ncols()),
    };
    let mut work = factor.r.dot(&v);
    let floor = f64::EPSILON * work.iter().map(|x| x * x).sum::<f64>().sqrt() * work.ncols() as f64;
    if !jacobi::orthogonalise(&mut work, &mut v, floor) {
        return None;
    }
    let n = work.ncols();
    let norms: Vec<f64> = work.axis_iter(Axis(1)).map(|column| column.dot(&column).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    // Columns of no length have no direction: QR of the ones that have, followed by anything, completes the frame.
    let mut inner = Array2::zeros((n, n));
    let (mut right, mut values) = (Array2::zeros((n, n)), Vec::with_capacity(n));
    let mut rank = 0;
    for (to, &from) in order.iter().enumerate() {
        if norms[from] > floor {
            let unit = work.column(from).mapv(|x| x / norms[from]);
            inner.column_mut(to).assign(&unit);
            rank = to + 1;
        }
        right.column_mut(to).assign(&v.column(from));
        values.push(norms[from]);
    }
    if rank < n {
        let frame = complete(inner.slice(s![.., ..rank]).to_owned())?;
        inner.slice_mut(s![.., rank..]).assign(&frame);
    }
    let left = factor.q.dot(&inner).mapv(T::from_f64);
    let right = right.mapv(T::from_f64);
    Some(if wide { (right, values, left) } else { (left, values, right) })
}

/// Orthonormal columns that complete `frame` (n × rank) to a basis.
fn complete(frame: Array2<f64>) -> Option<Array2<f64>> {
    let (n, rank) = frame.dim();
    let mut padded = Array2::zeros((n, n));
    padded.slice_mut(s![.., ..rank]).assign(&frame);
    let full = qr(padded.view()).ok()?;
    Some(full.q.slice(s![.., rank..]).to_owned())
}

/// In order, at the input's scale, with settled signs.
fn finish<T: Real>((u, values, v): SvdFactors<T>, scale: f64) -> Result<Svd<T>, LinalgError> {
    let values: Vec<f64> = values.iter().map(|x| x.max(0.0) * scale).collect();
    if values.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::Overflow { what: "a singular value" });
    }
    // The library orders its values before it is done with the smallest ones.
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    let s = order.iter().map(|&i| values[i]).collect();
    if u.ncols() == 0 {
        return Ok(Svd { u, s, vt: v.reversed_axes() });
    }
    let mut result = Svd { u: Array2::zeros(u.raw_dim()), s, vt: Array2::zeros((v.ncols(), v.nrows())) };
    for (to, &from) in order.iter().enumerate() {
        let sign = super::sign_of_largest(v.column(from));
        result.vt.row_mut(to).assign(&v.column(from).mapv(|x| x * sign));
        result.u.column_mut(to).assign(&u.column(from).mapv(|x| x * sign));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::backend::Backend;
    use crate::random::{normal_matrix, stream};
    use crate::tolerance::{factorisation, largest_difference};

    fn agree<T: Real>(a: &Array2<T>) {
        let allowed = factorisation::<T>(a.nrows(), a.ncols());
        let first = decompose(&a.view(), true, &[Method::Faer]).expect("the first method converges");
        for method in [Method::FaerTransposed, Method::Jacobi] {
            let found = decompose(&a.view(), true, &[method]).expect("every method converges");
            let label = format!("{method:?} {:?} {}", a.dim(), T::NAME);
            for (x, y) in found.s.iter().zip(&first.s) {
                assert!((x - y).abs() <= allowed * first.s[0], "{label}: {x} {y}");
            }
            for frame in [found.u.view(), found.vt.t()] {
                let apart = frame.t().dot(&frame);
                let worst = largest_difference(apart.view(), Array2::eye(frame.ncols()).view());
                assert!(worst <= allowed, "{label}: {worst:e}");
            }
            let us = Array2::from_shape_fn(found.u.dim(), |(i, j)| T::from_f64(found.u[[i, j]].to_f64() * found.s[j]));
            let worst = largest_difference(us.dot(&found.vt).view(), a.view());
            assert!(worst <= 2.0 * allowed * first.s[0], "{label}: {worst:e}");
        }
    }

    fn shapes<T: Real>() {
        for (m, n) in [(1, 1), (1, 5), (6, 1), (12, 7), (7, 12), (40, 40)] {
            let full: Array2<T> = normal_matrix(&mut stream(1, "svd"), m, n);
            agree(&full);
            let mut low = full.clone();
            let first = low.column(0).to_owned();
            low.axis_iter_mut(Axis(1)).for_each(|mut c| c.assign(&first));
            agree(&low);
            agree(&Array2::<T>::zeros((m, n)));
        }
    }

    #[test]
    fn every_method_gives_the_same_factors() {
        shapes::<f32>();
        shapes::<f64>();
    }

    #[test]
    fn rotations_keep_the_digits_of_small_values() {
        // Columns of very different length, nearly orthogonal: one-sided rotations find each to relative precision.
        let mut a: Array2<f64> = qr(normal_matrix(&mut stream(2, "svd"), 9, 4).view()).expect("finite").q;
        for (i, mut column) in a.axis_iter_mut(Axis(1)).enumerate() {
            column.mapv_inplace(|x| x * 1e-4f64.powi(i as i32));
        }
        let found = decompose(&a.view(), false, &[Method::Jacobi]).expect("it converges");
        for (i, s) in found.s.iter().enumerate() {
            let expected = 1e-4f64.powi(i as i32);
            assert!((s / expected - 1.0).abs() < 1e-14, "{s:e} {expected:e}");
        }
    }

    #[test]
    fn a_wrong_factorisation_is_noticed() {
        let a: Array2<f64> = normal_matrix(&mut stream(3, "svd"), 6, 4);
        let (u, mut s, v) = f64::thin_svd(&a.view(), 1.0, true).expect("it converges");
        assert!(sound(&a.view(), 1.0, &(u.clone(), s.clone(), v.clone())));
        s[1] *= 1.0 + 1e-6;
        assert!(!sound(&a.view(), 1.0, &(u.clone(), s.clone(), v.clone())));
        s[1] = f64::NAN;
        assert!(!sound(&a.view(), 1.0, &(u, s, v)));
    }

    #[test]
    fn no_method_left_is_an_error() {
        let a: Array2<f32> = Array2::ones((3, 2));
        assert!(matches!(decompose(&a.view(), true, &[]), Err(LinalgError::NotConverged { rows: 3, columns: 2, .. })));
    }
}
