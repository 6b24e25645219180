//! Heat maps of layers against layers: one panel a step in print, a slider over all steps on the page.

use std::collections::BTreeMap;

use kymograph_findings::Finding;

use super::maps::{note, scale};
use super::{Selection, runs, seeds, words};
use crate::figure::{Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Width};
use crate::number::{format_interval, grouped};
use crate::page::{Frame, Frames};

/// How alike the network's arrays are to one another at one step, mean over seeds, from findings that compare two layers.
///
/// `printed` are the steps that get a panel in the figure; the frames hold every step. `diagonal` fills the cells of an
/// array with itself where no finding does. A pair measured one way round fills both cells. `None` when no such finding
/// has a value at a printed step.
#[must_use]
pub fn layer_maps(
    findings: &[Finding],
    selection: &Selection<'_>,
    range: Option<[f64; 2]>,
    diagonal: Option<f64>,
    printed: &[u64],
) -> Option<(Figure, Frames)> {
    let chosen: Vec<&Finding> = selection.of(findings).into_iter().filter(|f| f.other_layer().is_some()).collect();
    let mut names: Vec<&str> = Vec::new();
    let mut values: BTreeMap<(u64, &str, &str), Vec<f64>> = BTreeMap::new();
    for finding in &chosen {
        let (Some(other), Some(value)) = (finding.other_layer(), finding.value) else {
            continue;
        };
        for name in [finding.array.as_str(), other] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        values.entry((finding.steps[0], &finding.array, other)).or_default().push(value);
    }
    let mut steps: Vec<u64> = values.keys().map(|(step, ..)| *step).collect();
    steps.dedup();
    // The title names the network already, which the names of its layers may begin with.
    let prefix = format!("{}.", selection.network);
    let short = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_string();
    let cell = |step: u64, a: &str, b: &str| {
        let mean = |a, b| values.get(&(step, a, b)).and_then(|v| seeds::mean(v));
        mean(a, b).or_else(|| mean(b, a)).or(if a == b { diagonal } else { None })
    };
    let panel = |step: u64| HeatPanel {
        title: format!("step {}", grouped(step)),
        rows: names.iter().map(|n| short(n)).collect(),
        columns: names.iter().map(|n| short(n)).collect(),
        values: names.iter().map(|a| names.iter().map(|b| cell(step, a, b)).collect()).collect(),
    };
    // Frames compare only on one scale.
    let range = range.or_else(|| {
        let all = || steps.iter().flat_map(|s| panel(*s).values).flatten().flatten();
        (!steps.is_empty()).then(|| [all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max)])
    });
    let figure = |panels: Vec<HeatPanel>| Figure {
        title: format!("{}: {} between layers", selection.network, words(selection.measure)),
        note: format!("{}{}", note(runs(&chosen)), null_words(&chosen)),
        width: Width::Double,
        kind: FigureKind::HeatMap(HeatMap {
            colour: scale(words(selection.measure), range),
            panels,
            print: PrintValues::Auto,
            decimals: 2,
            square: true,
            ..HeatMap::default()
        }),
    };
    let panels: Vec<HeatPanel> = steps.iter().filter(|s| printed.contains(s)).map(|s| panel(*s)).collect();
    let frames = steps.iter().map(|s| Frame { name: grouped(*s), figure: figure(vec![panel(*s)]) });
    let frames = Frames { label: "step".into(), start: steps.len().saturating_sub(1), frames: frames.collect() };
    (!panels.is_empty()).then(|| (figure(panels), frames))
}

/// The widest central 95 % of the cells' main nulls, in words; nothing where none was drawn.
fn null_words(findings: &[&Finding]) -> String {
    let nulls: Vec<_> = findings.iter().filter_map(|f| f.null()).collect();
    let Some(first) = nulls.first() else { return String::new() };
    let widest = nulls.iter().fold(first.interval, |[a, b], n| [a.min(n.interval[0]), b.max(n.interval[1])]);
    format!(" Null by {}: central 95 % of every cell within {}.", words(&first.kind), format_interval(widest, 2))
}
