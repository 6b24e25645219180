//! faer's factorisations on one thread, between ndarray views and arrays.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::traits::RealField;
use faer::{Conj, Mat, Par};
use ndarray::{Array2, ArrayView2};

use super::SvdFactors;
use super::product::clear_upper_registers;
use crate::Real;

pub(super) fn thin_svd<T: Real + RealField>(a: &ArrayView2<'_, T>, scale: f64, vectors: bool) -> Option<SvdFactors<T>> {
    let (m, n) = a.dim();
    let k = m.min(n);
    let (compute, width) = if vectors { (ComputeSvdVectors::Thin, k) } else { (ComputeSvdVectors::No, 0) };
    let matrix = to_faer(a, scale);
    let mut values = Diag::<T>::zeros(k);
    let (mut u, mut v) = (Mat::<T>::zeros(m, width), Mat::<T>::zeros(n, width));
    let mut memory = MemBuffer::new(svd_scratch::<T>(m, n, compute, compute, Par::Seq, Default::default()));
    let outcome = svd(
        matrix.as_ref(),
        values.as_mut(),
        vectors.then(|| u.as_mut()),
        vectors.then(|| v.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    );
    clear_upper_registers();
    outcome.ok()?;
    let values = (0..k).map(|i| values[i].to_f64()).collect();
    Some((from_faer(&u), values, from_faer(&v)))
}

pub(super) fn eigen<T: Real + RealField>(
    a: &ArrayView2<'_, T>,
    scale: f64,
    vectors: bool,
) -> Option<(Vec<f64>, Array2<T>)> {
    let n = a.nrows();
    let (compute, width) = if vectors { (ComputeEigenvectors::Yes, n) } else { (ComputeEigenvectors::No, 0) };
    let matrix = to_faer(a, scale);
    let mut values = Diag::<T>::zeros(n);
    let mut basis = Mat::<T>::zeros(width, width);
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<T>(n, compute, Par::Seq, Default::default()));
    let outcome = self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        vectors.then(|| basis.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    );
    clear_upper_registers();
    outcome.ok()?;
    let values = (0..n).map(|i| values[i].to_f64()).collect();
    Some((values, from_faer(&basis)))
}

pub(super) fn thin_qr<T: Real + RealField>(a: &ArrayView2<'_, T>, scale: f64) -> (Array2<T>, Array2<T>) {
    let (m, n) = a.dim();
    let k = m.min(n);
    let block = recommended_block_size::<T>(m, n);
    let mut factors = to_faer(a, scale);
    let mut coefficients = Mat::<T>::zeros(block, k);
    let mut memory = MemBuffer::new(StackReq::any_of(&[
        qr_in_place_scratch::<T>(m, n, block, Par::Seq, Default::default()),
        apply_scratch::<T>(m, block, k),
    ]));
    qr_in_place(factors.as_mut(), coefficients.as_mut(), Par::Seq, MemStack::new(&mut memory), Default::default());
    let mut q = Mat::<T>::identity(m, k);
    apply(
        factors.as_ref().subcols(0, k),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    clear_upper_registers();
    let r = Array2::from_shape_fn((k, n), |(row, column)| if row <= column { factors[(row, column)] } else { T::ZERO });
    (from_faer(&q), r)
}

fn to_faer<T: Real>(a: &ArrayView2<'_, T>, scale: f64) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |row, column| T::from_f64(a[[row, column]].to_f64() / scale))
}

fn from_faer<T: Real>(a: &Mat<T>) -> Array2<T> {
    Array2::from_shape_fn((a.nrows(), a.ncols()), |(row, column)| a[(row, column)])
}
