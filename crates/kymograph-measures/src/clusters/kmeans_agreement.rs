//! Agreement between the k-means clusters of two arrays of the same rows.

use kymograph_linalg::Real;
use ndarray::{Array1, ArrayView2};

use super::{K, KMeansOptions, N_INIT, SEED, adjusted_rand_index, kmeans};
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "kmeans_agreement",
    family: Family::Clusters,
    summary: "Do the k-means clusters of two arrays hold the same rows (adjusted Rand index)?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[K, N_INIT, SEED],
    range: (-0.5, 1.0),
    ends: "1: the same clusters; 0: as alike as chance makes clusters of those sizes.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: &[
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::ScaleColumns)],
    cost: "four fits of k-means",
    misleads: "k-means finds k clusters in noise, too, and others with another seed: read it against `x_over_seeds` and `y_over_seeds`, which is how well each array agrees with itself. Rows spread along one direction are cut alike in both with no clusters in either.",
    references: &[
        "Hubert & Arabie 1985, Comparing partitions (doi:10.1007/BF01908075), eq. 5",
        "Ben-Hur, Elisseeff & Guyon 2002, A stability based method for discovering structure in clustered data: agreement over repeated fits",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = KMeansOptions {
            k: options.count("k")?,
            n_init: options.count("n_init")?,
            seed: options.seed("seed")?,
            ..KMeansOptions::default()
        };
        with_pair!(&MEASURE, arrays, |x, y| kmeans_agreement(x, y, &options))
    },
};

/// **Do the k-means clusters of two arrays hold the same rows?**
///
/// The [`adjusted_rand_index()`] between the clusters that [`kmeans()`] finds in `x` (`[row, feature]`) and those it finds in
/// `y` (`[row, other feature]`), rows being the same examples or units. At most 1, the same clusters; 0 is chance. Parts:
/// `x_over_seeds` and `y_over_seeds`, the same index between the fits of two seeds to one array, which is as high as
/// agreement between different arrays can be expected.
///
/// Unchanged by shift, factor, sign and order of the features of either side. Reordering rows draws other starts.
///
/// **Misleads**: k-means finds clusters in noise, too; without the two parts the value says little.
///
/// # Errors
/// Numbers of rows that differ, `k` below 2 or not below the number of rows, and those of [`kmeans()`]. Cost: four fits.
///
/// References: Hubert & Arabie 1985, eq. 5; Ben-Hur et al. 2002.
///
/// ```
/// use kymograph_measures::clusters::{KMeansOptions, kmeans_agreement};
/// use ndarray::array;
/// let (x, y) = (array![[0.0], [1.0], [10.0], [11.0]], array![[5.0, 1.0], [5.0, 2.0], [-3.0, 1.0], [-3.0, 2.0]]);
/// let options = KMeansOptions { k: 2, ..Default::default() };
/// assert_eq!(kmeans_agreement(x.view(), y.view(), &options)?.value, 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn kmeans_agreement<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    options: &KMeansOptions,
) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_size("rows", ("x", x.nrows()), ("y", y.nrows()))?;
    if options.k < 2 || options.k >= x.nrows() {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "k",
            value: options.k.to_string(),
            expected: format!("from 2 to one fewer than there are rows, {}", x.nrows()),
        });
    }
    let other = KMeansOptions { seed: options.seed.wrapping_add(1), ..*options };
    let labels = |rows: ArrayView2<'_, T>, input: &'static str, options: &KMeansOptions| {
        let fit = kmeans(rows, options).map_err(|error| in_input(error, input))?;
        Ok::<_, MeasureError>(fit.labels.into_iter().map(|label| label as i64).collect::<Array1<i64>>())
    };
    let (of_x, of_y) = (labels(x, "x", options)?, labels(y, "y", options)?);
    let (x_again, y_again) = (labels(x, "x", &other)?, labels(y, "y", &other)?);
    let index = |a: &Array1<i64>, b: &Array1<i64>| adjusted_rand_index(a.view(), b.view());
    Ok(Reading::of(index(&of_x, &of_y)?)
        .with_part("x_over_seeds", vec![index(&of_x, &x_again)?])
        .with_part("y_over_seeds", vec![index(&of_y, &y_again)?]))
}

/// The fit knows its array as `x`.
fn in_input(error: MeasureError, input: &'static str) -> MeasureError {
    match error {
        MeasureError::TooFewDistinctRows { distinct, k, .. } => MeasureError::TooFewDistinctRows { input, distinct, k },
        other => other,
    }
}
