//! Dense kernels, seeded random streams and statistics for Kymograph.
//!
//! Everything here takes `ndarray` views, is a pure function of its arguments, and gives the same bits for any number
//! of threads on the same CPU features. [`matmul`] and the Gram forms follow IEEE arithmetic, so a NaN that goes in
//! comes out; every other function returns a number or an error that says where the input is wrong.

mod assignment;
mod backend;
mod directions;
mod distance;
mod error;
mod factor;
mod fourier;
mod matmul;
mod neighbours;
mod real;
mod symmetric;
mod wide;

pub mod parallel;
pub mod random;
pub mod statistics;
pub mod tolerance;

pub use assignment::assignment;
pub use directions::nearest_directions;
pub use distance::squared_distances;
pub use error::LinalgError;
pub use factor::{Qr, Svd, SymmetricEigen, eigenvalues, qr, singular_values, svd, symmetric_eigen};
pub use fourier::{Fourier, LANES, Lanes, fourier_length};
pub use matmul::{matmul, matmul_into, matmul_into_sequential, matmul_nt, matmul_tn};
pub use neighbours::{Neighbours, nearest_neighbours};
pub use real::Real;
pub use symmetric::{centred, column_gram, correlation, covariance, cross_column_gram, cross_gram, gram};
pub use wide::{Wide, widest};

pub(crate) use error::check_finite;
