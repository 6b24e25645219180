//! Draws figures. Every kind shares one frame: title above, legend under it (never over data), the body, and the note
//! below.

mod axes;
mod colour_bar;
mod curves;
mod dots;
mod heat_map;
pub(crate) mod histogram;
mod image_grid;
mod legend;
pub(crate) mod scatter;

use crate::figure::{Figure, FigureKind};
use crate::svg::{Anchor, Svg, TextStyle, text};
use crate::{ReportError, files::slug};

/// Tick and note text: 7.05 pt at print size.
pub(crate) const SMALL: f64 = 9.4;
/// Axis labels and panel titles.
pub(crate) const MEDIUM: f64 = 10.0;
/// The figure's title.
const TITLE: f64 = 11.5;
/// White around everything.
pub(crate) const MARGIN: f64 = 8.0;

/// A rectangle to draw in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Frame {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.w
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// The figure as an SVG document, at print width. `id` sets its inner ids apart from those of other figures on one page.
///
/// Texts and axes carry the classes `ink`, `soft`, `axis`, `grid`, `rule`, `null` and `paper`, which a page may recolour.
///
/// # Errors
/// Those of [`Figure::check`], and [`ReportError::Raster`] when an embedded raster cannot be made.
pub fn to_svg(figure: &Figure, id: &str) -> Result<String, ReportError> {
    figure.check()?;
    let id = slug(id);
    let mut svg = Svg::new(figure.width.pixels(), &format!("f-{id}"));
    let mut y = MARGIN;
    let room = svg.width() - 2.0 * MARGIN;
    for line in text::wrap(&figure.title, TITLE, true, room) {
        y += TITLE;
        svg.text(MARGIN, y, &line, TextStyle::ink(TITLE, Anchor::Start).bold());
        y += 3.0;
    }
    y += 5.0;
    let fail = |reason: String| ReportError::Raster { figure: figure.title.clone(), reason };
    y = match &figure.kind {
        FigureKind::Curves(curves) => curves::draw(&mut svg, curves, y),
        FigureKind::HeatMap(map) => heat_map::draw(&mut svg, map, y).map_err(fail)?,
        FigureKind::Histogram(histogram) => histogram::draw(&mut svg, histogram, y),
        FigureKind::ImageGrid(grid) => image_grid::draw(&mut svg, grid, y).map_err(fail)?,
        FigureKind::DotInterval(dots) => dots::draw(&mut svg, dots, y),
        FigureKind::Scatter(scatter) => scatter::draw(&mut svg, scatter, y),
    };
    if !figure.note.is_empty() {
        y += 6.0;
        for line in text::wrap(&figure.note, SMALL, false, room) {
            y += SMALL;
            svg.text(MARGIN, y, &line, TextStyle::soft(SMALL, Anchor::Start));
            y += 3.2;
        }
    }
    Ok(svg.finish(y + MARGIN, &figure.title))
}

/// The labels of the series and of the thresholds, each in the order that decides colour and dash.
pub(crate) fn curve_labels(curves: &crate::figure::Curves) -> (Vec<String>, Vec<String>) {
    (curves::series_names(curves), curves::threshold_names(curves))
}

/// How many columns small multiples stand in.
pub(crate) fn columns_for(panels: usize, width: f64) -> usize {
    if width < 500.0 {
        return panels.clamp(1, 2);
    }
    match panels {
        0 | 1 => 1,
        2 | 4 => 2,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}
