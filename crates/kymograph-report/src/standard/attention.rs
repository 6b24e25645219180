//! Attention maps: one small image a head, in rows of layers, a step a frame.

use crate::figure::{ColourMap, ColourScale, Figure, FigureKind, Image, ImageGrid, Width};
use crate::number::grouped;
use crate::page::{Frame, Frames};

/// Attention of every layer (row) and head (column) at each step, query down and key across, on one scale from 0 to the
/// largest of all steps: the last step in print, all steps behind the slider.
///
/// `None` when there is no image.
#[must_use]
pub fn attention_maps(title: &str, steps: &[(u64, Vec<Vec<Image>>)]) -> Option<(Figure, Option<Frames>)> {
    let images = || steps.iter().flat_map(|(_, layers)| layers).flatten();
    let highest = images().flat_map(|image| &image.values).fold(0.0_f32, |most, v| most.max(*v));
    let heads = steps.iter().flat_map(|(_, layers)| layers).map(Vec::len).max().filter(|n| *n > 0)?;
    let figure = |(step, layers): &(u64, Vec<Vec<Image>>)| {
        let grid = ImageGrid {
            row_axis: "layer".into(),
            column_axis: "head".into(),
            rows: (0..layers.len()).map(|layer| layer.to_string()).collect(),
            columns: (0..heads).map(|head| head.to_string()).collect(),
            cells: layers.iter().map(|row| (0..heads).map(|head| row.get(head).cloned()).collect()).collect(),
            colour: ColourScale {
                label: "attention".into(),
                range: (highest > 0.0).then(|| [0.0, f64::from(highest)]),
                map: ColourMap::Sequential,
            },
        };
        Figure {
            title: format!("{title} at step {}", grouped(*step)),
            note: "Query down, key across; one colour scale for all steps, layers and heads.".into(),
            width: Width::Single,
            kind: FigureKind::ImageGrid(grid),
        }
    };
    let printed = figure(steps.last()?);
    let frames: Vec<Frame> = steps.iter().map(|s| Frame { name: grouped(s.0), figure: figure(s) }).collect();
    let frames = (frames.len() > 1).then(|| Frames { label: "step".into(), start: frames.len() - 1, frames });
    Some((printed, frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_a_step_and_one_scale_for_all() {
        let image = |v: f32| Image { height: 2, width: 2, values: vec![v, 1.0 - v, 0.5, 0.5] };
        let step = |v: f32| vec![vec![image(v), image(0.5)], vec![image(0.5)]];
        let (printed, frames) = attention_maps("t", &[(0, step(0.5)), (1000, step(0.9))]).unwrap();
        assert_eq!(printed.title, "t at step 1000");
        let frames = frames.unwrap();
        assert_eq!((frames.frames.len(), frames.start), (2, 1));
        for frame in &frames.frames {
            let FigureKind::ImageGrid(grid) = &frame.figure.kind else { panic!("a grid of images") };
            assert_eq!(grid.colour.range, Some([0.0, f64::from(0.9_f32)]));
            assert!(grid.cells[0][1].is_some() && grid.cells[1][1].is_none());
        }
        assert!(attention_maps("t", &[(0, Vec::new())]).is_none());
    }
}
