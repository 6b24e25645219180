//! How far groups hold rows of one label, beside groups of the same sizes that know nothing of them.

use std::collections::BTreeMap;

use kymograph_linalg::random;

use crate::{MeasureError, check};

/// How far groups follow labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelPurity {
    /// Share of the assigned rows that have their group's most frequent label.
    pub purity: f64,
    /// Mutual information of group and label over the assigned rows, in bits.
    pub information: f64,
    /// Entropy of the labels of the assigned rows, in bits: the most that the information can be.
    pub entropy: f64,
    /// Rows that belong to a group.
    pub assigned: usize,
    /// Groups that hold a row.
    pub groups: usize,
}

/// **Do groups of rows hold one label each?** Purity and mutual information of groups and labels, over the rows that belong
/// to a group (`None` belongs to none).
///
/// Purity is `Σ over groups (rows of its most frequent label) / rows`, information `Σ p(g, y) log₂ p(g, y)/(p(g) p(y))`.
///
/// **Misleads**: both grow with the number of groups whatever these are (a group of each row has purity 1), so lay
/// [`shuffled_purities`] beside them, and another method's at the same number of groups.
///
/// # Errors
/// Another number of labels than rows, or no row in any group.
///
/// ```
/// use kymograph_measures::clusters::label_purity;
/// let found = label_purity(&[Some(0), Some(0), Some(1), None], &[7, 7, 3, 3])?;
/// assert_eq!((found.purity, found.assigned, found.groups), (1.0, 3, 2));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn label_purity(groups: &[Option<usize>], labels: &[i64]) -> Result<LabelPurity, MeasureError> {
    check::same_size("rows", ("groups", groups.len()), ("labels", labels.len()))?;
    let (mut both, mut of_group, mut of_label) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (group, label) in groups.iter().zip(labels).filter_map(|(group, label)| Some(((*group)?, label))) {
        *both.entry((group, label)).or_insert(0.0) += 1.0;
        *of_group.entry(group).or_insert(0.0) += 1.0;
        *of_label.entry(label).or_insert(0.0) += 1.0;
    }
    let assigned: f64 = of_group.values().sum();
    check::rows_at_least("groups", assigned as usize, 1, "a row that belongs to a group")?;
    let mut most: BTreeMap<usize, f64> = BTreeMap::new();
    let mut information = 0.0;
    for ((group, label), count) in &both {
        let largest = most.entry(*group).or_insert(0.0);
        *largest = largest.max(*count);
        information += count / assigned * (count * assigned / (of_group[group] * of_label[label])).log2();
    }
    let entropy = -of_label.values().map(|n: &f64| n / assigned * (n / assigned).log2()).sum::<f64>();
    Ok(LabelPurity {
        purity: most.values().sum::<f64>() / assigned,
        information: information.max(0.0),
        entropy: entropy.max(0.0),
        assigned: assigned as usize,
        groups: of_group.len(),
    })
}

/// What [`label_purity`] gives groups of the same sizes whose rows are dealt out at random: `draws` times purity and
/// information.
///
/// # Errors
/// As [`label_purity`].
pub fn shuffled_purities(
    groups: &[Option<usize>],
    labels: &[i64],
    draws: usize,
    seed: u64,
) -> Result<Vec<LabelPurity>, MeasureError> {
    let rows: Vec<(Option<usize>, i64)> =
        groups.iter().copied().zip(labels.iter().copied()).filter(|(group, _)| group.is_some()).collect();
    let (groups, mut labels): (Vec<Option<usize>>, Vec<i64>) = rows.into_iter().unzip();
    (0..draws)
        .map(|draw| {
            random::shuffle(&mut random::stream_at(seed, "shuffled groups", draw as u64), &mut labels);
            label_purity(&groups, &labels)
        })
        .collect()
}
