//! Draws heat maps: vector cells where they are few, an embedded raster where they are many.

use super::legend::{self, Key};
use super::{Frame, MARGIN, SMALL, axes, colour_bar, columns_for};
use crate::figure::{HeatMap, HeatPanel, PrintValues};
use crate::number;
use crate::svg::colour::{self, Colours};
use crate::svg::{Anchor, Stroke, Svg, TextStyle, raster, text};

/// Cells above which a panel is a raster: about 40 × 40.
const VECTOR_CELLS: usize = 1600;
const PANEL_TITLE: f64 = 15.0;
const GUTTER: f64 = 14.0;

/// What all panels share.
struct Shared<'a> {
    map: &'a HeatMap,
    colours: &'a Colours,
    /// All values would read as zero at the decimals asked for, so significant digits are printed instead.
    tiny: bool,
}

/// Names beside a panel, and how they are set.
struct Names {
    left: f64,
    /// Room the names were shortened to.
    room: f64,
    below: f64,
    upright: bool,
}

/// Draws the panels below `y` and returns the y below them.
pub(super) fn draw(svg: &mut Svg, map: &HeatMap, y: f64) -> Result<f64, String> {
    let cells = || map.panels.iter().flat_map(|p| p.values.iter().flatten());
    let colours = Colours::fit(&map.colour, cells().flatten().copied());
    let largest = cells().flatten().fold(0.0_f64, |a, v| a.max(v.abs()));
    let tiny = largest > 0.0 && largest < 0.1_f64.powi(map.decimals as i32);
    let shared = Shared { map, colours: &colours, tiny };
    let missing = cells().any(Option::is_none);
    let y = if missing { legend::draw(svg, &[(Key::Hatched, "not measured".into())], y) } else { y };

    let same = map.panels.windows(2).all(|w| w[0].rows == w[1].rows && w[0].columns == w[1].columns);
    let columns = if map.square { square_columns(map, svg.width()) } else { 1 };
    let bar = colour_bar::room(&colours, &map.colour);
    let row_label = if map.row_axis.is_empty() { 0.0 } else { axes::Y_LABEL };
    let right = svg.width() - MARGIN - bar;
    let left = MARGIN + row_label;

    let room = (right - left) * 0.42;
    let shortened = map.panels.iter().flat_map(|p| text::fit_all(&p.rows, SMALL, false, room)).collect::<Vec<_>>();
    let row_names = widest(shortened.iter()).min(room) + 4.5;
    let shared_left = if same { row_names } else { 0.0 };
    let per_panel = if same { 0.0 } else { row_names };
    let free = right - left - shared_left - (columns - 1) as f64 * GUTTER;
    let slot = free / columns as f64 - per_panel;

    let titles = axes::panel_titles(map.panels.iter().map(|p| &p.title), slot);
    let titled = map.panels.iter().any(|p| !p.title.is_empty());
    let (mut top, mut lowest, mut cells_end, mut reach) = (y, y, y, left);
    let body_top = y + if titled { PANEL_TITLE } else { 2.0 };
    for (r, row) in map.panels.chunks(columns).enumerate() {
        let mut row_bottom = top;
        for (c, panel) in row.iter().enumerate() {
            let (width, height) = cell_size(map, panel, slot);
            let frame = Frame {
                x: left + shared_left + c as f64 * (slot + per_panel + GUTTER) + per_panel,
                y: top + if titled { PANEL_TITLE } else { 2.0 },
                w: width * panel.columns.len() as f64,
                h: height * panel.rows.len() as f64,
            };
            let last_of_column = (r + 1) * columns + c >= map.panels.len();
            let names = Names {
                room,
                left: if c == 0 || !same { row_names } else { 0.0 },
                below: if last_of_column || !same { column_room(panel, width) } else { 0.0 },
                upright: widest(panel.columns.iter()) > width - 2.0,
            };
            axes::panel_title(svg, &frame, &titles[r * columns + c]);
            draw_panel(svg, &shared, panel, &frame, &names)?;
            row_bottom = row_bottom.max(frame.bottom() + names.below);
            cells_end = cells_end.max(frame.bottom());
            reach = reach.max(frame.right());
        }
        lowest = row_bottom;
        top = row_bottom + 8.0;
    }
    let body = Frame { x: left + shared_left, y: body_top, w: reach - left - shared_left, h: cells_end - body_top };
    axes::y_label(svg, &body, MARGIN - 2.0, &map.row_axis);
    let bar_end = colour_bar::draw(svg, &colours, &map.colour, &body);
    let mut end = lowest + 2.0;
    if !map.column_axis.is_empty() {
        axes::x_label(svg, &body, end + 1.0, &map.column_axis);
        end += axes::X_LABEL;
    }
    Ok(end.max(bar_end))
}

/// Square panels stand so many abreast that they stay near a comfortable size.
fn square_columns(map: &HeatMap, width: f64) -> usize {
    let most = map.panels.iter().map(|p| p.columns.len().max(p.rows.len())).max().unwrap_or(1);
    // Matrices of few steps are small, so more of them fit abreast.
    if most <= 4 && width > 500.0 { map.panels.len().clamp(1, 5) } else { columns_for(map.panels.len(), width) }
}

fn cell_size(map: &HeatMap, panel: &HeatPanel, slot: f64) -> (f64, f64) {
    let (columns, rows) = (panel.columns.len().max(1) as f64, panel.rows.len().max(1) as f64);
    if map.square {
        // Never higher than a column is wide, whatever the matrix's shape.
        let side = (slot / columns).min(340.0 / rows.max(columns)).min(34.0);
        return (side, side);
    }
    let height = if panel.rows.len() <= 60 { 17.0 } else { 480.0 / rows };
    ((slot / columns).min(74.0), height)
}

fn widest<'a>(names: impl Iterator<Item = &'a String>) -> f64 {
    names.map(|n| text::width(n, SMALL, false)).fold(0.0, f64::max)
}

fn column_room(panel: &HeatPanel, cell: f64) -> f64 {
    let widest = widest(panel.columns.iter());
    if widest > cell - 2.0 { widest.min(110.0) + 6.0 } else { SMALL + 6.0 }
}

fn draw_panel(
    svg: &mut Svg,
    shared: &Shared<'_>,
    panel: &HeatPanel,
    frame: &Frame,
    names: &Names,
) -> Result<(), String> {
    let (map, colours) = (shared.map, shared.colours);
    let (columns, rows) = (panel.columns.len(), panel.rows.len());
    if columns == 0 || rows == 0 {
        return Ok(());
    }
    let (w, h) = (frame.w / columns as f64, frame.h / rows as f64);
    if columns * rows > VECTOR_CELLS {
        let cell = |v: &Option<f64>| v.map_or(colour::MISSING, |v| colours.at(v));
        let pixels: Vec<_> = panel.values.iter().flatten().map(cell).collect();
        let uri = raster::data_uri(columns, rows, &pixels)?;
        // Enlarged cells keep their edges; where a cell is smaller than a pixel of the PNG, smoothing averages them.
        svg.image(frame.x, frame.y, frame.w, frame.h, &uri, w.min(h) * 3.0 >= 1.0);
    } else {
        let printed = map.print == PrintValues::Auto && values_fit(shared, w, h);
        for (r, row) in panel.values.iter().enumerate() {
            for (c, value) in row.iter().enumerate() {
                let (x, y) = (frame.x + c as f64 * w, frame.y + r as f64 * h);
                let Some(value) = *value else {
                    svg.hatched(x, y, w, h);
                    continue;
                };
                let rgb = colours.at(value);
                let tooltip = colour::tooltip(&panel.rows[r], &panel.columns[c], value);
                svg.cell(x, y, w, h, &colour::hex(rgb), &tooltip);
                if printed {
                    let style =
                        TextStyle { class: "", colour: colour::text_on(rgb), ..TextStyle::ink(SMALL, Anchor::Middle) };
                    svg.text(x + w / 2.0, y + h / 2.0 + SMALL * 0.35, &shared.cell_text(value), style);
                }
            }
        }
    }
    svg.frame(frame.x, frame.y, frame.w, frame.h, Stroke { width: 0.5, ..Stroke::axis() });
    if names.left > 0.0 {
        row_names(svg, panel, frame, names.room, h);
    }
    if names.below > 0.0 {
        column_names(svg, panel, frame, names, w);
    }
    Ok(())
}

impl Shared<'_> {
    fn cell_text(&self, value: f64) -> String {
        if self.tiny { number::format_value(value, 2) } else { number::fixed(value, self.map.decimals) }
    }
}

fn values_fit(shared: &Shared<'_>, w: f64, h: f64) -> bool {
    let text = |v: &f64| text::width(&shared.cell_text(*v), SMALL, false);
    let longest =
        shared.map.panels.iter().flat_map(|p| p.values.iter().flatten().flatten()).map(text).fold(0.0, f64::max);
    h >= SMALL + 2.0 && w >= longest + 3.0
}

/// The next of 1, 2, 5, 10, 20, 50 …, so that every k-th name is a round one.
fn round_up(least: f64) -> usize {
    let mut every = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle() {
        if every >= least || every > 1e9 {
            break;
        }
        every *= factor;
    }
    every as usize
}

fn row_names(svg: &mut Svg, panel: &HeatPanel, frame: &Frame, room: f64, cell: f64) {
    // Every k-th name where rows are lower than a line of text.
    let every = round_up(((SMALL + 1.0) / cell).ceil());
    let names = text::fit_all(&panel.rows, SMALL, false, room);
    for (r, name) in names.iter().enumerate().step_by(every) {
        let y = frame.y + (r as f64 + 0.5) * cell + SMALL * 0.35;
        svg.text(frame.x - 4.0, y, name, TextStyle::ink(SMALL, Anchor::End));
    }
}

fn column_names(svg: &mut Svg, panel: &HeatPanel, frame: &Frame, names: &Names, cell: f64) {
    let every = round_up(((SMALL + 1.0) / cell).ceil());
    for (c, name) in panel.columns.iter().enumerate().step_by(every) {
        let x = frame.x + (c as f64 + 0.5) * cell;
        if names.upright {
            let name = text::fit(name, SMALL, false, names.below - 6.0);
            let style = TextStyle::ink(SMALL, Anchor::End).rotated(-90.0);
            svg.text(x + SMALL * 0.35, frame.bottom() + 4.0, &name, style);
        } else {
            svg.text(x, frame.bottom() + SMALL + 2.0, name, TextStyle::ink(SMALL, Anchor::Middle));
        }
    }
}
