//! Axes: frames, grid lines, ticks and labels that do not run into each other.

use super::{Frame, MEDIUM, SMALL};
use crate::scale::{Scale, Tick};
use crate::svg::{Anchor, Stroke, Svg, TextStyle, text};

/// Height of a row of horizontal tick labels, with the tick.
pub(crate) const X_TICKS: f64 = 15.0;
/// Height of a horizontal axis label.
pub(crate) const X_LABEL: f64 = 14.0;
/// Width of a rotated axis label.
pub(crate) const Y_LABEL: f64 = 14.0;

/// Ticks of a horizontal axis as many as fit the width.
pub(crate) fn x_ticks(scale: &Scale, width: f64) -> Vec<Tick> {
    scale.ticks(((width / 30.0) as usize).clamp(2, 9))
}

/// Ticks of a vertical axis as many as fit the height.
pub(crate) fn y_ticks(scale: &Scale, height: f64) -> Vec<Tick> {
    scale.ticks(((height / 18.0) as usize).clamp(2, 7))
}

/// Room the labels of a vertical axis need, with the tick.
pub(crate) fn tick_room(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|t| text::width(&t.label, SMALL, false)).fold(0.0, f64::max) + 7.0
}

pub(crate) fn x_at(frame: &Frame, scale: &Scale, value: f64) -> f64 {
    frame.x + scale.position(value) * frame.w
}

pub(crate) fn y_at(frame: &Frame, scale: &Scale, value: f64) -> f64 {
    frame.bottom() - scale.position(value) * frame.h
}

/// Horizontal grid lines, vertical-axis ticks and, when `labelled`, their labels.
pub(crate) fn vertical(svg: &mut Svg, frame: &Frame, scale: &Scale, ticks: &[Tick], labelled: bool) {
    for tick in ticks {
        let y = y_at(frame, scale, tick.value);
        if tick.is_major() {
            svg.line((frame.x, y), (frame.right(), y), Stroke::grid());
        }
        if !labelled {
            continue;
        }
        let length = if tick.is_major() { 3.0 } else { 1.6 };
        svg.line((frame.x - length, y), (frame.x, y), Stroke::axis());
        if tick.is_major() {
            svg.text(frame.x - 5.0, y + SMALL * 0.35, &tick.label, TextStyle::ink(SMALL, Anchor::End));
        }
    }
}

/// Horizontal-axis line, ticks and, when `labelled`, those labels that do not touch their neighbours.
pub(crate) fn horizontal(svg: &mut Svg, frame: &Frame, scale: &Scale, ticks: &[Tick], labelled: bool) {
    svg.line((frame.x, frame.bottom()), (frame.right(), frame.bottom()), Stroke::axis());
    let mut free_from = f64::NEG_INFINITY;
    for tick in ticks {
        let x = x_at(frame, scale, tick.value);
        let length = if tick.is_major() { 3.0 } else { 1.6 };
        svg.line((x, frame.bottom()), (x, frame.bottom() + length), Stroke::axis());
        if !labelled || !tick.is_major() {
            continue;
        }
        let half = text::width(&tick.label, SMALL, false) / 2.0;
        if x - half >= free_from {
            svg.text(x, frame.bottom() + 4.0 + SMALL, &tick.label, TextStyle::ink(SMALL, Anchor::Middle));
            free_from = x + half + 5.0;
        }
    }
}

/// Vertical grid lines at the labelled ticks.
pub(crate) fn vertical_grid(svg: &mut Svg, frame: &Frame, scale: &Scale, ticks: &[Tick]) {
    for tick in ticks.iter().filter(|t| t.is_major()) {
        let x = x_at(frame, scale, tick.value);
        svg.line((x, frame.y), (x, frame.bottom()), Stroke::grid());
    }
}

/// The label of a horizontal axis, centred under `frame`, baseline in the row that starts at `top`.
pub(crate) fn x_label(svg: &mut Svg, frame: &Frame, top: f64, label: &str) {
    if !label.is_empty() {
        let label = text::fit(label, MEDIUM, false, svg.width() - 2.0 * super::MARGIN);
        svg.text(frame.x + frame.w / 2.0, top + MEDIUM, &label, TextStyle::ink(MEDIUM, Anchor::Middle));
    }
}

/// The label of a vertical axis, rotated, centred beside `frame`.
pub(crate) fn y_label(svg: &mut Svg, frame: &Frame, x: f64, label: &str) {
    if !label.is_empty() {
        let label = text::fit(label, MEDIUM, false, frame.h.max(60.0) + 30.0);
        let style = TextStyle::ink(MEDIUM, Anchor::Middle).rotated(-90.0);
        svg.text(x + MEDIUM, frame.y + frame.h / 2.0, &label, style);
    }
}

/// Titles of panels this wide, shortened so that they still differ.
pub(crate) fn panel_titles<'a>(titles: impl Iterator<Item = &'a String>, width: f64) -> Vec<String> {
    let titles: Vec<String> = titles.cloned().collect();
    text::fit_all(&titles, MEDIUM, true, width)
}

/// A panel's title above its frame.
pub(crate) fn panel_title(svg: &mut Svg, frame: &Frame, title: &str) {
    if !title.is_empty() {
        svg.text(frame.x, frame.y - 4.5, title, TextStyle::ink(MEDIUM, Anchor::Start).bold());
    }
}
