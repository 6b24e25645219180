//! A plane through three images of different classes: its regions, counted exactly, and pictures of its boundaries.

use kymograph_findings::{Finding, Null};
use kymograph_nets::{Plane, Polytopes};
use kymograph_report::{ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Width};
use ndarray::Array2;

use super::look::Look;
use crate::error::KymographError;

/// Pixels of a picture's side.
const SIDE: usize = 256;
const CODES: &[(&str, [u8; 3])] = &[("inside a region", [255, 255, 255]), ("boundary", [20, 40, 80])];
/// The picture's window is so many times as wide as the images lie apart; the wide count's so many.
const WINDOWS: [f64; 2] = [1.5, 100.0];

/// The plane through the first images of the first three classes that the probe has, as points at a place, and half the side of
/// the square about its origin that holds them.
fn corners(look: &Look<'_>, points: &Array2<f64>) -> Option<(Plane, f64)> {
    let mut seen: Vec<(i64, usize)> = Vec::new();
    for (at, label) in look.probe.labels.iter().enumerate() {
        if seen.len() < 3 && !seen.iter().any(|(known, _)| known == label) {
            seen.push((*label, at));
        }
    }
    let of = |at: usize| Some(points.row(seen.get(at)?.1));
    let images = [of(0)?, of(1)?, of(2)?];
    let plane = Plane::through(images).ok()?;
    let far = images.iter().flat_map(|image| plane.coordinates(*image)).fold(0.0_f64, |m, v| m.max(v.abs()));
    Some((plane, far))
}

/// Regions of the plane over Hanin and Rolnick's units²/2: from the input in the picture's window and in one that holds nearly all,
/// from each layer in the picture's, over the units behind it.
pub(super) fn rows(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    if !look.exact {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for place in ["input"].into_iter().chain(look.layers.iter().map(String::as_str)) {
        let polytopes = look.from(place)?;
        let units: usize = polytopes.code_layers().iter().map(|layer| layer.elements).sum();
        let Some((plane, far)) = corners(look, &look.at(place)?).filter(|_| units > 0) else { continue };
        let bound = (units * units) as f64 / 2.0;
        let windows = if place == "input" { 2 } else { 1 };
        for (name, factor) in ["picture", "wide"].into_iter().zip(WINDOWS).take(windows) {
            let half = far * factor;
            let regions = polytopes.regions(&plane, [[-half, half], [-half, half]])?;
            let mut row = look.row("slice_regions", place, &[("window", name)]);
            row.value = Some(regions.len() as f64 / bound);
            row.nulls.push(Null::exact("units_squared_over_2", 1.0));
            row.parts.insert("regions".to_owned(), vec![regions.len() as f64]);
            row.parts.insert("units".to_owned(), vec![units as f64]);
            row.parts.insert("side".to_owned(), vec![2.0 * half]);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The boundaries of each layer on the plane through the images' points at a place, and the answers; `None` where there
/// is no such plane.
pub(super) fn figure(look: &Look<'_>, place: &str) -> Result<Option<Figure>, KymographError> {
    let points = look.at(place)?;
    let polytopes = look.from(place)?;
    let Some((plane, far)) = corners(look, &points) else { return Ok(None) };
    let half = far * WINDOWS[0];
    let ends: Vec<f64> = (0..SIDE).map(|i| half * (2.0 * (i as f64 + 0.5) / SIDE as f64 - 1.0)).collect();
    let (maps, names) = drawn(&polytopes, &plane, &ends)?;
    if maps.len() < 2 {
        return Ok(None);
    }
    let axis: Vec<String> = ends.iter().map(|end| format!("{end:.1}")).collect();
    let panel = |(title, values): (String, Values)| HeatPanel {
        title,
        rows: axis.iter().rev().cloned().collect(),
        columns: axis.clone(),
        values,
    };
    let map = HeatMap {
        row_axis: "v".to_owned(),
        column_axis: "u".to_owned(),
        colour: ColourScale { label: String::new(), range: None, map: ColourMap::Categories(CODES) },
        panels: names.into_iter().zip(maps).map(panel).collect(),
        print: PrintValues::Never,
        decimals: 0,
        square: true,
    };
    Ok(Some(Figure {
        title: format!("{}: a plane of {place}", look.key.network),
        note: format!("{}, step {}; (u, v) in units of {place}, {SIDE}² points.", look.key, look.step),
        width: Width::Double,
        kind: FigureKind::HeatMap(map),
    }))
}

/// A picture's rows from the top.
type Values = Vec<Vec<Option<f64>>>;

/// For each layer and for the answer, which pixels differ from their neighbour to the right or below.
fn drawn(polytopes: &Polytopes, plane: &Plane, ends: &[f64]) -> Result<(Vec<Values>, Vec<String>), KymographError> {
    let side = ends.len();
    let (codes, outputs) = polytopes.picture(plane, ends, ends)?;
    let answers: Vec<usize> = outputs.outer_iter().map(super::look::largest).collect();
    let edges = |numbers: &[usize]| -> Values {
        let value = |row: usize, column: usize| {
            let at = row * side + column;
            let right = column + 1 < side && numbers[at] != numbers[at + 1];
            let above = row + 1 < side && numbers[at] != numbers[at + side];
            Some(f64::from(u8::from(right || above)))
        };
        (0..side).rev().map(|row| (0..side).map(|column| value(row, column)).collect()).collect()
    };
    let mut maps = Vec::new();
    let mut names = Vec::new();
    for (layer, coded) in codes.layers().iter().enumerate() {
        maps.push(edges(&codes.layer(layer).numbered().0));
        names.push(coded.name.clone());
    }
    maps.push(edges(&answers));
    names.push("answer".to_owned());
    Ok((maps, names))
}
