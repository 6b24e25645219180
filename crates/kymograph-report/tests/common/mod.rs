//! Small figures of every kind.
// Each test file uses its own share of these.
#![allow(dead_code, unreachable_pub)]

use kymograph_report::figure::Image;
use kymograph_report::*;

/// A figure around some data.
pub fn figure(kind: FigureKind) -> Figure {
    Figure { title: "A figure".into(), note: "3 seeds.".into(), width: Width::Single, kind }
}

pub fn curves() -> Curves {
    let series = Series {
        label: "mean of 3 seeds".into(),
        x: vec![0.0, 1.0, 10.0, 2000.0],
        y: vec![Some(0.1), Some(0.2), None, Some(0.30000000000000004)],
        band: vec![Some([0.05, 0.15]), Some([0.1, 0.3]), None, None],
        runs: vec![("seed 0".into(), vec![Some(0.1), Some(0.25), Some(0.2), None])],
    };
    let null = NullBand {
        label: "null: permuted units".into(),
        x: vec![0.0, 2000.0],
        mean: vec![0.0, 0.01],
        interval: vec![[-0.1, 0.1], [-0.1, 0.12]],
    };
    let thresholds = vec![Threshold { value: 0.7, label: "B: above 0.7".into() }];
    Curves {
        x: Axis { scale: AxisScale::SymlogFromZero, ..Axis::linear("step") },
        y: Axis::linear("cosine"),
        shared_y: true,
        panels: vec![CurvePanel { title: "conv1".into(), series: vec![series], null: Some(null), thresholds }],
    }
}

pub fn heat_map() -> HeatMap {
    HeatMap {
        row_axis: "layer".into(),
        column_axis: "pair of steps".into(),
        colour: ColourScale { label: "cosine".into(), range: None, map: ColourMap::Sequential },
        panels: vec![HeatPanel {
            title: String::new(),
            rows: vec!["conv1".into(), "conv2".into()],
            columns: vec!["100–1000".into(), "1000–2000".into()],
            values: vec![vec![Some(0.985), Some(0.996)], vec![Some(0.886), Some(0.969)]],
        }],
        print: PrintValues::Auto,
        decimals: 3,
        square: false,
    }
}

pub fn histogram() -> Histogram {
    Histogram {
        x: Axis::linear("silhouette"),
        count_label: "k-means seeds".into(),
        bins: Some(4),
        shared_x: true,
        panels: vec![HistogramPanel {
            title: "conv1".into(),
            values: vec![0.1, 0.112, 0.124, 0.14, 0.14],
            marks: vec![Mark { value: 0.1018, label: "published".into() }],
        }],
    }
}

pub fn image_grid() -> ImageGrid {
    let image = |k: usize| Some(Image { height: 2, width: 3, values: (0..6).map(|v| (v * k) as f32 - 2.5).collect() });
    ImageGrid {
        row_axis: "step".into(),
        column_axis: "filter".into(),
        rows: vec!["0".into(), "100".into()],
        columns: vec!["0".into(), "1".into()],
        cells: vec![vec![image(1), image(2)], vec![image(3), None]],
        colour: ColourScale { label: "weight".into(), range: None, map: ColourMap::Diverging { centre: 0.0 } },
    }
}

pub fn dots() -> DotInterval {
    let row = DotRow {
        label: "early filters differ".into(),
        estimate: Some(0.97),
        interval: Some([0.95, 0.99]),
        null: Some([-0.1, 0.1]),
        values: vec![0.96, 0.97, 0.98],
        thresholds: vec![0.5],
        status: "refuted".into(),
    };
    let missing = DotRow { label: "attention".into(), status: "not measured".into(), ..DotRow::default() };
    DotInterval {
        interval_label: "95 % interval over seeds".into(),
        null_label: "null".into(),
        panels: vec![DotPanel {
            title: "same index cosine".into(),
            x: Axis::linear("cosine"),
            thresholds: vec![Threshold { value: 0.7, label: "0.7".into() }],
            rows: vec![row, missing],
        }],
    }
}

pub fn scatter() -> Scatter {
    let embedding = ScatterPanel {
        title: "relu1".into(),
        points: vec![[0.0, 1.0], [2.0, -1.5], [0.5, 0.25]],
        classes: vec![0, 1, 1],
        names: vec!["a digit".into(), "another".into(), "=third, \"quoted\"".into()],
        ..ScatterPanel::default()
    };
    let spiral = |i: usize| [(i as f64 * 0.1).cos() * i as f64, (i as f64 * 0.1).sin() * i as f64];
    let many = ScatterPanel {
        title: "many".into(),
        x_label: "first component".into(),
        y_label: "second component".into(),
        points: (0..1000).map(spiral).collect(),
        classes: (0..1000).map(|i| i % 2).collect(),
        ..ScatterPanel::default()
    };
    Scatter {
        classes: vec!["zero".into(), "one".into()],
        named_in_place: true,
        equal_units: true,
        panels: vec![embedding, many],
    }
}

/// One figure of each kind.
pub fn every_kind() -> Vec<(&'static str, Figure)> {
    vec![
        ("curves", figure(FigureKind::Curves(curves()))),
        ("heat-map", figure(FigureKind::HeatMap(heat_map()))),
        ("histogram", figure(FigureKind::Histogram(histogram()))),
        ("image-grid", figure(FigureKind::ImageGrid(image_grid()))),
        ("dots", figure(FigureKind::DotInterval(dots()))),
        ("scatter", figure(FigureKind::Scatter(scatter()))),
    ]
}
