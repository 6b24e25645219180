//! Dimension and readability of every layer, from the input to the output, for each width of the squeeze.

use kymograph_findings::Finding;
use kymograph_report::{
    Axis, CurvePanel, Curves, Figure, FigureKind, Histogram, HistogramPanel, NullBand, Section, Series, Threshold,
    Width,
};

use super::super::derive::Derivation;
use super::super::page::mean_of;
use super::super::sections::place;
use super::layers::{activations_of, late, relus, rows, runs, swept};
use crate::error::KymographError;

const DIMENSIONS: [(&str, &str); 4] = [
    ("effective_dimension", "participation ratio"),
    ("components_for_90_percent", "90 % of the variance"),
    ("stable_rank", "stable rank"),
    ("two_nn_dimension", "TwoNN dimension"),
];
const CLASSES: [(&str, &str); 2] = [
    ("knn_label_purity", "nearest neighbours of the same class"),
    ("linear_probe_accuracy", "accuracy of a linear probe"),
];

pub(super) fn section(derivation: &Derivation<'_>, findings: &[Finding]) -> Result<Section, KymographError> {
    let mut section =
        Section { title: "Layer by layer: how many directions, which classes".to_owned(), ..Section::default() };
    let caption = "How many directions the outputs of each ReLU take on the probe (participation ratio of the variance, principal \
                   components that hold 90 % of it, stable rank about the mean, intrinsic dimension by TwoNN), from the input (1) to the last hidden layer \
                   (5); layers 2 and 4 are the squeezes. Behind a squeeze of s units a linear layer has s directions, and the \
                   ReLU bends them into more, while the images still lie on a set of s dimensions, which TwoNN sees. Grey: \
                   the widest network with each unit's values shuffled over images.";
    place(
        &mut section,
        "dimension-by-depth",
        figure("Dimension by depth", &DIMENSIONS, derivation, findings)?,
        caption,
    );
    let caption = "How well the classes can be told apart in the outputs of each ReLU: the share of nearest neighbours of an \
                   image's own class, and a linear probe on held-out images. In a code of one or two units classes can lie \
                   apart where no linear read-out names them. Grey: the widest network with labels in random order. Dashed: the pixels.";
    place(&mut section, "classes-by-depth", figure("Classes by depth", &CLASSES, derivation, findings)?, caption);
    let caption = "Where the images of each class lie on the line of a single unit, the last squeeze of the first run of v3. \
                   This is all that an embedding of the layer can show: gaps between classes in a t-SNE picture that are \
                   none here are its own.";
    place(&mut section, "one-unit-code", one_unit(derivation)?, caption);
    Ok(section)
}

fn figure(
    title: &str,
    measures: &[(&str, &str)],
    derivation: &Derivation<'_>,
    findings: &[Finding],
) -> Result<Option<Figure>, KymographError> {
    let step = late(derivation);
    let mut panels = Vec::new();
    let mut most = 0;
    for (measure, name) in measures {
        let mut panel = CurvePanel { title: (*name).to_owned(), ..CurvePanel::default() };
        for (s, network) in swept(derivation) {
            let runs = runs(&network, derivation);
            let Some(first) = runs.first() else { continue };
            most = most.max(runs.len());
            let mut series = Series { label: format!("s = {s}"), ..Series::default() };
            let mut null = NullBand { label: "null of the widest".to_owned(), ..NullBand::default() };
            for (place, layer) in relus(first)?.iter().enumerate() {
                let found = rows(findings, (*measure, network.as_str(), layer.as_str()), step);
                let values: Vec<f64> = found.iter().filter_map(|f| f.value).collect();
                series.x.push(place as f64 + 1.0);
                series.y.push((!values.is_empty()).then(|| mean_of(&values)));
                let nulls: Vec<_> = found.iter().filter_map(|f| f.null()).collect();
                if !nulls.is_empty() {
                    let mean = |of: &dyn Fn(usize) -> f64| mean_of(&(0..nulls.len()).map(of).collect::<Vec<_>>());
                    null.x.push(place as f64 + 1.0);
                    null.mean.push(mean(&|i| nulls[i].mean));
                    null.interval.push([mean(&|i| nulls[i].interval[0]), mean(&|i| nulls[i].interval[1])]);
                }
            }
            if series.y.iter().any(Option::is_some) {
                panel.series.push(series);
                panel.null = Some(null).filter(|null| !null.x.is_empty());
            }
        }
        // Of the classes, what the pixels alone tell.
        let pixels: Vec<f64> = rows(findings, (*measure, "v6", "flatten"), 0).iter().filter_map(|f| f.value).collect();
        if !pixels.is_empty() {
            panel.thresholds.push(Threshold { value: mean_of(&pixels), label: "pixels".to_owned() });
        }
        if !panel.series.is_empty() {
            panels.push(panel);
        }
    }
    if panels.is_empty() {
        return Ok(None);
    }
    let note = format!("Mean over {most} seed{}, last step.", if most == 1 { "" } else { "s" });
    let x = Axis::linear("ReLU, from the input");
    let kind = FigureKind::Curves(Curves { x, y: Axis::default(), shared_y: false, panels });
    Ok(Some(Figure { title: title.to_owned(), note, width: Width::Double, kind }))
}

/// The values of a layer of one unit, class by class.
fn one_unit(derivation: &Derivation<'_>) -> Result<Option<Figure>, KymographError> {
    let layer = "se3.squeeze_relu";
    let Some((_, network)) = swept(derivation).into_iter().find(|(s, _)| *s == "1") else { return Ok(None) };
    let Some(run) = runs(&network, derivation).into_iter().next() else { return Ok(None) };
    let (Some(values), Some(labels)) = (activations_of(derivation, run, late(derivation), layer)?, &run.labels) else {
        return Ok(None);
    };
    let mut classes = labels.clone();
    classes.sort_unstable();
    classes.dedup();
    let panel = |class: &i64| HistogramPanel {
        title: format!("class {class}"),
        values: values.column(0).iter().zip(labels).filter(|(_, l)| *l == class).map(|(v, _)| f64::from(*v)).collect(),
        marks: Vec::new(),
    };
    let histogram = Histogram {
        x: Axis::linear("output of the unit"),
        count_label: "images".to_owned(),
        bins: Some(24),
        shared_x: true,
        panels: classes.iter().map(panel).collect(),
    };
    Ok(Some(Figure {
        title: format!("{network}: the code of one unit, {layer}"),
        note: format!("{}, last step, {} images of the probe.", run.key, values.nrows()),
        width: Width::Double,
        kind: FigureKind::Histogram(histogram),
    }))
}
