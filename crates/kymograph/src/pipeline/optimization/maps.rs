//! The map of signs of all gradients over steps, whole and zoomed.

use std::ops::Range;

use kymograph_report::{
    ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Section, Width, grouped,
};
use kymograph_runs::CodeMap;

use super::super::sections::place;
use super::history::History;
use crate::error::KymographError;

/// Colours of the codes: white, red and green as published, in tones that colour-blind readers tell apart, and grey.
const CODES: &[(&str, [u8; 3])] = &[
    ("|g| > 1e-5", [255, 255, 255]),
    ("negative", [0xd5, 0x5e, 0x00]),
    ("positive", [0x00, 0x9e, 0x73]),
    ("exactly 0", [0xb4, 0xb4, 0xb4]),
];
/// Cells of a figure.
const WIDTH: usize = 600;
const HEIGHT: usize = 200;
/// Parameters in the zoomed map, as published.
const ZOOMED: usize = 100;

pub(super) fn section(network: &str, history: &History) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: map of signs"), ..Section::default() };
    if !history.run.maps()?.iter().any(|name| name == "gradient-signs") {
        return Ok(section);
    }
    let map = history.run.map("gradient-signs")?;
    if map.steps().is_empty() {
        return Ok(section);
    }
    let title = format!("{network}: signs of all gradients");
    let whole = figure(&title, &map, 0..map.columns(), history)?;
    place(
        &mut section,
        &format!("{network}-layer-wise-grad-signs"),
        Some(whole),
        "Published as layer_wise_grad_signs: signs of all gradients of the first run over steps, from the first layer to the last. \
         A cell shows the commonest of the codes of its parameters and steps. White: outside the band of 1e-5; exact zeros, which \
         the published map does not tell from the others, are grey.",
    );
    let middle = middle(&map);
    let title =
        format!("{network}: signs of gradients {} to {}", grouped(middle.start as u64), grouped(middle.end as u64));
    let zoomed = figure(&title, &map, middle, history)?;
    place(
        &mut section,
        &format!("{network}-zoomed-layer-wise-grad-signs"),
        Some(zoomed),
        "Published as zoomed_layer_wise_grad_signs: 100 neighbouring parameters. Columns that flicker between the two colours are \
         what minibatches that differ give; grey columns belong to units that are silent.",
    );
    Ok(section)
}

/// Parameters in the middle of the largest layer.
fn middle(map: &CodeMap) -> Range<usize> {
    let ranges = map.about()["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|layer| Some(layer[1].as_u64()? as usize..layer[2].as_u64()? as usize));
    let all = 0..map.columns();
    let largest = ranges.filter(|range| range.end <= all.end).max_by_key(Range::len).unwrap_or(all);
    let wide = ZOOMED.min(largest.len());
    let start = largest.start + (largest.len() - wide) / 2;
    start..start + wide
}

fn figure(title: &str, map: &CodeMap, columns: Range<usize>, history: &History) -> Result<Figure, KymographError> {
    let window = map.window(0..map.steps().len(), columns, HEIGHT, WIDTH)?;
    let values = window
        .majority()
        .chunks(window.width)
        .map(|row| row.iter().map(|code| Some(f64::from(*code))).collect())
        .collect();
    let panel = HeatPanel {
        title: String::new(),
        rows: window.steps.iter().map(|step| grouped(*step)).collect(),
        columns: window.columns.iter().map(|column| grouped(*column as u64)).collect(),
        values,
    };
    let kind = FigureKind::HeatMap(HeatMap {
        row_axis: "step".to_owned(),
        column_axis: "parameter".to_owned(),
        colour: ColourScale { label: "gradient".to_owned(), range: None, map: ColourMap::Categories(CODES) },
        panels: vec![panel],
        print: PrintValues::Never,
        decimals: 0,
        square: false,
    });
    let note =
        format!("{}, {} steps of {} parameters.", history.label(), map.steps().len(), grouped(map.columns() as u64));
    Ok(Figure { title: title.to_owned(), note, width: Width::Double, kind })
}
