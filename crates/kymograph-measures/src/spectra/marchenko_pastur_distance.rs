//! How far a spectrum lies from that of noise of the same shape and size.

use std::f64::consts::PI;

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::{ARRAY, CENTRE, UNCHANGED, singular_values};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "marchenko_pastur_distance",
    family: Family::Spectra,
    summary: "How far is the spectrum of an array from that of independent entries of the same spread?",
    inputs: ARRAY,
    options: &[CENTRE],
    range: (0.0, 1.0),
    ends: "0: the law of noise exactly; near 1: a few directions hold nearly everything. Noise itself gives about 2 / min(rows, columns).",
    unit: "share",
    direction: Direction::FartherApart,
    symmetric: false,
    unchanged_by: UNCHANGED,
    changed_by: &[Transform::joint(Change::ScaleColumns)],
    cost: "rows × columns × min(rows, columns)",
    misleads: "The law holds for large arrays whose entries have mean zero: an array with few rows or columns lies off it by chance, about 2 / min(rows, columns), and one with a mean has one large outlier. Entries of unequal spread are off without any structure in common: compare with entries shuffled within columns.",
    references: &[
        "Marchenko & Pastur 1967, Distribution of eigenvalues for some sets of random matrices (doi:10.1070/SM1967v001n04ABEH001994)",
        "Bai & Silverstein 2010, Spectral analysis of large dimensional random matrices, section 3.1 (the law), 8.1 (Kolmogorov distance)",
        "Martin & Mahoney 2021, Implicit self-regularization in deep neural networks (arXiv:1810.01075), section 3",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let centre = options.flag("centre")?;
        with_one!(&MEASURE, arrays, |x| marchenko_pastur_distance(x, centre))
    },
};

/// **How far is the spectrum of an array from that of independent entries of the same spread?**
///
/// Kolmogorov's distance `sup |F − G|` between the shares F of the squared singular values of `x` (`[row, column]`) and the
/// law G of Marchenko and Pastur for entries of mean zero, the same mean square σ² and the same ratio
/// `q = min / max(rows, columns)`: eigenvalues of the smaller Gram matrix over the longer side lie in
/// `σ² (1 ± √q)²`. In [0, 1]; noise gives about `2 / min(rows, columns)`. With `centre`, column means are taken away first.
/// Parts: `edges`, the singular values between which noise lies, in the units of `x`; `above_bulk` and `below_bulk`, how
/// many singular values lie beyond them; `ratio`, q.
///
/// Unchanged by rotation and reordering of either axis, by a factor and by sign.
///
/// **Misleads**: small arrays lie off the law by chance; entries of unequal spread lie off it without any structure. Of
/// noise itself a value or two lies just beyond the edges.
///
/// # Errors
/// Empty or not finite input, one that is all zero (constant over rows, with `centre`), fewer than two rows or columns.
/// Cost: rows × columns × min(rows, columns).
///
/// References: Marchenko & Pastur 1967; Bai & Silverstein 2010, sections 3.1 and 8.1.
///
/// ```
/// use kymograph_linalg::random::{normal_matrix, stream};
/// let noise: ndarray::Array2<f64> = normal_matrix(&mut stream(0, "noise"), 120, 60);
/// let reading = kymograph_measures::spectra::marchenko_pastur_distance(noise.view(), false)?;
/// assert!(reading.value < 0.05);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn marchenko_pastur_distance<T: Real>(x: ArrayView2<'_, T>, centre: bool) -> Result<Reading, MeasureError> {
    let values = singular_values(MEASURE.name, x, centre)?;
    let (few, many) = (values.len(), x.nrows().max(x.ncols()));
    if few < 2 {
        let why = "a distribution of singular values";
        return Err(MeasureError::TooFew { input: "x", what: "singular values", found: few, needed: 2, why });
    }
    let q = few as f64 / many as f64;
    let squares: Vec<f64> = values.iter().map(|value| (value / values[0]).powi(2)).collect();
    let mean = squares.iter().sum::<f64>() / few as f64;
    // Squares over their mean are eigenvalues in units of the spread, largest first.
    let n = few as f64;
    let apart = squares.iter().enumerate().map(|(place, square)| {
        let law = share_below(square / mean, q);
        let (through, before) = (1.0 - place as f64 / n, 1.0 - (place + 1) as f64 / n);
        (through - law).abs().max((law - before).abs())
    });
    let distance = apart.fold(0.0, f64::max).min(1.0);
    let edges = [1.0 - q.sqrt(), 1.0 + q.sqrt()].map(|edge| edge * mean.sqrt() * values[0]);
    let beyond = |outside: &dyn Fn(f64) -> bool| values.iter().filter(|value| outside(**value)).count() as f64;
    let small = (few < 10)
        .then(|| format!("of {few} singular values even noise lies far from the law, by about {:.1}", 1.0 / n));
    Ok(Reading::of(check::number(MEASURE.name, distance)?)
        .with_notes(small)
        .with_part("edges", edges.to_vec())
        .with_part("above_bulk", vec![beyond(&|value| value > edges[1])])
        .with_part("below_bulk", vec![beyond(&|value| value < edges[0])])
        .with_part("ratio", vec![q]))
}

/// The law's share of eigenvalues up to `x`, for entries of spread 1 and ratio q ≤ 1.
fn share_below(x: f64, q: f64) -> f64 {
    let (low, high) = ((1.0 - q.sqrt()).powi(2), (1.0 + q.sqrt()).powi(2));
    if x <= low {
        return 0.0;
    }
    if x >= high {
        return 1.0;
    }
    let r = ((high - x) / (x - low)).sqrt();
    let rest = 1.0 - q;
    let near_zero = if rest > 0.0 { rest * ((low * r * r - high) / (2.0 * rest * r)).atan() } else { 0.0 };
    let sum = PI * q + ((high - x) * (x - low)).sqrt() - (1.0 + q) * ((r * r - 1.0) / (2.0 * r)).atan() + near_zero;
    (sum / (2.0 * PI * q)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::share_below;

    /// The density `√((high − x)(x − low)) / (2π q x)`, integrated by the midpoint rule after `x = centre − √q·2 cos θ`.
    fn integrated(x: f64, q: f64) -> f64 {
        let root = q.sqrt();
        let end = ((1.0 + q - x) / (2.0 * root)).clamp(-1.0, 1.0).acos();
        let steps = 200_000;
        let slice = end / f64::from(steps);
        let height = |theta: f64| {
            let at = 1.0 + q - 2.0 * root * theta.cos();
            4.0 * q * theta.sin().powi(2) / (2.0 * std::f64::consts::PI * q * at)
        };
        (0..steps).map(|i| slice * height((f64::from(i) + 0.5) * slice)).sum()
    }

    #[test]
    fn the_closed_form_is_the_integral_of_the_density() {
        for q in [0.01, 1.0 / 3.0, 0.5, 0.9, 1.0] {
            let (low, high) = ((1.0 - f64::sqrt(q)).powi(2), (1.0 + f64::sqrt(q)).powi(2));
            for share in [0.001, 0.1, 0.5, 0.9, 0.999] {
                let x = low + share * (high - low);
                let (closed, slow) = (share_below(x, q), integrated(x, q));
                assert!((closed - slow).abs() < 1e-8, "q {q}, x {x}: {closed} {slow}");
            }
            assert_eq!((share_below(low, q), share_below(high, q)), (0.0, 1.0));
        }
    }
}
