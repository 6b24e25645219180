//! The library behind the kernels, compiled for f32 and f64 in this crate once and not again in those that use it.

mod factor;
mod product;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// u (rows × k), singular values, v (columns × k).
pub(crate) type SvdFactors<T> = (Array2<T>, Vec<f64>, Array2<T>);

/// What the library does for a number type. The module is private, which seals [`crate::Real`].
pub trait Backend: Sized {
    /// `c ← alpha·a·b`, added to what is there when `add`, on the calling thread.
    fn multiply(
        alpha: Self,
        a: &ArrayView2<'_, Self>,
        b: &ArrayView2<'_, Self>,
        add: bool,
        c: &mut ArrayViewMut2<'_, Self>,
    );

    /// Thin singular value decomposition of `a / scale`; empty u and v unless `vectors`; None if it did not converge.
    fn thin_svd(a: &ArrayView2<'_, Self>, scale: f64, vectors: bool) -> Option<(Array2<Self>, Vec<f64>, Array2<Self>)>;

    /// Eigenvalues of the symmetric `a / scale`, ascending, and eigenvectors, empty unless `vectors`; None if it did not
    /// converge.
    fn eigen(a: &ArrayView2<'_, Self>, scale: f64, vectors: bool) -> Option<(Vec<f64>, Array2<Self>)>;

    /// Thin QR of `a / scale`.
    fn thin_qr(a: &ArrayView2<'_, Self>, scale: f64) -> (Array2<Self>, Array2<Self>);
}

macro_rules! backend {
    ($type:ty) => {
        impl Backend for $type {
            fn multiply(
                alpha: Self,
                a: &ArrayView2<'_, Self>,
                b: &ArrayView2<'_, Self>,
                add: bool,
                c: &mut ArrayViewMut2<'_, Self>,
            ) {
                product::multiply(alpha, a, b, add, c);
            }

            fn thin_svd(a: &ArrayView2<'_, Self>, scale: f64, vectors: bool) -> Option<SvdFactors<Self>> {
                factor::thin_svd(a, scale, vectors)
            }

            fn eigen(a: &ArrayView2<'_, Self>, scale: f64, vectors: bool) -> Option<(Vec<f64>, Array2<Self>)> {
                factor::eigen(a, scale, vectors)
            }

            fn thin_qr(a: &ArrayView2<'_, Self>, scale: f64) -> (Array2<Self>, Array2<Self>) {
                factor::thin_qr(a, scale)
            }
        }
    };
}

backend!(f32);
backend!(f64);
