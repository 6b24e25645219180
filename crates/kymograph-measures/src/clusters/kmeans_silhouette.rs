//! Silhouette of k-means clusterings, over many k-means seeds.

use kymograph_linalg::{Real, parallel};
use ndarray::ArrayView2;

use super::kmeans::{Fit, best_of};
use super::silhouette::silhouettes;
use super::{K, KMeansOptions, N_INIT, Points, SEED};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "kmeans_silhouette",
    family: Family::Clusters,
    summary: "Do the rows fall into k tight groups, if k-means may choose them?",
    inputs: &[Input::weights("x")],
    options: &[
        K,
        N_INIT,
        OptionSpec {
            name: "seeds",
            default: Setting::Count(SEEDS),
            doc: "The number of k-means seeds: `seed`, `seed` + 1, …; the value is of the best of all their starts.",
        },
        SEED,
    ],
    range: (-1.0, 1.0),
    ends: "1: k groups, tight and far apart; 0: no groups; −1 cannot be told apart from a failed fit.",
    unit: "",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::ScaleRows), Transform::joint(Change::ScaleColumns)],
    cost: "seeds × n_init × iterations × rows × features × k, and rows² × features",
    misleads: "One k-means seed is one draw: with few rows the silhouette moves more between k-means seeds than between steps, so read `silhouette_by_seed`. The clusterings of least inertia and of highest silhouette differ. k-means finds groups in noise, too: compare with noise of the same shape.",
    references: &[
        "Rousseeuw 1987, Silhouettes, section 2",
        "Arthur & Vassilvitskii 2007, k-means++: the advantages of careful seeding",
        "Javihaus/ndt, feature_analysis.py: KMeans(min(10, filters), n_init=10, random_state=42), one seed",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = KMeansSilhouetteOptions {
            k: options.count("k")?,
            n_init: options.count("n_init")?,
            seeds: options.count("seeds")?,
            seed: options.seed("seed")?,
        };
        with_one!(&MEASURE, arrays, |x| kmeans_silhouette(x, &options))
    },
};

/// More starts than this would not fit into memory side by side.
const MOST_STARTS: usize = 1_000_000;
const SEEDS: usize = 100;

/// How to cluster and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KMeansSilhouetteOptions {
    /// The number of clusters.
    pub k: usize,
    /// The number of k-means++ starts of one k-means seed.
    pub n_init: usize,
    /// The number of k-means seeds.
    pub seeds: usize,
    /// The first k-means seed; the others follow it.
    pub seed: u64,
}

impl Default for KMeansSilhouetteOptions {
    fn default() -> Self {
        Self { k: 10, n_init: 10, seeds: SEEDS, seed: 0 }
    }
}

/// **Do the rows fall into k tight groups, if k-means may choose them?**
///
/// The [`super::silhouette()`] of the k-means clustering of least inertia over `seeds` k-means seeds with `n_init`
/// starts each; `x` is `[row, feature]`. In [−1, 1]: 1 for k tight groups far apart, 0 for none. Parts:
/// `silhouette_by_seed` and `inertia_by_seed`, one per k-means seed (the best of its `n_init` starts, which is what a
/// single run of k-means would have reported: part i repeats as [`super::kmeans()`] with seed `seed + i`);
/// `best_inertia`; `per_row`, the silhouettes behind the value; `cluster_sizes`, largest first.
///
/// Unchanged by rotation, shift, sign and one factor for all of `x`. Reordering rows draws other starts.
///
/// **Misleads**: with few rows the silhouette moves more between k-means seeds than between steps, and the clustering of
/// least inertia still changes after thousands of starts (32 filters of 9 weights, k = 10: .143 from 1,000 starts, .149 from
/// 10,000, while single seeds give .095 to .155); k-means finds groups in noise, too.
///
/// # Errors
/// Those of [`super::kmeans()`], `k` below 2, or `k` not below the number of rows. Cost: seeds × n_init × iterations × rows
/// × features × k, and rows² × features.
///
/// ```
/// use kymograph_measures::clusters::{KMeansSilhouetteOptions, kmeans_silhouette};
/// let x = ndarray::array![[0.0, 0.0], [0.0, 0.1], [5.0, 5.0], [5.0, 5.1], [9.0, 0.0], [9.0, 0.1]];
/// let reading = kmeans_silhouette(x.view(), &KMeansSilhouetteOptions { k: 3, ..Default::default() })?;
/// assert!(reading.value > 0.97);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn kmeans_silhouette<T: Real>(
    x: ArrayView2<'_, T>,
    options: &KMeansSilhouetteOptions,
) -> Result<Reading, MeasureError> {
    let mut points = Points::new("x", x)?;
    let KMeansSilhouetteOptions { k, n_init, seeds, seed } = *options;
    let fit_options = KMeansOptions { k, n_init, seed, ..KMeansOptions::default() };
    let bad = |option, value: usize, expected: String| MeasureError::BadOption {
        measure: MEASURE.name,
        option,
        value: value.to_string(),
        expected,
    };
    if k < 2 || k >= x.nrows() {
        let expected = format!("from 2 to one fewer than the {} rows", x.nrows());
        return Err(bad("k", k, expected));
    }
    if seeds.saturating_mul(n_init) > MOST_STARTS {
        return Err(bad("seeds", seeds, format!("at most {MOST_STARTS} starts in all (seeds × n_init)")));
    }
    if seeds == 0 {
        return Err(bad("seeds", 0, "at least 1".to_string()));
    }
    points.prepare(MEASURE.name, &fit_options)?;
    let mut fits = parallel::map_indices(seeds * n_init, |index| {
        points.fit(&fit_options, seed.wrapping_add((index / n_init) as u64), index % n_init)
    })
    .into_iter();
    let by_seed: Vec<Fit> = (0..seeds).map(|_| best_of(fits.by_ref().take(n_init))).collect::<Result<_, _>>()?;
    let groupings: Vec<&[usize]> = by_seed.iter().map(|fit| fit.labels.as_slice()).collect();
    let mut per_row = silhouettes(&points, &groupings, k)?;
    let silhouette_by_seed: Vec<f64> = per_row.iter().map(|values| check::mean(values)).collect();
    let inertia_by_seed: Vec<f64> = by_seed.iter().map(|fit| points.inertia_in_units(fit.inertia)).collect();
    // Compared before they are put into the units of the input, where they may vanish.
    let lower = |best: usize, other: usize| if by_seed[other].inertia < by_seed[best].inertia { other } else { best };
    let best = (1..seeds).fold(0, lower);
    let mut sizes = vec![0.0; k];
    by_seed[best].labels.iter().for_each(|&label| sizes[label] += 1.0);
    sizes.sort_by(|a, b| f64::total_cmp(b, a));
    let best_inertia = check::number(MEASURE.name, inertia_by_seed[best])?;
    let moving = by_seed.iter().filter(|fit| !fit.converged).count();
    let reading = Reading::of(silhouette_by_seed[best])
        .with_part("silhouette_by_seed", silhouette_by_seed)
        .with_part("inertia_by_seed", inertia_by_seed)
        .with_part("best_inertia", vec![best_inertia])
        .with_part("per_row", per_row.swap_remove(best))
        .with_part("cluster_sizes", sizes);
    Ok(if moving == 0 {
        reading
    } else {
        reading.with_note(format!("{moving} of {seeds} k-means seeds had not come to rest"))
    })
}
