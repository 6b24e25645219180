//! Rows laid out in few dimensions (PCA, t-SNE, UMAP) or taken apart into parts (ICA, NMF), and how far a layout keeps what was
//! there.

mod continuity;
mod ica;
mod knn_label_purity;
mod knn_preservation;
mod nmf;
mod pca;
mod ranks;
mod trustworthiness;
mod tsne;
mod two_nn_dimension;
mod umap;

pub use continuity::continuity;
pub use ica::{Ica, IcaContrast, IcaOptions, ica};
pub use knn_label_purity::knn_label_purity;
pub use knn_preservation::knn_preservation;
pub use nmf::{Nmf, NmfOptions, nmf, rectified_halves};
pub use pca::{Pca, pca};
pub use trustworthiness::trustworthiness;
pub use tsne::{Tsne, TsneMethod, TsneOptions, tsne};
pub use two_nn_dimension::two_nn_dimension;
pub use umap::{Umap, UmapOptions, umap};

use kymograph_linalg::random;
use ndarray::{Array2, ArrayView2, Axis};

use crate::{Measure, MeasureError, check};

/// No layout starts farther out than this.
const FARTHEST: f64 = 1e6;

pub(crate) static MEASURES: &[&Measure] = &[
    &trustworthiness::MEASURE,
    &continuity::MEASURE,
    &knn_preservation::MEASURE,
    &knn_label_purity::MEASURE,
    &two_nn_dimension::MEASURE,
];

/// Another layout of the same rows as the start of the next one: shifted to mean 0 and scaled so that its first axis has
/// this standard deviation, which keeps what lies where from step to step.
///
/// `embedding` is `[row, axis]`. t-SNE starts at 10⁻⁴ by default; a layout that does not vary stays at 0.
pub fn start_from(embedding: ArrayView2<'_, f64>, standard_deviation: f64) -> Array2<f64> {
    let mut start = embedding.to_owned();
    for mut column in start.axis_iter_mut(Axis(1)) {
        let mean = column.mean().unwrap_or(0.0);
        column.mapv_inplace(|value| value - mean);
    }
    let spread = start.axis_iter(Axis(1)).next().map_or(0.0, |first| check::norm(first) / (first.len() as f64).sqrt());
    if spread > 0.0 {
        start.mapv_inplace(|value| value / spread * standard_deviation);
    }
    start
}

/// Where rows start: at their first two principal components or where they are told to, `spread` the standard deviation
/// of the first; a hundredth of it as noise parts rows that would coincide.
fn start<T: kymograph_linalg::Real>(
    what: &'static str,
    x: ArrayView2<'_, T>,
    given: Option<ArrayView2<'_, f64>>,
    spread: f64,
    seed: u64,
) -> Result<Array2<f64>, MeasureError> {
    if let Some(given) = given {
        check::matrix("initial", given)?;
        check::same_size("rows", ("x", x.nrows()), ("initial", given.nrows()))?;
        if given.ncols() != 2 {
            let (first, second) = ("initial", "a layout in the plane");
            return Err(MeasureError::ShapeMismatch {
                axis: "columns",
                first,
                first_size: given.ncols(),
                second,
                second_size: 2,
            });
        }
        if let Some(far) = given.iter().find(|value| value.abs() > FARTHEST) {
            return Err(MeasureError::BadOption {
                measure: what,
                option: "initial",
                value: far.to_string(),
                expected: "places within a million of the origin".to_string(),
            });
        }
        let first = given.row(0);
        if given.outer_iter().all(|row| row == first) {
            return Err(MeasureError::NoVariation { input: "initial", what: "all rows start at one place" });
        }
        return Ok(given.to_owned());
    }
    let scores = pca::leading(what, x, 2, seed)?;
    let mut start = Array2::zeros((x.nrows(), 2));
    for (mut to, from) in start.axis_iter_mut(Axis(1)).zip(scores.axis_iter(Axis(1))) {
        to.assign(&from);
    }
    let mut start = start_from(start.view(), spread);
    let mut rng = random::stream(seed, "jitter");
    start.mapv_inplace(|value| value + 0.01 * spread * random::normal(&mut rng));
    Ok(start)
}
