//! The data of a figure for the page's script, which draws it again so that values can be read from it. The drawing
//! stays on the page for print and for readers without a script.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::draw::{curve_labels, scatter};
use crate::figure::{
    Axis, AxisScale, ColourScale, CurvePanel, Curves, Figure, FigureKind, HeatMap, Image, ImageGrid, Scatter, Series,
};
use crate::svg::{Marker, colour};

/// Cells above which a browser becomes slow; such a matrix stays a picture.
const MOST_CELLS: usize = 10_000;
/// Colours sampled from a scale, which the script interpolates.
const COLOURS: usize = 65;

/// What the script draws; nothing for the kinds that it leaves as they are.
pub(super) fn chart(figure: &Figure) -> Option<Value> {
    let mut data = body(figure)?;
    data["title"] = json!(figure.title);
    data["note"] = json!(figure.note);
    Some(data)
}

fn body(figure: &Figure) -> Option<Value> {
    match &figure.kind {
        FigureKind::Curves(curves) => Some(of_curves(curves)),
        FigureKind::HeatMap(map) => {
            let cells: usize = map.panels.iter().map(|p| p.rows.len() * p.columns.len()).sum();
            (cells <= MOST_CELLS).then(|| of_heat_map(map))
        }
        FigureKind::ImageGrid(grid) => Some(of_image_grid(grid)),
        FigureKind::Scatter(scatter) => Some(of_scatter(scatter)),
        FigureKind::Histogram(_) | FigureKind::DotInterval(_) => None,
    }
}

/// JSON that may stand in a script element: nothing in it can end the element or begin another.
pub(super) fn embedded(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Seven significant digits: more than the eye reads, and half as long as all of them.
fn number(value: f64) -> Value {
    format!("{value:.6e}").parse::<f64>().map_or(Value::Null, Value::from)
}

fn numbers(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(number).collect()
}

fn gaps(values: &[Option<f64>]) -> Value {
    values.iter().map(|v| v.map_or(Value::Null, number)).collect()
}

fn axis(axis: &Axis) -> Value {
    let scale = match axis.scale {
        AxisScale::Linear => "linear",
        AxisScale::Log => "log",
        AxisScale::SymlogFromZero => "symlog",
    };
    json!({ "label": axis.label, "scale": scale, "range": axis.range.map(numbers) })
}

fn of_curves(curves: &Curves) -> Value {
    let (names, rules) = curve_labels(curves);
    let looks: Vec<Value> = (0..names.len()).map(look).collect();
    let panels: Vec<Value> = curves.panels.iter().map(|p| panel(p, &names, &rules)).collect();
    json!({
        "kind": "curves", "x": axis(&curves.x), "y": axis(&curves.y), "shared_y": curves.shared_y,
        "series": names.iter().zip(looks).map(|(name, look)| json!({ "label": name, "look": look })).collect::<Value>(),
        "thresholds": rules, "panels": panels,
    })
}

fn look(index: usize) -> Value {
    let (colour, dash, marker) = colour::category(index);
    let dash: Vec<f64> = dash.split_whitespace().filter_map(|d| d.parse().ok()).collect();
    json!({ "colour": colour, "dash": dash, "marker": marker_name(marker) })
}

fn marker_name(marker: Marker) -> &'static str {
    match marker {
        Marker::Circle => "circle",
        Marker::Square => "square",
        Marker::Triangle => "triangle",
        Marker::Diamond => "diamond",
        Marker::Cross => "cross",
        Marker::TriangleDown => "triangle down",
    }
}

fn panel(panel: &CurvePanel, names: &[String], rules: &[String]) -> Value {
    let position = |labels: &[String], label: &String| labels.iter().position(|l| l == label);
    let series = |s: &Series| {
        let band: Vec<Value> = s.band.iter().map(|b| b.map_or(Value::Null, numbers)).collect();
        let runs: Vec<Value> = s.runs.iter().map(|(name, values)| json!([name, gaps(values)])).collect();
        let name = position(names, &s.label);
        json!({ "name": name, "x": numbers(s.x.iter().copied()), "y": gaps(&s.y), "band": band, "runs": runs })
    };
    let null = panel.null.as_ref().map(|n| {
        json!({
            "label": n.label, "x": numbers(n.x.iter().copied()), "mean": numbers(n.mean.iter().copied()),
            "interval": n.interval.iter().copied().map(numbers).collect::<Value>(),
        })
    });
    let thresholds: Vec<Value> =
        panel.thresholds.iter().map(|t| json!([position(rules, &t.label), number(t.value)])).collect();
    json!({
        "title": panel.title, "series": panel.series.iter().map(series).collect::<Value>(), "null": (null),
        "thresholds": thresholds,
    })
}

fn colours(scale: &ColourScale, values: impl Iterator<Item = f64>) -> Value {
    let fitted = colour::Colours::fit(scale, values);
    let at = |i: usize| fitted.low + (fitted.high - fitted.low) * i as f64 / (COLOURS - 1) as f64;
    let stops: Vec<String> = (0..COLOURS).map(|i| colour::hex(fitted.at(at(i)))).collect();
    json!({
        "label": scale.label, "low": number(fitted.low), "high": number(fitted.high), "stops": stops,
        "ends": [fitted.describe_end(false), fitted.describe_end(true)],
    })
}

fn of_heat_map(map: &HeatMap) -> Value {
    let values = map.panels.iter().flat_map(|p| p.values.iter().flatten().flatten().copied());
    let panels: Vec<Value> = map
        .panels
        .iter()
        .map(|p| {
            let rows: Vec<Value> = p.values.iter().map(|r| gaps(r)).collect();
            json!({ "title": p.title, "rows": p.rows, "columns": p.columns, "values": rows })
        })
        .collect();
    json!({
        "kind": "heat_map", "row_axis": map.row_axis, "column_axis": map.column_axis, "square": map.square,
        "decimals": map.decimals, "colours": colours(&map.colour, values), "panels": panels,
    })
}

/// Little-endian f32 in base64.
fn floats(values: impl IntoIterator<Item = f32>) -> String {
    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Pixels as they are.
fn pixels(image: &Image) -> Value {
    json!([image.height, image.width, floats(image.values.iter().copied())])
}

fn of_scatter(figure: &Scatter) -> Value {
    let class = |(i, name): (usize, &String)| {
        let (colour, marker) = colour::point(i);
        json!({ "name": name, "colour": colour, "marker": marker_name(marker) })
    };
    let panels: Vec<Value> = figure
        .panels
        .iter()
        .map(|panel| {
            let axes = scatter::scales(figure, panel).map(|scale| {
                let ticks: Vec<Value> = scale.ticks(4).into_iter().map(|t| json!([number(t.value), t.label])).collect();
                json!({ "range": numbers(scale.ends()), "ticks": ticks })
            });
            json!({
                "title": panel.title, "labels": [panel.x_label, panel.y_label], "axes": axes, "names": panel.names,
                "points": floats(panel.points.iter().flatten().map(|v| *v as f32)), "classes": panel.classes,
            })
        })
        .collect();
    json!({
        "kind": "scatter", "classes": figure.classes.iter().enumerate().map(class).collect::<Value>(),
        "named_in_place": figure.named_in_place, "panels": panels,
    })
}

fn of_image_grid(grid: &ImageGrid) -> Value {
    let images = || grid.cells.iter().flatten().flatten();
    let values = images().flat_map(|i| i.values.iter().map(|v| f64::from(*v)));
    let cells: Vec<Value> =
        grid.cells.iter().map(|row| row.iter().map(|i| i.as_ref().map_or(Value::Null, pixels)).collect()).collect();
    json!({
        "kind": "image_grid", "row_axis": grid.row_axis, "column_axis": grid.column_axis, "rows": grid.rows,
        "columns": grid.columns, "colours": colours(&grid.colour, values), "cells": cells,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_can_end_its_element() {
        let hostile = json!({ "a": "</script><!--<script>&\u{2028}" });
        let text = embedded(&hostile);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }

    #[test]
    fn numbers_keep_seven_digits() {
        assert_eq!(number(0.1 + 0.2), json!(0.3));
        assert_eq!(number(0.985_131_21), json!(0.985_131_2));
        assert_eq!(number(-1.234_567_89e-12), json!(-1.234_568e-12));
    }

    #[test]
    fn pixels_come_back_exactly() {
        let values = vec![0.1_f32, -3.5, f32::MIN_POSITIVE, 1e30];
        let encoded = pixels(&Image { height: 2, width: 2, values: values.clone() });
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded[2].as_str().unwrap()).unwrap();
        let back: Vec<f32> = bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(back, values);
    }

    #[test]
    fn large_matrices_stay_pictures() {
        let map = |n: usize| {
            let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
            let values = vec![vec![Some(1.0); n]; n];
            let panel = crate::figure::HeatPanel { rows: names.clone(), columns: names, values, ..Default::default() };
            let kind = FigureKind::HeatMap(HeatMap { panels: vec![panel], ..HeatMap::default() });
            Figure { title: String::new(), note: String::new(), width: crate::figure::Width::Double, kind }
        };
        assert!(chart(&map(100)).is_some() && chart(&map(101)).is_none());
    }
}
