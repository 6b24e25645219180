//! A small SVG writer: shapes with classes (so that a page can recolour text and axes for dark mode), measured text,
//! colours and embedded rasters.

pub(crate) mod colour;
pub(crate) mod raster;
pub(crate) mod text;
mod writer;

pub(crate) use writer::{Anchor, Fill, Marker, Stroke, Svg, TextStyle, escape};
