//! The same bits for 1, 2, 3 and 8 threads, by a hash over every result the crate computes in parallel or in order.

use crate::common::{Hash, gaussian};
use kymograph_linalg::{
    Real, centred, column_gram, correlation, covariance, cross_column_gram, cross_gram, gram, matmul, matmul_into,
    matmul_nt, matmul_tn, parallel, qr, squared_distances, svd, symmetric_eigen,
};
use ndarray::Array2;

fn everything<T: Real>() -> u64 {
    let mut hash = Hash::new();
    // One shape for each way of cutting: none, rows, columns, inner.
    for (m, n, k) in [(20, 20, 20), (900, 120, 128), (120, 900, 128), (40, 48, 4096), (257, 263, 129)] {
        let (a, b) = (gaussian::<T>(1, m, k), gaussian::<T>(2, k, n));
        hash.reals(&matmul(a.view(), b.view()));
        hash.reals(&matmul_nt(a.view(), b.t().to_owned().view()));
        hash.reals(&matmul_tn(a.t().as_standard_layout().view(), b.view()));
        let mut c = Array2::from_elem((m, n), T::ONE);
        matmul_into(T::from_f64(0.5), a.view(), b.view(), T::from_f64(-2.0), c.view_mut());
        hash.reals(&c);
    }
    let x = gaussian::<T>(3, 1500, 70);
    let y = gaussian::<T>(4, 1500, 30);
    hash.reals(&gram(x.view()));
    hash.reals(&cross_gram(x.view(), x.view()));
    hash.reals(&column_gram(x.view()));
    hash.reals(&cross_column_gram(x.view(), y.view()));
    hash.reals(&centred(x.view()).unwrap());
    hash.reals(&covariance(x.view()).unwrap());
    hash.reals(&correlation(x.view()).unwrap());
    hash.reals(&squared_distances(x.view(), x.view()).unwrap());
    let a = gaussian::<T>(5, 200, 150);
    let factors = svd(a.view()).unwrap();
    hash.reals(&factors.u);
    hash.reals(&factors.s);
    hash.reals(&factors.vt);
    let eigen = symmetric_eigen(gram(a.view()).view()).unwrap();
    hash.reals(&eigen.values);
    hash.reals(&eigen.vectors);
    let factors = qr(a.view()).unwrap();
    hash.reals(&factors.q);
    hash.reals(&factors.r);
    hash.reals(&[parallel::sum_blocks(100_000, 1000, |range| range.map(|i| (i as f64).sqrt().sin()).sum())]);
    hash.0
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (everything::<f32>(), everything::<f64>()))
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}
