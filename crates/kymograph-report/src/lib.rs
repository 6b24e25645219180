//! Figures (SVG and PNG, each with its data as CSV beside it) and one self-contained report page, drawn from findings
//! alone: nothing here measures.
//!
//! A [`Figure`] is data only. [`write_figure`] draws it into three files, [`standard`] makes the usual figures out of
//! findings, and [`write_report`] writes a whole report folder from a [`Page`].

mod csv;
mod draw;
mod error;
pub mod figure;
mod files;
mod number;
pub mod page;
mod raster;
mod scale;
pub mod standard;
mod summary;
mod svg;

pub use draw::to_svg;
pub use error::ReportError;
pub use figure::{
    Axis, AxisScale, ColourMap, ColourScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind,
    HeatMap, HeatPanel, Histogram, HistogramPanel, Image, ImageGrid, Mark, NullBand, PrintValues, Series, Threshold, Width,
};
pub use files::{FigureFiles, ReportFiles, slug, write_figure, write_report};
pub use number::{format_interval, format_value};
pub use page::{Page, PageKind, PlacedFigure, Section, SummaryTable, render_page};
pub use raster::to_png;
pub use csv::to_csv;
pub use summary::summary;
