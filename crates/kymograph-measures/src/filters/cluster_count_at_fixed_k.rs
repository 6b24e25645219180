//! Number of k-means labels that occur at a fixed k: the published diversity that is constant by construction.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use crate::clusters::{K, KMeansOptions, N_INIT, Points, SEED, kmeans};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform};

pub(crate) static MEASURE: Measure = Measure {
    name: "cluster_count_at_fixed_k",
    family: Family::Filters,
    summary: "Constant by construction: how many labels does k-means use when it is told to use k? (k, whatever the units.)",
    inputs: &[Input::weights("weight")],
    options: &[K, N_INIT, SEED],
    range: (1.0, f64::INFINITY),
    ends: "Always min(k, number of different units); only duplicated units lower it.",
    unit: "clusters",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::ScaleColumns),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
        Transform::joint(Change::FlipRowSigns),
    ],
    changed_by: &[],
    cost: "n_init × iterations × units × inputs × k",
    misleads: "Always: it cannot change during training, so it can neither support nor refute anything. It stands here to reproduce a published number; use `unique_patterns` to count patterns.",
    references: &["Javihaus/ndt, feature_analysis.py: len(set(KMeans(min(10, filters)).labels_)) as filter diversity"],
    version: 1,
    evaluate: |arrays, options| {
        let options = KMeansOptions {
            k: options.count("k")?,
            n_init: options.count("n_init")?,
            seed: options.seed("seed")?,
            ..KMeansOptions::default()
        };
        with_one!(&MEASURE, arrays, |weight| cluster_count_at_fixed_k(weight, &options))
    },
};

/// **How many labels does k-means use when it is told to use k?** Constant by construction: k.
///
/// The number of different labels of a k-means fit of the units of `weight` (`[unit, input]`) with `min(k, different
/// units)` clusters. It is `k` for any weight with that many different units, before, during and after training, and
/// has been published as filter diversity. The note of every reading says so. The part `cluster_sizes` holds the sizes,
/// largest first.
///
/// **Misleads** always, if read as diversity: [`super::unique_patterns()`] counts patterns.
///
/// # Errors
/// Those of [`crate::clusters::kmeans()`], except that a `k` above the number of different units is lowered, with a
/// note. Cost: that of one k-means.
///
/// ```
/// use kymograph_measures::{clusters::KMeansOptions, filters::cluster_count_at_fixed_k};
/// let noise = ndarray::Array2::from_shape_fn((20, 4), |(i, j)| ((i * 7 + j * 3) as f64).sin());
/// let reading = cluster_count_at_fixed_k(noise.view(), &KMeansOptions::default())?;
/// assert_eq!(reading.value, 10.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn cluster_count_at_fixed_k<T: Real>(
    weight: ArrayView2<'_, T>,
    options: &KMeansOptions,
) -> Result<Reading, MeasureError> {
    let points = Points::new("weight", weight)?;
    let k = options.k.min(points.distinct(options.k));
    let fit = kmeans(weight, &KMeansOptions { k, ..*options })?;
    let mut sizes = vec![0.0; k];
    fit.labels.iter().for_each(|&label| sizes[label] += 1.0);
    sizes.sort_by(|a, b| f64::total_cmp(b, a));
    let used = sizes.iter().filter(|size| **size > 0.0).count();
    let reading = Reading::of(used as f64)
        .with_part("cluster_sizes", sizes)
        .with_note("constant by construction: k-means returns as many clusters as it is asked for");
    Ok(if k < options.k {
        reading.with_note(format!("k lowered from {} to {k}, the number of different units", options.k))
    } else {
        reading
    })
}
