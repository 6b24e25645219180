//! Thin QR.

use ndarray::{Array2, ArrayView2};

use super::exact_scale;
use crate::{LinalgError, Real, check_finite};

/// `a = q·r` for a matrix of rows × columns, with k the smaller of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Qr<T> {
    /// rows × k, with orthonormal columns.
    pub q: Array2<T>,
    /// k × columns, zero below the diagonal, whose entries are not negative.
    pub r: Array2<T>,
}

/// Which orthonormal columns span the columns of `a`, one after the other?
///
/// The diagonal of `r` is made non-negative, which makes the result unique for full column rank (and turns the Q of a
/// Gaussian matrix into a uniformly random orthonormal frame). Columns are not pivoted: where `a` is rank-deficient the
/// extra columns of `q` complete the frame in an arbitrary, repeatable way.
///
/// # Errors
/// An entry that is not finite.
pub fn qr<T: Real>(a: ArrayView2<'_, T>) -> Result<Qr<T>, LinalgError> {
    check_finite(&a)?;
    let (m, n) = a.dim();
    let k = m.min(n);
    if k == 0 {
        return Ok(Qr { q: Array2::zeros((m, 0)), r: Array2::zeros((0, n)) });
    }
    let scale = exact_scale(&a);
    let (mut q, r) = T::thin_qr(&a, scale);
    let mut r = r.mapv(|x| T::from_f64(x.to_f64() * scale));
    for i in 0..k {
        if r[[i, i]] < T::ZERO {
            r.row_mut(i).mapv_inplace(|x| -x);
            q.column_mut(i).mapv_inplace(|x| -x);
        }
    }
    if r.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::Overflow { what: "an entry of R" });
    }
    Ok(Qr { q, r })
}
