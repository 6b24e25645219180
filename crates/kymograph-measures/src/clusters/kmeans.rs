//! k-means: Lloyd's iterations from k-means++ starts, the best of several.

use kymograph_linalg::{Real, parallel};
use ndarray::{Array2, ArrayView2};

use super::Points;
use crate::{MeasureError, OptionSpec, Setting};

/// How to fit k-means. Ten clusters and ten starts by default, as the published analysis of filters that `phases` repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KMeansOptions {
    /// The number of clusters.
    pub k: usize,
    /// The number of k-means++ starts; the one that ends with the least inertia is kept.
    pub n_init: usize,
    /// Iterations after which a start is given up as not converged.
    pub max_iterations: usize,
    /// The seed of the starts.
    pub seed: u64,
}

impl Default for KMeansOptions {
    fn default() -> Self {
        Self { k: 10, n_init: 10, max_iterations: 300, seed: 0 }
    }
}

pub(crate) const K: OptionSpec = OptionSpec { name: "k", default: Setting::Count(10), doc: "The number of clusters." };
pub(crate) const N_INIT: OptionSpec = OptionSpec {
    name: "n_init",
    default: Setting::Count(10),
    doc: "The number of k-means++ starts of one k-means seed; the one of least inertia is kept.",
};
pub(crate) const SEED: OptionSpec =
    OptionSpec { name: "seed", default: Setting::Seed(0), doc: "The (first) k-means seed." };

/// A fitted k-means.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// Centres, `[cluster, feature]`.
    pub centres: Array2<f64>,
    /// The cluster of every row.
    pub labels: Vec<usize>,
    /// Sum of squared distances of the rows from their centres.
    pub inertia: f64,
    /// Iterations of the kept start.
    pub iterations: usize,
    /// Whether the kept start came to rest.
    pub converged: bool,
}

/// **Into which k groups do the rows fall, each close to its mean?**
///
/// Minimises `Σᵢ ‖xᵢ − c(label i)‖²` over centres and labels, `x` being `[row, feature]`: Lloyd's iterations until no label
/// changes, from `n_init` greedy k-means++ starts (each new centre is the best of 2 + ⌊ln k⌋ rows drawn with
/// probability proportional to their squared distance from the nearest centre), keeping the start that ends lowest, the
/// first of equals. Start i of a seed draws from its own random stream, so the result does not depend on threads.
///
/// **Empty clusters**: a cluster that loses its last row takes the row farthest from its own centre, among clusters of
/// two or more. **Ties** go to the lower index, among candidate centres to the one drawn first.
///
/// **Misleads**: it always finds k groups, in noise too, and only a local minimum; the labels of two seeds may differ
/// much where there is no structure.
///
/// # Errors
/// Empty or not finite input, `k` of 0 or above the number of rows, fewer than `k` different rows, `n_init` or
/// `max_iterations` of 0. Cost: for up to 2048 rows, rows² × features once for their distances and rows² per iteration
/// and start; above, rows × features × k per iteration and start.
///
/// References: Lloyd 1982; Arthur & Vassilvitskii 2007, k-means++, section 2.2 and (greedy candidates) section 6.
///
/// ```
/// use kymograph_measures::clusters::{KMeansOptions, kmeans};
/// let x = ndarray::array![[0.0], [1.0], [10.0], [11.0]];
/// let fit = kmeans(x.view(), &KMeansOptions { k: 2, ..Default::default() })?;
/// assert_eq!(fit.inertia, 1.0);
/// assert_eq!(fit.labels[0], fit.labels[1]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn kmeans<T: Real>(x: ArrayView2<'_, T>, options: &KMeansOptions) -> Result<KMeans, MeasureError> {
    let mut points = Points::new("x", x)?;
    points.prepare("kmeans", options)?;
    let fits = parallel::map_indices(options.n_init, |start| points.fit(options, options.seed, start));
    let Fit { labels, inertia, iterations, converged } = best_of(fits)?;
    let centres = points.centres_in_units(&labels, options.k);
    Ok(KMeans { centres, labels, inertia: points.inertia_in_units(inertia), iterations, converged })
}

/// Where one start ended, in the units of [`Points`].
pub(super) struct Fit {
    pub(super) labels: Vec<usize>,
    pub(super) inertia: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

/// The fit of least inertia, the first of equals.
pub(super) fn best_of(fits: impl IntoIterator<Item = Result<Fit, MeasureError>>) -> Result<Fit, MeasureError> {
    let mut fits = fits.into_iter();
    let first = fits.next().unwrap_or(Err(MeasureError::BadOption {
        measure: "kmeans",
        option: "n_init",
        value: "0".to_string(),
        expected: "at least 1".to_string(),
    }));
    fits.try_fold(first?, |best, fit| fit.map(|fit| if fit.inertia < best.inertia { fit } else { best }))
}
