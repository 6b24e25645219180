//! Intrinsic dimension from the distances of every row's two nearest rows.

use kymograph_linalg::{Real, nearest_neighbours};
use ndarray::ArrayView2;

use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

const DISCARD: f64 = 0.1;

pub(crate) static MEASURE: Measure = Measure {
    name: "two_nn_dimension",
    family: Family::Embeddings,
    summary: "How many dimensions has the set on which the rows lie, seen from two neighbours of each?",
    inputs: &[Input::activations("x")],
    options: &[OptionSpec {
        name: "discard",
        default: Setting::Real(DISCARD),
        doc: "The share of rows with the largest ratios that is left out, from 0 to below 1: these are the farthest from the theory.",
    }],
    range: (0.0, f64::INFINITY),
    ends: "near 0: rows in tight pairs; d: rows spread evenly over a set of d dimensions; large: many features with no structure, or rows on a lattice.",
    unit: "dimensions",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::joint(Change::PermuteColumns),
        Transform::joint(Change::RotateColumns),
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::ScaleColumns), Transform::joint(Change::ScaleRows)],
    cost: "rows² × features",
    misleads: "It sees the scale of the nearest neighbours only: noise on a curve makes it high-dimensional at that scale. Above about 20 it falls short, since as many rows as are needed do not exist. Copies of rows have no ratio and are left out; rounded or quantised features distort it.",
    references: &[
        "Facco, d'Errico, Rodriguez & Laio 2017, Estimating the intrinsic dimension of datasets by a minimal neighborhood information (doi:10.1038/s41598-017-11873-y), eq. 3 and Methods: the straight line through the origin, the last tenth left out",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let discard = options.real("discard")?;
        with_one!(&MEASURE, arrays, |x| two_nn_dimension(x, discard))
    },
};

/// **How many dimensions has the set on which the rows lie, seen from two neighbours of each?**
///
/// Where density is even within two neighbours, μ = r₂/r₁, the distances of a row of `x` (`[row, feature]`) from its second
/// and first nearest, has `P(μ > m) = m^−d`. With the μ in rising order and `Fᵢ = i/n`, d is the slope of `−ln(1 − Fᵢ)` over
/// `ln μᵢ` by least squares through the origin, without the share `discard` of the largest. The part `maximum_likelihood` is
/// `(n − 1)/Σ ln μ` over all; `rows_used` says how many rows have a ratio. A row with a copy has none, which is noted.
///
/// Unchanged by rotation, shift, sign and factor.
///
/// **Misleads**: it sees the scale of the nearest neighbours only, so noise counts as dimensions; it falls short above
/// about 20; rounded features distort it.
///
/// # Errors
/// Empty or not finite input, fewer than 3 rows, `discard` below 0 or so near 1 that fewer than 2 ratios are left, copies
/// only, or ratios that are all 1. Cost: rows² × features.
///
/// Reference: Facco et al. 2017, eq. 3 and Methods.
///
/// ```
/// // Scattered places on a line in three dimensions.
/// let place = |i: usize| ((i as f64 * 12.9898).sin() * 43758.5453).fract().abs();
/// let x = ndarray::Array2::from_shape_fn((200, 3), |(i, j)| place(i) * (j + 1) as f64);
/// let line = kymograph_measures::embeddings::two_nn_dimension(x.view(), 0.1)?;
/// assert!((line.value - 1.0).abs() < 0.3);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn two_nn_dimension<T: Real>(x: ArrayView2<'_, T>, discard: f64) -> Result<Reading, MeasureError> {
    check::matrix("x", x)?;
    check::rows_at_least("x", x.nrows(), 3, "a first and a second neighbour")?;
    if !(0.0..1.0).contains(&discard) {
        return Err(MeasureError::BadOption {
            measure: MEASURE.name,
            option: "discard",
            value: discard.to_string(),
            expected: "a share from 0 to below 1".to_string(),
        });
    }
    let near = nearest_neighbours(x, 2).map_err(check::kernel(MEASURE.name))?;
    let squared = near.squared_distances;
    // ln μ, from squared distances.
    let mut ratios: Vec<f64> =
        squared.outer_iter().filter(|row| row[0] > 0.0).map(|row| 0.5 * (row[1] / row[0]).ln()).collect();
    ratios.sort_by(f64::total_cmp);
    let copies = x.nrows() - ratios.len();
    let n = ratios.len() as f64;
    // The largest ratio, whose share is 1, has no logarithm.
    let kept = ((n * (1.0 - discard)) as usize).min(ratios.len().saturating_sub(1));
    if kept < 2 {
        return Err(MeasureError::TooFew {
            input: "x",
            what: "rows that have a ratio and are not left out",
            found: kept,
            needed: 2,
            why: "the slope (copies of other rows have none)",
        });
    }
    let (mut products, mut squares) = (0.0, 0.0);
    for (place, ratio) in ratios[..kept].iter().enumerate() {
        products -= ratio * (-(place as f64 + 1.0) / n).ln_1p();
        squares += ratio * ratio;
    }
    if squares <= 0.0 {
        return Err(MeasureError::NoVariation { input: "x", what: "the two nearest rows of each are equally far" });
    }
    let likeliest = (n - 1.0) / ratios.iter().sum::<f64>();
    let reading = Reading::of(check::number(MEASURE.name, products / squares)?)
        .with_part("maximum_likelihood", vec![likeliest])
        .with_part("rows_used", vec![n]);
    Ok(if copies == 0 {
        reading
    } else {
        reading.with_note(format!("{copies} of {} rows have a copy and were left out", x.nrows()))
    })
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random;
    use ndarray::{Array2, Axis, array, concatenate};

    use super::*;

    #[test]
    fn a_case_by_hand() {
        // Rows at 0, 1, 3, 7: ratios 3/1, 2/1, 3/2 and 6/4; of the sorted 1.5, 1.5, 2, 3 the last is left out.
        let found = two_nn_dimension(array![[0.0], [1.0], [3.0], [7.0]].view(), 0.0).unwrap();
        let (a, b) = (1.5f64.ln(), 2.0f64.ln());
        let slope = (-a * 0.75f64.ln() - a * 0.5f64.ln() - b * 0.25f64.ln()) / (2.0 * a * a + b * b);
        assert!((found.value - slope).abs() < 1e-12, "{} {slope}", found.value);
        let likeliest = 3.0 / (2.0 * a + b + 3.0f64.ln());
        assert!((found.part("maximum_likelihood").unwrap()[0] - likeliest).abs() < 1e-12);
    }

    /// The estimate of n rows has a standard deviation of about d/√n; the bands are five of those, and for a dimension of
    /// 8 the edge of the cube lowers it.
    #[test]
    fn finds_the_dimension_of_a_cube_turned_in_more_features() {
        let mut rng = random::stream(1, "test");
        for (dimensions, low, high) in [(1, 0.89, 1.11), (2, 1.78, 2.22), (8, 6.3, 8.4)] {
            let inner = Array2::from_shape_simple_fn((2000, dimensions), || random::uniform(&mut rng));
            let turn: Array2<f64> = random::normal_matrix(&mut rng, 12, dimensions);
            let turn = kymograph_linalg::qr(turn.view()).unwrap().q;
            let found = two_nn_dimension(inner.dot(&turn.t()).view(), 0.1).unwrap().value;
            assert!((low..high).contains(&found), "{dimensions}: {found}");
        }
    }

    #[test]
    fn copies_are_left_out_and_noted() {
        let mut rng = random::stream(2, "test");
        let x: Array2<f64> = random::normal_matrix(&mut rng, 200, 3);
        let alone = two_nn_dimension(x.view(), 0.1).unwrap();
        let far = &x.slice(ndarray::s![..10, ..]) + 100.0;
        let doubled = concatenate![Axis(0), x, far, far];
        let found = two_nn_dimension(doubled.view(), 0.1).unwrap();
        assert!((found.value - alone.value).abs() < 1e-9);
        assert_eq!(found.notes, ["20 of 220 rows have a copy and were left out"]);
        let copies = concatenate![Axis(0), x, x];
        assert!(matches!(two_nn_dimension(copies.view(), 0.1), Err(MeasureError::TooFew { found: 0, .. })));
        let lattice = Array2::from_shape_fn((20, 1), |(row, _)| row as f64);
        assert!(two_nn_dimension(lattice.view(), 0.1).is_err());
        for discard in [-0.1, 1.0, f64::NAN] {
            assert!(two_nn_dimension(x.view(), discard).unwrap_err().to_string().contains("discard"));
        }
    }
}
