//! Figures that stretch the drawing: many cells, many series in little room, long names, tiny numbers.

use kymograph_report::*;

/// More cells than rectangles would do for, with a row that was not measured.
pub(crate) fn raster() -> Figure {
    let large: Vec<Vec<Option<f64>>> = (0..128)
        .map(|i| (0..128).map(|j| if i == 40 { None } else { Some(((i as f64 - j as f64) / 20.0).cos()) }).collect())
        .collect();
    let names: Vec<String> = (0..128).map(|i| i.to_string()).collect();
    Figure {
        title: "A map of many cells is a raster".into(),
        note: "128 units by 128 units; row 40 was not measured.".into(),
        width: Width::Single,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: "unit".into(),
            column_axis: "unit".into(),
            colour: ColourScale {
                label: "correlation".into(),
                range: Some([-1.0, 1.0]),
                map: ColourMap::Diverging { centre: 0.0 },
            },
            panels: vec![HeatPanel { title: String::new(), rows: names.clone(), columns: names, values: large }],
            print: PrintValues::Auto,
            decimals: 2,
            square: true,
        }),
    }
}

/// Several series in one narrow panel, on steps from 0.
pub(crate) fn single_column(layers: &[&str]) -> Figure {
    let steps: Vec<f64> = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2000].map(f64::from).to_vec();
    let series = layers
        .iter()
        .enumerate()
        .map(|(i, layer)| Series {
            label: layer.to_string(),
            x: steps.clone(),
            y: steps.iter().map(|s| Some(1.0 / (1.0 + s / (200.0 * (i as f64 + 1.0))))).collect(),
            ..Series::default()
        })
        .collect();
    Figure {
        title: "Nine layers in one panel".into(),
        note: "1 seed; each layer has its own colour, dash and marker.".into(),
        width: Width::Single,
        kind: FigureKind::Curves(Curves {
            x: Axis { scale: AxisScale::SymlogFromZero, ..Axis::linear("step") },
            y: Axis::linear("effective dimension / width"),
            shared_y: true,
            panels: vec![CurvePanel { series, ..CurvePanel::default() }],
        }),
    }
}

/// Names longer than any room, missing cells and very small values.
pub(crate) fn long_names() -> Figure {
    let rows: Vec<String> =
        (0..4).map(|i| format!("transformer.encoder.layers.{i}.self_attention.in_projection.weight")).collect();
    let value = |r: usize, c: usize| {
        if (r + c) % 4 == 3 { None } else { Some(1e-5 * (r as f64 - c as f64)) }
    };
    let values = (0..4).map(|r| (0..3).map(|c| value(r, c)).collect()).collect();
    let columns = ["0–100", "100–1000", "1000–2000"].map(String::from).to_vec();
    Figure {
        title: "Names longer than their room lose what they share, and cells that were not measured are hatched".into(),
        note: "Small numbers are written with their power of ten.".into(),
        width: Width::Single,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: "layer".into(),
            column_axis: "pair of steps".into(),
            colour: ColourScale {
                label: "displacement (weight units)".into(),
                range: None,
                map: ColourMap::Diverging { centre: 0.0 },
            },
            panels: vec![HeatPanel { title: String::new(), rows, columns, values }],
            print: PrintValues::Auto,
            decimals: 2,
            square: false,
        }),
    }
}
