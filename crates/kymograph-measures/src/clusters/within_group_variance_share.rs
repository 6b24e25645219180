//! How much of the variance of a representation lies within groups of examples, such as the augmentations of one image.

use std::collections::BTreeMap;

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::registry::matrix;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "within_group_variance_share",
    family: Family::Clusters,
    summary: "Which share of the variance of a representation lies within groups of examples?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: &[],
    range: (0.0, 1.0),
    ends: "0: the examples of a group are one point, so the representation does not feel what tells them apart; 1: all groups have the same mean. Groups dealt out at random give (n − groups)/(n − 1), the part expected_by_chance.",
    unit: "share",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::RenameLabels),
        Transform::joint(Change::Scale),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::ScaleColumns),
        Transform::first(Change::ScaleRows),
        Transform::first(Change::FlipRowSigns),
    ],
    cost: "examples × features",
    misleads: "A representation that tells nothing apart but one thing has a small share for every grouping along it: a network that outputs the class is invariant to whatever keeps the class. A few units of large variance decide it. The input itself and an untrained network have a share below 1, too: compare with them.",
    references: &[
        "Anderson 2001, A new method for non-parametric multivariate analysis of variance (doi:10.1111/j.1442-9993.2001.01070.pp.x): the sums of squares within and in all",
        "Goodfellow, Lee, Le, Saxe & Ng 2009, Measuring invariances in deep networks (NIPS 22)",
    ],
    version: 1,
    evaluate: |arrays, _| {
        MEASURE.check_inputs(arrays)?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(labels)) => {
                within_group_variance_share(matrix(x, &MEASURE.inputs[0])?, *labels)
            }
            (Array::F64(x), Array::Labels(labels)) => {
                within_group_variance_share(matrix(x, &MEASURE.inputs[0])?, *labels)
            }
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// Sums of squares within groups and in all, taken up a group at a time, so that no more than one group has to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupScatter {
    examples: f64,
    groups: f64,
    mean: Vec<f64>,
    within: f64,
    total: f64,
}

impl GroupScatter {
    /// Nothing yet, of representations with so many features.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self { examples: 0.0, groups: 0.0, mean: vec![0.0; features], within: 0.0, total: 0.0 }
    }

    /// Takes up a whole group, `[example, feature]`; the same examples in two calls count as two groups.
    ///
    /// # Errors
    /// Another number of features, empty or not finite input.
    pub fn add<T: Real>(&mut self, group: ArrayView2<'_, T>) -> Result<(), MeasureError> {
        check::matrix("x", group)?;
        check::same_size("features", ("a group", group.ncols()), ("those before it", self.mean.len()))?;
        let n = group.nrows() as f64;
        let first: Vec<f64> = group.row(0).iter().map(|v| v.to_f64()).collect();
        let mut offset = vec![0.0; first.len()];
        let mut squares = vec![0.0; first.len()];
        for row in group.outer_iter() {
            for (((offset, squares), v), first) in offset.iter_mut().zip(&mut squares).zip(row).zip(&first) {
                let d = v.to_f64() - first;
                *offset += d;
                *squares += d * d;
            }
        }
        // From the first example on: Σ(v − m)² = Σd² − (Σd)²/n, whose digits are lost only where a group is far smaller
        // than the way from its first example to its mean, which is part of the group.
        let within: f64 = squares.iter().zip(&offset).map(|(s, d)| (s - d * d / n).max(0.0)).sum();
        let both = self.examples + n;
        let mut apart = 0.0;
        for ((mean, first), offset) in self.mean.iter_mut().zip(&first).zip(&offset) {
            let d = first + offset / n - *mean;
            apart += d * d;
            *mean += d * n / both;
        }
        // Chan, Golub & LeVeque 1979, eq. 2.1.
        self.total += within + apart * self.examples * n / both;
        self.within += within;
        self.examples = both;
        self.groups += 1.0;
        Ok(())
    }

    /// The share of the variance that lies within groups.
    ///
    /// # Errors
    /// Fewer than two groups, no group of two examples, examples that are all the same, or entries so large that squares
    /// overflow.
    pub fn share(&self) -> Result<f64, MeasureError> {
        if self.groups < 2.0 || self.groups >= self.examples {
            return Err(MeasureError::BadLabels {
                found: self.groups as usize,
                what: "groups",
                needed: "at least 2 are needed, one of them with 2 examples",
            });
        }
        if self.total == 0.0 {
            return Err(MeasureError::NoVariation { input: "x", what: "all examples are the same" });
        }
        check::number(MEASURE.name, self.within / self.total).map(|share| share.clamp(0.0, 1.0))
    }

    /// The mean of the share over all ways to deal the examples out to groups of the same sizes: (n − groups)/(n − 1).
    #[must_use]
    pub fn expected_by_chance(&self) -> f64 {
        if self.examples > 1.0 { (self.examples - self.groups) / (self.examples - 1.0) } else { 0.0 }
    }
}

/// **Which share of the variance of a representation lies within groups of examples?**
///
/// `Σ_g Σ_(i in g) ‖x_i − m_g‖² / Σ_i ‖x_i − m‖²` of the rows of `x` (`[example, feature]`), `m_g` being the mean of the examples
/// with label g (`[example]`) and m that of all. In [0, 1]: 0 when each group is a point, near 1 when groups tell nothing. The
/// part `expected_by_chance` is its mean over random dealings, (n − groups)/(n − 1), exactly. [`GroupScatter`] takes the groups one
/// at a time.
///
/// Where groups are augmentations of one image each, it says how little invariant the representation is to them.
///
/// Unchanged by rotations, one factor, shifts and the sign, and by reordering examples jointly; changed by a factor per
/// feature.
///
/// **Misleads**: what is small is small against the other groups at hand; a few units of large variance decide it; the input
/// itself and an untrained network have a share below 1, too.
///
/// # Errors
/// As many labels as rows are needed; at least two groups, one of them with two examples; empty or not finite input, or rows
/// that are all the same. Cost: examples × features.
///
/// References: Anderson 2001 (doi:10.1111/j.1442-9993.2001.01070.pp.x).
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0], [2.0], [10.0], [12.0]];
/// // Within each pair 2, in all 104.
/// let reading = kymograph_measures::clusters::within_group_variance_share(x.view(), array![0, 0, 1, 1].view())?;
/// assert!((reading.value - 4.0 / 104.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn within_group_variance_share<T: Real>(
    x: ArrayView2<'_, T>,
    labels: ArrayView1<'_, i64>,
) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::same_size("examples", ("x", x.nrows()), ("labels", labels.len()))?;
    let mut groups: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        groups.entry(*label).or_default().push(row);
    }
    // A power of two, so that squares neither overflow nor vanish.
    let inverse = 1.0 / check::binary_scale(x.iter());
    let mut scatter = GroupScatter::new(x.ncols());
    for rows in groups.values() {
        scatter.add(x.select(Axis(0), rows).mapv(|v| v.to_f64() * inverse).view())?;
    }
    Ok(Reading::of(scatter.share()?).with_part("expected_by_chance", vec![scatter.expected_by_chance()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::{Array1, Array2};

    /// As it is written, with the means of all and of each group.
    fn literal(x: &Array2<f64>, labels: &[i64]) -> f64 {
        let square = |rows: &[usize]| -> f64 {
            let chosen = x.select(Axis(0), rows);
            let mean = chosen.mean_axis(Axis(0)).unwrap();
            (&chosen - &mean).iter().map(|v| v * v).sum()
        };
        let all: Vec<usize> = (0..x.nrows()).collect();
        let mut names = labels.to_vec();
        names.sort_unstable();
        names.dedup();
        let of = |name: &i64| all.iter().copied().filter(|i| labels[*i] == *name).collect::<Vec<_>>();
        names.iter().map(|name| square(&of(name))).sum::<f64>() / square(&all)
    }

    #[test]
    fn equals_the_sums_of_squares_as_written() {
        let mut rng = random::stream(3, "test");
        for (n, width, groups) in [(4, 1, 2), (30, 5, 3), (50, 8, 7)] {
            let x: Array2<f64> = random::normal_matrix(&mut rng, n, width) + 1e3;
            let labels: Vec<i64> = (0..n as i64).map(|i| i * i % groups).collect();
            let reading = within_group_variance_share(x.view(), Array1::from(labels.clone()).view()).unwrap();
            assert!((reading.value - literal(&x, &labels)).abs() < 1e-12, "{n}");
        }
    }

    /// Over all dealings of six examples to three groups of two, the mean share is 3/5.
    #[test]
    fn chance_is_the_mean_over_every_dealing() {
        let x: Array2<f64> = random::normal_matrix(&mut random::stream(4, "test"), 6, 3);
        let (mut sum, mut count) = (0.0, 0.0);
        for code in 0..3_i64.pow(6) {
            let labels: Vec<i64> = (0..6).map(|i| code / 3_i64.pow(i) % 3).collect();
            if (0..3).all(|g| labels.iter().filter(|l| **l == g).count() == 2) {
                let reading = within_group_variance_share(x.view(), Array1::from(labels).view()).unwrap();
                assert_eq!(reading.part("expected_by_chance"), Some(&[0.6][..]));
                sum += reading.value;
                count += 1.0;
            }
        }
        assert_eq!(count, 90.0);
        assert!((sum / count - 0.6).abs() < 1e-12);
    }

    #[test]
    fn groups_without_a_meaning_are_refused() {
        let x = Array2::from_shape_fn((4, 2), |(i, j)| (i * (j + 1)) as f64);
        for labels in [[0, 0, 0, 0], [0, 1, 2, 3]] {
            let error = within_group_variance_share(x.view(), Array1::from(labels.to_vec()).view()).unwrap_err();
            assert!(matches!(error, MeasureError::BadLabels { .. }), "{error}");
        }
        assert!(GroupScatter::new(3).add(x.view()).is_err());
    }
}
