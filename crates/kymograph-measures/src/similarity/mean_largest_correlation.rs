//! How well the best single partner in another layer stands for each unit: redundancy of layers.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::correlations::{ABSOLUTE, EXAMPLES, between, leading};
use crate::registry::with_pair;
use crate::{Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "mean_largest_correlation",
    family: Family::Similarity,
    summary: "Is each unit of a layer there again as a single unit of another layer?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[
        OptionSpec {
            name: "threshold",
            default: Setting::Real(0.95),
            doc: "A unit whose largest |r| is at least this counts as redundant in the part redundant_share.",
        },
        EXAMPLES,
    ],
    range: (0.0, 1.0),
    ends: "1: each unit of x is a unit of y up to a factor and a shift; low: no single unit of y stands for one of x, though many together may.",
    unit: "correlation",
    direction: Direction::MoreAlike,
    symmetric: false,
    unchanged_by: ABSOLUTE.unchanged,
    changed_by: ABSOLUTE.changed,
    cost: "examples × features × other features",
    misleads: "A largest value of many is high by chance, the more so the wider the other layer: compare with permuted examples. It is exactly 1 between a linear layer and the batch normalisation behind it, which is an affine map of each unit and no redundancy of what is learned.",
    references: &[
        "Li, Yosinski, Clune, Lipson & Hopcroft 2016, Convergent learning (arXiv:1511.07543), section 3.1: units matched by largest correlation",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let threshold = options.real("threshold")?;
        with_pair!(&MEASURE, arrays, |x, y| {
            let (x, y) = (leading(&x, options, MEASURE.name)?, leading(&y, options, MEASURE.name)?);
            mean_largest_correlation(x, y, threshold)
        })
    },
};

/// **Is each unit of a layer there again as a single unit of another layer?**
///
/// `mean_i max_j |r_ij|` of Pearson's correlations `r_ij` over examples between unit i of `x` (`[example, feature]`) and unit j
/// of `y` (`[example, other feature]`), rows being the same examples. In [0, 1]. Constant units of `x` are left out, those of
/// `y` are nobody's partner; the part `constant_units` counts both. Parts: `per_unit`, the largest |r| of each unit of `x` that
/// varies (their mean is the value); `redundant_share`, the share of them of at least `threshold`.
///
/// Unchanged by a shift and a factor of either sign for each unit, and by reordering examples jointly or units.
///
/// **Misleads**: a largest value of many is high by chance, and between a linear layer and the batch normalisation behind it it
/// is 1 by construction.
///
/// # Errors
/// A threshold outside (0, 1], numbers of examples that differ or fewer than 2, empty or not finite input, or a side without
/// a unit that varies. Cost: examples × features × other features.
///
/// References: Li et al. 2016 (arXiv:1511.07543), section 3.1.
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 1.0], [1.0, -1.0], [2.0, 1.0]];
/// let y = array![[5.0], [3.0], [1.0]];
/// // The first unit of x is −y, and y tells nothing of the second.
/// let reading = kymograph_measures::similarity::mean_largest_correlation(x.view(), y.view(), 0.95)?;
/// assert!((reading.value - 0.5).abs() < 1e-15 && reading.part("redundant_share") == Some(&[0.5][..]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn mean_largest_correlation<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    threshold: f64,
) -> Result<Reading, MeasureError> {
    if !(threshold > 0.0 && threshold <= 1.0) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "threshold",
            value: threshold.to_string(),
            expected: "above 0 and at most 1".to_string(),
        });
    }
    let between = between(x, y)?;
    let varies = |column: ndarray::ArrayView1<'_, T>| column.iter().any(|v| *v != column[0]);
    let largest =
        |row: ndarray::ArrayView1<'_, T>| row.iter().fold(0.0_f64, |most, r| most.max(r.to_f64().abs())).min(1.0);
    let units = between.r.outer_iter().zip(x.columns()).filter(|(_, column)| varies(column.view()));
    let per_unit: Vec<f64> = units.map(|(row, _)| largest(row)).collect();
    let redundant = per_unit.iter().filter(|r| **r >= threshold).count() as f64 / per_unit.len() as f64;
    let note = (between.constant[0] + between.constant[1] > 0)
        .then(|| format!("{} and {} constant units are left out", between.constant[0], between.constant[1]));
    Ok(Reading::of(check::mean(&per_unit))
        .with_part("per_unit", per_unit)
        .with_part("redundant_share", vec![redundant])
        .with_part("constant_units", between.constant.iter().map(|&n| n as f64).collect())
        .with_notes(note))
}
