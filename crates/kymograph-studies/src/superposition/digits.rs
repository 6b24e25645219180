//! The images, the order in which they are learned, and the hidden units of a trained classifier on all of them.

use kymograph_linalg::random::{permutation, stream, stream_at};
use kymograph_nets::{LayerSpec, Network, NetworkSpec};
use kymograph_runs::{ImageSet, Split};
use ndarray::{Array2, ArrayD, ArrayView2, Axis, s};

use crate::error::StudyError;

/// Hidden units of the classifier.
pub(super) const UNITS: usize = 49;
/// Images in a forward pass that only looks.
const BLOCK: usize = 1000;

/// Images for training and held out, as bytes.
pub struct Digits {
    /// What is learned from.
    pub train: ImageSet,
    /// What is never seen.
    pub held_out: ImageSet,
    /// Which data these are.
    pub note: String,
}

impl From<Split> for Digits {
    fn from(split: Split) -> Self {
        Self { train: split.train, held_out: split.test, note: split.note }
    }
}

/// These images as numbers from 0 to 1: image × pixel.
pub(super) fn batch(set: &ImageSet, places: &[usize]) -> Array2<f32> {
    let pixels = set.images.len() / set.len().max(1);
    let mut values = Vec::with_capacity(places.len() * pixels);
    for &place in places {
        values.extend(set.images.index_axis(Axis(0), place).iter().map(|&level| f32::from(level) / 255.0));
    }
    Array2::from_shape_vec((places.len(), pixels), values).unwrap_or_default()
}

/// The images of an epoch in the order of this seed and purpose: all of them, in random order, as often as it takes.
pub(super) fn order(seed: u64, purpose: &str, epoch: u64, images: usize, wanted: usize) -> Vec<usize> {
    let passes = wanted.div_ceil(images) as u64;
    let pass = |number| permutation(&mut stream_at(seed, purpose, epoch * passes + number), images);
    (0..passes).flat_map(pass).take(wanted).collect()
}

/// The network up to its hidden units, and the whole of it.
pub(super) fn spec(pixels: usize, whole: bool) -> NetworkSpec {
    let mut layers = vec![LayerSpec::linear("fc1", UNITS), LayerSpec::tanh("tanh"), LayerSpec::relu("units")];
    if whole {
        layers.push(LayerSpec::linear("fc2", 10));
    }
    NetworkSpec { name: "classifier".to_owned(), input: vec![pixels], layers }
}

/// Hidden units on every image: image × unit.
pub struct Units {
    /// On the training images.
    pub train: Array2<f32>,
    /// On the held-out images.
    pub held_out: Array2<f32>,
}

/// The hidden units of a classifier with these weights.
///
/// # Errors
/// When the weights are not those of the study's classifier.
pub fn units(digits: &Digits, state: &[(String, ArrayD<f32>)]) -> Result<Units, StudyError> {
    let pixels = digits.train.images.len() / digits.train.len().max(1);
    let mut network = Network::<f32>::new(&spec(pixels, false), &mut stream(0, "replaced by the checkpoint"))?;
    let first: Vec<_> = state.iter().filter(|(name, _)| name.starts_with("fc1.")).cloned().collect();
    network.load_state_dict(&first)?;
    Ok(Units { train: of(&network, &digits.train)?, held_out: of(&network, &digits.held_out)? })
}

fn of(network: &Network<f32>, set: &ImageSet) -> Result<Array2<f32>, StudyError> {
    let mut units = Array2::zeros((set.len(), UNITS));
    for start in (0..set.len()).step_by(BLOCK) {
        let places: Vec<usize> = (start..(start + BLOCK).min(set.len())).collect();
        let found = network.predict(batch(set, &places).into_dyn().view())?;
        let found = found.into_dimensionality::<ndarray::Ix2>().map_err(StudyError::Shape)?;
        units.slice_mut(s![start..start + places.len(), ..]).assign(&found);
    }
    Ok(units)
}

/// Mean over examples and units of the squared difference.
pub(super) fn mean_squared(a: ArrayView2<'_, f32>, of: impl Fn(usize, usize) -> f64) -> f64 {
    let sum: f64 = a.indexed_iter().map(|((row, unit), value)| (f64::from(*value) - of(row, unit)).powi(2)).sum();
    sum / a.len().max(1) as f64
}
