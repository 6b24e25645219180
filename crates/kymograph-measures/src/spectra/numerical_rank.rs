//! How many singular values are not rounding.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Direction, Family, Measure, MeasureError, OptionSpec, Reading, Setting, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "numerical_rank",
    family: Family::Spectra,
    summary: "In how many directions does an array differ from zero by more than rounding?",
    inputs: ARRAY,
    options: &[
        CENTRE,
        OptionSpec {
            name: "tolerance",
            default: Setting::Real(0.0),
            doc: "Singular values up to this share of the largest (before centring) count as zero; 0 takes max(rows, columns) times the spacing of the stored numbers.",
        },
    ],
    range: (0.0, f64::INFINITY),
    ends: "0: the array is all zero (constant over rows, with `centre`); min(rows, columns): no direction is missing.",
    unit: "directions",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: UNCHANGED,
    changed_by: &[],
    cost: "rows × columns × min(rows, columns)",
    misleads: "An upper bound on what is used: a direction of a millionth of the first counts as much as the first. Rounding of what came before the array is not known here, so a wrong tolerance counts it: look at the gap between the parts `last_kept` and `first_dropped`. Without centring the mean adds one.",
    references: &[
        "Golub & Van Loan 2013, Matrix computations, 4th ed., section 5.4.1: numerical rank",
        "NumPy, numpy.linalg.matrix_rank: the default tolerance max(rows, columns) · ε · σ₁",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let (centre, tolerance) = (options.flag("centre")?, options.real("tolerance")?);
        with_one!(&MEASURE, arrays, |x| numerical_rank(x, centre, tolerance))
    },
};

/// **In how many directions does an array differ from zero by more than rounding?**
///
/// The number of singular values of `x` (`[row, column]`) above `tolerance · σ₁`; a tolerance of 0 stands for
/// `max(rows, columns) · ε`, with ε the spacing of the numbers in which `x` is stored (1.2e-7 in f32). From 0, all zero, to
/// `min(rows, columns)`. With `centre`, column means are taken away first, and σ₁ stays that of `x` as it is, whose rounding
/// the means leave behind: of `H·Wᵀ + 1·bᵀ` with s columns in `H` the rank is at most s centred, and s + 1 otherwise. Parts:
/// `tolerance`, as used; `last_kept` and `first_dropped`, the singular values on the two sides of the cut as shares of σ₁,
/// where there are such.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: a direction of a millionth of the first counts as much as the first, and rounding that happened before
/// counts where the tolerance is too small: look at the gap between `last_kept` and `first_dropped`.
///
/// # Errors
/// Empty or not finite input, a tolerance outside [0, 1). Cost: rows × columns × min(rows, columns).
///
/// Reference: Golub & Van Loan 2013, section 5.4.1.
///
/// ```
/// let x = ndarray::array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]] + 1.0;
/// let rank = |centre| kymograph_measures::spectra::numerical_rank(x.view(), centre, 0.0).map(|reading| reading.value);
/// assert_eq!((rank(false)?, rank(true)?), (2.0, 1.0));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn numerical_rank<T: Real>(x: ArrayView2<'_, T>, centre: bool, tolerance: f64) -> Result<Reading, MeasureError> {
    if !(0.0..1.0).contains(&tolerance) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "tolerance",
            value: tolerance.to_string(),
            expected: "at least 0 and below 1".to_owned(),
        });
    }
    let size = x.nrows().max(x.ncols()) as f64;
    let tolerance = if tolerance > 0.0 { tolerance } else { size * T::EPSILON.to_f64() };
    let values = match singular_values(MEASURE.name, x, centre) {
        Err(MeasureError::NoVariation { .. }) => return Ok(Reading::of(0.0).with_part("tolerance", vec![tolerance])),
        found => found?,
    };
    // The stored numbers are rounded before any mean is taken away, so it is their size that rounding follows.
    let largest = if centre { singular_values(MEASURE.name, x, false)?[0] } else { values[0] };
    let shares: Vec<f64> = values.iter().map(|value| value / largest).collect();
    let rank = shares.iter().filter(|share| **share > tolerance).count();
    let mut reading = Reading::of(check::number(MEASURE.name, rank as f64)?).with_part("tolerance", vec![tolerance]);
    for (name, at) in [("last_kept", rank.checked_sub(1)), ("first_dropped", Some(rank))] {
        if let Some(share) = at.and_then(|at| shares.get(at)) {
            reading = reading.with_part(name, vec![*share]);
        }
    }
    Ok(reading)
}
