//! Grids of convolution filters over steps.

use crate::figure::{ColourMap, ColourScale, Figure, FigureKind, Image, ImageGrid, Width};
use crate::number::grouped;

/// The first `most` filters of a convolution's weight `[out, in, height, width]` as images of their first input
/// channel; of a linear layer's weight `[out, in]` whose inputs are a square image, that image.
///
/// Returns nothing when the shape is neither, or does not match the number of values.
#[must_use]
pub fn filter_images(values: &[f32], shape: &[usize], most: usize) -> Vec<Image> {
    let (out, stride, height, width) = match *shape {
        [out, input, height, width] => (out, input * height * width, height, width),
        [out, input] => {
            let side = (input as f64).sqrt().round() as usize;
            if side * side != input {
                return Vec::new();
            }
            (out, input, side, side)
        }
        _ => return Vec::new(),
    };
    let pixels = height * width;
    if pixels == 0 || values.len() != out * stride {
        return Vec::new();
    }
    let image = |i: usize| Image { height, width, values: values[i * stride..i * stride + pixels].to_vec() };
    (0..out.min(most)).map(image).collect()
}

/// Filters as small images, a row a step, a column a filter, on one scale about 0.
///
/// `None` when there is no image.
#[must_use]
pub fn filter_grid(title: &str, rows: &[(u64, Vec<Image>)]) -> Option<Figure> {
    let columns = rows.iter().map(|(_, images)| images.len()).max().filter(|n| *n > 0)?;
    let cells = rows.iter().map(|(_, images)| (0..columns).map(|i| images.get(i).cloned()).collect()).collect();
    let grid = ImageGrid {
        row_axis: "step".into(),
        column_axis: "filter".into(),
        rows: rows.iter().map(|(step, _)| grouped(*step)).collect(),
        columns: (0..columns).map(|i| i.to_string()).collect(),
        cells,
        colour: ColourScale { label: "weight".into(), range: None, map: ColourMap::Diverging { centre: 0.0 } },
    };
    Some(Figure {
        title: title.to_string(),
        note: "White is 0; one colour scale for all steps and filters.".into(),
        width: if columns <= 10 { Width::Single } else { Width::Double },
        kind: FigureKind::ImageGrid(grid),
    })
}
