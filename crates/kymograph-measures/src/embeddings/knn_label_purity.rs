//! Whether the nearest rows bear the same label.

use std::collections::BTreeMap;

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2};

use super::ranks::{self, NEIGHBOURS};
use crate::registry::matrix;
use crate::{Array, Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "knn_label_purity",
    family: Family::Embeddings,
    summary: "Which share of each row's nearest rows bear its label?",
    inputs: &[Input::activations("x"), Input::labels("labels")],
    options: &[NEIGHBOURS],
    range: (0.0, 1.0),
    ends: "1: all neighbours bear the row's label; the part `by_chance`: labels dealt at random; 0: none does.",
    unit: "",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::RenameLabels),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[Transform::first(Change::PermuteRows), Transform::first(Change::ScaleColumns)],
    cost: "rows² × features",
    misleads: "Chance is the classes' sizes, not 0, and grows when one class dominates. A class smaller than k + 1 cannot be pure. Distances in many dimensions favour features of large scale.",
    references: &[
        "Poličar, Stražar & Zupan 2023, Embedding to reference t-SNE space addresses batch effects (doi:10.1007/s10994-021-06043-1): the share of neighbours with one's label",
        "Cover & Hart 1967, Nearest neighbor pattern classification (doi:10.1109/TIT.1967.1053964)",
    ],
    version: 1,
    evaluate: |arrays, options| {
        MEASURE.check_inputs(arrays)?;
        let k = options.count("k")?;
        match (&arrays[0], &arrays[1]) {
            (Array::F32(x), Array::Labels(labels)) => knn_label_purity(matrix(x, &MEASURE.inputs[0])?, *labels, k),
            (Array::F64(x), Array::Labels(labels)) => knn_label_purity(matrix(x, &MEASURE.inputs[0])?, *labels, k),
            _ => Err(MEASURE.wrong_kind(0, arrays)),
        }
    },
};

/// **Which share of each row's nearest rows bear its label?**
///
/// The mean over rows of the share of the k nearest other rows (Euclidean) with the row's label. `x` is `[row, feature]`,
/// `labels` has one whole number per row. In [0, 1]: 1 when all neighbours agree. The part `per_row` holds each row's share,
/// `by_chance` what labels dealt at random would give, `Σ n_c(n_c − 1)/(n(n − 1))`. Among equally near rows the lower number is
/// nearer.
///
/// Unchanged by rotation, shift, sign and factor of `x`, and by renaming labels.
///
/// **Misleads**: chance is the classes' sizes, not 0; a class smaller than k + 1 cannot be pure.
///
/// # Errors
/// Numbers of rows that differ, empty or not finite input, `k` of 0 or not below the number of rows. Cost: rows² × features.
///
/// ```
/// let x = ndarray::array![[0.0], [1.0], [9.0], [10.0]];
/// let purity = kymograph_measures::embeddings::knn_label_purity(x.view(), ndarray::array![4, 4, 7, 4].view(), 1)?;
/// assert_eq!(purity.value, 0.5);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn knn_label_purity<T: Real>(
    x: ArrayView2<'_, T>,
    labels: ArrayView1<'_, i64>,
    k: usize,
) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::same_size("rows", ("x", x.nrows()), ("labels", labels.len()))?;
    let near = ranks::neighbours(MEASURE.name, "x", x, k)?;
    let share = |(neighbours, label): (ArrayView1<'_, u32>, &i64)| {
        neighbours.iter().filter(|other| labels[**other as usize] == *label).count() as f64 / k as f64
    };
    let per_row: Vec<f64> = near.outer_iter().zip(labels).map(share).collect();
    let mut sizes: BTreeMap<i64, f64> = BTreeMap::new();
    labels.iter().for_each(|label| *sizes.entry(*label).or_default() += 1.0);
    let n = labels.len() as f64;
    let by_chance = sizes.values().map(|size| size * (size - 1.0)).sum::<f64>() / (n * (n - 1.0));
    let reading =
        Reading::of(check::mean(&per_row)).with_part("per_row", per_row).with_part("by_chance", vec![by_chance]);
    let small = sizes.values().filter(|size| **size <= k as f64).count();
    Ok(if small == 0 {
        reading
    } else {
        let classes = if small == 1 { "1 class has".to_string() } else { format!("{small} classes have") };
        reading.with_note(format!("{classes} no more than {k} rows and cannot be pure"))
    })
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random;
    use ndarray::{Array1, Array2, Axis};

    use super::*;

    #[test]
    fn blobs_are_pure_and_permuted_labels_are_chance() {
        let mut rng = random::stream(1, "test");
        let labels = Array1::from_shape_fn(300, |row| (row % 5) as i64);
        let mut x: Array2<f64> = random::normal_matrix(&mut rng, 300, 6);
        for (mut row, label) in x.outer_iter_mut().zip(&labels) {
            row[*label as usize] += 40.0;
        }
        let found = knn_label_purity(x.view(), labels.view(), 10).unwrap();
        assert_eq!(found.value, 1.0);
        let chance = found.part("by_chance").unwrap()[0];
        assert!((chance - 59.0 / 299.0).abs() < 1e-12);
        let mut mean = 0.0;
        for _ in 0..40 {
            let shuffled = labels.select(Axis(0), &random::permutation(&mut rng, 300));
            mean += knn_label_purity(x.view(), shuffled.view(), 10).unwrap().value / 40.0;
        }
        assert!((mean - chance).abs() < 0.01, "{mean} {chance}");
        let few = knn_label_purity(x.view(), labels.view(), 70).unwrap();
        assert!(few.notes[0].contains("5 classes have no more than 70 rows") && few.value < 59.0 / 70.0 + 1e-12);
    }
}
