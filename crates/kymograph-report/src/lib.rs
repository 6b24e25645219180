//! Figures (SVG, PNG and PDF, each with its data as CSV beside it) and one self-contained report page, drawn from findings
//! alone: nothing here measures.
//!
//! A [`Figure`] is data only. [`write_figure`] draws it into three files, [`standard`] makes the usual figures out of
//! findings, and [`write_report`] writes a whole report folder from a [`Page`].
//!
//! ```
//! use kymograph_report::{Axis, CurvePanel, Curves, Figure, FigureKind, Series, Width, to_csv, to_svg};
//! let series = Series { label: "conv1".into(), x: vec![0.0, 1.0, 100.0], y: vec![Some(1.0), Some(0.9), None], ..Default::default() };
//! let curves = Curves {
//!     x: Axis::steps([0, 1, 100]),
//!     y: Axis::linear("cosine with step 0"),
//!     panels: vec![CurvePanel { series: vec![series], ..Default::default() }],
//!     ..Default::default()
//! };
//! let figure = Figure {
//!     title: "Cosine".into(),
//!     note: "1 seed.".into(),
//!     width: Width::Single,
//!     kind: FigureKind::Curves(curves),
//! };
//! assert!(to_svg(&figure, "cosine")?.starts_with("<svg"));
//! assert_eq!(to_csv(&figure)?.lines().count(), 4);
//! # Ok::<(), kymograph_report::ReportError>(())
//! ```

mod csv;
mod draw;
mod error;
pub mod figure;
mod files;
mod number;
pub mod page;
mod pdf;
mod raster;
mod scale;
pub mod standard;
mod summary;
mod svg;

pub use csv::to_csv;
pub use draw::to_svg;
pub use error::ReportError;
pub use figure::{
    Axis, AxisScale, ColourMap, ColourScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind,
    HeatMap, HeatPanel, Histogram, HistogramPanel, Image, ImageGrid, Mark, NullBand, PrintValues, Scatter,
    ScatterPanel, Series, Threshold, Width,
};
pub use files::{FigureFiles, ReportFiles, slug, write_figure, write_pdf, write_report};
pub use number::{format_interval, format_value, grouped};
pub use page::{
    Frame, Frames, LeafPage, Link, LinkedTable, Page, PageKind, PlacedFigure, Section, SummaryTable, render_leaf,
    render_page, write_leaf,
};
pub use pdf::to_pdf;
pub use raster::to_png;
pub use summary::summary;
