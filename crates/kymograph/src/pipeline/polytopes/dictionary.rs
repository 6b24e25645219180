//! A small sparse autoencoder of a layer's activations, for directions that were sought where units and principal components
//! are given.

use kymograph_linalg::random::{permutation, stream_at};
use kymograph_nets::OptimiserSpec;
use kymograph_nets::dictionaries::{Dictionary, DictionarySpec, EncoderStart, Start, Variant};
use ndarray::{Array2, Axis};

use crate::error::KymographError;

/// Latents for each unit, those that an example may use, and how it is trained.
const LATENTS: usize = 2;
const ACTIVE: usize = 8;
const STEPS: u64 = 400;
const BATCH: usize = 100;
const LEARNING_RATE: f64 = 0.003;
/// Wider layers have none: a few hundred examples would not tell so many directions apart.
const WIDEST: usize = 256;

/// Codes of the examples that a dictionary was fitted on, `[example, latent]`.
pub(super) struct Fitted {
    pub(super) codes: Array2<f64>,
    /// With the first weights.
    pub(super) untrained: Array2<f64>,
    /// Share of the activations' variance that the codes rebuild.
    pub(super) explained: f64,
}

/// A TopK dictionary of twice as many latents as units, eight of which an example may use; fitted without any label. `None`
/// for a layer too wide, too narrow or without variance.
pub(super) fn fitted(x: &Array2<f64>, seed: u64) -> Result<Option<Fitted>, KymographError> {
    let (n, width) = x.dim();
    let Some(mean) = x.mean_axis(Axis(0)).filter(|_| n > 1 && (2..=WIDEST).contains(&width)) else { return Ok(None) };
    let variance = (x - &mean).iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    if variance <= 0.0 {
        return Ok(None);
    }
    // In units in which the learning rate means the same for every layer.
    let scaled = x.mapv(|v| (v / variance.sqrt()) as f32);
    let bias: Vec<f32> = mean.iter().map(|v| (v / variance.sqrt()) as f32).collect();
    let latents = LATENTS * width;
    let spec = DictionarySpec::autoencoder(width, latents, Variant::TopK { k: ACTIVE.min(latents) });
    let mut dictionary = Dictionary::<f32>::new(&spec)?;
    dictionary.initialise(&Start::Random, EncoderStart::Decoder, seed)?;
    if spec.output_bias {
        dictionary.set_output_bias(&bias)?;
    }
    let untrained = dictionary.encode(scaled.view())?.to_dense().mapv(f64::from);
    let mut adam = dictionary.optimiser(OptimiserSpec::adam(LEARNING_RATE))?;
    let batch = BATCH.min(n);
    let in_epoch = (n / batch) as u64;
    let mut order = Vec::new();
    for step in 0..STEPS {
        if step % in_epoch == 0 {
            order = permutation(&mut stream_at(seed, "polytopes: order of a dictionary", step / in_epoch), n);
        }
        let first = (step % in_epoch) as usize * batch;
        let rows = scaled.select(Axis(0), &order[first..first + batch]);
        dictionary.train_step(rows.view(), None, &mut adam)?;
    }
    let codes = dictionary.encode(scaled.view())?;
    let rebuilt = dictionary.decode(&codes);
    let error = (&rebuilt - &scaled).iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
    Ok(Some(Fitted { codes: codes.to_dense().mapv(f64::from), untrained, explained: 1.0 - error }))
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random::{below, normal_matrix, stream, uniform};

    use super::*;

    #[test]
    fn sparse_directions_are_rebuilt_and_the_same_seed_gives_the_same_codes() {
        let directions: Array2<f64> = normal_matrix(&mut stream(0, "directions"), 16, 8);
        let rng = &mut stream(0, "examples");
        let mut x = Array2::zeros((200, 8));
        for mut row in x.outer_iter_mut() {
            for _ in 0..2 {
                row.scaled_add(1.0 + uniform(rng), &directions.row(below(rng, 16)));
            }
        }
        let found = fitted(&x, 3).unwrap().unwrap();
        assert!(found.explained > 0.9, "{}", found.explained);
        assert_eq!((found.codes.dim(), found.untrained.dim()), ((200, 16), (200, 16)));
        assert!(found.codes.rows().into_iter().all(|row| row.iter().filter(|v| **v > 0.0).count() <= ACTIVE));
        assert!(found.codes != found.untrained && fitted(&x, 3).unwrap().unwrap().codes == found.codes);
        assert!(fitted(&Array2::ones((20, 8)), 0).unwrap().is_none());
        assert!(fitted(&Array2::ones((20, WIDEST + 1)), 0).unwrap().is_none());
    }
}
