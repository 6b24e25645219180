//! Dropout whose mask is a function of seed, step, layer name and example, so that a resumed run draws the same one.

use kymograph_linalg::{Real, random};

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
        let threshold = (self.p * 2f64.powi(32)).round() as u64;
        let kept = T::from_f64(1.0 / (1.0 - self.p));
        for factor in mask {
            *factor = if u64::from(stream.next_u32()) < threshold { T::ZERO } else { kept };
        }
    }
}
