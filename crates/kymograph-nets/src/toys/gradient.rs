//! One forward and backward pass of one instance over a batch.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::spec::ToySpec;
use crate::error::NetsError;
use crate::kernels::{COLUMNS, KernelPath, Kernels, Matrix, TILE, ToyPass, ToySlopes, ToySpace, ToyTile};

/// What a pass needs beside weights and examples, kept from one to the next.
pub(super) struct Scratch<T> {
    pub(super) space: ToySpace<T>,
    /// Gradient by parameter.
    pub(super) gradient: Vec<T>,
    /// Gradient of a tied encoder as a decoder.
    second: Vec<T>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(spec: &ToySpec) -> Self {
        let second = if spec.tied { spec.features * spec.hidden } else { 0 };
        Self {
            space: ToySpace::new(spec.features, spec.hidden),
            gradient: vec![T::ZERO; spec.parameters()],
            second: vec![T::ZERO; second],
        }
    }
}

/// The model as its kernel reads it. `importance` is the weight of each feature's squared error in the sum.
pub(super) fn pass<'a, T: Real>(spec: &ToySpec, parameters: &'a [T], importance: &'a [T]) -> ToyPass<'a, T> {
    let [encoder, decoder, encoder_bias, decoder_bias] = spec.ranges();
    let (n, m) = (spec.features, spec.hidden);
    let encoder = Matrix { values: &parameters[encoder], row: n, column: 1 };
    ToyPass {
        features: n,
        hidden: m,
        encoder,
        decoder: match spec.tied {
            true => Matrix { row: 1, column: n, ..encoder },
            false => Matrix { values: &parameters[decoder], row: m, column: 1 },
        },
        encoder_bias: &parameters[encoder_bias],
        decoder_bias: &parameters[decoder_bias],
        curves: spec.curves(),
        absolute: spec.absolute,
        importance,
    }
}

/// Examples in tiles: values, shares and the number of columns.
pub(super) struct Tiles<'a, T> {
    pub(super) values: &'a [T],
    pub(super) share: &'a [T],
    pub(super) columns: usize,
}

impl<'a, T> Tiles<'a, T> {
    /// Each tile with its own columns.
    pub(super) fn each(&self, features: usize) -> impl Iterator<Item = ToyTile<'a, T>> + use<'a, T> {
        let (values, share, columns) = (self.values, self.share, self.columns);
        (0..columns.div_ceil(TILE)).map(move |tile| {
            let input = &values[tile * features * TILE..][..features * TILE];
            let share = &share[tile * TILE..][..TILE];
            ToyTile { input, target: input, share, columns: TILE.min(columns - tile * TILE) }
        })
    }
}

/// Loss of a batch, and its gradient in `scratch`.
pub(super) fn learn<T: Real>(
    kernels: &Kernels<T>,
    spec: &ToySpec,
    (parameters, importance): (&[T], &[T]),
    tiles: &Tiles<'_, T>,
    scratch: &mut Scratch<T>,
) -> f64 {
    let model = pass(spec, parameters, importance);
    scratch.gradient.fill(T::ZERO);
    scratch.second.fill(T::ZERO);
    let split = spec.features * spec.hidden;
    let (encoder, rest) = scratch.gradient.split_at_mut(split);
    let (decoder, biases) = match spec.tied {
        true => (scratch.second.as_mut_slice(), rest),
        false => rest.split_at_mut(split),
    };
    let (encoder_bias, decoder_bias) = biases.split_at_mut(biases.len() - spec.features);
    let mut slopes = ToySlopes { encoder, decoder, encoder_bias, decoder_bias };
    let mut loss = 0.0;
    for tile in tiles.each(spec.features) {
        loss += kernels.toy(&model, &tile, &mut scratch.space, Some(&mut slopes));
    }
    for (sum, &more) in scratch.gradient.iter_mut().zip(&scratch.second) {
        *sum += more;
    }
    loss
}

/// The loss of a batch and its gradient by every parameter, in the order encoder (hidden × feature), decoder (feature ×
/// hidden, unless tied), encoder's bias (if there is one), decoder's bias.
///
/// The loss is the mean over examples and features of importance × squared error. `x`: example × feature.
///
/// # Errors
/// [`NetsError::Shape`] or [`NetsError::Value`] for operands that do not fit the spec, [`NetsError::EmptyBatch`] without
/// an example.
pub fn toy_gradient<T: Real>(
    spec: &ToySpec,
    parameters: &[T],
    importance: &[T],
    x: ArrayView2<'_, T>,
) -> Result<(f64, Vec<T>), NetsError> {
    spec.check()?;
    let shape = |what: &str, expected: usize, found: usize| match expected == found {
        true => Ok(()),
        false => Err(NetsError::Shape { what: what.into(), expected: format!("[{expected}]"), found: vec![found] }),
    };
    shape("the parameters of the toy model", spec.parameters(), parameters.len())?;
    shape("the importances", spec.features, importance.len())?;
    shape("the features of an example", spec.features, x.ncols())?;
    if x.nrows() == 0 {
        return Err(NetsError::EmptyBatch { what: "the batch of the toy model".into() });
    }
    let kernels = Kernels::new(KernelPath::best()).ok_or(NetsError::KernelPath { path: KernelPath::best() })?;
    let (examples, n) = x.dim();
    let columns = examples.next_multiple_of(COLUMNS);
    let padded = columns.next_multiple_of(TILE);
    let (mut values, mut share) = (vec![T::ZERO; padded * n], vec![T::ZERO; padded]);
    share[..examples].fill(T::ONE);
    for ((example, feature), &value) in x.indexed_iter() {
        values[((example / TILE) * n + feature) * TILE + example % TILE] = value;
    }
    let factor = T::from_f64(1.0 / (examples * n) as f64);
    let scaled: Vec<T> = importance.iter().map(|&i| i * factor).collect();
    let mut scratch = Scratch::new(spec);
    let tiles = Tiles { values: &values, share: &share, columns };
    let loss = learn(&kernels, spec, (parameters, &scaled), &tiles, &mut scratch);
    Ok((loss, scratch.gradient))
}
