//! Pixels as a PNG data URI, for heat maps and images too fine for one rectangle a cell.

use base64::Engine as _;

use super::colour::Rgb;

/// `data:image/png;base64,…` of an RGB raster, row by row.
pub(crate) fn data_uri(width: usize, height: usize, pixels: &[Rgb]) -> Result<String, String> {
    let bytes = encode(width, height, pixels)?;
    Ok(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}

fn encode(width: usize, height: usize, pixels: &[Rgb]) -> Result<Vec<u8>, String> {
    let side = |v: usize| u32::try_from(v).map_err(|_| format!("{v} pixels are too many for an image"));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(pixels.as_flattened()).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}
