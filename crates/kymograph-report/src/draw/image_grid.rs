//! Draws grids of small images on one colour scale.

use super::{Frame, MARGIN, SMALL, axes, colour_bar};
use crate::figure::{Image, ImageGrid};
use crate::svg::colour::Colours;
use crate::svg::{Anchor, Svg, TextStyle, raster, text};

/// Draws the grid below `y` and returns the y below it.
pub(super) fn draw(svg: &mut Svg, grid: &ImageGrid, y: f64) -> Result<f64, String> {
    let pixels = grid.cells.iter().flatten().flatten().flat_map(|i| i.values.iter().map(|v| f64::from(*v)));
    let colours = Colours::fit(&grid.colour, pixels);
    let bar = colour_bar::room(&colours, &grid.colour);
    let row_label = if grid.row_axis.is_empty() { 0.0 } else { axes::Y_LABEL };
    let names = grid.rows.iter().map(|n| text::width(n, SMALL, false)).fold(0.0, f64::max).min(110.0) + 5.0;
    let left = MARGIN + row_label + names;
    let right = svg.width() - MARGIN - bar;

    // One slot holds the widest and the highest image, at one pixel size for all, so that sizes compare.
    let images = || grid.cells.iter().flatten().flatten();
    let wide = images().map(|i| i.width).max().unwrap_or(1).max(1) as f64;
    let high = images().map(|i| i.height).max().unwrap_or(1).max(1) as f64;
    let count = grid.columns.len().max(1) as f64;
    // No higher than about a page's half, or many rows would make a tower.
    let slot = ((right - left) / count).min(64.0).min(430.0 / grid.rows.len().max(1) as f64 * wide / high).max(4.0);
    let gap = (slot * 0.12).clamp(1.0, 5.0);
    let pixel = (slot - gap) / wide;
    let slot_height = pixel * high + gap;

    let captioned = grid.columns.iter().any(|c| !c.is_empty());
    let top = y + if captioned { SMALL + 5.0 } else { 2.0 };
    if captioned {
        column_names(svg, grid, left, slot, gap, top - 4.0);
    }
    for (r, (name, cells)) in grid.rows.iter().zip(&grid.cells).enumerate() {
        let cell_y = top + r as f64 * slot_height;
        let name = text::fit(name, SMALL, false, names - 5.0);
        svg.text(
            left - 5.0,
            cell_y + (slot_height - gap) / 2.0 + SMALL * 0.35,
            &name,
            TextStyle::ink(SMALL, Anchor::End),
        );
        for (c, cell) in cells.iter().enumerate() {
            let x = left + c as f64 * slot;
            match cell {
                Some(image) if !image.values.is_empty() => draw_image(svg, image, x, cell_y, pixel, &colours)?,
                _ => svg.hatched(x, cell_y, slot - gap, slot_height - gap),
            }
        }
    }
    let body = Frame { x: left, y: top, w: slot * count - gap, h: slot_height * grid.rows.len() as f64 - gap };
    axes::y_label(svg, &body, MARGIN - 2.0, &grid.row_axis);
    let bar_end = colour_bar::draw(svg, &colours, &grid.colour, &body);
    let mut end = body.bottom() + 4.0;
    if !grid.column_axis.is_empty() {
        axes::x_label(svg, &body, end, &grid.column_axis);
        end += axes::X_LABEL;
    }
    Ok(end.max(bar_end))
}

fn draw_image(svg: &mut Svg, image: &Image, x: f64, y: f64, pixel: f64, colours: &Colours) -> Result<(), String> {
    let pixels: Vec<_> = image.values.iter().map(|v| colours.at(f64::from(*v))).collect();
    let uri = raster::data_uri(image.width, image.height, &pixels)?;
    svg.image(x, y, pixel * image.width as f64, pixel * image.height as f64, &uri, true);
    Ok(())
}

fn column_names(svg: &mut Svg, grid: &ImageGrid, left: f64, slot: f64, gap: f64, baseline: f64) {
    let widest = grid.columns.iter().map(|c| text::width(c, SMALL, false)).fold(0.0, f64::max);
    let every = ((widest + 3.0) / slot).ceil().clamp(1.0, grid.columns.len().max(1) as f64) as usize;
    for (c, name) in grid.columns.iter().enumerate().step_by(every) {
        let name = text::fit(name, SMALL, false, slot * every as f64);
        svg.text(left + c as f64 * slot + (slot - gap) / 2.0, baseline, &name, TextStyle::ink(SMALL, Anchor::Middle));
    }
}
