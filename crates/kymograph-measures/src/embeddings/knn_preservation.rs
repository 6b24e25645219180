//! How many neighbours two arrays of the same rows have in common.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::ranks::{self, NEIGHBOURS};
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, Reading, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "knn_preservation",
    family: Family::Embeddings,
    summary: "Which share of each row's nearest rows in x are among the nearest in y?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[NEIGHBOURS],
    range: (0.0, 1.0),
    ends: "1: the same neighbours; k/(rows − 1): as many as by chance; 0: none.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: ranks::UNCHANGED,
    changed_by: ranks::CHANGED,
    cost: "rows² × features",
    misleads: "Low numbers are usual: a good layout of thousands of rows of dozens of features in the plane keeps a third. A neighbour that became the (k + 1)-th counts as one that was lost. It falls with the number of rows.",
    references: &[
        "Lee & Verleysen 2009, Quality assessment of dimensionality reduction: rank-based criteria (doi:10.1016/j.neucom.2008.12.017), eq. 18",
        "Kobak & Berens 2019, The art of using t-SNE for single-cell transcriptomics (doi:10.1038/s41467-019-13056-x): the KNN metric, k = 10",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let k = options.count("k")?;
        with_pair!(&MEASURE, arrays, |x, y| knn_preservation(x, y, k))
    },
};

/// **Which share of each row's nearest rows in `x` are among the nearest in `y`?**
///
/// The mean over rows of `|Nₓ ∩ N_y|/k`, N being the k nearest other rows by Euclidean distance. `x` is `[row, feature]`, `y` is
/// `[row, axis]`, and they may be exchanged. In [0, 1]: 1 for the same neighbours, k/(rows − 1) by chance. The part `per_row`
/// holds each row's share. Among equally near rows the lower number is nearer.
///
/// Unchanged by rotation, shift, sign and factor of either side.
///
/// **Misleads**: low numbers are usual for layouts in the plane, and a neighbour that became the (k + 1)-th counts as lost.
///
/// # Errors
/// Numbers of rows that differ, empty or not finite input, `k` of 0 or not below the number of rows. Cost: rows² × features.
///
/// References: Lee & Verleysen 2009, eq. 18; Kobak & Berens 2019.
///
/// ```
/// let x = ndarray::array![[0.0], [1.0], [3.0], [3.5]];
/// let y = ndarray::array![[0.0], [9.0], [3.0], [3.5]];
/// let kept = kymograph_measures::embeddings::knn_preservation(x.view(), y.view(), 1)?;
/// assert_eq!(kept.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn knn_preservation<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    k: usize,
) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_size("rows", ("x", x.nrows()), ("y", y.nrows()))?;
    let before = ranks::neighbours(MEASURE.name, "x", x, k)?;
    let after = ranks::neighbours(MEASURE.name, "y", y, k)?;
    let shared = before.outer_iter().zip(after.outer_iter()).map(|(before, after)| {
        let (mut before, mut after) = (before.to_vec(), after.to_vec());
        before.sort_unstable();
        after.sort_unstable();
        before.iter().filter(|row| after.binary_search(row).is_ok()).count() as f64 / k as f64
    });
    let per_row: Vec<f64> = shared.collect();
    Ok(Reading::of(check::mean(&per_row)).with_part("per_row", per_row))
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn is_one_for_itself_and_chance_for_noise() {
        let mut rng = random::stream(1, "test");
        let x: Array2<f64> = random::normal_matrix(&mut rng, 300, 8);
        let y: Array2<f64> = random::normal_matrix(&mut rng, 300, 2);
        assert_eq!(knn_preservation(x.view(), x.view(), 10).unwrap().value, 1.0);
        // 3,000 draws of chance 10/299: a standard deviation of .0033, and a band of five.
        let found = knn_preservation(x.view(), y.view(), 10).unwrap().value;
        assert!((found - 10.0 / 299.0).abs() < 0.017, "{found}");
        for k in [0, 300] {
            assert!(knn_preservation(x.view(), y.view(), k).unwrap_err().to_string().contains('k'));
        }
    }
}
