//! Named random streams: one seed, one stream per purpose, the same numbers on every machine.

mod torch;

use ndarray::Array2;
use rand::{Rng, SeedableRng};
pub use rand_chacha::ChaCha8Rng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, StandardNormal};

pub use torch::torch_permutation;

use crate::Real;

/// The stream of `seed` for one purpose (`"init"`, `"order"`, `"null"`, …).
///
/// Streams of different seeds or purposes are independent. The ChaCha8 key is derived so: a 32-byte state starts as
/// the seed (8 bytes), the purpose's length in bytes (8), 0 for "no index" or 1 (8), and the index (8), all
/// little-endian; it is then replaced by the first 32 bytes of ChaCha20 keyed with it; then, for each 32 bytes of the
/// purpose (UTF-8, zero-padded), those are XORed in and the state is replaced in the same way. This never changes: old
/// runs must repeat.
///
/// ```
/// use kymograph_linalg::random;
/// let (mut a, mut b) = (random::stream(0, "init"), random::stream(0, "order"));
/// assert_ne!(random::uniform(&mut a), random::uniform(&mut b));
/// ```
pub fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    keyed(seed, purpose, None)
}

/// The stream of `seed` for one member of a family: epoch 3's order, resample 17, …
///
/// As [`stream`], and different from it for every index, 0 included.
pub fn stream_at(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    keyed(seed, purpose, Some(index))
}

fn keyed(seed: u64, purpose: &str, index: Option<u64>) -> ChaCha8Rng {
    let mut state = [0; 32];
    let header = [seed, purpose.len() as u64, u64::from(index.is_some()), index.unwrap_or(0)];
    for (bytes, word) in state.chunks_exact_mut(8).zip(header) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    state = expand(state);
    for block in purpose.as_bytes().chunks(32) {
        for (byte, text) in state.iter_mut().zip(block) {
            *byte ^= text;
        }
        state = expand(state);
    }
    ChaCha8Rng::from_seed(state)
}

fn expand(key: [u8; 32]) -> [u8; 32] {
    let mut output = [0; 32];
    ChaCha20Rng::from_seed(key).fill_bytes(&mut output);
    output
}

/// A number uniform in [0, 1): the top 53 bits of one draw.
pub fn uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// An integer uniform in `0..bound`, without bias (Lemire 2019, arXiv:1805.10941).
///
/// # Panics
/// When `bound` is zero.
pub fn below<R: Rng + ?Sized>(rng: &mut R, bound: usize) -> usize {
    assert!(bound > 0, "no integer lies below zero");
    let bound = bound as u64;
    let mut product = u128::from(rng.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u64) < threshold {
            product = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as usize
}

/// Puts a slice into uniformly random order (Fisher–Yates from the end).
pub fn shuffle<R: Rng + ?Sized, V>(rng: &mut R, values: &mut [V]) {
    for last in (1..values.len()).rev() {
        values.swap(last, below(rng, last + 1));
    }
}

/// The integers `0..n` in uniformly random order.
pub fn permutation<R: Rng + ?Sized>(rng: &mut R, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(rng, &mut order);
    order
}

/// `count` different integers of `0..n` in random order, every ordered choice equally likely.
///
/// # Panics
/// When `count` exceeds `n`.
pub fn sample<R: Rng + ?Sized>(rng: &mut R, n: usize, count: usize) -> Vec<usize> {
    assert!(count <= n, "{count} different integers below {n} do not exist");
    let mut order: Vec<usize> = (0..n).collect();
    for place in 0..count {
        order.swap(place, place + below(rng, n - place));
    }
    order.truncate(count);
    order
}

/// `count` integers of `0..n` drawn with replacement: the indices of one bootstrap resample.
///
/// # Panics
/// When `n` is zero and `count` is not.
pub fn resample<R: Rng + ?Sized>(rng: &mut R, n: usize, count: usize) -> Vec<usize> {
    (0..count).map(|_| below(rng, n)).collect()
}

/// A standard normal number.
pub fn normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    StandardNormal.sample(rng)
}

/// A matrix of independent standard normal numbers, drawn in f64 in row order.
pub fn normal_matrix<T: Real, R: Rng + ?Sized>(rng: &mut R, rows: usize, columns: usize) -> Array2<T> {
    Array2::from_shape_simple_fn((rows, columns), || T::from_f64(normal(rng)))
}
