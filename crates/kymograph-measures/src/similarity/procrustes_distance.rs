//! What an orthogonal rotation cannot make up between two representations of unit size.

use kymograph_linalg::{Real, cross_column_gram, matmul, qr, svd};
use ndarray::{Array2, ArrayView2};

use super::inner_products::centred;
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "procrustes_distance",
    family: Family::Similarity,
    summary: "How far apart are two representations after the best rotation, both being centred and of unit size?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[],
    range: (0.0, std::f64::consts::SQRT_2),
    ends: "0: one is the other up to rotation, scale and shift; √2: no linear relation between them.",
    unit: "",
    direction: Direction::FartherApart,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
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
        Transform::joint(Change::FlipRowSigns),
    ],
    cost: "examples × features² + features³, of features at most the examples",
    misleads: "With few examples for the features a rotation can make up much by chance: independent noise comes out well below √2. Compare with permuted examples. It weighs directions by their spread more evenly than CKA (singular values, not their squares), so small directions count for more.",
    references: &[
        "Williams, Kunz, Kornblith & Linderman 2021, Generalized shape metrics on neural representations (arXiv:2110.14739), eq. 3 and 4; the part `angle` is their angular distance",
        "Schönemann 1966, A generalized solution of the orthogonal Procrustes problem (doi:10.1007/BF02289451)",
        "Ding, Denain & Steinhardt 2021, Grounding representation similarity with statistical testing (arXiv:2108.01661), section 2: its square",
    ],
    version: 1,
    evaluate: |arrays, _| with_pair!(&MEASURE, arrays, |x, y| procrustes_distance(x, y)),
};

/// **How far apart are two representations after the best rotation, both being centred and of unit size?**
///
/// `min_Q ‖X − YQ‖_F` over matrices Q of orthonormal rows or columns, X and Y being the column-centred arrays divided by
/// their Frobenius norms; `x` is `[example, feature]`, `y` is `[example, other feature]`, rows being the same examples (the
/// narrower one is as if padded with constant features). It equals `√(2 − 2‖XᵀY‖_*)` and is a metric, from 0, one is the other
/// up to rotation, scale and shift, to √2, no linear relation. The part `angle` is `2 asin(distance/2) = arccos ‖XᵀY‖_*` in
/// radians, from 0 to π/2: the angular distance of Williams et al.
///
/// Unchanged by rotation, reflection, shift, sign and one factor of either side, and by reordering examples jointly; changed
/// by a factor per feature.
///
/// **Misleads** with few examples for the features: noise comes out well below √2.
///
/// # Errors
/// Numbers of examples that differ, empty or not finite input, or a side that does not vary over examples. Cost: examples ×
/// features² + features³, of features at most the examples.
///
/// References: Williams et al. 2021 (arXiv:2110.14739), eq. 3 and 4; Schönemann 1966.
///
/// ```
/// use ndarray::array;
/// let x = array![[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]];
/// let turned = array![[0.0, 5.0], [-5.0, 0.0], [5.0, -5.0]];
/// let reading = kymograph_measures::similarity::procrustes_distance(x.view(), turned.view())?;
/// assert!(reading.value < 1e-14);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn procrustes_distance<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Reading, MeasureError> {
    let (x, y) = (centred("x", x)?, centred("y", y)?);
    check::same_size("examples", ("x", x.nrows()), ("y", y.nrows()))?;
    let (x, y) = (unit_coordinates(&x)?, unit_coordinates(&y)?);
    let (wide, narrow) = if x.ncols() >= y.ncols() { (x, y) } else { (y, x) };
    let factors = svd(cross_column_gram(narrow.view(), wide.view()).view()).map_err(check::kernel(MEASURE.name))?;
    // From the difference itself: 2 − 2‖XᵀY‖ would leave half of the digits of a small distance.
    let turned = matmul(matmul(narrow.view(), factors.u.view()).view(), factors.vt.view());
    let rows = wide.outer_iter().zip(turned.outer_iter());
    let square: f64 = rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()).sum();
    let distance = check::number(MEASURE.name, square.sqrt())?.min(std::f64::consts::SQRT_2);
    Ok(Reading::of(distance).with_part("angle", vec![2.0 * (distance / 2.0).asin()]))
}

/// The rows in f64, of Frobenius norm one, in coordinates of the space they span when features outnumber them.
fn unit_coordinates<T: Real>(x: &Array2<T>) -> Result<Array2<f64>, MeasureError> {
    let wide = x.mapv(Real::to_f64);
    let mut coordinates = if wide.ncols() > wide.nrows() {
        qr(wide.t()).map_err(check::kernel(MEASURE.name))?.r.reversed_axes()
    } else {
        wide
    };
    let norm = coordinates.iter().map(|value| value * value).sum::<f64>().sqrt();
    coordinates.mapv_inplace(|value| value / norm);
    Ok(coordinates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::{random, singular_values};
    use ndarray::Axis;

    /// The closed form, features × features.
    fn literal(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
        let unit = |a: &Array2<f64>| {
            let centred = a - &(a.sum_axis(Axis(0)) / a.nrows() as f64);
            let norm = centred.iter().map(|v| v * v).sum::<f64>().sqrt();
            centred / norm
        };
        let nuclear: f64 = singular_values(unit(x).t().dot(&unit(y)).view()).unwrap().iter().sum();
        (2.0 - 2.0 * nuclear).max(0.0).sqrt()
    }

    #[test]
    fn equals_the_closed_form_for_any_shape() {
        let mut rng = random::stream(3, "test");
        for (n, p, q) in [(5, 2, 2), (30, 4, 7), (30, 7, 4), (12, 40, 3), (9, 25, 60), (9, 9, 9), (80, 5, 1)] {
            let x: Array2<f64> = random::normal_matrix(&mut rng, n, p);
            let y = random::normal_matrix::<f64, _>(&mut rng, n, q) + x.column(0).insert_axis(Axis(1)) + 0.5;
            let found = procrustes_distance(x.view(), y.view()).unwrap().value;
            let expected = literal(&x, &y);
            assert!((found - expected).abs() < 1e-12 * n as f64, "{n} {p} {q}: {found} {expected}");
        }
    }

    /// A step of length ε is ε far away to all its digits, which the closed form loses below 10⁻⁸.
    #[test]
    fn small_distances_keep_their_digits_and_obey_the_triangle() {
        let x = ndarray::array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        for step in [1e-3, 1e-9, 1e-13] {
            let mut y = x.clone();
            y[[0, 0]] += step;
            y[[1, 0]] -= step;
            // Norms 2 and √(4 + 4ε + 2ε²): to first order the distance is ε·√2/2·sin of the angle between, √(1/2).
            let found = procrustes_distance(x.view(), y.view()).unwrap().value;
            assert!((found / (0.5 * step) - 1.0).abs() < 3e-3 + 1e-15 / step, "{step}: {found}");
        }
        let mut rng = random::stream(4, "test");
        for _ in 0..20 {
            let draw: Vec<Array2<f64>> = (0..3).map(|_| random::normal_matrix(&mut rng, 10, 4)).collect();
            let far = |a: usize, b: usize| procrustes_distance(draw[a].view(), draw[b].view()).unwrap().value;
            assert!(far(0, 2) <= far(0, 1) + far(1, 2) + 1e-12);
        }
    }
}
