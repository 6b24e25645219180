//! Draws curves as small multiples.

use super::legend::{self, Key};
use super::{Frame, MARGIN, axes, columns_for};
use crate::figure::{CurvePanel, Curves, Series};
use crate::scale::{Scale, Tick};
use crate::svg::{Fill, Stroke, Svg, colour};

const GUTTER: f64 = 18.0;
const PANEL_TITLE: f64 = 15.0;

/// Draws the panels below `y` and returns the y below them.
pub(super) fn draw(svg: &mut Svg, curves: &Curves, y: f64) -> f64 {
    let names = series_names(curves);
    let rules = threshold_names(curves);
    let y = legend::draw(svg, &legend_entries(curves, &names, &rules), y);

    let x_scale = Scale::fit(curves.x.scale, curves.panels.iter().flat_map(panel_xs), curves.x.range);
    let x_scale = pad_linear_steps(curves, x_scale);
    let columns = columns_for(curves.panels.len(), svg.width());
    let rows = curves.panels.len().div_ceil(columns);
    let mut y_scales: Vec<Scale> =
        curves.panels.iter().map(|p| Scale::fit(curves.y.scale, panel_ys(p), curves.y.range).padded(0.04)).collect();
    if curves.shared_y {
        let all = Scale::fit(curves.y.scale, curves.panels.iter().flat_map(panel_ys), curves.y.range).padded(0.04);
        y_scales.fill(all);
    }

    // The tick labels need room that depends on the ticks, which depend on the height, which depends on the width left:
    // the height is set first, from the width without labels.
    let rough = (svg.width() - 2.0 * MARGIN - 40.0) / columns as f64;
    let height = (rough * 0.6).clamp(74.0, if columns == 1 { 230.0 } else { 165.0 });
    let ticks: Vec<Vec<Tick>> = y_scales.iter().map(|s| axes::y_ticks(s, height)).collect();
    let room = ticks.iter().map(|t| axes::tick_room(t)).fold(0.0, f64::max);
    let has_label = !curves.y.label.is_empty();
    let left = MARGIN + if has_label { axes::Y_LABEL + 2.0 } else { 0.0 } + room;
    let between = if curves.shared_y { GUTTER } else { GUTTER + room };
    // Half of a centred tick label may stick out at the right.
    let right = svg.width() - MARGIN - 8.0;
    let width = (right - left - between * (columns - 1) as f64) / columns as f64;
    let titled = curves.panels.iter().any(|p| !p.title.is_empty());
    let row_height = height + if titled { PANEL_TITLE } else { 4.0 } + 10.0;

    let titles = axes::panel_titles(curves.panels.iter().map(|p| &p.title), width);
    let mut bottom = y;
    for (i, panel) in curves.panels.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let frame = Frame {
            x: left + column as f64 * (width + between),
            y: y + row as f64 * row_height + if titled { PANEL_TITLE } else { 4.0 },
            w: width,
            h: height,
        };
        axes::panel_title(svg, &frame, &titles[i]);
        axes::vertical(svg, &frame, &y_scales[i], &ticks[i], column == 0 || !curves.shared_y);
        let x_ticks = few_steps(curves).unwrap_or_else(|| axes::x_ticks(&x_scale, width));
        let lowest = i + columns >= curves.panels.len();
        draw_panel(svg, &frame, panel, &x_scale, &y_scales[i], &names, &rules);
        axes::horizontal(svg, &frame, &x_scale, &x_ticks, lowest);
        bottom = bottom.max(frame.bottom());
    }
    let all = Frame { x: left, y, w: right - left, h: rows as f64 * row_height };
    axes::y_label(svg, &all, MARGIN - 2.0, &curves.y.label);
    let mut end = bottom + axes::X_TICKS;
    if !curves.x.label.is_empty() {
        axes::x_label(svg, &all, end + 1.0, &curves.x.label);
        end += axes::X_LABEL;
    }
    end
}

fn draw_panel(
    svg: &mut Svg,
    frame: &Frame,
    panel: &CurvePanel,
    xs: &Scale,
    ys: &Scale,
    names: &[String],
    rules: &[String],
) {
    let at = |x: f64, y: f64| (axes::x_at(frame, xs, x), axes::y_at(frame, ys, y));
    if let Some(null) = &panel.null {
        let points: Vec<(f64, [f64; 2])> = null.x.iter().copied().zip(null.interval.iter().copied()).collect();
        ribbon(svg, &points, &at, Fill::null());
        let mean: Vec<_> = null.x.iter().zip(&null.mean).map(|(x, y)| at(*x, *y)).collect();
        svg.polyline(&mean, legend::null_mean());
        if let [only] = mean[..] {
            svg.line((only.0 - 4.0, only.1), (only.0 + 4.0, only.1), legend::null_mean());
        }
    }
    for threshold in &panel.thresholds {
        let dash = colour::threshold_dash(rules.iter().position(|l| *l == threshold.label).unwrap_or(0));
        let y = axes::y_at(frame, ys, threshold.value);
        svg.line((frame.x, y), (frame.right(), y), Stroke::threshold(dash));
    }
    // All bands lie under all lines, so that no line is veiled.
    for series in &panel.series {
        let (shade, ..) = look(series, names);
        for piece in band_pieces(series) {
            ribbon(svg, &piece, &at, Fill::new(shade, 0.2));
        }
    }
    for series in &panel.series {
        draw_series(svg, series, &at, names);
    }
}

fn draw_series(svg: &mut Svg, series: &Series, at: &impl Fn(f64, f64) -> (f64, f64), names: &[String]) {
    let (shade, dash, marker) = look(series, names);
    for (_, values) in &series.runs {
        for piece in pieces(&series.x, values) {
            let points: Vec<_> = piece.iter().map(|(x, y)| at(*x, *y)).collect();
            svg.polyline(&points, Stroke { opacity: 0.45, ..Stroke::new(shade, 0.6) });
            if let [only] = points[..] {
                svg.marker(marker, only.0, only.1, 1.1, shade);
            }
        }
    }
    let drawn = series.y.iter().flatten().count();
    // Markers thin out on long curves; where they stand is fixed by the index, so that series stay comparable.
    let every = (drawn / 20).max(1);
    let mut index = 0;
    for piece in pieces(&series.x, &series.y) {
        let points: Vec<_> = piece.iter().map(|(x, y)| at(*x, *y)).collect();
        if points.len() > 1 {
            svg.polyline(&points, Stroke { dash, ..Stroke::new(shade, 1.4) });
        }
        for (x, y) in points {
            if index % every == 0 {
                let radius = if drawn <= 4 { 2.6 } else { 1.9 };
                svg.marker(marker, x, y, radius, shade);
            }
            index += 1;
        }
    }
}

/// An area between two curves; a single point becomes a bar with caps.
fn ribbon(svg: &mut Svg, points: &[(f64, [f64; 2])], at: &impl Fn(f64, f64) -> (f64, f64), fill: Fill<'_>) {
    if let [(x, [low, high])] = *points {
        let (x, low) = at(x, low);
        let (_, high) = at(0.0_f64.max(f64::MIN_POSITIVE), high);
        let half = if fill.class == "null" { 4.0 } else { 1.2 };
        let opacity = if fill.class == "null" { fill.opacity } else { 0.8 };
        svg.rect(x - half, high, 2.0 * half, low - high, Fill { opacity, ..fill });
        return;
    }
    let upper = points.iter().map(|(x, [_, high])| at(*x, *high));
    let lower = points.iter().rev().map(|(x, [low, _])| at(*x, *low));
    let outline: Vec<_> = upper.chain(lower).collect();
    if !outline.is_empty() {
        svg.polygon(&outline, fill);
    }
}

/// Runs of neighbouring points without a gap.
fn pieces(xs: &[f64], ys: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut out = vec![Vec::new()];
    for (x, y) in xs.iter().zip(ys) {
        match (y, out.last_mut()) {
            (Some(y), Some(piece)) => piece.push((*x, *y)),
            _ => out.push(Vec::new()),
        }
    }
    out.retain(|piece| !piece.is_empty());
    out
}

fn band_pieces(series: &Series) -> Vec<Vec<(f64, [f64; 2])>> {
    let mut out = vec![Vec::new()];
    for (x, interval) in series.x.iter().zip(&series.band) {
        match (interval, out.last_mut()) {
            (Some(interval), Some(piece)) => piece.push((*x, *interval)),
            _ => out.push(Vec::new()),
        }
    }
    out.retain(|piece| !piece.is_empty());
    out
}

fn look(series: &Series, names: &[String]) -> (&'static str, &'static str, crate::svg::Marker) {
    colour::category(names.iter().position(|n| *n == series.label).unwrap_or(0))
}

pub(super) fn series_names(curves: &Curves) -> Vec<String> {
    distinct(curves.panels.iter().flat_map(|p| p.series.iter().map(|s| &s.label)))
}

pub(super) fn threshold_names(curves: &Curves) -> Vec<String> {
    distinct(curves.panels.iter().flat_map(|p| p.thresholds.iter().map(|t| &t.label)))
}

/// Labels in order of first appearance.
pub(super) fn distinct<'a>(labels: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for label in labels {
        if !out.contains(label) {
            out.push(label.clone());
        }
    }
    out
}

fn legend_entries(curves: &Curves, names: &[String], rules: &[String]) -> Vec<(Key, String)> {
    let mut entries = Vec::new();
    for (i, name) in names.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
        let (colour, dash, marker) = colour::category(i);
        entries.push((Key::Line { colour, dash, marker }, name.clone()));
    }
    let nulls = distinct(curves.panels.iter().filter_map(|p| p.null.as_ref().map(|n| &n.label)));
    entries.extend(nulls.into_iter().map(|label| (Key::Null, label)));
    for (i, rule) in rules.iter().enumerate() {
        entries.push((Key::Threshold { dash: colour::threshold_dash(i) }, rule.clone()));
    }
    entries
}

/// Where there are at most four positions, each has its own tick.
fn few_steps(curves: &Curves) -> Option<Vec<Tick>> {
    let mut xs: Vec<f64> = curves.panels.iter().flat_map(panel_xs).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let whole = xs.iter().all(|x| x.fract() == 0.0 && (0.0..1e9).contains(x));
    let tick = |x: &f64| Tick { value: *x, label: crate::number::grouped(*x as u64) };
    (xs.len() <= 4 && whole).then(|| xs.iter().map(tick).collect())
}

fn panel_xs(panel: &CurvePanel) -> impl Iterator<Item = f64> + '_ {
    panel.series.iter().flat_map(|s| s.x.iter().copied()).chain(panel.null.iter().flat_map(|n| n.x.iter().copied()))
}

fn panel_ys(panel: &CurvePanel) -> impl Iterator<Item = f64> + '_ {
    let series = panel.series.iter().flat_map(|s| {
        let runs = s.runs.iter().flat_map(|(_, v)| v.iter().flatten().copied());
        s.y.iter().flatten().copied().chain(s.band.iter().flatten().flatten().copied()).chain(runs)
    });
    let null = panel.null.iter().flat_map(|n| n.interval.iter().flatten().chain(&n.mean).copied());
    series.chain(null).chain(panel.thresholds.iter().map(|t| t.value))
}

/// Few points on a linear or logarithmic axis get room at both ends, or the first and last would sit on the frame.
fn pad_linear_steps(curves: &Curves, scale: Scale) -> Scale {
    if curves.x.range.is_none() && curves.x.scale != crate::figure::AxisScale::SymlogFromZero {
        scale.padded(0.05)
    } else {
        scale
    }
}
