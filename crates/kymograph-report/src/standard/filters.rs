//! Grids of convolution filters over steps.

use crate::figure::{ColourMap, ColourScale, Figure, FigureKind, Image, ImageGrid, Width};
use crate::number::grouped;
use crate::page::{Frame, Frames};

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

/// Filters as small images, a row a step under its name, a column a filter, on one scale about 0.
///
/// `None` when there is no image.
#[must_use]
pub fn filter_grid(title: &str, rows: &[(String, Vec<Image>)]) -> Option<Figure> {
    let columns = rows.iter().map(|(_, images)| images.len()).max().filter(|n| *n > 0)?;
    let cells = rows.iter().map(|(_, images)| (0..columns).map(|i| images.get(i).cloned()).collect()).collect();
    let grid = ImageGrid {
        row_axis: "step".into(),
        column_axis: "filter".into(),
        rows: rows.iter().map(|(name, _)| name.clone()).collect(),
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

/// Filters abreast in a frame.
const ABREAST: usize = 8;

/// The same filters one step a frame, in rows of 8, on one colour scale for all steps; the last step is shown first.
///
/// `None` when there are fewer than two steps, or no image.
#[must_use]
pub fn filter_frames(title: &str, rows: &[(u64, Vec<Image>)]) -> Option<Frames> {
    let reach = rows.iter().flat_map(|(_, i)| i).flat_map(|i| &i.values).fold(0.0_f32, |a, v| a.max(v.abs()));
    let filters = rows.iter().map(|(_, images)| images.len()).max().filter(|n| *n > 0 && rows.len() > 1)?;
    let columns = filters.min(ABREAST);
    let frame = |(step, images): &(u64, Vec<Image>)| {
        let line = |r: usize| (0..columns).map(|c| images.get(r * columns + c).cloned()).collect();
        let count = filters.div_ceil(columns);
        let range = (reach > 0.0).then(|| [-f64::from(reach), f64::from(reach)]);
        let grid = ImageGrid {
            row_axis: "filter".into(),
            column_axis: String::new(),
            rows: (0..count).map(|r| (r * columns).to_string()).collect(),
            columns: (0..columns).map(|c| format!("+{c}")).collect(),
            cells: (0..count).map(line).collect(),
            colour: ColourScale { label: "weight".into(), range, map: ColourMap::Diverging { centre: 0.0 } },
        };
        let figure = Figure {
            title: title.to_string(),
            note: "White is 0; one colour scale for all steps and filters.".into(),
            width: Width::Single,
            kind: FigureKind::ImageGrid(grid),
        };
        Frame { name: grouped(*step), figure }
    };
    // A step without any image has nothing to show.
    let frames: Vec<Frame> = rows.iter().filter(|(_, images)| !images.is_empty()).map(frame).collect();
    (frames.len() > 1).then(|| Frames { label: "step".into(), start: frames.len() - 1, frames })
}
