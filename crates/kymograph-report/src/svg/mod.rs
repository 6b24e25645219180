//! A small SVG writer: shapes with classes (so that a page can recolour text and axes for dark mode), measured text,
//! colours and embedded rasters.

pub(crate) mod colour;
mod markup;
pub(crate) mod raster;
mod style;
pub(crate) mod text;
mod writer;

pub(crate) use style::{Anchor, Fill, Marker, Stroke, TextStyle};
pub(crate) use writer::Svg;
