//! Draws histograms with marked values.

use super::legend::{self, Key};
use super::{Frame, MARGIN, axes, columns_for, curves::distinct};
use crate::figure::{AxisScale, Histogram, HistogramPanel};
use crate::scale::Scale;
use crate::svg::{Fill, Stroke, Svg};

const BAR: &str = "#56b4e9";
const PANEL_TITLE: f64 = 15.0;

/// The low end of bin `b`.
pub(crate) fn edge([low, high]: [f64; 2], bins: usize, b: usize) -> f64 {
    low + (high - low) / bins as f64 * b as f64
}

/// Counts per bin of equal width over `range`; a bin holds its lower [`edge`], and the last one its upper end, too.
pub(crate) fn counts(values: &[f64], range: [f64; 2], bins: usize) -> Vec<usize> {
    let mut out = vec![0; bins];
    for v in values.iter().filter(|v| (range[0]..=range[1]).contains(v)) {
        let share = (v - range[0]) / (range[1] - range[0]);
        let mut at = ((share * bins as f64) as usize).min(bins - 1);
        // Rounding may have put a value beside an edge on its wrong side.
        if at > 0 && *v < edge(range, bins, at) {
            at -= 1;
        } else if at + 1 < bins && *v >= edge(range, bins, at + 1) {
            at += 1;
        }
        out[at] += 1;
    }
    out
}

/// The range binned in each panel, and the number of bins.
pub(crate) fn binning(histogram: &Histogram) -> (Vec<[f64; 2]>, usize) {
    let largest = histogram.panels.iter().map(|p| p.values.len()).max().unwrap_or(0);
    let bins = histogram.bins.unwrap_or_else(|| ((largest as f64).sqrt().ceil() as usize).clamp(8, 60));
    let fit = |values: Vec<f64>| Scale::fit(AxisScale::Linear, values, histogram.x.range).ends();
    let shared = fit(histogram.panels.iter().flat_map(|p| p.values.iter().copied()).collect());
    let own = |p: &HistogramPanel| {
        if histogram.shared_x { shared } else { fit(p.values.clone()) }
    };
    (histogram.panels.iter().map(own).collect(), bins)
}

/// Draws the panels below `y` and returns the y below them.
pub(super) fn draw(svg: &mut Svg, histogram: &Histogram, y: f64) -> f64 {
    let marks = distinct(histogram.panels.iter().flat_map(|p| p.marks.iter().map(|m| &m.label)));
    let entries: Vec<(Key, String)> = marks
        .iter()
        .enumerate()
        .map(|(i, label)| {
            let (colour, dash) = mark_look(i);
            (Key::Mark { colour, dash }, label.clone())
        })
        .collect();
    let y = legend::draw(svg, &entries, y);

    let (ranges, bins) = binning(histogram);
    let tallest = histogram
        .panels
        .iter()
        .zip(&ranges)
        .flat_map(|(p, range)| counts(&p.values, *range, bins))
        .max()
        .unwrap_or(1)
        .max(1);
    let y_scale = Scale::fit(AxisScale::Linear, [0.0, tallest as f64 * 1.06], None);
    let columns = columns_for(histogram.panels.len(), svg.width());
    let height = if columns == 1 { 130.0 } else { 96.0 };
    // Counts are whole numbers, so ticks between them are dropped.
    let mut y_ticks = axes::y_ticks(&y_scale, height);
    y_ticks.retain(|t| t.value.fract() == 0.0);
    for tick in &mut y_ticks {
        tick.label = crate::number::grouped(tick.value as u64);
    }
    let label_room = if histogram.count_label.is_empty() { 0.0 } else { axes::Y_LABEL + 2.0 };
    let left = MARGIN + label_room + axes::tick_room(&y_ticks);
    let right = svg.width() - MARGIN - 8.0;
    let gutter = 14.0;
    let width = (right - left - gutter * (columns - 1) as f64) / columns as f64;
    let titled = histogram.panels.iter().any(|p| !p.title.is_empty());
    let above = if titled { PANEL_TITLE } else { 4.0 };
    let row_height = above + height + axes::X_TICKS + 6.0;

    let titles = axes::panel_titles(histogram.panels.iter().map(|p| &p.title), width);
    let mut bottom = y;
    for (i, panel) in histogram.panels.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let frame = Frame {
            x: left + column as f64 * (width + gutter),
            y: y + row as f64 * row_height + above,
            w: width,
            h: height,
        };
        axes::panel_title(svg, &frame, &titles[i]);
        axes::vertical(svg, &frame, &y_scale, &y_ticks, column == 0);
        draw_panel(svg, histogram, panel, &frame, ranges[i], bins, &y_scale, &marks);
        bottom = bottom.max(frame.bottom());
    }
    let all = Frame { x: left, y: y + above, w: right - left, h: bottom - y - above };
    axes::y_label(svg, &all, MARGIN - 2.0, &histogram.count_label);
    let end = bottom + axes::X_TICKS;
    if histogram.x.label.is_empty() {
        return end;
    }
    axes::x_label(svg, &all, end + 1.0, &histogram.x.label);
    end + axes::X_LABEL
}

#[allow(clippy::too_many_arguments)]
fn draw_panel(
    svg: &mut Svg,
    histogram: &Histogram,
    panel: &HistogramPanel,
    frame: &Frame,
    range: [f64; 2],
    bins: usize,
    y_scale: &Scale,
    marks: &[String],
) {
    // The axis also holds the marks, which may lie outside the distribution: that is often the finding.
    let marked: Vec<f64> = if histogram.shared_x {
        histogram.panels.iter().flat_map(|p| p.marks.iter().map(|m| m.value)).collect()
    } else {
        panel.marks.iter().map(|m| m.value).collect()
    };
    let x_scale = Scale::fit(histogram.x.scale, marked.into_iter().chain(range), None).padded(0.03);
    for (b, count) in counts(&panel.values, range, bins).into_iter().enumerate() {
        if count == 0 {
            continue;
        }
        let x = axes::x_at(frame, &x_scale, edge(range, bins, b));
        let end = axes::x_at(frame, &x_scale, edge(range, bins, b + 1));
        let top = axes::y_at(frame, y_scale, count as f64);
        svg.rect(x + 0.25, top, (end - x - 0.5).max(0.6), frame.bottom() - top, Fill::new(BAR, 0.9));
    }
    for mark in &panel.marks {
        let (colour, dash) = mark_look(marks.iter().position(|m| *m == mark.label).unwrap_or(0));
        let x = axes::x_at(frame, &x_scale, mark.value);
        svg.line((x, frame.y), (x, frame.bottom()), Stroke { dash, ..Stroke::new(colour, 1.6) });
    }
    let ticks = axes::x_ticks(&x_scale, frame.w);
    axes::horizontal(svg, frame, &x_scale, &ticks, true);
}

/// Marks are told apart by colour and dash, and none has the colour of the bars.
fn mark_look(index: usize) -> (&'static str, &'static str) {
    let looks = [("#d55e00", ""), ("#1b1b8f", "4 2"), ("#009e73", "1.5 1.5"), ("#cc79a7", "7 2 1.5 2")];
    looks[index % looks.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        assert_eq!(counts(&[0.0, 0.5, 0.99, 1.0], [0.0, 1.0], 2), [1, 3]);
        assert_eq!(counts(&[0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 4.0], 4), [1, 1, 1, 2]);
    }
}
