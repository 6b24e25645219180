//! Draws clouds of points in square panels.

use super::legend::{self, Key};
use super::{Frame, MARGIN, SMALL, axes, columns_for};
use crate::figure::{AxisScale, Scatter, ScatterPanel};
use crate::scale::Scale;
use crate::svg::{Anchor, Fill, Stroke, Svg, TextStyle, colour, text};

const PANEL_TITLE: f64 = 15.0;
const GUTTER: f64 = 14.0;
/// Points in a panel up to which each is a marker of its own.
const FEW: usize = 400;
/// Classes take turns in this many layers of paint, so that none veils the others.
const TURNS: usize = 8;

/// Horizontal and vertical scale of a panel; equally long where units are to be equal.
pub(crate) fn scales(scatter: &Scatter, panel: &ScatterPanel) -> [Scale; 2] {
    let fit = |axis: usize| {
        let range = panel.range.map(|range| range[axis]);
        Scale::fit(AxisScale::Linear, panel.points.iter().map(|p| p[axis]), range).widened(0.04)
    };
    let both = [fit(0), fit(1)];
    if !scatter.equal_units {
        return both;
    }
    let ends = both.each_ref().map(Scale::ends);
    let half = ends.iter().map(|[low, high]| (high - low) / 2.0).fold(0.0, f64::max);
    ends.map(|[low, high]| {
        let middle = low + (high - low) / 2.0;
        Scale::fit(AxisScale::Linear, [], Some([middle - half, middle + half]))
    })
}

/// Draws the panels below `y` and returns the y below them.
pub(super) fn draw(svg: &mut Svg, scatter: &Scatter, y: f64) -> f64 {
    let key = |(i, name): (usize, &String)| {
        let (colour, marker) = colour::point(i);
        (Key::Point { colour, marker }, name.clone())
    };
    let named = scatter.classes.iter().enumerate().filter(|(_, name)| !name.is_empty());
    let y = legend::draw(svg, &named.map(key).collect::<Vec<_>>(), y);

    let columns = columns_for(scatter.panels.len(), svg.width());
    let x_named = scatter.panels.iter().any(|p| !p.x_label.is_empty());
    let y_named = scatter.panels.iter().any(|p| !p.y_label.is_empty());
    let ticked = |panel: &ScatterPanel| axes::tick_room(&axes::y_ticks(&scales(scatter, panel)[1], 120.0));
    let named_panels = scatter.panels.iter().filter(|p| !p.y_label.is_empty());
    let room = if y_named { axes::Y_LABEL + 2.0 + named_panels.map(ticked).fold(0.0, f64::max) } else { 0.0 };
    let free = svg.width() - 2.0 * MARGIN - GUTTER * (columns - 1) as f64;
    let side = (free / columns as f64 - room).min(300.0);
    let below = if x_named { axes::X_TICKS + axes::X_LABEL } else { 4.0 };
    let row_height = PANEL_TITLE + side + below + 8.0;
    let titles = axes::panel_titles(scatter.panels.iter().map(|p| &p.title), side);
    for (i, panel) in scatter.panels.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let frame = Frame {
            x: MARGIN + column as f64 * (side + room + GUTTER) + room,
            y: y + row as f64 * row_height + PANEL_TITLE,
            w: side,
            h: side,
        };
        axes::panel_title(svg, &frame, &titles[i]);
        draw_panel(svg, scatter, panel, &frame, room);
    }
    y + scatter.panels.len().div_ceil(columns) as f64 * row_height
}

fn draw_panel(svg: &mut Svg, scatter: &Scatter, panel: &ScatterPanel, frame: &Frame, room: f64) {
    let [xs, ys] = scales(scatter, panel);
    if !panel.y_label.is_empty() {
        axes::vertical(svg, frame, &ys, &axes::y_ticks(&ys, frame.h), true);
        axes::y_label(svg, frame, frame.x - room, &panel.y_label);
    }
    if panel.x_label.is_empty() {
        svg.frame(frame.x, frame.y, frame.w, frame.h, Stroke::grid());
    } else {
        let ticks = axes::x_ticks(&xs, frame.w);
        axes::vertical_grid(svg, frame, &xs, &ticks);
        axes::horizontal(svg, frame, &xs, &ticks, true);
        axes::x_label(svg, frame, frame.bottom() + axes::X_TICKS + 1.0, &panel.x_label);
    }
    let at = |[x, y]: [f64; 2]| (axes::x_at(frame, &xs, x), axes::y_at(frame, &ys, y));
    if panel.points.len() <= FEW {
        let radius = if panel.points.len() <= 60 { 2.6 } else { 2.0 };
        for (point, class) in panel.points.iter().zip(&panel.classes) {
            let (shade, marker) = colour::point(*class);
            let (x, y) = at(*point);
            svg.marker(marker, x, y, radius, shade);
        }
    } else {
        let radius = if panel.points.len() <= 3000 { 1.25 } else { 0.8 };
        for turn in 0..TURNS {
            for class in 0..scatter.classes.len() {
                let of_class = (0..panel.points.len()).filter(|i| panel.classes[*i] == class);
                let points: Vec<_> = of_class.skip(turn).step_by(TURNS).map(|i| at(panel.points[i])).collect();
                if !points.is_empty() {
                    svg.dots(&points, radius, colour::point(class).0);
                }
            }
        }
    }
    if scatter.named_in_place {
        for (class, name) in scatter.classes.iter().enumerate() {
            if let Some(middle) = median(panel, class) {
                name_at(svg, name, at(middle), frame);
            }
        }
    }
}

/// The median of a class's points, coordinate by coordinate; none where it has no points.
pub(crate) fn median(panel: &ScatterPanel, class: usize) -> Option<[f64; 2]> {
    let of_class = || panel.points.iter().zip(&panel.classes).filter(|(_, c)| **c == class).map(|(p, _)| *p);
    let middle = |axis: usize| {
        let mut values: Vec<f64> = of_class().map(|p| p[axis]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Some([middle(0)?, middle(1)?])
}

/// A name on a patch of paper, inside the frame.
fn name_at(svg: &mut Svg, name: &str, (x, y): (f64, f64), frame: &Frame) {
    let half = text::width(name, SMALL, true) / 2.0 + 2.0;
    let x = x.clamp(frame.x + half, (frame.right() - half).max(frame.x + half));
    let y = y.clamp(frame.y + 6.0, frame.bottom() - 6.0);
    svg.rect(x - half, y - 6.0, 2.0 * half, 12.0, Fill { class: "paper", opacity: 0.72, ..Fill::new("#ffffff", 1.0) });
    svg.text(x, y + SMALL * 0.35, name, TextStyle::ink(SMALL, Anchor::Middle).bold());
}
