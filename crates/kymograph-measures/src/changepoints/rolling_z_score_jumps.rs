//! Values that lie far from the mean of those just before them, in their standard deviations.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, Ix1};

use super::series::Series;
use crate::registry::with_one;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, OptionSpec, Reading, Setting, Transform, check};

/// A deviation from a flat window below this share of the series' size is rounding.
const FLAT: f64 = 1e-12;

pub(crate) static MEASURE: Measure = Measure {
    name: "rolling_z_score_jumps",
    family: Family::Changepoints,
    summary: "How often does a series leave the scatter of its last steps?",
    inputs: &[Input::series("series")],
    options: &[
        OptionSpec {
            name: "threshold",
            default: Setting::Real(5.0),
            doc: "Standard deviations of the window beyond which a step is a jump (published: 3).",
        },
        OptionSpec { name: "window", default: Setting::Count(50), doc: "How many earlier steps are looked back on." },
        OptionSpec {
            name: "min_samples",
            default: Setting::Count(20),
            doc: "The fewest earlier steps with which a step is judged.",
        },
        OptionSpec {
            name: "restart",
            default: Setting::Flag(true),
            doc: "Whether the window starts afresh at a jump, so that one jump is found once (published: false).",
        },
    ],
    range: (0.0, f64::INFINITY),
    ends: "0: no step leaves the scatter of those before it; no upper end.",
    unit: "jumps",
    direction: Direction::More,
    symmetric: false,
    unchanged_by: &[
        Transform::joint(Change::Scale),
        Transform::joint(Change::Translate),
        Transform::joint(Change::FlipSign),
    ],
    changed_by: &[Transform::joint(Change::PermuteRows)],
    cost: "steps × window",
    misleads: "As published (threshold 3, no restart) it is not valid: on pure noise it finds several jumps per 1,000 steps, on a ramp more, and every jump again on each of the next steps. With the defaults, single outliers still count as jumps, jumps of fewer than five standard deviations and those within `min_samples` steps of another are missed, and a curve that grows ever faster is a row of jumps.",
    references: &[
        "Javihaus/ndt, src/ndt/core/jump_detector.py: JumpDetector (window 50, threshold 3, 20 samples)",
        "Javihaus/ndt, src/ndt/validity/: the fixtures on which its defaults fail",
    ],
    version: 1,
    evaluate: |arrays, options| {
        let options = RollingZScoreOptions {
            threshold: options.real("threshold")?,
            window: options.count("window")?,
            min_samples: options.count("min_samples")?,
            restart: options.flag("restart")?,
        };
        with_one!(&MEASURE, arrays, Ix1, |series| rolling_z_score_jumps(series, &options))
    },
};

/// What counts as a jump. The defaults are those that pass `tests/calibration.rs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollingZScoreOptions {
    /// Standard deviations of the window beyond which a step is a jump.
    pub threshold: f64,
    /// How many earlier steps are looked back on.
    pub window: usize,
    /// The fewest earlier steps with which a step is judged.
    pub min_samples: usize,
    /// Whether the window starts afresh at a jump.
    pub restart: bool,
}

impl RollingZScoreOptions {
    /// As published with the `ndt` library; not valid, and here to show it.
    pub fn published() -> Self {
        Self { threshold: 3.0, restart: false, ..Self::default() }
    }
}

impl Default for RollingZScoreOptions {
    fn default() -> Self {
        Self { threshold: 5.0, window: 50, min_samples: 20, restart: true }
    }
}

/// **How often does a series leave the scatter of its last steps?**
///
/// Step t of `series` (`[step]`) is a jump when `|x_t − m| > threshold · s`, with m and s the mean and the standard
/// deviation (divided by the number of values) of the up to `window` steps before it. A step with fewer than `min_samples`
/// before it is not judged. After a jump the window starts afresh with the jump itself, so that the same jump is not found
/// again on the next steps; without `restart` it goes on, as published. Any departure from a window that is quite flat is
/// a jump.
///
/// The value is the number of jumps. Parts: `positions`, counted from 0 in the series; `sizes`, `x_t − m` in its units.
///
/// Unchanged by shift, factor and sign of the series.
///
/// **Misleads** as published: jumps in pure noise, on ramps, and several for one. With the defaults it passes the
/// calibration, but takes outliers for jumps and misses small jumps and those soon after another.
///
/// # Errors
/// Empty or not finite input, no more steps than `min_samples`, a threshold that is not positive, a window shorter than
/// `min_samples`, `min_samples` below 2. Cost: steps × window.
///
/// Reference: Javihaus/ndt, `JumpDetector`.
///
/// ```
/// use kymograph_measures::changepoints::{RollingZScoreOptions, rolling_z_score_jumps};
/// let series = ndarray::Array1::from_shape_fn(60, |i| if i < 30 { 1.0 } else { 4.0 } + 0.1 * ((i * 7) % 5) as f64);
/// let reading = rolling_z_score_jumps(series.view(), &RollingZScoreOptions::default())?;
/// assert_eq!(reading.part("positions"), Some(&[30.0][..]));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn rolling_z_score_jumps<T: Real>(
    series: ArrayView1<'_, T>,
    options: &RollingZScoreOptions,
) -> Result<Reading, MeasureError> {
    let bad = |option, value: String, expected: String| {
        Err(MeasureError::BadOption { measure: MEASURE.name, option, value, expected })
    };
    if !(options.threshold > 0.0 && options.threshold.is_finite()) {
        return bad("threshold", options.threshold.to_string(), "a positive number".to_string());
    }
    if options.min_samples < 2 {
        return bad("min_samples", options.min_samples.to_string(), "at least 2".to_string());
    }
    if options.window < options.min_samples {
        let expected = format!("at least `min_samples`, {}", options.min_samples);
        return bad("window", options.window.to_string(), expected);
    }
    let series = Series::new("series", series, options.min_samples.saturating_add(1), "a window and a step after it")?;
    let (mut positions, mut sizes, mut start) = (Vec::new(), Vec::new(), 0);
    for (step, value) in series.values.iter().enumerate() {
        let window = &series.values[start.max(step.saturating_sub(options.window))..step];
        if window.len() < options.min_samples {
            continue;
        }
        let mean = check::mean(window);
        let variance = window.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / window.len() as f64;
        let apart = value - mean;
        // The values are about the series' mean and of size 1: a flat window deviates by rounding.
        if apart.abs() > (options.threshold * variance.sqrt()).max(FLAT) {
            positions.push(step as f64);
            sizes.push(series.in_units(apart));
            if options.restart {
                start = step;
            }
        }
    }
    Ok(Reading::of(positions.len() as f64).with_part("positions", positions).with_part("sizes", sizes))
}
