//! Histograms of the parts of a measure: one value a k-means seed, one a unit.

use kymograph_findings::Finding;

use super::{Selection, array_name, arrays, words};
use crate::figure::{Axis, Figure, FigureKind, Histogram, HistogramPanel, Mark, Width};
use crate::number::grouped;

/// A value to mark in the panel of one array at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedValue<'a> {
    /// The array's name.
    pub array: &'a str,
    /// The step.
    pub step: u64,
    /// Name in the legend, such as `published`.
    pub label: &'a str,
    /// Where.
    pub value: f64,
}

/// The distribution of a part (such as the silhouette of every k-means seed) at each array and step, with marked
/// values, and the finding's own value marked as `own_label` (such as `best inertia`).
///
/// Parts of several runs are pooled within a panel. `count_label` names what is counted. `None` when no finding has the
/// part.
#[must_use]
pub fn parts_histogram(
    findings: &[Finding],
    selection: &Selection<'_>,
    part: &str,
    count_label: &str,
    own_label: Option<&str>,
    marked: &[MarkedValue<'_>],
) -> Option<Figure> {
    let mut chosen = selection.of(findings);
    chosen.retain(|f| f.other_layer().is_none());
    let mut panels: Vec<(Vec<u64>, String, HistogramPanel)> = Vec::new();
    let mut most = 0;
    for array in arrays(selection, &chosen) {
        for finding in chosen.iter().filter(|f| array_name(f) == array) {
            let Some(values) = finding.parts.get(part).filter(|v| !v.is_empty()) else {
                continue;
            };
            let found = panels.iter_mut().find(|(steps, name, _)| *steps == finding.steps && *name == array);
            let panel = match found {
                Some((_, _, panel)) => panel,
                None => {
                    let steps: Vec<String> = finding.steps.iter().map(|s| grouped(*s)).collect();
                    let title = format!("{array}, step {}", steps.join("–"));
                    panels.push((finding.steps.clone(), array.clone(), HistogramPanel { title, ..Default::default() }));
                    &mut panels.last_mut()?.2
                }
            };
            panel.values.extend(values.iter().copied().filter(|v| v.is_finite()));
            most = most.max(panel.values.len());
            let marks = marked.iter().filter(|m| m.array == finding.array && finding.steps == [m.step]);
            for mark in marks {
                let mark = Mark { value: mark.value, label: mark.label.to_string() };
                if !panel.marks.contains(&mark) {
                    panel.marks.push(mark);
                }
            }
            if let (Some(label), Some(value)) = (own_label, finding.value) {
                panel.marks.push(Mark { value, label: label.to_string() });
            }
        }
    }
    if panels.is_empty() {
        return None;
    }
    let count = panels.len();
    let histogram = Histogram {
        x: Axis::linear(words(selection.measure)),
        count_label: count_label.to_string(),
        bins: None,
        shared_x: true,
        panels: panels.into_iter().map(|(_, _, panel)| panel).collect(),
    };
    Some(Figure {
        title: format!("{}: {} over {count_label}", selection.network, words(selection.measure)),
        note: format!("Up to {} {count_label} in a panel.", grouped(most as u64)),
        width: if count == 1 { Width::Single } else { Width::Double },
        kind: FigureKind::Histogram(histogram),
    })
}
