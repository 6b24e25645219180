//! The verdict as a picture: every prediction's estimate, interval, null and threshold.

use kymograph_findings::{Finding, Judgement, Verdict};

use super::words;
use crate::figure::{Axis, DotInterval, DotPanel, DotRow, Figure, FigureKind, Width};
use crate::page::judgement_word;

/// All predictions of a verdict, a row each, in panels by measure, since an axis holds one quantity. Predictions that
/// were not measured keep their row and say so.
///
/// `None` when the verdict holds no prediction.
#[must_use]
pub fn verdict_forest(verdict: &Verdict, findings: &[Finding]) -> Option<Figure> {
    let mut panels: Vec<DotPanel> = Vec::new();
    for prediction in &verdict.predictions {
        let measure = prediction.rows.first().and_then(|i| findings.get(*i)).map(|f| words(&f.measure));
        let title = match (measure, prediction.judgement) {
            (Some(measure), _) => measure,
            (None, Judgement::NotMeasured) => "not measured".to_string(),
            (None, _) => prediction.quantity.clone(),
        };
        let row = DotRow {
            label: format!("{}: {}", prediction.hypothesis, words(&prediction.name)),
            estimate: prediction.estimate,
            interval: prediction.interval,
            null: prediction.null.as_ref().map(|n| n.interval),
            values: prediction.per_seed.clone(),
            thresholds: if prediction.estimate.is_some() { prediction.thresholds.clone() } else { Vec::new() },
            status: judgement_word(prediction.judgement).to_string(),
        };
        match panels.iter_mut().find(|p| p.title == title) {
            Some(panel) => panel.rows.push(row),
            None => panels.push(DotPanel { title, x: Axis::linear(""), thresholds: Vec::new(), rows: vec![row] }),
        }
    }
    if panels.is_empty() {
        return None;
    }
    let seeds = verdict.predictions.iter().map(|p| p.n_seeds).max().unwrap_or(0);
    let dots = DotInterval {
        interval_label: "estimate, 95 % interval over seeds".into(),
        null_label: "null, central 95 %".into(),
        panels,
    };
    Some(Figure {
        title: verdict.title.clone(),
        note: format!("At most {}. Each panel has its own axis.", super::seed_count(seeds)),
        width: Width::Double,
        kind: FigureKind::DotInterval(dots),
    })
}
