//! Jumps of the level of a series, by exact segmentation with pruning.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, Ix1};

use super::series::{Series, neighbour_correlation};
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "pelt_change_points",
    family: Family::Changepoints,
    summary: "How often does the level of a series jump?",
    inputs: &[Input::series("series")],
    options: &[
        OptionSpec {
            name: "penalty",
            default: Setting::Real(3.0),
            doc: "What a change point must earn, in noise variances times ln(steps).",
        },
        OptionSpec {
            name: "min_segment",
            default: Setting::Count(5),
            doc: "The fewest steps between two change points.",
        },
        OptionSpec {
            name: "keep_gradual",
            default: Setting::Flag(false),
            doc: "Whether change points are kept at which a straight line does as well as a jump.",
        },
    ],
    range: (0.0, f64::INFINITY),
    ends: "0: one level, or only gradual change; no upper end but steps / min_segment − 1.",
    unit: "change points",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::PermuteRows)],
    cost: "steps² / 2 in a series without change points, near steps where they are frequent",
    misleads: "The noise must be independent from step to step: where neighbours are alike (running means, losses over overlapping batches) or in a random walk it finds change points that are none. A fast but smooth rise counts as one or more jumps when it takes few steps against what lies around it, and a jump on a steep slope is missed. Values that mostly repeat exactly have no noise to measure against.",
    references: &[
        "Killick, Fearnhead & Eckley 2012, Optimal detection of changepoints with a linear computational cost (arXiv:1101.1438), section 3.1",
        "Yao 1988, Estimating the number of change-points via Schwarz' criterion (doi:10.1016/0167-7152(88)90118-6)",
        "von Neumann 1941, Distribution of the ratio of the mean square successive difference to the variance: noise from differences",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = PeltOptions {
            penalty: options.real("penalty")?,
            min_segment: options.count("min_segment")?,
            keep_gradual: options.flag("keep_gradual")?,
        };
        with_one!(&MEASURE, arrays, Ix1, |series| pelt_change_points(series, &options))
    },
};

/// What counts as a change point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeltOptions {
    /// What a change point must earn, in noise variances times ln(steps). Schwarz' criterion is 2 (Yao 1988); the
    /// calibration in `tests/calibration.rs` is for 3.
    pub penalty: f64,
    /// The fewest steps between two change points.
    pub min_segment: usize,
    /// Whether change points are kept at which a straight line does as well as a jump.
    pub keep_gradual: bool,
}

impl Default for PeltOptions {
    fn default() -> Self {
        Self { penalty: 3.0, min_segment: 5, keep_gradual: false }
    }
}

/// **How often does the level of a series jump?**
///
/// In two stages; `series` is `[step]`.
///
/// 1. **Segmentation**: the change points minimise `Σ_segments Σᵢ (xᵢ − mean)² / σ² + penalty · ln n` per change point,
///    segments being at least `min_segment` long. The minimum is exact (PELT). σ² is half the mean squared difference of
///    neighbours without its largest tenth, made consistent for normal noise, so jumps do not count as noise.
/// 2. **Jump or bend**: on as many steps before as after a change point as the shorter neighbouring segment has, a jump
///    must fit better than a straight line by that same penalty. Segmentation alone cuts every slope into stairs; a
///    smooth curve is locally a line, and its stairs fall here. With `keep_gradual` they stay.
///
/// The value is the number of change points left. Parts: `positions`, each the first step of the new level, counted from
/// 0 in the series; `jumps`, level after less level before, over the same steps as stage 2; `gradual`, the positions that
/// stage 2 refused; `noise_sd`; `levels`, the means of all segments of stage 1; `residual_correlation`, of neighbouring
/// deviations from these, with a note when it passes 0.3 (noise that is not independent, or a slope).
///
/// Unchanged by shift, factor and sign of the series. A constant series has no change points.
///
/// **Misleads** where the noise of neighbours is alike, and in random walks (both give change points that are none); a
/// smooth rise over few steps counts as jumps, a jump on a steep slope is missed.
///
/// # Errors
/// Empty or not finite input, fewer steps than two segments, a penalty that is not positive, `min_segment` of 0. Cost:
/// steps² / 2 without change points, near steps where they are frequent.
///
/// References: Killick et al. 2012 (arXiv:1101.1438), section 3.1; Yao 1988.
///
/// ```
/// use kymograph_measures::changepoints::{PeltOptions, pelt_change_points};
/// let series = ndarray::Array1::from_shape_fn(30, |i| if i < 12 { 1.0 } else { 4.0 } + 0.1 * ((i * 7) % 5) as f64);
/// let reading = pelt_change_points(series.view(), &PeltOptions::default())?;
/// assert_eq!(reading.part("positions"), Some(&[12.0][..]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn pelt_change_points<T: Real>(series: ArrayView1<'_, T>, options: &PeltOptions) -> Result<Reading, MeasureError> {
    let bad = |option, value: String, expected: &str| {
        Err(MeasureError::BadOption { measure: MEASURE.name, option, value, expected: expected.to_string() })
    };
    if !(options.penalty > 0.0 && options.penalty.is_finite()) {
        return bad("penalty", options.penalty.to_string(), "a positive number");
    }
    if options.min_segment == 0 {
        return bad("min_segment", "0".to_string(), "at least 1");
    }
    let needed = options.min_segment.saturating_mul(2).max(3);
    let series = Series::new("series", series, needed, "two segments to tell apart")?;
    let n = series.len();
    let variance = series.noise_variance();
    let penalty = options.penalty * variance * (n as f64).ln();
    let found = if series.is_constant() { Vec::new() } else { segment(&series, penalty, options.min_segment) };
    let bounds: Vec<usize> = [&[0][..], &found, &[n]].concat();
    let (mut kept, mut gradual, mut jumps) = (Vec::new(), Vec::new(), Vec::new());
    for around in bounds.windows(3) {
        let at = around[1];
        let reach = (at - around[0]).min(around[2] - at);
        let (from, to) = (at - reach, at + reach);
        let jump = series.deviation(from, at) + series.deviation(at, to);
        if options.keep_gradual || series.deviation_from_line(from, to) - jump > penalty {
            kept.push(at as f64);
            jumps.push(series.level(at, to) - series.level(from, at));
        } else {
            gradual.push(at as f64);
        }
    }
    let segments = || bounds.windows(2).map(|ends| (ends[0], ends[1]));
    let levels = segments().map(|(from, to)| series.level(from, to)).collect();
    let residuals: Vec<f64> = segments()
        .flat_map(|(from, to)| {
            let mean = check::mean(&series.values[from..to]);
            series.values[from..to].iter().map(move |value| value - mean)
        })
        .collect();
    let correlation = neighbour_correlation(&residuals);
    let bends = gradual.len();
    let mut reading = Reading::of(kept.len() as f64)
        .with_part("positions", kept)
        .with_part("jumps", jumps)
        .with_part("gradual", gradual)
        .with_part("levels", levels)
        .with_part("noise_sd", vec![series.in_units(variance.sqrt())])
        .with_part("residual_correlation", vec![correlation]);
    if bends > 0 {
        reading = reading.with_note(format!("{bends} change points refused: a straight line does as well as a jump"));
    }
    if correlation > 0.3 {
        reading = reading.with_note(format!(
            "neighbouring deviations from the levels correlate by {correlation:.2}: the noise is not independent, or the series slopes"
        ));
    }
    Ok(reading)
}

/// The change points of least `deviation + penalty` each, first of equals.
fn segment(series: &Series, penalty: f64, shortest: usize) -> Vec<usize> {
    let n = series.len();
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last = vec![0; n + 1];
    best[0] = -penalty;
    // Candidates for the start of the last segment, and from which end on each is beaten for ever.
    let mut starts: Vec<(usize, usize)> = Vec::new();
    for end in shortest..=n {
        let newest = end - shortest;
        if newest == 0 || newest >= shortest {
            starts.push((newest, usize::MAX));
        }
        starts.retain(|(_, beaten_from)| *beaten_from > end);
        let costs: Vec<f64> = starts.iter().map(|(start, _)| best[*start] + series.deviation(*start, end)).collect();
        for (cost, (start, _)) in costs.iter().zip(&starts) {
            if cost + penalty < best[end] {
                best[end] = cost + penalty;
                last[end] = *start;
            }
        }
        // Beaten once a segment that starts here may end: not before `shortest` steps more.
        for (cost, (_, beaten_from)) in costs.iter().zip(&mut starts) {
            if *cost >= best[end] {
                *beaten_from = (*beaten_from).min(end + shortest);
            }
        }
    }
    let mut found = Vec::new();
    let mut end = last[n];
    while end > 0 {
        found.push(end);
        end = last[end];
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array1;

    /// The least cost over every way to cut, by trying all of them.
    fn exhaustive(series: &Series, penalty: f64, shortest: usize, from: usize) -> f64 {
        let n = series.len();
        let mut best = series.deviation(from, n);
        for at in from + shortest..=n.saturating_sub(shortest) {
            best = best.min(series.deviation(from, at) + penalty + exhaustive(series, penalty, shortest, at));
        }
        best
    }

    #[test]
    fn pruning_loses_nothing() {
        let mut rng = random::stream(5, "test");
        for round in 0..60 {
            let shortest = 1 + round % 3;
            let n = 12 + round % 5;
            let raw = Array1::from_shape_fn(n, |i| random::normal(&mut rng) + if i * 2 > n { 2.0 } else { 0.0 });
            let series = Series::new("series", raw.view(), 1, "test").unwrap();
            for penalty in [0.01, 0.1, 0.5, 2.0] {
                let found = segment(&series, penalty, shortest);
                let bounds = [&[0][..], &found, &[n]].concat();
                let cost: f64 = bounds.windows(2).map(|ends| series.deviation(ends[0], ends[1])).sum();
                let total = cost + penalty * found.len() as f64;
                assert!((total - exhaustive(&series, penalty, shortest, 0)).abs() < 1e-12, "{round} {penalty}");
                assert!(bounds.windows(2).all(|ends| ends[1] - ends[0] >= shortest));
            }
        }
    }
}
