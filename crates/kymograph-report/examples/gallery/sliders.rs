//! Figures with a slider over the steps: filters, layers against layers, attention maps, clouds of points.

use kymograph_findings::Finding;
use kymograph_report::figure::{ColourScale, Image};
use kymograph_report::standard::{Selection, filter_frames, filter_grid, layer_maps};
use kymograph_report::{
    Figure, FigureKind, Frame, Frames, HeatMap, HeatPanel, PlacedFigure, PrintValues, Scatter, ScatterPanel, Width,
};

use crate::{finding, noise, place};

fn framed(name: &str, figure: Figure, frames: Option<Frames>, caption: &str) -> Option<PlacedFigure> {
    place(name, Some(figure), caption).map(|placed| PlacedFigure { frames, ..placed })
}

pub(crate) fn filters(steps: &[u64]) -> Option<PlacedFigure> {
    let image = |step: u64, f: u64| Image {
        height: 3,
        width: 3,
        values: (0..9)
            .map(|p| {
                let (start, end) = (noise(f * 9 + p) - 0.5, noise(f * 9 + p + 5000) - 0.5);
                (start + (end - start) * (step as f64 / 2600.0)) as f32
            })
            .collect(),
    };
    let rows: Vec<(u64, Vec<Image>)> = steps.iter().map(|s| (*s, (0..16).map(|f| image(*s, f)).collect())).collect();
    let named: Vec<(String, Vec<Image>)> = rows.iter().map(|(step, i)| (step.to_string(), i.clone())).collect();
    let title = "First-layer filters over training";
    framed("filters", filter_grid(title, &named)?, filter_frames(title, &rows), "The first 16 filters of conv1.")
}

pub(crate) fn layers(steps: &[u64]) -> Option<PlacedFigure> {
    let names = ["relu1", "relu2", "relu3", "fc"];
    let mut findings = Vec::new();
    for step in steps {
        for (i, a) in names.iter().enumerate() {
            for (j, b) in names.iter().enumerate().skip(i + 1) {
                let apart = (j - i) as f64 * (0.1 + *step as f64 / 8000.0);
                findings.push(Finding {
                    other_array: Some((*b).into()),
                    ..finding("debiased_linear_cka", Some(0), a, &[*step], 1.0 - apart, [-0.1, 0.0, 0.1])
                });
            }
        }
    }
    let selection = Selection::new("cnn", "debiased_linear_cka");
    let (figure, frames) = layer_maps(&findings, &selection, Some([0.0, 1.0]), Some(1.0), &[100, 1000, 2000])?;
    framed("layers", figure, Some(frames), "Debiased linear CKA between layers.")
}

pub(crate) fn attention(steps: &[u64]) -> Option<PlacedFigure> {
    let tokens: Vec<String> = (0..16).map(|t| t.to_string()).collect();
    let head = |step: u64, head: u64| {
        let row = |i: u64| {
            let weight = |j: u64| (noise(head * 997 + i * 16 + j) * (1.0 + step as f64 / 300.0)).exp();
            let sum: f64 = (0..16).map(weight).sum();
            (0..16).map(|j| Some(weight(j) / sum)).collect()
        };
        let values = (0..16).map(row).collect();
        HeatPanel { title: format!("head {head}"), rows: tokens.clone(), columns: tokens.clone(), values }
    };
    let figure = |step: u64| Figure {
        title: "Attention of the first layer".into(),
        note: "Mean over the probe; each row sums to 1.".into(),
        width: Width::Double,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: "from token".into(),
            column_axis: "to token".into(),
            colour: ColourScale { label: "attention".into(), range: Some([0.0, 0.5]), ..ColourScale::default() },
            panels: (0..4).map(|h| head(step, h)).collect(),
            print: PrintValues::Never,
            decimals: 2,
            square: true,
        }),
    };
    let frames = steps.iter().map(|s| Frame { name: s.to_string(), figure: figure(*s) }).collect();
    let frames = Frames { label: "step".into(), frames, start: 0 };
    framed("attention", figure(*steps.last()?), Some(frames), "Where the tokens of the first layer look.")
}

pub(crate) fn clouds(steps: &[u64]) -> Option<PlacedFigure> {
    let classes: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let panel = |layer: u64, points: u64, step: u64| {
        let apart = (step as f64 / 2000.0).sqrt() * (2.0 + layer as f64);
        let bell = |seed: u64| (0..6).map(|k| noise(seed * 6 + k) - 0.5).sum::<f64>();
        let point = |i: u64| {
            let angle = (i % 10) as f64 * 0.628;
            let at = layer * 100_000 + 2 * i;
            [apart * angle.cos() + bell(at), apart * angle.sin() + bell(at + 1)]
        };
        ScatterPanel {
            title: if layer == 0 { "images".into() } else { format!("relu{layer}") },
            points: (0..points).map(point).collect(),
            classes: (0..points as usize).map(|i| i % 10).collect(),
            ..ScatterPanel::default()
        }
    };
    let figure = |step: u64| Figure {
        title: "The probe in two dimensions".into(),
        note: "2,000 and 300 images; t-SNE, coloured by digit.".into(),
        width: Width::Double,
        kind: FigureKind::Scatter(Scatter {
            classes: classes.clone(),
            named_in_place: true,
            equal_units: true,
            panels: (0..6).map(|layer| panel(layer, if layer < 3 { 2000 } else { 300 }, step)).collect(),
        }),
    };
    let frames = steps.iter().map(|s| Frame { name: s.to_string(), figure: figure(*s) }).collect();
    let frames = Frames { label: "step".into(), frames, start: 0 };
    framed("clouds", figure(*steps.last()?), Some(frames), "Clouds of many and of few points.")
}

pub(crate) fn against(steps: &[u64]) -> Option<PlacedFigure> {
    let point = |k: usize| [noise(k as u64), 40.0 * noise(k as u64 + 99) - 20.0];
    let figure = Figure {
        title: "One number against another".into(),
        note: "A point a run.".into(),
        width: Width::Double,
        kind: FigureKind::Scatter(Scatter {
            classes: vec!["with the control".into(), "without it".into()],
            panels: vec![ScatterPanel {
                x_label: "share of the loss drop".into(),
                y_label: "change (standard deviations)".into(),
                points: (0..steps.len()).map(point).collect(),
                classes: (0..steps.len()).map(|k| k % 2).collect(),
                names: steps.iter().map(|s| format!("step {s}")).collect(),
                ..ScatterPanel::default()
            }],
            ..Scatter::default()
        }),
    };
    framed("against", figure, None, "Two measured numbers of each run.")
}
