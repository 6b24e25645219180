//! Draws estimates with their intervals, a row each, the null grey behind.

use super::legend::{self, Key};
use super::{Frame, MARGIN, SMALL, axes, curves::distinct};
use crate::figure::{DotInterval, DotPanel, DotRow};
use crate::scale::Scale;
use crate::svg::{Anchor, Fill, Marker, Stroke, Svg, TextStyle, colour, text};

const ROW: f64 = 16.0;
const PANEL_TITLE: f64 = 15.0;
const DOT: &str = "#0072b2";

/// Draws the panels below `y` and returns the y below them.
pub(super) fn draw(svg: &mut Svg, dots: &DotInterval, y: f64) -> f64 {
    let rules = distinct(dots.panels.iter().flat_map(|p| p.thresholds.iter().map(|t| &t.label)));
    let mut top = legend::draw(svg, &legend_entries(dots, &rules), y);
    let rows = || dots.panels.iter().flat_map(|p| &p.rows);
    let widest =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| text::width(t, SMALL, false)).fold(0.0, f64::max);
    let free = svg.width() - 2.0 * MARGIN;
    let names = widest(&mut rows().map(|r| &r.label)).min(free * 0.45);
    let status = widest(&mut rows().map(|r| &r.status)).min(free * 0.2);
    let left = MARGIN + names + 8.0;
    let right = svg.width() - MARGIN - if status > 0.0 { status + 10.0 } else { 8.0 };
    for panel in &dots.panels {
        let titled = !panel.title.is_empty();
        let frame = Frame {
            x: left,
            y: top + if titled { PANEL_TITLE } else { 3.0 },
            w: right - left,
            h: ROW * panel.rows.len() as f64,
        };
        if titled {
            let title = text::fit(&panel.title, SMALL + 0.6, true, free);
            svg.text(MARGIN, frame.y - 4.5, &title, TextStyle::ink(SMALL + 0.6, Anchor::Start).bold());
        }
        draw_panel(svg, panel, &frame, names, &rules);
        top = frame.bottom() + axes::X_TICKS;
        if !panel.x.label.is_empty() {
            axes::x_label(svg, &frame, top + 1.0, &panel.x.label);
            top += axes::X_LABEL;
        }
        top += 6.0;
    }
    top
}

fn draw_panel(svg: &mut Svg, panel: &DotPanel, frame: &Frame, names: f64, rules: &[String]) {
    let values = panel.rows.iter().flat_map(row_values).chain(panel.thresholds.iter().map(|t| t.value));
    let scale = Scale::fit(panel.x.scale, values, panel.x.range).widened(0.05);
    let ticks = axes::x_ticks(&scale, frame.w);
    let measured = panel.rows.iter().any(|r| row_values(r).next().is_some());
    if measured {
        axes::vertical_grid(svg, frame, &scale, &ticks);
    }
    let labels: Vec<String> = panel.rows.iter().map(|r| r.label.clone()).collect();
    let labels = text::fit_all(&labels, SMALL, false, names);
    for (i, row) in panel.rows.iter().enumerate() {
        let middle = frame.y + (i as f64 + 0.5) * ROW;
        let name = &labels[i];
        svg.text(frame.x - 8.0, middle + SMALL * 0.35, name, TextStyle::ink(SMALL, Anchor::End));
        let status = text::fit(&row.status, SMALL, false, svg.width() - frame.right() - 12.0);
        svg.text(frame.right() + 9.0, middle + SMALL * 0.35, &status, TextStyle::soft(SMALL, Anchor::Start));
        draw_row(svg, row, frame, &scale, middle);
    }
    for threshold in &panel.thresholds {
        let dash = colour::threshold_dash(rules.iter().position(|l| *l == threshold.label).unwrap_or(0));
        let x = axes::x_at(frame, &scale, threshold.value);
        svg.line((x, frame.y), (x, frame.bottom()), Stroke::threshold(dash));
    }
    if measured {
        axes::horizontal(svg, frame, &scale, &ticks, true);
    }
}

fn draw_row(svg: &mut Svg, row: &DotRow, frame: &Frame, scale: &Scale, middle: f64) {
    let at = |v: f64| axes::x_at(frame, scale, v);
    if let Some([low, high]) = row.null {
        svg.rect(at(low), middle - 5.0, (at(high) - at(low)).max(1.2), 10.0, Fill::null());
    }
    for threshold in &row.thresholds {
        let x = at(*threshold);
        svg.line((x, middle - ROW * 0.46), (x, middle + ROW * 0.46), Stroke::threshold(colour::threshold_dash(1)));
    }
    for value in &row.values {
        let x = at(*value);
        svg.line((x, middle - 4.5), (x, middle + 4.5), Stroke { opacity: 0.7, ..Stroke::new(DOT, 0.9) });
    }
    if let Some([low, high]) = row.interval {
        svg.line((at(low), middle), (at(high), middle), Stroke::new(DOT, 1.6));
        for end in [low, high] {
            svg.line((at(end), middle - 2.6), (at(end), middle + 2.6), Stroke::new(DOT, 1.2));
        }
    }
    match row.estimate {
        Some(estimate) => svg.marker(Marker::Circle, at(estimate), middle, 3.0, DOT),
        None => {
            let x = frame.x + 6.0;
            svg.text(x, middle + SMALL * 0.35, "not measured", TextStyle::soft(SMALL, Anchor::Start));
        }
    }
}

fn row_values(row: &DotRow) -> impl Iterator<Item = f64> + '_ {
    let ends = row.interval.iter().chain(row.null.iter()).flatten();
    ends.chain(&row.values).chain(&row.thresholds).chain(row.estimate.iter()).copied()
}

fn legend_entries(dots: &DotInterval, rules: &[String]) -> Vec<(Key, String)> {
    let rows = || dots.panels.iter().flat_map(|p| &p.rows);
    let mut entries = Vec::new();
    // A small picture that leaves its labels out is explained by what stands around it.
    if dots.interval_label.is_empty() && dots.null_label.is_empty() {
        return entries;
    }
    if rows().any(|r| r.interval.is_some()) {
        entries.push((Key::Interval { colour: DOT }, dots.interval_label.clone()));
    } else if rows().any(|r| r.estimate.is_some()) {
        entries.push((Key::Dot { colour: DOT }, "estimate".into()));
    }
    if rows().any(|r| r.values.len() > 1) {
        entries.push((Key::Single { colour: DOT }, "one seed".into()));
    }
    if rows().any(|r| r.null.is_some()) {
        entries.push((Key::NullBar, dots.null_label.clone()));
    }
    if rows().any(|r| !r.thresholds.is_empty()) {
        entries.push((Key::Threshold { dash: colour::threshold_dash(1) }, "threshold".into()));
    }
    for (i, rule) in rules.iter().enumerate() {
        entries.push((Key::Threshold { dash: colour::threshold_dash(i) }, rule.clone()));
    }
    entries.retain(|(_, label)| !label.is_empty());
    entries
}
