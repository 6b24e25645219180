//! Heat maps from findings: steps against steps for each layer, and layers against pairs of steps.

use std::collections::BTreeMap;

use kymograph_findings::Finding;

use super::{Selection, array_name, arrays, runs, seed_count, seeds, steps, words};
use crate::figure::{ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Width};
use crate::number::grouped;

/// Mean over seeds for each array and pair of steps.
fn pair_means(findings: &[&Finding]) -> BTreeMap<(String, u64, u64), f64> {
    let mut values: BTreeMap<(String, u64, u64), Vec<f64>> = BTreeMap::new();
    for finding in findings {
        if let (&[a, b], Some(value)) = (finding.steps.as_slice(), finding.value) {
            values.entry((array_name(finding), a, b)).or_default().push(value);
        }
    }
    values.into_iter().filter_map(|(key, v)| Some((key, seeds::mean(&v)?))).collect()
}

/// What the cells hold.
pub(super) fn note(runs: usize) -> String {
    if runs == 1 { "1 seed.".into() } else { format!("Mean over {}.", seed_count(runs)) }
}

pub(super) fn scale(label: String, range: Option<[f64; 2]>) -> ColourScale {
    let map = match range {
        Some([low, high]) if low < 0.0 && high > 0.0 => ColourMap::Diverging { centre: 0.0 },
        _ => ColourMap::Sequential,
    };
    ColourScale { label, range, map }
}

/// Steps against steps, one square panel an array: how alike the array is to itself at another step, mean over seeds.
///
/// `range` fixes the colours (`[0, 1]` for similarities; a range about 0 diverges); `diagonal` fills the cells of a
/// step with itself, which findings do not hold, such as 1 for a cosine. A pair measured one way round fills both
/// cells. `None` when fewer than two steps were compared.
#[must_use]
pub fn similarity_maps(
    findings: &[Finding],
    selection: &Selection<'_>,
    range: Option<[f64; 2]>,
    diagonal: Option<f64>,
) -> Option<Figure> {
    let chosen: Vec<&Finding> = selection.of(findings).into_iter().filter(|f| f.steps.len() == 2).collect();
    let means = pair_means(&chosen);
    if means.is_empty() {
        return None;
    }
    let steps = steps(&chosen);
    let names: Vec<String> = steps.iter().map(|s| grouped(*s)).collect();
    let value = |array: &str, a: u64, b: u64| {
        let at = |a, b| means.get(&(array.to_string(), a, b)).copied();
        at(a, b).or_else(|| at(b, a)).or(if a == b { diagonal } else { None })
    };
    let panels = arrays(selection, &chosen)
        .into_iter()
        .map(|array| HeatPanel {
            rows: names.clone(),
            columns: names.clone(),
            values: steps.iter().map(|a| steps.iter().map(|b| value(&array, *a, *b)).collect()).collect(),
            title: array,
        })
        .collect();
    let map = HeatMap {
        row_axis: "step".into(),
        column_axis: "step".into(),
        colour: scale(words(selection.measure), range),
        panels,
        print: PrintValues::Auto,
        decimals: 2,
        square: true,
    };
    Some(Figure {
        title: format!("{}: {} between steps", selection.network, words(selection.measure)),
        note: note(runs(&chosen)),
        width: Width::Double,
        kind: FigureKind::HeatMap(map),
    })
}

/// Layers against pairs of steps, with the numbers in the cells: all pairs when there are at most four steps, else
/// neighbouring steps and the whole way from the first to the last.
///
/// `decimals` are those of the numbers in the cells. `None` when no pair was measured.
#[must_use]
pub fn pair_table(
    findings: &[Finding],
    selection: &Selection<'_>,
    range: Option<[f64; 2]>,
    decimals: usize,
) -> Option<Figure> {
    let chosen: Vec<&Finding> = selection.of(findings).into_iter().filter(|f| f.steps.len() == 2).collect();
    let means = pair_means(&chosen);
    let pairs = shown_pairs(&chosen, &means);
    if pairs.is_empty() {
        return None;
    }
    let rows = arrays(selection, &chosen);
    let values =
        rows.iter().map(|a| pairs.iter().map(|(s, t)| means.get(&(a.clone(), *s, *t)).copied()).collect()).collect();
    let columns = pairs.iter().map(|(s, t)| format!("{}–{}", grouped(*s), grouped(*t))).collect();
    let map = HeatMap {
        row_axis: String::new(),
        column_axis: "pair of steps".into(),
        colour: scale(words(selection.measure), range),
        panels: vec![HeatPanel { title: String::new(), rows, columns, values }],
        print: PrintValues::Auto,
        decimals,
        square: false,
    };
    Some(Figure {
        title: format!("{}: {} by layer", selection.network, words(selection.measure)),
        note: note(runs(&chosen)),
        width: if pairs.len() <= 3 { Width::Single } else { Width::Double },
        kind: FigureKind::HeatMap(map),
    })
}

fn shown_pairs(findings: &[&Finding], means: &BTreeMap<(String, u64, u64), f64>) -> Vec<(u64, u64)> {
    let steps = steps(findings);
    let mut pairs: Vec<(u64, u64)> = means.keys().map(|(_, a, b)| (*a, *b)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    if steps.len() <= 4 {
        // Neighbours first, then the longer ways, as tables of checkpoints are read.
        let position = |s: &u64| steps.iter().position(|t| t == s).unwrap_or(0);
        pairs.sort_by_key(|(a, b)| (position(b).abs_diff(position(a)), *a));
        return pairs;
    }
    let neighbours: Vec<(u64, u64)> = steps.windows(2).map(|w| (w[0], w[1])).collect();
    let whole = (steps[0], steps[steps.len() - 1]);
    let mut few: Vec<(u64, u64)> = pairs.iter().copied().filter(|p| neighbours.contains(p)).collect();
    few.extend(pairs.iter().copied().filter(|p| *p == whole && !neighbours.contains(p)));
    if few.is_empty() { pairs.into_iter().take(16).collect() } else { few }
}
