//! Rows of evidence: numbers around a named step, each beside what independent minibatches would give.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random::{permutation, stream_at};

use super::history::{History, sum};

/// What rows about the whole network say they measured.
pub(super) const WHOLE: &str = "all parameters";
/// Thresholds by their columns' names.
pub(super) const THRESHOLDS: [&str; 4] = ["abs1e-7", "abs1e-5", "rel1e-2", "rel1e-1"];
/// The threshold of the published curves.
pub(super) const PUBLISHED: &str = "abs1e-5";
const DRAWS: usize = 200;

pub(super) fn of(history: &History, step_names: &BTreeMap<String, u64>) -> Vec<Finding> {
    let mut rows = Vec::new();
    for name in ["early", "mid", "late"] {
        let Some(&step) = step_names.get(name) else { continue };
        let from = step - (history.last() / 20).clamp(1, step.max(1));
        rows.extend(around(history, from, step));
        rows.extend(layers(history, from, step));
    }
    rows.extend(over_epochs(history));
    rows
}

/// The part of a row that is the same for all.
fn row(history: &History, measure: &str, array: &str, step: u64, value: Result<f64, &str>) -> Finding {
    Finding {
        measure: measure.to_owned(),
        options: BTreeMap::new(),
        run: history.key.clone(),
        array: array.to_owned(),
        other_array: None,
        steps: vec![step],
        value: value.ok(),
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: BTreeMap::new(),
        n: None,
        notes: value.err().map(str::to_owned).into_iter().collect(),
        version: 1,
    }
}

fn with(mut row: Finding, threshold: &str, null: Option<(&str, f64)>) -> Finding {
    if !threshold.is_empty() {
        row.options.insert("threshold".to_owned(), threshold.to_owned());
    }
    row.nulls.extend(null.map(|(kind, value)| Null::exact(kind, value)));
    row
}

/// Means over the steps after `from` and up to `step`.
fn around(history: &History, from: u64, step: u64) -> Vec<Finding> {
    let h = history;
    let all = h.sum("exact_zeros", from, step).map_or(0.0, |(_, n)| n as f64) * h.parameters;
    let share = |column: &str| h.sum(column, from, step).filter(|_| all > 0.0).map(|(sum, _)| sum / all);
    let some = |value: Option<f64>| value.ok_or("nothing of the kind was there in these steps");
    let plain = |measure: &str, value: Option<f64>| row(h, measure, WHOLE, step, some(value));
    let coin = h.weighted("coin_flip", "nonzero_pairs", from, step);
    let mut rows = vec![
        plain("exact_zero_share", share("exact_zeros")),
        with(
            plain("flip_fraction_all", h.ratio("flips", "nonzero_pairs", from, step)),
            "",
            coin.map(|coin| ("independent_minibatches", coin)),
        ),
        plain("mean_weight_change", h.sum("weight_change", from, step).map(|(sum, n)| sum / n as f64)),
        with(
            plain("gradient_angle", h.sum("angle", from, step).map(|(sum, n)| sum / n as f64)),
            "",
            Some(("independent_directions", 90.0)),
        ),
    ];
    for threshold in THRESHOLDS {
        let column = |name: &str| format!("{threshold}.{name}");
        let at = |measure: &str, value: Option<f64>| with(plain(measure, value), threshold, None);
        let coin = h.weighted(&column("coin_flip"), &column("retained_nonzero"), from, step);
        let flips = h.ratio(&column("flipped"), &column("retained_nonzero"), from, step);
        let before = |name: &str| h.sum(&column(name), from, step).map(|(sum, _)| sum);
        let released = before("released").zip(before("retained"));
        let released = released.filter(|(out, stayed)| out + stayed > 0.0).map(|(out, stayed)| out / (out + stayed));
        rows.extend([
            at("near_zero_share", share(&column("zero"))),
            at("near_zero_nonexact_share", share(&column("zero_nonexact"))),
            at("released_fraction", released),
            at("flip_fraction", h.ratio(&column("flipped"), &column("retained"), from, step)),
            with(plain("flip_fraction_nonzero", flips), threshold, coin.map(|coin| ("independent_minibatches", coin))),
            at("coin_flip_fraction", coin),
            at("retained_weight_change", unflipped_change(h, threshold, from, step)),
        ]);
    }
    let minima = |kind: &str| {
        let of = |name: &str| h.sum(&format!("{PUBLISHED}.{kind}{name}"), from, step).map(|(sum, _)| sum);
        let (low, high) = (of("minima")?, of("maxima")?);
        (low + high > 0.0).then_some(low / (low + high))
    };
    let none_taken = "no step of these was looked at again on the same minibatch";
    let curved = h.sum("true_minima", from, step).zip(h.sum("true_maxima", from, step));
    let curved =
        curved.filter(|((low, _), (high, _))| low + high > 0.0).map(|((low, _), (high, _))| low / (low + high));
    let half = Some(("half", 0.5));
    rows.extend([
        with(plain("published_minimum_share", minima("")), PUBLISHED, half),
        with(plain("aligned_minimum_share", minima("aligned_")), PUBLISHED, half),
        with(row(h, "true_minimum_share", WHOLE, step, curved.ok_or(none_taken)), "", half),
    ]);
    for lag in [1, 4, 12] {
        for (measure, column, chance) in [
            ("zero_set_persistence", format!("persistence.lag{lag}"), share(&format!("{PUBLISHED}.zero"))),
            ("exact_zero_persistence", format!("persistence.exact.lag{lag}"), share("exact_zeros")),
        ] {
            let value = h.sum(&column, from, step).map(|(sum, n)| sum / n as f64);
            let null = chance.map(|chance| ("independent_sets", chance));
            let mut row = with(plain(measure, value), PUBLISHED, null);
            row.options.insert("lag".to_owned(), lag.to_string());
            rows.push(row);
        }
    }
    rows
}

/// The published weight change: of the retained, those that keep their sign.
pub(super) fn unflipped_change(history: &History, threshold: &str, from: u64, to: u64) -> Option<f64> {
    let column = |name: &str| format!("{threshold}.{name}");
    // Weighted by the retained, of which nearly all keep their sign where many are exactly zero.
    history.weighted(&column("weight_change_unflipped"), &column("retained"), from, to)
}

/// Shares of each layer.
fn layers(history: &History, from: u64, step: u64) -> Vec<Finding> {
    let mut rows = Vec::new();
    for (name, size, table) in &history.layers {
        let share = |column: &str| {
            let found = sum(table, column, from, step).map(|(sum, n)| sum / (n as f64 * size));
            found.ok_or("nothing was recorded in these steps")
        };
        rows.push(row(history, "exact_zero_share", name, step, share("exact_zeros")));
        let near = row(history, "near_zero_share", name, step, share(&format!("{PUBLISHED}.zero")));
        rows.push(with(near, PUBLISHED, None));
    }
    rows
}

/// What speaks of the whole training, at its last step.
fn over_epochs(history: &History) -> Vec<Finding> {
    let last = history.last();
    let whole = history.per_epoch;
    let mut rows = Vec::new();
    for threshold in THRESHOLDS {
        let column = |name: &str| format!("{threshold}.{name}");
        // The first epoch is left out, as in the published figure.
        let first = unflipped_change(history, threshold, whole, 2 * whole);
        let late = unflipped_change(history, threshold, last - (last / 20).clamp(1, last.max(1)), last);
        let growth = match (first, late) {
            (Some(first), Some(late)) if first > 0.0 => Ok(late / first),
            _ => Err("no retained weight moved in the second epoch, or the run is shorter"),
        };
        rows.push(with(row(history, "weight_change_growth", WHOLE, last, growth), threshold, None));
        let pairs: Vec<(f64, f64)> = history
            .epochs()
            .filter_map(|(_, from, to)| {
                let flips = history.ratio(&column("flipped"), &column("retained"), from, to)?;
                let nonzero = history.ratio(&column("retained_nonzero"), &column("retained"), from, to)?;
                Some((flips, 1.0 - nonzero))
            })
            .collect();
        let together = correlation(&pairs).ok_or("fewer than four epochs, or one of the two never changes");
        let mut found = with(row(history, "flips_against_exact_zeros", WHOLE, last, together), threshold, None);
        found.n = Some(pairs.len());
        if let Ok(observed) = together {
            let draw = |draw: u64| {
                let random = &mut stream_at(history.key.seed.unwrap_or(0), "permuted epochs", draw);
                let order = permutation(random, pairs.len());
                let shuffled: Vec<_> = pairs.iter().zip(order).map(|((flips, _), at)| (*flips, pairs[at].1)).collect();
                correlation(&shuffled)
            };
            let draws: Vec<f64> = (0..DRAWS as u64).filter_map(draw).collect();
            found.nulls.extend(Null::of_draws("permuted_epochs", &draws, observed));
        }
        rows.push(found);
    }
    rows
}

/// Pearson's correlation.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 4 {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (a, b) = (mean(|p| p.0), mean(|p| p.1));
    let product = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let (ab, aa, bb) =
        (product(&|p| (p.0 - a) * (p.1 - b)), product(&|p| (p.0 - a).powi(2)), product(&|p| (p.1 - b).powi(2)));
    (aa > 0.0 && bb > 0.0).then(|| (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::correlation;

    #[test]
    fn correlation_by_hand() {
        let mirror: Vec<(f64, f64)> = (0..6).map(|i| (f64::from(i), 3.0 - 2.0 * f64::from(i))).collect();
        assert!((correlation(&mirror).unwrap() + 1.0).abs() < 1e-12);
        // Deviations −1.5, −.5, .5, 1.5 and −.5, 1.5, −1.5, .5: their products sum to 0.
        let known = [(1.0, 2.0), (2.0, 4.0), (3.0, 1.0), (4.0, 3.0)];
        assert!((correlation(&known).unwrap() - 0.0).abs() < 1e-12);
        assert!(correlation(&[(1.0, 1.0); 9]).is_none());
        assert!(correlation(&known[..3]).is_none());
    }
}
