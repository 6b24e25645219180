//! Loss and accuracy over training, from recorded series.

use std::collections::BTreeMap;

use super::{seed_count, seeds};
use crate::figure::{Axis, CurvePanel, Curves, Figure, FigureKind, Series, Width};

/// One recorded series of one run.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Trace {
    /// The panel it is drawn in: the quantity with its unit, such as `loss (nats)`.
    pub panel: String,
    /// Its name in the legend, such as `train` or `held out`.
    pub label: String,
    /// The run, such as `seed 0`. Traces of equal panel and label are seeds of one curve.
    pub run: String,
    /// Steps, ascending.
    pub steps: Vec<u64>,
    /// A value at each step; one that is not finite (a run that diverged) breaks the line.
    pub values: Vec<f64>,
}

/// Curves of recorded series: one panel a quantity, one curve a label, mean over seeds with band and thin lines.
///
/// `None` when no trace holds a finite value.
#[must_use]
pub fn training_curves(title: &str, traces: &[Trace]) -> Option<Figure> {
    let mut panels: Vec<CurvePanel> = Vec::new();
    let mut groups: Vec<(&str, &str, Vec<&Trace>)> = Vec::new();
    for trace in traces.iter().filter(|t| t.values.iter().any(|v| v.is_finite())) {
        match groups.iter_mut().find(|(panel, label, _)| *panel == trace.panel && *label == trace.label) {
            Some((_, _, group)) => group.push(trace),
            None => groups.push((&trace.panel, &trace.label, vec![trace])),
        }
    }
    let mut most = 0;
    for (panel, label, group) in &groups {
        most = most.max(group.len());
        let series = series(label, group);
        match panels.iter_mut().find(|p| p.title == *panel) {
            Some(panel) => panel.series.push(series),
            None => panels.push(CurvePanel { title: panel.to_string(), series: vec![series], ..Default::default() }),
        }
    }
    if panels.is_empty() {
        return None;
    }
    let x = Axis::steps(groups.iter().flat_map(|(_, _, g)| g.iter().flat_map(|t| t.steps.iter().copied())));
    let note = match most {
        1 => "1 seed.".to_string(),
        n => format!("Mean over {} with its 95 % t-interval; thin lines: single seeds.", seed_count(n)),
    };
    let curves = Curves { x, y: Axis::default(), shared_y: false, panels };
    Some(Figure { title: title.to_string(), note, width: Width::Double, kind: FigureKind::Curves(curves) })
}

fn series(label: &str, group: &[&Trace]) -> Series {
    let mut at: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
    for (run, trace) in group.iter().enumerate() {
        for (step, value) in trace.steps.iter().zip(&trace.values) {
            let row = at.entry(*step).or_insert_with(|| vec![None; group.len()]);
            row[run] = Some(*value).filter(|v| v.is_finite());
        }
    }
    let present = |row: &Vec<Option<f64>>| row.iter().flatten().copied().collect::<Vec<f64>>();
    let single = group.len() == 1;
    let runs = |i: usize| (group[i].run.clone(), at.values().map(|row| row[i]).collect());
    Series {
        label: label.to_string(),
        x: at.keys().map(|s| *s as f64).collect(),
        y: at.values().map(|row| seeds::mean(&present(row))).collect(),
        band: if single { Vec::new() } else { at.values().map(|row| seeds::t_interval(&present(row))).collect() },
        runs: if single { Vec::new() } else { (0..group.len()).map(runs).collect() },
    }
}
