//! Curves of a measure over steps, one panel a layer, with seeds, band and null.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, RunKey};

use super::{Selection, array_name, arrays, runs, seed_count, seeds, words};
use crate::figure::{Axis, CurvePanel, Curves, Figure, FigureKind, NullBand, Series, Threshold, Width};

/// Which pairs of steps a curve of a two-step measure follows; its horizontal axis is the later step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PairAxis {
    /// Each step with the one measured before it.
    #[default]
    Neighbours,
    /// Each step with the first.
    FromFirst,
    /// Each step with the last; the horizontal axis is then the earlier step.
    ToLast,
}

/// A measure over steps, one panel an array: the mean over seeds with its 95 % t-interval, each seed as a thin line,
/// and the null as a grey ribbon (its central interval, ends averaged over seeds).
///
/// Rows that compare two layers are left to [`super::layer_maps`]. With one run the band is the finding's own interval, over units or examples, and the note says so. Measures of two
/// steps follow `pairs`. `range` fixes the vertical axis. `None` when no value was measured.
#[must_use]
pub fn curves_over_steps(
    findings: &[Finding],
    selection: &Selection<'_>,
    pairs: PairAxis,
    range: Option<[f64; 2]>,
    thresholds: &[Threshold],
) -> Option<Figure> {
    let mut chosen = selection.of(findings);
    chosen.retain(|f| f.other_layer().is_none());
    let seeds = runs(&chosen);
    let mut panels = Vec::new();
    let mut steps = Vec::new();
    let (mut banded, mut null_kind) = (false, None);
    for array in arrays(selection, &chosen) {
        let points = points(&chosen, &array, pairs);
        if !points.values().flatten().any(|f| f.value.is_some()) {
            continue;
        }
        steps.extend(points.keys().copied());
        let series = series(&points, seeds);
        banded |= series.band.iter().any(Option::is_some);
        let null = null(&points, &mut null_kind);
        panels.push(CurvePanel { title: array, series: vec![series], null, thresholds: thresholds.to_vec() });
    }
    if panels.is_empty() {
        return None;
    }
    let paired = chosen.iter().any(|f| f.steps.len() == 2);
    let mut x = Axis::steps(steps);
    let way = match pairs {
        PairAxis::Neighbours => "between neighbouring steps",
        PairAxis::FromFirst => "from the first step",
        PairAxis::ToLast => "to the last step",
    };
    if paired {
        x.label = if pairs == PairAxis::ToLast { "earlier step of the pair" } else { "later step of the pair" }.into();
    }
    let title = match paired {
        true => format!("{}: {} {way}", selection.network, words(selection.measure)),
        false => format!("{}: {} over training", selection.network, words(selection.measure)),
    };
    let curves =
        Curves { x, y: Axis { range, ..Axis::linear(words(selection.measure)) }, shared_y: range.is_some(), panels };
    Some(Figure { title, note: note(seeds, banded, null_kind), width: Width::Double, kind: FigureKind::Curves(curves) })
}

fn note(seeds: usize, banded: bool, null_kind: Option<String>) -> String {
    let mut note = match (seeds, banded) {
        (1, true) => "1 seed; band: 95 % bootstrap interval over units or examples, not over seeds.".to_string(),
        (1, false) => "1 seed.".to_string(),
        (n, _) => format!("Mean over {} with its 95 % t-interval; thin lines: single seeds.", seed_count(n)),
    };
    if let Some(kind) = null_kind {
        note.push_str(&format!(" Grey: null by {}, mean and central 95 %.", words(&kind)));
    }
    note
}

/// The findings of one array at each horizontal position.
fn points<'f>(findings: &[&'f Finding], array: &str, pairs: PairAxis) -> BTreeMap<u64, Vec<&'f Finding>> {
    let of_array: Vec<&Finding> = findings.iter().copied().filter(|f| array_name(f) == array).collect();
    let steps = super::steps(&of_array);
    let (first, last) = (steps.first().copied().unwrap_or(0), steps.last().copied().unwrap_or(0));
    let before = |s: u64| steps.iter().copied().filter(|t| *t < s).max();
    let mut out: BTreeMap<u64, Vec<&Finding>> = BTreeMap::new();
    for finding in of_array {
        let at = match (finding.steps.as_slice(), pairs) {
            ([step], _) => Some(*step),
            ([a, b], PairAxis::Neighbours) if before(*b) == Some(*a) => Some(*b),
            ([a, b], PairAxis::FromFirst) if *a == first => Some(*b),
            ([a, b], PairAxis::ToLast) if *b == last => Some(*a),
            _ => None,
        };
        if let Some(at) = at {
            out.entry(at).or_default().push(finding);
        }
    }
    out
}

fn series(points: &BTreeMap<u64, Vec<&Finding>>, seeds: usize) -> Series {
    let mut by_run: BTreeMap<&RunKey, BTreeMap<u64, f64>> = BTreeMap::new();
    for (step, findings) in points {
        for finding in findings {
            if let Some(value) = finding.value {
                by_run.entry(&finding.run).or_default().insert(*step, value);
            }
        }
    }
    let at = |step: &u64| -> Vec<f64> { by_run.values().filter_map(|r| r.get(step).copied()).collect() };
    let band = |(step, findings): (&u64, &Vec<&Finding>)| match seeds {
        1 => findings.first().and_then(|f| f.interval),
        _ => seeds::t_interval(&at(step)),
    };
    let runs = by_run.iter().map(|(run, values)| {
        let name = run.seed.map_or_else(|| run.to_string(), |s| format!("seed {s}"));
        (name, points.keys().map(|step| values.get(step).copied()).collect())
    });
    Series {
        label: if seeds == 1 { "1 seed".into() } else { format!("mean of {seeds} seeds") },
        x: points.keys().map(|s| *s as f64).collect(),
        y: points.keys().map(|s| seeds::mean(&at(s))).collect(),
        band: points.iter().map(band).collect(),
        runs: if seeds == 1 { Vec::new() } else { runs.collect() },
    }
}

/// The main null at each step, averaged over seeds; steps without one are left out.
fn null(points: &BTreeMap<u64, Vec<&Finding>>, kind: &mut Option<String>) -> Option<NullBand> {
    let mut band = NullBand::default();
    for (step, findings) in points {
        let nulls: Vec<_> = findings.iter().filter_map(|f| f.null()).collect();
        let average = |of: &dyn Fn(usize) -> f64| seeds::mean(&(0..nulls.len()).map(of).collect::<Vec<_>>());
        let (mean, low, high) =
            (average(&|i| nulls[i].mean), average(&|i| nulls[i].interval[0]), average(&|i| nulls[i].interval[1]));
        if let (Some(mean), Some(low), Some(high)) = (mean, low, high) {
            band.x.push(*step as f64);
            band.mean.push(mean);
            band.interval.push([low, high]);
            kind.get_or_insert_with(|| nulls[0].kind.clone());
        }
    }
    band.label = format!("null: {}", words(kind.as_deref().unwrap_or("")));
    if band.x.is_empty() { None } else { Some(band) }
}
