//! Number of different patterns among the units of a weight, at a cosine threshold.

use kymograph_linalg::{Real, gram};
use ndarray::{ArrayView2, Axis};

use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

/// How far rounding may move a cosine: two equal units are joined at a threshold of 1.
const ROUNDING: f64 = 1e-12;

pub(crate) static MEASURE: Measure = Measure {
    name: "unique_patterns",
    family: Family::Filters,
    summary: "How many different patterns do the units of a weight hold?",
    inputs: &[Input::weights("weight")],
    options: &[
        OptionSpec {
            name: "threshold",
            default: Setting::Real(0.8),
            doc: "The cosine from which two units count as the same pattern.",
        },
        OptionSpec {
            name: "signed",
            default: Setting::Flag(true),
            doc: "Whether a unit and its negative are different patterns; false compares |cosine|.",
        },
    ],
    range: (1.0, f64::INFINITY),
    ends: "1: all units are joined into one pattern; the number of units: no two are alike.",
    unit: "patterns",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::ScaleColumns), Transform::joint(Change::Translate)],
    cost: "units² × inputs",
    misleads: "Joining is by chains: two units below the threshold are one pattern if others lead from one to the other. With many inputs noise alone makes every unit unique, with few (9 for a 3 × 3 filter) noise alone joins some: compare with random weights of the same shape.",
    references: &[
        "Javihaus/ndt, HYPOTHESIS_TESTING.md: unique filter patterns at threshold 0.8 (no estimator is named there)",
        "Gower & Ross 1969, Minimum spanning trees and single linkage cluster analysis",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let (threshold, signed) = (options.real("threshold")?, options.flag("signed")?);
        with_one!(&MEASURE, arrays, |weight| unique_patterns(weight, threshold, signed))
    },
};

/// **How many different patterns do the units of a weight hold?**
///
/// The number of connected components of the graph that joins two units when their cosine is at least `threshold` (its
/// magnitude unless `signed`); `weight` is `[unit, input]`. From 1, all units joined, to the number of units, no two
/// alike. Parts: `pattern`, for each unit the number of its pattern, counted by first appearance (−1 for a unit that is
/// all zero, which is left out with a note); `pattern_sizes`, largest first.
///
/// Components, not a greedy pass that keeps a unit if no kept one is like it: the greedy count depends on the order of
/// the units, and units have none. A component is the same whatever the order, and the count can only fall when the
/// threshold falls.
///
/// Unchanged by reordering units, rotating inputs, a positive factor per unit, and the sign of all.
///
/// **Misleads**: chains join units that are unlike; noise with many inputs is all unique, with few inputs it is not.
///
/// # Errors
/// A threshold outside [−1, 1], empty or not finite input, or no unit with a direction. Cost: units² × inputs.
///
/// ```
/// use ndarray::array;
/// let weight = array![[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0]];
/// let count = |signed| kymograph_measures::filters::unique_patterns(weight.view(), 0.8, signed).map(|r| r.value);
/// assert_eq!((count(true)?, count(false)?), (3.0, 2.0));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn unique_patterns<T: Real>(
    weight: ArrayView2<'_, T>,
    threshold: f64,
    signed: bool,
) -> Result<Reading, MeasureError> {
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "threshold",
            value: threshold.to_string(),
            expected: "a cosine from −1 to 1".to_string(),
        });
    }
    check::matrix("weight", weight)?;
    let units = check::unit_rows(weight);
    let zero = check::places(units.zero.iter().copied());
    let kept = check::places(units.zero.iter().map(|zero| !zero));
    if kept.is_empty() {
        return Err(MeasureError::NoVariation { input: "weight", what: "every unit is all zero" });
    }
    let cosines = gram(units.rows.select(Axis(0), &kept).view());
    let mut leader: Vec<usize> = (0..kept.len()).collect();
    for a in 0..kept.len() {
        for b in 0..a {
            let cosine = if signed { cosines[[a, b]] } else { cosines[[a, b]].abs() };
            if cosine >= threshold - ROUNDING {
                let (one, other) = (root(&mut leader, a), root(&mut leader, b));
                leader[one.max(other)] = one.min(other);
            }
        }
    }
    let mut pattern = vec![-1.0; weight.nrows()];
    let mut number_of = vec![usize::MAX; kept.len()];
    let mut sizes: Vec<f64> = Vec::new();
    for (place, &unit) in kept.iter().enumerate() {
        let first = root(&mut leader, place);
        if number_of[first] == usize::MAX {
            number_of[first] = sizes.len();
            sizes.push(0.0);
        }
        sizes[number_of[first]] += 1.0;
        pattern[unit] = number_of[first] as f64;
    }
    sizes.sort_by(|a, b| f64::total_cmp(b, a));
    let reading = Reading::of(sizes.len() as f64).with_part("pattern", pattern).with_part("pattern_sizes", sizes);
    Ok(if zero.is_empty() {
        reading
    } else {
        reading.with_note(format!(
            "{} of {} units all zero and left out: {}",
            zero.len(),
            weight.nrows(),
            check::listed(&zero)
        ))
    })
}

fn root(leader: &mut [usize], mut place: usize) -> usize {
    while leader[place] != place {
        leader[place] = leader[leader[place]];
        place = leader[place];
    }
    place
}
