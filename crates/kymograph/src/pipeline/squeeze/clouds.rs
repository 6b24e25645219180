//! Embeddings of every layer as clouds of points, coloured by class, with a slider over the steps.

use std::path::Path;

use kymograph_findings::Subject;
use kymograph_report::{Figure, FigureKind, Frame, Frames, Scatter, ScatterPanel, Section, Width, grouped};

use super::super::derive::Derivation;
use super::super::sections::place_frames;
use super::embeddings::{Layout, METHODS, places};
use super::layers::runs;
use crate::error::KymographError;

pub(super) fn section(
    network: &str,
    derivation: &Derivation<'_>,
    layouts: &[Layout],
    folder: &Path,
) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: layers in the plane"), ..Section::default() };
    let Some(run) = runs(network, derivation).into_iter().next() else { return Ok(section) };
    for method in METHODS {
        let caption = match method {
            "pca" => {
                "The first two principal components of every layer of the first run, a point an image of the probe, coloured \
                 by class. What lies apart here lies apart in the layer; what lies together may not."
            }
            "tsne" => {
                "t-SNE of every layer of the first run, each step started from the layout of the step before. It keeps \
                 neighbours, tears what is connected and makes clusters of lines and noise: read it beside the principal \
                 components above and the table of trustworthiness."
            }
            _ => {
                "UMAP of every layer of the first run, each step started from the layout of the step before. As for t-SNE, \
                 distances between clusters mean little."
            }
        };
        let of_method: Vec<&Layout> =
            layouts.iter().filter(|l| l.network == network && l.method == method && l.random_start.is_none()).collect();
        let figures = by_step(network, run, method, &of_method, folder)?;
        let last = figures.last().map(|(_, figure)| figure.clone());
        let frames = Frames {
            label: "step".to_owned(),
            start: figures.len().saturating_sub(1),
            frames: figures.into_iter().map(|(step, figure)| Frame { name: grouped(step), figure }).collect(),
        };
        let framed = last.map(|figure| (figure, Some(frames)));
        place_frames(&mut section, &format!("{network}-{method}"), framed, caption);
    }
    Ok(section)
}

/// A figure for each step, a panel for each layer.
fn by_step(
    network: &str,
    run: &Subject,
    method: &str,
    layouts: &[&Layout],
    folder: &Path,
) -> Result<Vec<(u64, Figure)>, KymographError> {
    let mut steps: Vec<u64> = layouts.iter().map(|layout| layout.step).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut names = run.labels.clone().unwrap_or_default();
    names.sort_unstable();
    names.dedup();
    let class = |image: usize| {
        let label = run.labels.as_ref().and_then(|labels| labels.get(image));
        label.and_then(|label| names.iter().position(|name| name == label)).unwrap_or_default()
    };
    let mut figures = Vec::new();
    for step in steps {
        let mut panels = Vec::new();
        for layout in layouts.iter().filter(|layout| layout.step == step) {
            // A layer that does not vary keeps its place, so that the slider's frames are alike.
            let Some(points) = places(folder, layout)? else {
                panels.push(ScatterPanel { title: format!("{}: none", layout.layer), ..ScatterPanel::default() });
                continue;
            };
            panels.push(ScatterPanel {
                title: layout.layer.clone(),
                points: points.outer_iter().map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
                classes: (0..points.nrows()).map(class).collect(),
                ..ScatterPanel::default()
            });
        }
        if panels.iter().all(|panel| panel.points.is_empty()) {
            continue;
        }
        let way = match method {
            "pca" => "principal components",
            "tsne" => "t-SNE",
            _ => "UMAP",
        };
        let images = panels.iter().map(|panel| panel.points.len()).max().unwrap_or_default();
        let scatter = Scatter {
            classes: if names.is_empty() { vec![String::new()] } else { names.iter().map(i64::to_string).collect() },
            named_in_place: true,
            equal_units: true,
            panels,
        };
        let figure = Figure {
            title: format!("{network}: {way} of every layer"),
            note: format!("{}, step {}, {images} images, coloured by class.", run.key, grouped(step)),
            width: Width::Double,
            kind: FigureKind::Scatter(scatter),
        };
        figures.push((step, figure));
    }
    Ok(figures)
}
