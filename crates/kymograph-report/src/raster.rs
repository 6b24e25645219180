//! Turns a drawn figure into a PNG with the one font the binary carries, the same bytes on every machine.

use std::sync::{Arc, OnceLock};

use resvg::{tiny_skia, usvg};

use crate::ReportError;

/// Pixels of the PNG per CSS pixel: 288 dots an inch at print size.
const ZOOM: f32 = 3.0;

fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = usvg::fontdb::Database::new();
            fonts.load_font_data(notosans::REGULAR_TTF.to_vec());
            fonts.load_font_data(notosans::BOLD_TTF.to_vec());
            fonts.set_sans_serif_family("Noto Sans");
            Arc::new(fonts)
        })
        .clone()
}

/// Reads a drawing; nothing that it names is fetched or opened.
pub(crate) fn parse(svg: &str) -> Result<usvg::Tree, String> {
    let options = usvg::Options {
        font_family: "Noto Sans".into(),
        fontdb: fonts(),
        // Only what is embedded: a figure never reads another file.
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_string: Box::new(|_, _| None),
            ..usvg::ImageHrefResolver::default()
        },
        ..usvg::Options::default()
    };
    usvg::Tree::from_str(svg, &options).map_err(|e| e.to_string())
}

/// The PNG of an SVG made by [`crate::to_svg`], at three times its size in CSS pixels (288 dpi at print size).
///
/// # Errors
/// [`ReportError::Raster`] when the SVG cannot be read or is too large to hold in memory.
pub fn to_png(svg: &str, title: &str) -> Result<Vec<u8>, ReportError> {
    let fail = |reason: String| ReportError::Raster { figure: title.into(), reason };
    let tree = parse(svg).map_err(fail)?;
    let size = tree.size();
    let (width, height) = ((size.width() * ZOOM).ceil() as u32, (size.height() * ZOOM).ceil() as u32);
    let mut pixmap =
        tiny_skia::Pixmap::new(width, height).ok_or_else(|| fail(format!("{width} × {height} pixels are too many")))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(ZOOM, ZOOM), &mut pixmap.as_mut());
    encode(&pixmap).map_err(fail)
}

/// The figure has a white ground, so the PNG needs no alpha; its resolution is written so that it prints at size.
fn encode(pixmap: &tiny_skia::Pixmap) -> Result<Vec<u8>, String> {
    let rgb: Vec<u8> = pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (96.0 * f64::from(ZOOM) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(&rgb).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}
