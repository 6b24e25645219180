//! Agreement of two groupings of the same rows, corrected for chance.

use std::collections::BTreeMap;

use ndarray::ArrayView1;

use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "adjusted_rand_index",
    family: Family::Clusters,
    summary: "Do two groupings put the same rows together, beyond what chance would?",
    inputs: &[Input::labels("x"), Input::labels("y")],
    options: &[],
    range: (-0.5, 1.0),
    ends: "1: the same groups under whatever names; 0: as alike as groupings drawn at random with groups of those sizes; below 0: less alike than that.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::RenameLabels),
        Transform::first(Change::RenameLabels),
    ],
    changed_by: &[Transform::first(Change::PermuteRows)],
    cost: "rows × ln(groups)",
    misleads: "Chance is groups of just these sizes; where the number of groups was free, other corrections are fairer. Large groups decide it. Two groupings by k-means may agree because the rows are spread along one direction, with no groups in them.",
    references: &[
        "Hubert & Arabie 1985, Comparing partitions (doi:10.1007/BF01908075), eq. 5",
        "Chacón & Rastrojo 2023, Minimum adjusted Rand index for two clusterings of a given size (doi:10.1007/s11634-022-00491-w): −1/2 is the least",
    ],
    version: 1,
    evaluate: |arrays, _| {
        MEASURE.check_inputs(arrays)?;
        match arrays {
            [Array::Labels(x), Array::Labels(y)] => adjusted_rand_index(*x, *y).map(Reading::of),
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// **Do two groupings put the same rows together, beyond what chance would?**
///
/// With n rows, nᵢⱼ of them in group i of `x` and group j of `y`, `S = Σᵢⱼ C(nᵢⱼ, 2)`, `A = Σᵢ C(nᵢ, 2)` and
/// `B = Σⱼ C(nⱼ, 2)`:
///
/// `(S − AB/C(n, 2)) / ((A + B)/2 − AB/C(n, 2))`.
///
/// `x` and `y` have one whole number per row. At most 1, the same groups; 0 on average for groupings drawn at random with
/// groups of those sizes; at least −1/2.
///
/// Unchanged by renaming the groups of either side and by reordering rows jointly.
///
/// **Misleads**: chance is groups of just these sizes, and large groups decide it.
///
/// # Errors
/// Numbers of rows that differ, fewer than 2 rows, or 0/0: both groupings have one group, or both as many as rows. Cost:
/// rows × ln(groups).
///
/// Reference: Hubert & Arabie 1985, eq. 5.
///
/// ```
/// use ndarray::array;
/// let index = kymograph_measures::clusters::adjusted_rand_index(array![0, 0, 1, 1].view(), array![0, 0, 1, 2].view())?;
/// assert!((index - 4.0 / 7.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn adjusted_rand_index(x: ArrayView1<'_, i64>, y: ArrayView1<'_, i64>) -> Result<f64, MeasureError> {
    check::same_size("rows", ("x", x.len()), ("y", y.len()))?;
    check::rows_at_least("x", x.len(), 2, "a pair that is together or not")?;
    let (mut together, mut of_x, mut of_y) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (&a, &b) in x.iter().zip(y) {
        *together.entry((a, b)).or_insert(0_u64) += 1;
        *of_x.entry(a).or_insert(0_u64) += 1;
        *of_y.entry(b).or_insert(0_u64) += 1;
    }
    let pairs = |count: &u64| (*count as f64) * (*count as f64 - 1.0) / 2.0;
    let both: f64 = together.values().map(pairs).sum();
    let (in_x, in_y): (f64, f64) = (of_x.values().map(pairs).sum(), of_y.values().map(pairs).sum());
    let all = pairs(&(x.len() as u64));
    if (in_x == 0.0 && in_y == 0.0) || (in_x == all && in_y == all) {
        return Err(MeasureError::BadLabels {
            found: of_x.len(),
            what: if of_x.len() == 1 { "group on either side" } else { "groups on either side" },
            needed: "with one group, or one for each row, in both there is only one way to agree, and the index is 0/0",
        });
    }
    let expected = in_x / all * in_y;
    let index = check::number(MEASURE.name, (both - expected) / ((in_x + in_y) / 2.0 - expected))?;
    // Rounding may pass the ends.
    Ok(index.clamp(-0.5, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array1;

    /// Pairs of rows counted one by one: eq. 5 with what each pair does in either grouping.
    fn literal(x: &Array1<i64>, y: &Array1<i64>) -> f64 {
        let (mut both, mut in_x, mut in_y, mut all) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..x.len() {
            for j in 0..i {
                let (a, b) = (f64::from(x[i] == x[j]), f64::from(y[i] == y[j]));
                both += a * b;
                in_x += a;
                in_y += b;
                all += 1.0;
            }
        }
        let expected = in_x * in_y / all;
        (both - expected) / ((in_x + in_y) / 2.0 - expected)
    }

    #[test]
    fn equals_the_count_of_pairs_and_is_zero_by_chance() {
        let mut rng = random::stream(1, "test");
        let mut mean = 0.0;
        for _ in 0..200 {
            let x = Array1::from_shape_fn(40, |_| random::below(&mut rng, 4) as i64 - 2);
            let y = Array1::from_shape_fn(40, |_| random::below(&mut rng, 3) as i64 * 1000);
            let found = adjusted_rand_index(x.view(), y.view()).unwrap();
            assert!((found - literal(&x, &y)).abs() < 1e-13);
            mean += found / 200.0;
        }
        // One draw's standard deviation is about .02, so the mean's is .0015: the band is five of those.
        assert!(mean.abs() < 0.0075, "{mean}");
    }

    #[test]
    fn reaches_its_ends_and_refuses_what_is_0_by_0() {
        let index = |x: &[i64], y: &[i64]| adjusted_rand_index(ArrayView1::from(x), ArrayView1::from(y));
        assert_eq!(index(&[5, 5, 2, 2, 9], &[0, 0, 1, 1, 7]).unwrap(), 1.0);
        assert!((index(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap() + 0.5).abs() < 1e-15);
        assert_eq!(index(&[0, 0, 0, 0], &[0, 1, 0, 1]).unwrap(), 0.0);
        for (x, y) in [([1, 1, 1], [4, 4, 4]), ([1, 2, 3], [3, 1, 2])] {
            assert!(index(&x, &y).unwrap_err().to_string().contains("0/0"));
        }
        assert!(index(&[1], &[1]).is_err() && index(&[], &[]).is_err() && index(&[1, 2], &[1]).is_err());
    }
}
