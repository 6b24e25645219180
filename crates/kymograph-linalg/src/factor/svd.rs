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
    decompose(&a, true, &[Method::Faer, Method::FaerTransposed, Method::Jacobi])
}

/// The singular values alone, largest first; as [`svd`], at a fraction of the time.
///
/// # Errors
/// As [`svd`].
pub fn singular_values<T: Real>(a: ArrayView2<'_, T>) -> Result<Vec<f64>, LinalgError> {
    let methods = [Method::Faer, Method::FaerTransposed, Method::Jacobi];
    decompose(&a, false, &methods).map(|svd| svd.s)
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Faer,
    FaerTransposed,
    /// R of a QR, brought near diagonal by the eigenvectors of its Gram matrix, finished by one-sided rotations in f64.
    Jacobi,
}

fn decompose<T: Real>(
    a: &ArrayView2<'_, T>,
    vectors: bool,
    methods: &[Method],
) -> Result<Svd<T>, LinalgError> {
    check_finite(a)?;
    let (m, n) = a.dim();
    if m.min(n) == 0 {
        return Ok(Svd {
            u: Array2::zeros((m, 0)),
            s: Vec::new(),
            vt: Array2::zeros((0, n)),
        });
    }
    let scale = exact_scale(a);
    for method in methods {
        let found = match method {
            Method::Faer => T::thin_svd(a, scale, vectors),
            Method::FaerTransposed => {
                T::thin_svd(&a.t(), scale, vectors).map(|(u, s, v)| (v, s, u))
            }
            Method::Jacobi => jacobi_thin(a, scale),
        };
        if let Some(factors) = found.filter(|factors| sound(a, scale, factors)) {
            return finish(factors, scale);
        }
    }
    Err(LinalgError::NotConverged {
        what: "the singular value decomposition",
        rows: m,
        columns: n,
    })
}

/// Finite, and the squared singular values sum to the squared norm.
fn sound<T: Real>(a: &ArrayView2<'_, T>, scale: f64, (u, s, v): &SvdFactors<T>) -> bool {
    let norm: f64 = a.iter().map(|x| (x.to_f64() / scale).powi(2)).sum();
    let found: f64 = s.iter().map(|x| x * x).sum();
    let size = (a.nrows() + a.ncols()) as f64;
    (found - norm).abs() <= 1e3 * T::EPSILON.to_f64() * size * norm
        && u.iter().chain(v).all(|x| x.is_finite())
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
    if !jacobi::orthogonalise(&mut work, &mut v) {
        return None;
    }
    let n = work.ncols();
    let norms: Vec<f64> = work
        .axis_iter(Axis(1))
        .map(|column| column.dot(&column).sqrt())
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    // Columns of no length have no direction: QR of the ones that have, followed by anything, completes the frame.
    let mut inner = Array2::zeros((n, n));
    let (mut right, mut values) = (Array2::zeros((n, n)), Vec::with_capacity(n));
    let mut rank = 0;
    for (to, &from) in order.iter().enumerate() {
        if norms[from] > f64::EPSILON * norms[order[0]] {
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
    Some(if wide {
        (right, values, left)
    } else {
        (left, values, right)
    })
}

/// Orthonormal columns that complete `frame` (n × rank) to a basis.
fn complete(frame: Array2<f64>) -> Option<Array2<f64>> {
    let (n, rank) = frame.dim();
    let mut padded = Array2::zeros((n, n));
    padded.slice_mut(s![.., ..rank]).assign(&frame);
    let full = qr(padded.view()).ok()?;
    Some(full.q.slice(s![.., rank..]).to_owned())
}

fn finish<T: Real>((u, values, v): SvdFactors<T>, scale: f64) -> Result<Svd<T>, LinalgError> {
    let s: Vec<f64> = values.iter().map(|x| x.max(0.0) * scale).collect();
    if s.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::Overflow {
            what: "a singular value",
        });
    }
    let (mut u, mut vt) = (u, v.reversed_axes().as_standard_layout().into_owned());
    for (i, mut row) in vt.outer_iter_mut().enumerate() {
        if super::sign_of_largest(row.view()) < T::ZERO {
            row.mapv_inplace(|x| -x);
            u.column_mut(i).mapv_inplace(|x| -x);
        }
    }
    Ok(Svd { u, s, vt })
}
