//! What a model loses when one feature is set to zero.

use kymograph_linalg::parallel::map_blocks;
use ndarray::ArrayView2;

use super::draw::Batch;
use super::gradient::{Scratch, Tiles, pass};
use super::models::rows_of;
use super::spec::ToySpec;
use crate::error::NetsError;
use crate::kernels::{Kernels, TILE, ToyTile};

/// Mean squared errors over examples and features.
#[derive(Clone, Debug, PartialEq)]
pub struct Ablations {
    /// Of the whole reconstruction.
    pub loss: f64,
    /// With each feature set to zero before the encoder, and the target as it was; empty where it was not asked for.
    pub without: Vec<f64>,
}

/// Examples in a piece of parallel work.
const PIECE: usize = 4 * TILE;

pub(super) fn losses(
    kernels: &Kernels<f32>,
    spec: &ToySpec,
    parameters: &[f32],
    data: &ArrayView2<'_, f32>,
    ablate: bool,
) -> Result<Ablations, NetsError> {
    let (flat, n) = (rows_of(spec, data)?, spec.features);
    if data.nrows() == 0 {
        return Err(NetsError::EmptyBatch { what: "the data of the toy model".into() });
    }
    // Each squared error counts once; sums are divided at the end.
    let ones = vec![1.0f32; n];
    let model = pass(spec, parameters, &ones);
    let sums: Vec<Vec<f64>> = map_blocks(data.nrows(), PIECE, |piece| {
        let (mut batch, mut scratch) = (Batch::default(), Scratch::<f32>::new(spec));
        batch.fill(n, flat[piece.start * n..piece.end * n].chunks_exact(n));
        let tiles = Tiles { values: &batch.values, share: &batch.share, columns: batch.columns };
        let mut sums = vec![0.0; if ablate { n + 1 } else { 1 }];
        for tile in tiles.each(n) {
            sums[0] += kernels.toy(&model, &tile, &mut scratch.space, None);
            let mut input = tile.input.to_vec();
            for (feature, sum) in sums.iter_mut().skip(1).enumerate() {
                let row = feature * TILE..(feature + 1) * TILE;
                input[row.clone()].fill(0.0);
                *sum += kernels.toy(&model, &ToyTile { input: &input, ..tile }, &mut scratch.space, None);
                input[row.clone()].copy_from_slice(&tile.input[row]);
            }
        }
        sums
    });
    let count = (data.nrows() * n) as f64;
    let mean = |at: usize| sums.iter().map(|piece| piece[at]).sum::<f64>() / count;
    Ok(Ablations { loss: mean(0), without: (1..=n).take(if ablate { n } else { 0 }).map(mean).collect() })
}
