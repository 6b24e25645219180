//! Sparse codes: which latents each example uses, and how much.

use kymograph_linalg::Real;
use ndarray::Array2;

use super::select::above;

/// The codes of some examples, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes<T> {
    /// Where each example's entries begin; one number more than there are examples.
    pub starts: Vec<usize>,
    /// The latents used, ascending within an example.
    pub latents: Vec<u32>,
    /// How much of each; above zero.
    pub values: Vec<T>,
    /// Latents of the dictionary.
    pub width: usize,
}

impl<T: Real> Codes<T> {
    pub(super) fn new(width: usize) -> Self {
        Self { starts: vec![0], latents: Vec::new(), values: Vec::new(), width }
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.starts.len() - 1
    }

    /// One example's latents and their values.
    ///
    /// # Panics
    /// When there is no such example.
    pub fn row(&self, example: usize) -> (&[u32], &[T]) {
        let range = self.starts[example]..self.starts[example + 1];
        (&self.latents[range.clone()], &self.values[range])
    }

    /// Latents used an example, on average.
    pub fn l0(&self) -> f64 {
        self.latents.len() as f64 / self.examples().max(1) as f64
    }

    /// The same as an array, example × latent.
    pub fn to_dense(&self) -> Array2<T> {
        let mut dense = Array2::zeros((self.examples(), self.width));
        for example in 0..self.examples() {
            let (latents, values) = self.row(example);
            for (&latent, &value) in latents.iter().zip(values) {
                dense[[example, latent as usize]] = value;
            }
        }
        dense
    }

    pub(super) fn end_row(&mut self) {
        self.starts.push(self.latents.len());
    }

    pub(super) fn push(&mut self, latent: usize, value: T) {
        self.latents.push(latent as u32);
        self.values.push(value);
    }

    /// Puts the examples of `next` behind these.
    pub(super) fn append(&mut self, next: &Self) {
        let before = self.latents.len();
        self.starts.extend(next.starts[1..].iter().map(|start| before + start));
        self.latents.extend_from_slice(&next.latents);
        self.values.extend_from_slice(&next.values);
    }

    /// The entries above zero of dense rows.
    pub(super) fn of_dense(rows: &[T], width: usize, stride: usize) -> Self {
        let (mut codes, mut found) = (Self::new(width), Vec::new());
        for row in rows.chunks_exact(stride) {
            above(&row[..width], T::ZERO, &mut found);
            found.iter().for_each(|&(value, latent)| codes.push(latent as usize, value));
            codes.end_row();
        }
        codes
    }
}

/// The entries of codes by latent: for each of them where its entries begin, the place of each entry among the codes, and
/// its example. Examples ascend within a latent.
pub(super) struct ByLatent {
    pub(super) starts: Vec<usize>,
    pub(super) places: Vec<u32>,
    pub(super) examples: Vec<u32>,
}

impl ByLatent {
    pub(super) fn of<T: Real>(codes: &Codes<T>) -> Self {
        let mut starts = vec![0usize; codes.width + 1];
        for &latent in &codes.latents {
            starts[latent as usize + 1] += 1;
        }
        for latent in 0..codes.width {
            starts[latent + 1] += starts[latent];
        }
        let mut next = starts.clone();
        let mut places = vec![0u32; codes.latents.len()];
        let mut examples = vec![0u32; codes.latents.len()];
        for example in 0..codes.examples() {
            for place in codes.starts[example]..codes.starts[example + 1] {
                let slot = &mut next[codes.latents[place] as usize];
                (places[*slot], examples[*slot]) = (place as u32, example as u32);
                *slot += 1;
            }
        }
        Self { starts, places, examples }
    }
}
