//! What several test files share: slow literal twins and a hash of bits.

use kymograph_linalg::{Real, random};
use ndarray::{Array2, ArrayView2};

/// The product by its definition, in f64.
pub(crate) fn product<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        (0..a.ncols()).map(|l| a[[i, l]].to_f64() * b[[l, j]].to_f64()).sum()
    })
}

/// A matrix of standard normal numbers from a stream of its own.
pub(crate) fn gaussian<T: Real>(seed: u64, rows: usize, columns: usize) -> Array2<T> {
    random::normal_matrix(&mut random::stream(seed, "test"), rows, columns)
}

/// The largest absolute difference between a result and its f64 twin.
pub(crate) fn difference<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x.to_f64() - y).abs())
        .fold(0.0, |m, d| if d.is_nan() { f64::INFINITY } else { f64::max(m, d) })
}

/// FNV-1a over the bits of numbers.
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
    pub(crate) fn add(&mut self, bits: u64) {
        for byte in bits.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    pub(crate) fn reals<'a, T: Real>(&mut self, values: impl IntoIterator<Item = &'a T>) {
        for value in values {
            self.add(value.to_bits_u64());
        }
    }
}
