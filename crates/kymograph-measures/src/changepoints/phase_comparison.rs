//! Levels with jumps between them against one smooth monotone curve, by Schwarz' criterion.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, Ix1};

use super::series::{Series, neighbour_correlation};
use super::smooth;
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform};

/// The fewest steps of a level: two could be one outlier and its neighbour.
const SHORTEST: usize = 3;
/// The fewest steps that let two levels and a curve be told apart.
const FEWEST: usize = 10;
/// Deviations below this share of the series' own spread are not told apart: no model is that exact.
const FLOOR: f64 = 0.01;

pub(crate) static MEASURE: Measure = Measure {
    name: "phase_comparison",
    family: Family::Changepoints,
    summary: "Is a series better told as levels with jumps between them, or as one smooth monotone curve?",
    inputs: &[Input::series("series")],
    options: &[OptionSpec {
        name: "max_changes",
        default: Setting::Count(3),
        doc: "The most jumps that are tried; fewer where the series is too short for levels of three steps.",
    }],
    range: (f64::NEG_INFINITY, f64::INFINITY),
    ends: "Positive: levels with jumps are preferred; negative: a smooth curve; 0: one constant tells it all. Beyond 10 either way is very strong (Kass and Raftery).",
    unit: "",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::PermuteRows)],
    cost: "max_changes × steps², and steps × 1,000 for the curves",
    misleads: "Smooth is smooth over the recorded steps as they are spaced: what is a jump on evenly spaced steps may be a curve on log-spaced ones. It says which of two tellings is better, not that either is good (the part `misfit` does). Curves that turn around, or slopes with jumps in them, are neither. A rise over fewer than about a tenth of the steps counts as a jump, and neighbours whose noise is alike favour levels.",
    references: &[
        "Schwarz 1978, Estimating the dimension of a model (doi:10.1214/aos/1176344136)",
        "Yao 1988, Estimating the number of change-points via Schwarz' criterion (doi:10.1016/0167-7152(88)90118-6)",
        "Ramsay 1988, Monotone regression splines in action (doi:10.1214/ss/1177012761), section 3",
        "Kass & Raftery 1995, Bayes factors (doi:10.1080/01621459.1995.10476572), section 3.2: 2 ln B against the difference",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = PhaseOptions { max_changes: options.count("max_changes")? };
        with_one!(&MEASURE, arrays, Ix1, |series| phase_comparison(series, &options))
    },
};

/// How many jumps are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseOptions {
    /// The most jumps that are tried.
    pub max_changes: usize,
}

impl Default for PhaseOptions {
    fn default() -> Self {
        Self { max_changes: 3 }
    }
}

/// **Is a series better told as levels with jumps between them, or as one smooth monotone curve?**
///
/// `BIC(smooth) − BIC(levels)` with `BIC = n ln(deviation / n) + parameters · ln n`, each side with the member of its kind
/// that has the least; `series` is `[step]`, of n steps.
///
/// * **Levels**: 0 to `max_changes` jumps, placed exactly (dynamic programming), each level at least 3 steps long; a level
///   and a place count as one parameter each, the noise as one.
/// * **Smooth**: a constant plus cubic I-splines with three inner knots, all weighted with one sign, of which any subset may
///   be chosen at one parameter a curve; or one saturating exponential, its time constant being a parameter.
///
/// Both kinds hold the constant, so a series without change gives **0** when neither finds more in it. Positive favours
/// levels, negative the smooth curve; beyond 6 is strong, beyond 10 very strong (2 ln of the Bayes factor, Kass & Raftery
/// 1995). The mean square of a deviation is not let below (1 % of the series' standard deviation)², or a noiseless series
/// would decide by its last digits.
///
/// Parts: `bic_smooth`, `bic_levels`; `positions` of the best jumps, each the first step of a new level, counted from 0;
/// `smooth_fit` and `level_fit`, the two curves in the units of the series; `misfit`, the root mean square deviation of the
/// preferred one over the noise between neighbours: far above 1, neither kind tells the series. A note says so beyond 2,
/// and when neighbouring deviations correlate by more than 0.5.
///
/// Unchanged by shift, factor and sign of the series; changed by the order of its steps.
///
/// **Misleads**: smooth means smooth over the recorded steps as they are spaced; it prefers one telling of two, even if
/// neither is good; a rise over fewer than about a tenth of the steps counts as a jump.
///
/// # Errors
/// Empty or not finite input, or fewer than 10 steps: too short to tell. Cost: max_changes × steps², and steps × 1,000 for
/// the curves.
///
/// References: Schwarz 1978; Yao 1988; Ramsay 1988, section 3; Kass & Raftery 1995, section 3.2.
///
/// ```
/// use kymograph_measures::changepoints::{PhaseOptions, phase_comparison};
/// let noise = |i: usize| 0.1 * ((i * 7) % 5) as f64;
/// let jump = ndarray::Array1::from_shape_fn(20, |i| if i < 8 { 1.0 } else { 4.0 } + noise(i));
/// assert!(phase_comparison(jump.view(), &PhaseOptions::default())?.value > 10.0);
/// let curve = ndarray::Array1::from_shape_fn(20, |i| 3.0 * (-(i as f64) / 6.0).exp() + noise(i));
/// assert!(phase_comparison(curve.view(), &PhaseOptions::default())?.value < -10.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn phase_comparison<T: Real>(series: ArrayView1<'_, T>, options: &PhaseOptions) -> Result<Reading, MeasureError> {
    let series = Series::new("series", series, FEWEST, "telling levels from a curve")?;
    let n = series.len();
    let size = n as f64;
    let floor = (FLOOR * FLOOR * series.deviation(0, n) / size).max(f64::MIN_POSITIVE);
    // The variance of the noise is one parameter more on either side.
    let bic = |deviation: f64, parameters: usize| {
        size * (deviation / size).max(floor).ln() + (parameters + 1) as f64 * size.ln()
    };
    let most = options.max_changes.min(n / SHORTEST - 1);
    let cuts = cuts(&series, most);
    let deviation_of = |bounds: &[usize]| bounds.windows(2).map(|ends| series.deviation(ends[0], ends[1])).sum::<f64>();
    let levels_bic = |bounds: &[usize]| bic(deviation_of(bounds), 2 * (bounds.len() - 2) + 1);
    let mut bounds = &cuts[0];
    for other in &cuts[1..] {
        if levels_bic(other) < levels_bic(bounds) {
            bounds = other;
        }
    }
    let curve = smooth::best(&series.values, bic);
    let (smooth, levels) = (bic(curve.deviation, curve.parameters), levels_bic(bounds));
    let flat: Vec<f64> = bounds
        .windows(2)
        .flat_map(|ends| {
            let mean = crate::check::mean(&series.values[ends[0]..ends[1]]);
            std::iter::repeat_n(mean, ends[1] - ends[0])
        })
        .collect();
    // One constant on both sides is one model, however it was rounded.
    let same = curve.parameters == 1 && bounds.len() == 2;
    let value = if same { 0.0 } else { smooth - levels };
    let preferred = if value >= 0.0 { &flat } else { &curve.fitted };
    let residuals: Vec<f64> = series.values.iter().zip(preferred).map(|(value, fit)| value - fit).collect();
    let square = residuals.iter().map(|rest| rest * rest).sum::<f64>() / size;
    let misfit = if series.is_constant() { 1.0 } else { (square.max(floor) / series.noise_variance()).sqrt() };
    let in_units = |fit: &[f64]| fit.iter().map(|value| series.value_in_units(*value)).collect();
    let reading = Reading::of(value)
        .with_part("bic_smooth", vec![smooth])
        .with_part("bic_levels", vec![levels])
        .with_part("positions", bounds[1..bounds.len() - 1].iter().map(|&at| at as f64).collect())
        .with_part("smooth_fit", in_units(&curve.fitted))
        .with_part("level_fit", in_units(&flat))
        .with_part("misfit", vec![misfit]);
    Ok(noted(reading, misfit, neighbour_correlation(&residuals), (most, options.max_changes)))
}

fn noted(mut reading: Reading, misfit: f64, correlation: f64, (most, asked): (usize, usize)) -> Reading {
    if misfit > 2.0 {
        reading = reading.with_note(format!(
            "the preferred telling deviates by {misfit:.1} times the noise between neighbours: neither kind fits"
        ));
    }
    if correlation > 0.5 {
        reading = reading.with_note(format!(
            "neighbouring deviations correlate by {correlation:.2}: they are not independent noise, which favours levels"
        ));
    }
    if most < asked {
        reading = reading.with_note(format!("too short for {asked} jumps: at most {most} were tried"));
    }
    reading
}

/// For 0, 1, …, `most` jumps, the bounds of the levels that deviate least, the ends of the series among them.
fn cuts(series: &Series, most: usize) -> Vec<Vec<usize>> {
    let n = series.len();
    // For every number of levels, the least deviation of `..end` and where its last level starts.
    let mut least: Vec<f64> =
        (0..=n).map(|end| if end < SHORTEST { f64::INFINITY } else { series.deviation(0, end) }).collect();
    let mut starts: Vec<Vec<usize>> = Vec::new();
    let mut found = vec![vec![0, n]];
    for jumps in 1..=most {
        let (mut next, mut start) = (vec![f64::INFINITY; n + 1], vec![0; n + 1]);
        for end in (jumps + 1) * SHORTEST..=n {
            for (at, before) in least.iter().enumerate().take(end - SHORTEST + 1).skip(jumps * SHORTEST) {
                let deviation = before + series.deviation(at, end);
                if deviation < next[end] {
                    (next[end], start[end]) = (deviation, at);
                }
            }
        }
        starts.push(start);
        least = next;
        let mut bounds = vec![n];
        let mut end = n;
        for start in starts.iter().rev() {
            end = start[end];
            bounds.push(end);
        }
        bounds.push(0);
        bounds.reverse();
        found.push(bounds);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array1;

    #[test]
    fn the_cuts_are_the_best_of_all() {
        let mut rng = random::stream(6, "test");
        for _ in 0..10 {
            let raw = Array1::from_shape_fn(15, |_| random::normal(&mut rng));
            let series = Series::new("series", raw.view(), 1, "test").unwrap();
            let of = |bounds: &[usize]| bounds.windows(2).map(|e| series.deviation(e[0], e[1])).sum::<f64>();
            let (mut one, mut two) = (f64::INFINITY, f64::INFINITY);
            for a in 3..=12 {
                one = one.min(of(&[0, a, 15]));
                for b in a + 3..=12 {
                    two = two.min(of(&[0, a, b, 15]));
                }
            }
            let found = cuts(&series, 2);
            assert!((of(&found[1]) - one).abs() < 1e-12 && (of(&found[2]) - two).abs() < 1e-12);
        }
    }
}
