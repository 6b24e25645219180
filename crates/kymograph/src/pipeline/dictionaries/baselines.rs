//! Directions that classical methods find in the examples, to be read beside those a dictionary learned.

use kymograph_measures::embeddings::{IcaContrast, IcaOptions, NmfOptions, ica, nmf, rectified_halves};
use kymograph_studies::StudyError;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use super::examined::Truth;
use crate::error::KymographError;

/// Examples a dimension that they are fitted to, where there are as many.
const EXAMPLES: usize = 16;
/// Iterations after which the fits are taken as they are.
const ITERATIONS: usize = 100;

/// Some directions with what is to be known of them.
pub(super) struct Baseline {
    /// Its name in findings.
    pub(super) array: &'static str,
    /// direction × width.
    pub(super) rows: Array2<f32>,
    pub(super) note: String,
}

/// Principal directions, independent components and non-negative parts of the held-out examples.
pub(super) fn baselines(truth: &Truth, seed: u64) -> Result<Vec<Baseline>, KymographError> {
    let width = truth.features.ncols();
    let examples = truth.held_out.x.nrows().min((EXAMPLES * width).max(2048));
    let x = truth.held_out.x.slice(s![..examples, ..]);
    let principal = kymograph_nets::dictionaries::principal_directions(truth.held_out.x.view())?;
    let rank = truth.principal.windows(2).filter(|pair| pair[1] - pair[0] > 1e-9).count().max(1);
    let options = IcaOptions {
        components: rank.min(examples),
        contrast: IcaContrast::LogCosh,
        max_iterations: ITERATIONS,
        seed,
        ..IcaOptions::default()
    };
    let independent = ica(x, &options)?;
    let note = |what: &str, iterations: usize, converged: bool| {
        let state = if converged { "converged" } else { "not at rest" };
        format!("{what}; fitted to {examples} held-out examples, {state} after {iterations} iterations")
    };
    let ica_note = note("FastICA, symmetric, log cosh, either sign", independent.iterations, independent.converged);
    let options = NmfOptions { components: width, max_iterations: ITERATIONS, seed, ..NmfOptions::default() };
    let factors = nmf(rectified_halves(x).view(), &options)?;
    let parts = &factors.parts.slice(s![.., ..width]) - &factors.parts.slice(s![.., width..]);
    let nmf_note =
        note("coordinate descent on the halves [max(x, 0), max(−x, 0)]", factors.iterations, factors.converged);
    Ok(vec![
        Baseline {
            array: "principal",
            rows: either_sign(principal.view())?,
            note: "either sign; of all held-out examples".into(),
        },
        Baseline { array: "ica", rows: either_sign(independent.directions.mapv(|v| v as f32).view())?, note: ica_note },
        Baseline { array: "nmf", rows: parts.mapv(|v| v as f32), note: nmf_note },
    ])
}

/// These directions and their opposites: what they come from does not tell which a feature would be.
fn either_sign(rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, StudyError> {
    concatenate(Axis(0), &[rows, (-&rows).view()]).map_err(StudyError::Shape)
}
