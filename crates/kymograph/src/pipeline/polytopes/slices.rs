//! A plane through three images of different classes: its regions, counted exactly, and pictures of its boundaries.

use kymograph_findings::{Finding, Null};
use kymograph_nets::{Plane, Polytopes};
use kymograph_report::{ColourMap, ColourScale, Figure, FigureKind, Image, ImageGrid, Width};
use ndarray::Array2;

use super::look::Look;
use crate::error::KymographError;

/// Pixels of a picture's side.
const SIDE: usize = 512;
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

/// Regions of the plane over Hanin and Rolnick's units²/2, in the picture's window and in one that holds nearly all.
pub(super) fn rows(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    if !look.exact {
        return Ok(Vec::new());
    }
    let points = &look.probe.x;
    let Some((plane, far)) = corners(look, points) else { return Ok(Vec::new()) };
    let units: usize = look.polytopes.code_layers().iter().map(|layer| layer.elements).sum();
    let bound = (units * units) as f64 / 2.0;
    let mut rows = Vec::new();
    for (name, factor) in ["picture", "wide"].into_iter().zip(WINDOWS) {
        let half = far * factor;
        let regions = look.polytopes.regions(&plane, [[-half, half], [-half, half]])?;
        let mut row = look.row("slice_regions", "input", &[("window", name)]);
        row.value = Some(regions.len() as f64 / bound);
        row.nulls.push(Null::exact("units_squared_over_2", 1.0));
        row.parts.insert("regions".to_owned(), vec![regions.len() as f64]);
        row.parts.insert("units".to_owned(), vec![units as f64]);
        row.parts.insert("side".to_owned(), vec![2.0 * half]);
        rows.push(row);
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
    let (cells, columns) = drawn(&polytopes, &plane, &ends)?;
    if cells.len() < 2 {
        return Ok(None);
    }
    let grid = ImageGrid {
        row_axis: String::new(),
        column_axis: String::new(),
        rows: vec![String::new()],
        columns,
        cells: vec![cells.into_iter().map(Some).collect()],
        colour: ColourScale {
            label: "boundary or change of answer".to_owned(),
            range: Some([0.0, 1.0]),
            map: ColourMap::Sequential,
        },
    };
    Ok(Some(Figure {
        title: format!("{}: a plane of {place}", look.key.network),
        note: format!("{}, step {}; side {:.3} at {place}, {SIDE}² points.", look.key, look.step, 2.0 * half),
        width: Width::Double,
        kind: FigureKind::ImageGrid(grid),
    }))
}

/// For each layer and for the answer, which pixels differ from their neighbour to the right or below.
fn drawn(polytopes: &Polytopes, plane: &Plane, ends: &[f64]) -> Result<(Vec<Image>, Vec<String>), KymographError> {
    let side = ends.len();
    let (codes, outputs) = polytopes.picture(plane, ends, ends)?;
    let answers: Vec<usize> = outputs.outer_iter().map(super::look::largest).collect();
    let edges = |differ: &dyn Fn(usize, usize) -> bool| {
        let value = |at: usize| {
            let (row, column) = (at / side, at % side);
            let right = column + 1 < side && differ(at, at + 1);
            let below = row + 1 < side && differ(at, at + side);
            if right || below { 0.0 } else { 1.0 }
        };
        // Rows of an image come from the top, v grows upwards.
        let values = (0..side).rev().flat_map(|row| (0..side).map(move |column| row * side + column)).map(value);
        Image { height: side, width: side, values: values.collect() }
    };
    let mut cells = Vec::new();
    let mut names = Vec::new();
    for (layer, coded) in codes.layers().iter().enumerate() {
        let numbers = codes.layer(layer).numbered().0;
        cells.push(edges(&|a, b| numbers[a] != numbers[b]));
        names.push(coded.name.clone());
    }
    cells.push(edges(&|a, b| answers[a] != answers[b]));
    names.push("answer".to_owned());
    Ok((cells, names))
}
