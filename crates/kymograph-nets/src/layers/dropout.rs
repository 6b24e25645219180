//! Dropout whose mask is a function of seed, step, layer name and example, so that a resumed run draws the same one.

use kymograph_linalg::{Real, random};

/// Words drawn at a time.
const WORDS: usize = 1024;

/// A dropout layer.
#[derive(Clone)]
pub(crate) struct Dropout {
    pub(crate) purpose: String,
    pub(crate) p: f64,
    pub(crate) features: usize,
}

impl Dropout {
    pub(crate) fn new(name: &str, p: f64, features: usize) -> Self {
        Self { purpose: format!("dropout:{name}"), p, features }
    }

    /// The factors (zero or `1 / (1 − p)`) of the chunk whose first example has index `first` in the batch.
    pub(crate) fn mask<T: Real>(&self, seed: u64, step: u64, first: usize, mask: &mut [T]) {
        use rand::Rng;
        let mut stream = random::stream_at(seed, &self.purpose, step);
        stream.set_word_pos((first * self.features) as u128);
        let threshold = (self.p * 2f64.powi(32)).round() as u32;
        let kept = T::from_f64(1.0 / (1.0 - self.p));
        let mut bytes = [0; 4 * WORDS];
        for factors in mask.chunks_mut(WORDS) {
            let bytes = &mut bytes[..4 * factors.len()];
            stream.fill_bytes(bytes);
            for (factor, word) in factors.iter_mut().zip(bytes.as_chunks().0) {
                *factor = if u32::from_le_bytes(*word) < threshold { T::ZERO } else { kept };
            }
        }
    }
}
