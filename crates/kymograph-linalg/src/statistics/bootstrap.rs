//! Percentile bootstrap intervals, plain and over two levels.

use rand::Rng;

use super::intervals::Interval;
use super::summary::sorted_quantile;
use super::{check_count, check_level};
use crate::LinalgError;
use crate::error::check_values;
use crate::random::below;

/// Between which bounds does a statistic of the population lie, whatever its distribution? Percentile bootstrap (Efron
/// 1979, 10.1214/aos/1176344552).
///
/// `statistic` is computed on `resamples` draws of all values with replacement; the ends are the quantiles at
/// `(1 ∓ level)/2`. Too narrow for few values (below about ten; use a t interval) and wrong for extremes such as the
/// maximum.
///
/// # Errors
/// No values, one that is not finite, no resamples, a level outside (0, 1), or a statistic that is not finite on a resample.
pub fn bootstrap_interval<R: Rng + ?Sized>(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    resamples: usize,
    level: f64,
    rng: &mut R,
) -> Result<Interval, LinalgError> {
    check_level(level)?;
    check_count("a bootstrap interval: values", values.len(), 1)?;
    check_count("a bootstrap interval: resamples", resamples, 1)?;
    check_values("the values", values)?;
    let mut drawn = vec![0.0; values.len()];
    let statistics = (0..resamples)
        .map(|_| {
            for slot in &mut drawn {
                *slot = values[below(rng, values.len())];
            }
            statistic(&drawn)
        })
        .collect();
    percentiles(statistics, level)
}

/// The same where values come in groups that were drawn first (seeds, and units or examples within each): groups are
/// drawn with replacement, then values within each drawn group, and the statistic is taken of them all together.
///
/// With few groups the interval is too narrow, as any that must guess the scatter between groups.
///
/// # Errors
/// No groups, an empty group, and as [`bootstrap_interval`].
pub fn hierarchical_bootstrap_interval<R: Rng + ?Sized>(
    groups: &[Vec<f64>],
    statistic: impl Fn(&[f64]) -> f64,
    resamples: usize,
    level: f64,
    rng: &mut R,
) -> Result<Interval, LinalgError> {
    check_level(level)?;
    check_count("a bootstrap interval: groups", groups.len(), 1)?;
    check_count("a bootstrap interval: resamples", resamples, 1)?;
    for group in groups {
        check_count("a bootstrap interval: values of each group", group.len(), 1)?;
        check_values("a group", group)?;
    }
    let mut drawn = Vec::new();
    let statistics = (0..resamples)
        .map(|_| {
            drawn.clear();
            for _ in groups {
                let group = &groups[below(rng, groups.len())];
                drawn.extend((0..group.len()).map(|_| group[below(rng, group.len())]));
            }
            statistic(&drawn)
        })
        .collect();
    percentiles(statistics, level)
}

fn percentiles(mut statistics: Vec<f64>, level: f64) -> Result<Interval, LinalgError> {
    check_values("the statistic of the resamples", &statistics)?;
    statistics.sort_by(f64::total_cmp);
    Ok(Interval {
        low: sorted_quantile(&statistics, (1.0 - level) / 2.0),
        high: sorted_quantile(&statistics, (1.0 + level) / 2.0),
    })
}
