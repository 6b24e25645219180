//! Whether rows that are neighbours in a layout were neighbours before.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::ranks;
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, check};

pub(super) const K: OptionSpec = OptionSpec {
    name: "k",
    default: Setting::Count(5),
    doc: "The number of nearest rows that count as neighbours, the row itself not among them; less than half of the rows.",
};

pub(crate) static MEASURE: Measure = Measure {
    name: "trustworthiness",
    family: Family::Embeddings,
    summary: "Were rows that are neighbours in the layout y neighbours in x, too?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[K],
    range: (0.0, 1.0),
    ends: "1: every neighbour in y is one in x; about 1/2: neighbours in y are anybody in x; 0: they are the farthest.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: ranks::UNCHANGED,
    changed_by: ranks::CHANGED,
    cost: "rows² × (features + k)",
    misleads: "It asks for neighbourhoods alone, not for what lies far apart, and says nothing of neighbours that were torn apart (continuity does). Chance is about one half, not 0, and a layout that keeps broad regions scores .9 while losing every neighbour.",
    references: &[
        "Venna & Kaski 2001, Neighborhood preservation in nonlinear projection methods (doi:10.1007/3-540-44668-0_68), eq. 2",
        "scikit-learn, sklearn.manifold.trustworthiness: the same number, default k",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let k = options.count("k")?;
        with_pair!(&MEASURE, arrays, |x, y| trustworthiness(x, y, k))
    },
};

/// **Were rows that are neighbours in the layout `y` neighbours in `x`, too?**
///
/// `1 − 2/(nk(2n − 3k − 1)) Σᵢ Σⱼ (r(i, j) − k)` over the k nearest rows j of row i in `y` that are not among the k nearest in
/// `x`, r being the rank of j by Euclidean distance from i in `x`. `x` is `[row, feature]`, `y` is `[row, axis]`. In [0, 1]: 1
/// when every neighbour was one, about 1/2 for a random layout. The part `per_row` holds each row's. Among equally near
/// rows the lower number is nearer.
///
/// Unchanged by rotation, shift, sign and factor of either side.
///
/// **Misleads**: it asks for neighbourhoods alone; neighbours that were torn apart are [`super::continuity()`]'s matter.
///
/// # Errors
/// Numbers of rows that differ, empty or not finite input, `k` of 0 or not less than half of the rows. Cost: rows² × (features
/// + k).
///
/// Reference: Venna & Kaski 2001, eq. 2.
///
/// ```
/// let x = ndarray::Array2::from_shape_fn((20, 3), |(i, j)| (i * (i + j)) as f64);
/// let same = kymograph_measures::embeddings::trustworthiness(x.view(), x.view(), 5)?;
/// assert_eq!(same.value, 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn trustworthiness<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, k: usize) -> Result<Reading, MeasureError> {
    ranks::check_pair(MEASURE.name, x, y, k)?;
    let per_row = ranks::rank_agreement(MEASURE.name, ("y", y), ("x", x), k)?;
    // Rounding may pass the ends.
    Ok(Reading::of(check::mean(&per_row).clamp(0.0, 1.0)).with_part("per_row", per_row))
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random;
    use ndarray::{Array2, array, s};

    use super::*;
    use crate::embeddings::{continuity, ranks::literal};

    #[test]
    fn equals_the_definition_and_continuity_is_its_mirror() {
        let mut rng = random::stream(1, "test");
        for (n, k) in [(12, 1), (40, 5), (90, 20)] {
            let x: Array2<f64> = random::normal_matrix(&mut rng, n, 6);
            let y = x.slice(s![.., ..2]).to_owned();
            let found = trustworthiness(x.view(), y.view(), k).unwrap();
            assert!((found.value - literal::rank_agreement(&y, &x, k)).abs() < 1e-12);
            let back = continuity(x.view(), y.view(), k).unwrap();
            assert!((back.value - literal::rank_agreement(&x, &y, k)).abs() < 1e-12);
            assert_eq!(back.value, trustworthiness(y.view(), x.view(), k).unwrap().value);
        }
    }

    /// Rows 0 to 4 on a line; in y row 4 has moved next to row 0. By hand, k = 1: the neighbours in y are 0→4 (rank 4 in x),
    /// 1→0 (in x as near as 2, and first), 2→1 (first of two), 3→2 (first of two), 4→0 (rank 4): Σ(r − 1) = 6 of at most
    /// nk(2n − 3k − 1)/2 = 15.
    #[test]
    fn a_case_by_hand() {
        let x = array![[0.0], [1.0], [2.0], [3.0], [4.0]];
        let y = array![[0.0], [1.0], [2.0], [3.0], [-0.5]];
        let found = trustworthiness(x.view(), y.view(), 1).unwrap();
        assert!((found.value - (1.0 - 6.0 / 15.0)).abs() < 1e-15, "{}", found.value);
    }

    #[test]
    fn a_random_layout_is_half_trustworthy_and_ends_are_refused() {
        let mut rng = random::stream(2, "test");
        let x: Array2<f64> = random::normal_matrix(&mut rng, 400, 10);
        let y: Array2<f64> = random::normal_matrix(&mut rng, 400, 2);
        let found = trustworthiness(x.view(), y.view(), 10).unwrap().value;
        assert!((found - 0.5).abs() < 0.03, "{found}");
        for k in [0, 200, 1000] {
            assert!(trustworthiness(x.view(), y.view(), k).unwrap_err().to_string().contains('k'));
        }
    }

    #[test]
    fn copies_of_rows_take_their_order() {
        let x = Array2::from_shape_fn((30, 2), |(i, j)| (i % 3 * (j + 1)) as f64);
        let y = Array2::from_shape_fn((30, 2), |(i, j)| (i % 5 * (j + 1)) as f64);
        let found = trustworthiness(x.view(), y.view(), 4).unwrap().value;
        assert!((found - literal::rank_agreement(&y, &x, 4)).abs() < 1e-12);
    }
}
