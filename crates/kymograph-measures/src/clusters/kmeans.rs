//! k-means: Lloyd's iterations from k-means++ starts, the best of several.

use kymograph_linalg::{Real, matmul_into_sequential, parallel, random};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};

use crate::{MeasureError, OptionSpec, Setting, check};

/// How to fit k-means. The defaults are those of scikit-learn 1.9's `KMeans` before `n_init="auto"`, with 10 clusters.
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

pub(crate) const K: OptionSpec =
    OptionSpec { name: "k", default: Setting::Count(10), doc: "The number of clusters." };
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
/// two or more. **Ties** go to the lower index.
///
/// **Misleads**: it always finds k groups, in noise too, and only a local minimum; the labels of two seeds may differ
/// much where there is no structure.
///
/// # Errors
/// Empty or not finite input, `k` of 0 or above the number of rows, fewer than `k` different rows, `n_init` or
/// `max_iterations` of 0. Cost: rows × features × k per iteration and start.
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
    let points = Points::new("x", x)?;
    points.check("kmeans", options)?;
    let fits = parallel::map_indices(options.n_init, |start| points.fit(options, options.seed, start));
    let best = best_of(fits)?;
    Ok(points.in_units(best))
}

/// The fit of least inertia, the first of equals.
pub(crate) fn best_of(
    fits: impl IntoIterator<Item = Result<KMeans, MeasureError>>,
) -> Result<KMeans, MeasureError> {
    let mut fits = fits.into_iter();
    let first = fits.next().unwrap_or(Err(MeasureError::BadOption {
        measure: "kmeans",
        option: "n_init",
        value: "0".to_string(),
        expected: "at least 1".to_string(),
    }));
    fits.try_fold(first?, |best, fit| fit.map(|fit| if fit.inertia < best.inertia { fit } else { best }))
}

/// Rows about their mean, in units in which no square overflows.
pub(crate) struct Points {
    input: &'static str,
    rows: Array2<f64>,
    mean: Vec<f64>,
    scale: f64,
}

impl Points {
    pub(crate) fn new<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<Self, MeasureError> {
        check::matrix(input, x)?;
        let scale = check::binary_scale(x.iter());
        let mut rows = x.mapv(|value| value.to_f64() / scale);
        let n = rows.nrows() as f64;
        let mean: Vec<f64> = rows.sum_axis(Axis(0)).iter().map(|sum| sum / n).collect();
        for mut row in rows.outer_iter_mut() {
            row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        }
        Ok(Self { input, rows, mean, scale })
    }

    pub(crate) fn rows(&self) -> ArrayView2<'_, f64> {
        self.rows.view()
    }

    /// How many rows are different, counting no further than `enough`.
    pub(crate) fn distinct(&self, enough: usize) -> usize {
        let mut keys = std::collections::HashSet::new();
        for row in self.rows.outer_iter() {
            // −0 and 0 are the same place.
            keys.insert(row.iter().map(|value| (value + 0.0).to_bits()).collect::<Vec<u64>>());
            if keys.len() >= enough {
                break;
            }
        }
        keys.len()
    }

    pub(crate) fn check(&self, measure: &'static str, options: &KMeansOptions) -> Result<(), MeasureError> {
        let bad = |option, value: usize, expected: String| {
            Err(MeasureError::BadOption { measure, option, value: value.to_string(), expected })
        };
        let n = self.rows.nrows();
        if options.k == 0 || options.k > n {
            return bad("k", options.k, format!("from 1 to the number of rows, {n}"));
        }
        if options.n_init == 0 {
            return bad("n_init", 0, "at least 1".to_string());
        }
        if options.max_iterations == 0 {
            return bad("max_iterations", 0, "at least 1".to_string());
        }
        let distinct = self.distinct(options.k);
        if distinct < options.k {
            return Err(MeasureError::TooFewDistinctRows { input: self.input, distinct, k: options.k });
        }
        Ok(())
    }

    /// One start, in the units of `self.rows`.
    pub(crate) fn fit(
        &self,
        options: &KMeansOptions,
        seed: u64,
        start: usize,
    ) -> Result<KMeans, MeasureError> {
        let mut rng = random::stream_at(seed, "kmeans", start as u64);
        let mut centres = self.starting_centres(options.k, &mut rng)?;
        let mut labels = vec![usize::MAX; self.rows.nrows()];
        let (mut iterations, mut converged) = (0, false);
        let mut products = Array2::zeros((self.rows.nrows(), options.k));
        while iterations < options.max_iterations && !converged {
            iterations += 1;
            let mut next = nearest(self.rows.view(), centres.view(), &mut products);
            self.fill_empty(&mut next, centres.view());
            converged = next == labels;
            if !converged {
                labels = next;
                centres = self.means(&labels, options.k);
            }
        }
        let inertia = self.rows.outer_iter().zip(&labels).map(|(row, &c)| apart(row, centres.row(c))).sum();
        Ok(KMeans { centres, labels, inertia, iterations, converged })
    }

    /// The fit in the units of the input.
    pub(crate) fn in_units(&self, mut fit: KMeans) -> KMeans {
        for mut centre in fit.centres.outer_iter_mut() {
            centre.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value = (*value + mean) * self.scale);
        }
        fit.inertia = self.inertia_in_units(fit.inertia);
        fit
    }

    pub(crate) fn inertia_in_units(&self, inertia: f64) -> f64 {
        inertia * self.scale * self.scale
    }

    fn starting_centres(&self, k: usize, rng: &mut impl rand::Rng) -> Result<Array2<f64>, MeasureError> {
        let n = self.rows.nrows();
        let candidates = 2 + (k as f64).ln() as usize;
        let mut chosen = vec![random::below(rng, n)];
        let mut distance: Vec<f64> = self.distances_to(chosen[0]);
        while chosen.len() < k {
            let total: f64 = distance.iter().sum();
            if total <= 0.0 {
                return Err(MeasureError::TooFewDistinctRows { input: self.input, distinct: chosen.len(), k });
            }
            let mut best: Option<(f64, usize, Vec<f64>)> = None;
            for _ in 0..candidates {
                let row = weighted(&distance, random::uniform(rng) * total);
                let mut closer = self.distances_to(row);
                closer.iter_mut().zip(&distance).for_each(|(new, old)| *new = new.min(*old));
                let potential: f64 = closer.iter().sum();
                if best.as_ref().is_none_or(|(lowest, ..)| potential < *lowest) {
                    best = Some((potential, row, closer));
                }
            }
            if let Some((_, row, closer)) = best {
                chosen.push(row);
                distance = closer;
            }
        }
        Ok(self.rows.select(Axis(0), &chosen))
    }

    fn distances_to(&self, row: usize) -> Vec<f64> {
        self.rows.outer_iter().map(|other| apart(other, self.rows.row(row))).collect()
    }

    fn fill_empty(&self, labels: &mut [usize], centres: ArrayView2<'_, f64>) {
        let mut sizes = vec![0_usize; centres.nrows()];
        labels.iter().for_each(|&label| sizes[label] += 1);
        if sizes.iter().all(|&size| size > 0) {
            return;
        }
        let mut distance: Vec<f64> =
            self.rows.outer_iter().zip(labels.iter()).map(|(row, &c)| apart(row, centres.row(c))).collect();
        for empty in 0..sizes.len() {
            if sizes[empty] > 0 {
                continue;
            }
            let mut farthest: Option<usize> = None;
            for (row, &label) in labels.iter().enumerate() {
                if sizes[label] >= 2 && farthest.is_none_or(|far| distance[row] > distance[far]) {
                    farthest = Some(row);
                }
            }
            if let Some(row) = farthest {
                sizes[labels[row]] -= 1;
                sizes[empty] = 1;
                labels[row] = empty;
                distance[row] = 0.0;
            }
        }
    }

    fn means(&self, labels: &[usize], k: usize) -> Array2<f64> {
        let mut centres = Array2::<f64>::zeros((k, self.rows.ncols()));
        let mut sizes = vec![0.0; k];
        for (row, &label) in self.rows.outer_iter().zip(labels) {
            sizes[label] += 1.0;
            let mut centre = centres.row_mut(label);
            centre += &row;
        }
        for (mut centre, size) in centres.outer_iter_mut().zip(sizes) {
            centre.mapv_inplace(|value| value / f64::max(size, 1.0));
        }
        centres
    }
}

/// The nearest centre of every row, the lower index of equals.
fn nearest(rows: ArrayView2<'_, f64>, centres: ArrayView2<'_, f64>, products: &mut Array2<f64>) -> Vec<usize> {
    let norms: Vec<f64> = centres.outer_iter().map(|centre| centre.dot(&centre)).collect();
    matmul_into_sequential(-2.0, rows, centres.t(), 0.0, products.view_mut());
    let lowest = |row: ArrayView1<'_, f64>| {
        let mut best = (f64::INFINITY, 0);
        for (cluster, (product, norm)) in row.iter().zip(&norms).enumerate() {
            if product + norm < best.0 {
                best = (product + norm, cluster);
            }
        }
        best.1
    };
    products.outer_iter().map(lowest).collect()
}

fn apart(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, a, b| sum + (a - b) * (a - b))
}

/// The first place where the running sum of weights passes `level`; a place of weight 0 is never chosen.
fn weighted(weights: &[f64], level: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (place, &weight) in weights.iter().enumerate() {
        sum += weight;
        if weight > 0.0 {
            last = place;
            if sum > level {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_cluster_takes_the_farthest_row_of_a_shared_one() {
        let x = ndarray::array![[0.0], [1.0], [2.0], [9.0]];
        let points = Points::new("x", x.view()).unwrap();
        let centres = (ndarray::array![[1.0], [9.0], [100.0]] / points.scale) - points.mean[0];
        let mut labels = vec![0, 0, 0, 1];
        points.fill_empty(&mut labels, centres.view());
        assert_eq!(labels, [2, 0, 0, 1], "rows 0 and 2 are equally far: the lower index goes");
    }

    #[test]
    fn a_row_at_distance_zero_is_never_drawn() {
        assert_eq!(weighted(&[0.0, 1.0, 0.0, 2.0], 0.0), 1);
        assert_eq!(weighted(&[0.0, 1.0, 0.0, 2.0], 1.0), 3);
        assert_eq!(weighted(&[0.0, 1.0, 2.0, 0.0], 3.5), 2, "rounding past the end stays on a weight");
    }
}
