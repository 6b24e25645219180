//! Cosine between units after the best one-to-one matching.

use kymograph_linalg::{Real, assignment, matmul_nt};
use ndarray::{ArrayView2, Axis};

use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "matched_cosine",
    family: Family::Similarity,
    summary: "Do two weights hold the same units, whatever their order?",
    inputs: &[Input::weights("x"), Input::weights("y")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: the units of one are those of the other in some order; 0: unrelated, but see the null: the best matching of noise is above 0.",
    unit: "cosine",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::first(Change::Scale),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::FlipSign),
        Transform::joint(Change::Translate),
    ],
    cost: "units² × inputs for the cosines, units³ for the matching",
    misleads: "The matching is chosen to be good, so unrelated weights score above 0, and more so with more units and fewer inputs: read it against the same matching of noise.",
    references: &[
        "Kuhn 1955, The Hungarian method for the assignment problem",
        "Li et al. 2016, Convergent learning (arXiv:1511.07543), section 3.2: bipartite matching of units",
    ],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| matched_cosine(x, y)),
};

/// **Do two weights hold the same units, whatever their order?**
///
/// `max_π mean_u cos(x_u, y_π(u))` over one-to-one matchings π of the units of `x` with those of `y` (Hungarian
/// algorithm). `x` is `[unit, input]`, `y` is `[other unit, input]`; where they hold different numbers of units, every
/// unit of the smaller finds a partner in the larger. In [−1, 1]: 1 when one holds the other's units in some order. Parts:
/// `per_unit`, the cosine of every matched unit of `x` in order; `partner`, for each unit of `x` its partner's index in `y`,
/// −1 where it has none.
///
/// A unit that is all zero has no direction: it is left out of the matching, the parts `left_out_x` and `left_out_y` name
/// it and a note says so.
///
/// Unchanged by reordering the units of either side, rotating inputs jointly, and a positive factor per unit.
///
/// **Misleads**: the matching is chosen to be good, so noise scores above 0, and more so with more units and fewer
/// inputs. Read it against the same matching of noise.
///
/// # Errors
/// Numbers of inputs that differ, empty or not finite input, or a side without any unit with a direction. Cost:
/// units² × inputs, and units³ for the matching.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![[1.0, 0.0], [0.0, 2.0]], array![[0.0, 5.0], [3.0, 0.0]]);
/// let reading = kymograph_measures::similarity::matched_cosine(x.view(), y.view())?;
/// assert_eq!((reading.value, reading.part("partner")), (1.0, Some(&[1.0, 0.0][..])));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn matched_cosine<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::matrix("y", y)?;
    check::same_size("inputs", ("x", x.ncols()), ("y", y.ncols()))?;
    let units = x.nrows();
    let (x, y) = (check::unit_rows(x), check::unit_rows(y));
    let kept_x = check::places(x.zero.iter().map(|zero| !zero));
    let kept_y = check::places(y.zero.iter().map(|zero| !zero));
    for (input, kept) in [("x", &kept_x), ("y", &kept_y)] {
        if kept.is_empty() {
            return Err(MeasureError::NoVariation { input, what: "every unit is all zero" });
        }
    }
    let rows_x = x.rows.select(Axis(0), &kept_x);
    let rows_y = y.rows.select(Axis(0), &kept_y);
    let cosines = matmul_nt(rows_x.view(), rows_y.view()).mapv_into(|cosine| cosine.clamp(-1.0, 1.0));
    let cost = cosines.mapv(|cosine| -cosine);
    let mut pairs: Vec<(usize, usize)> = if kept_x.len() <= kept_y.len() {
        let partners = assignment(cost.view()).map_err(check::kernel(MEASURE.name))?;
        partners.into_iter().enumerate().collect()
    } else {
        let partners = assignment(cost.t()).map_err(check::kernel(MEASURE.name))?;
        partners.into_iter().enumerate().map(|(of_y, of_x)| (of_x, of_y)).collect()
    };
    pairs.sort_unstable();
    let per_unit: Vec<f64> = pairs.iter().map(|&pair| cosines[pair]).collect();
    let mut partner = vec![-1.0; units];
    for &(of_x, of_y) in &pairs {
        partner[kept_x[of_x]] = kept_y[of_y] as f64;
    }
    let reading = Reading::of(check::mean(&per_unit)).with_part("per_unit", per_unit).with_part("partner", partner);
    let reading = left_out_note(reading, "left_out_x", "x", &check::places(x.zero));
    Ok(left_out_note(reading, "left_out_y", "y", &check::places(y.zero)))
}

/// Names the units without a direction in a part and in a note, when there are any.
pub(super) fn left_out_note(reading: Reading, part: &'static str, input: &str, units: &[usize]) -> Reading {
    if units.is_empty() {
        return reading;
    }
    let note = format!(
        "{} all zero in {input} left out, having no direction: {}",
        if units.len() == 1 { "1 unit".to_string() } else { format!("{} units", units.len()) },
        check::listed(units)
    );
    reading.with_part(part, units.iter().map(|&unit| unit as f64).collect()).with_note(note)
}
