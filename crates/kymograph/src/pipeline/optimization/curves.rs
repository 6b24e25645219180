//! Curves over minibatches, and the sizes of gradients.

use kymograph_measures::gradients::GradientHistogram;
use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{Axis, CurvePanel, Curves, Figure, FigureKind, Section, Series, Width, grouped};

use super::super::sections::place;
use super::epochs::words;
use super::history::{History, Points};
use super::rows::PUBLISHED;

/// Points of a curve in print; each is the mean of the minibatches it stands for.
const POINTS: usize = 300;
/// Range of histograms in log₁₀|g|, and their bins.
const RANGE: [f64; 2] = [-12.0, 0.0];
const BINS: usize = 60;
/// Histograms in a figure.
const MOST: usize = 5;

pub(super) fn section(network: &str, histories: &[&History]) -> Section {
    let mut section = Section { title: format!("{network}: gradients, by minibatch"), ..Section::default() };
    place(
        &mut section,
        &format!("{network}-batches"),
        batches(network, histories),
        "The published quantities at every minibatch, at the two published thresholds: share of parameters near zero, share \
         released, share of the retained that change sign. Where the run is long each point is the mean of neighbouring \
         minibatches.",
    );
    place(
        &mut section,
        &format!("{network}-angle"),
        angles(network, histories),
        "Angle between the gradients of neighbouring minibatches (independent directions give 90°), norm of the gradient, and \
         norm of the step that was taken.",
    );
    place(
        &mut section,
        &format!("{network}-persistence"),
        persistence(network, histories),
        "How long a gradient stays near zero: of those within 1e-5, and of those exactly zero, the share that is so again 1, 4 and \
         12 minibatches later. Sets drawn independently would share no more than their size, drawn as the null.",
    );
    let sizes = histories.first().and_then(|history| sizes(network, history));
    place(
        &mut section,
        &format!("{network}-gradient-histogram"),
        sizes,
        "Sizes of the first run's gradients at some minibatches: share of all parameters in each fifth of a decade of |g|. Exact \
         zeros and what lies outside 1e-12 to 1 are counted apart, in the legend.",
    );
    section
}

/// The mean of each of at most [`POINTS`] stretches of neighbouring minibatches.
fn thinned((steps, values): Points) -> Points {
    let stretch = steps.len().div_ceil(POINTS).max(1);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let steps = steps.chunks(stretch).filter_map(|steps| steps.last().copied()).collect();
    (steps, values.chunks(stretch).map(mean).collect())
}

fn trace(panel: &str, label: &str, history: &History, column: &str, scale: f64) -> Option<Trace> {
    let (steps, values) = thinned(history.total.column(column)?);
    let values = values.into_iter().map(|value| value / scale).collect();
    Some(Trace { panel: panel.to_owned(), label: label.to_owned(), run: history.label(), steps, values })
}

fn batches(network: &str, histories: &[&History]) -> Option<Figure> {
    let mut traces = Vec::new();
    for history in histories {
        for threshold in ["abs1e-7", PUBLISHED] {
            let label = words(threshold);
            for (panel, column, scale) in [
                ("share of parameters near zero", "zero", history.parameters),
                ("share released", "released_fraction", 1.0),
                ("share of the retained that change sign", "flip_fraction", 1.0),
            ] {
                traces.extend(trace(panel, &label, history, &format!("{threshold}.{column}"), scale));
            }
        }
    }
    linear(training_curves(&format!("{network}: gradients near zero, by minibatch"), &traces))
}

fn angles(network: &str, histories: &[&History]) -> Option<Figure> {
    let mut traces = Vec::new();
    for history in histories {
        for (panel, column) in
            [("angle (degrees)", "angle"), ("norm of the gradient", "gradient_norm"), ("norm of the step", "step_norm")]
        {
            traces.extend(trace(panel, "all parameters", history, column, 1.0));
        }
    }
    linear(training_curves(&format!("{network}: gradient and step"), &traces))
}

fn persistence(network: &str, histories: &[&History]) -> Option<Figure> {
    let mut traces = Vec::new();
    for history in histories {
        for (panel, prefix, size) in
            [("within 1e-5", "persistence", "abs1e-5.zero"), ("exactly zero", "persistence.exact", "exact_zeros")]
        {
            for lag in [1, 4, 12] {
                let label = format!("after {lag}");
                traces.extend(trace(panel, &label, history, &format!("{prefix}.lag{lag}"), 1.0));
            }
            traces.extend(trace(panel, "null: independent sets", history, size, history.parameters));
        }
    }
    linear(training_curves(&format!("{network}: how long gradients stay near zero"), &traces))
}

/// Minibatches lie at equal distances.
fn linear(figure: Option<Figure>) -> Option<Figure> {
    let mut figure = figure?;
    if let FigureKind::Curves(curves) = &mut figure.kind {
        curves.x = Axis::linear("step");
    }
    Some(figure)
}

/// Histograms of the gradients that were kept; `None` where there are none.
fn sizes(network: &str, history: &History) -> Option<Figure> {
    let kept: Vec<u64> = history
        .total
        .steps
        .iter()
        .copied()
        .filter(|step| history.run.folder().join(format!("gradients/step-{step:08}.safetensors")).is_file())
        .collect();
    let mut series = Vec::new();
    let places: std::collections::BTreeSet<usize> =
        (0..MOST).map(|i| i * kept.len().saturating_sub(1) / (MOST - 1)).filter(|at| *at < kept.len()).collect();
    for step in places.into_iter().map(|at| kept[at]) {
        let captures = history.run.gradients(step).ok()??;
        let gradients: Vec<f32> = captures.arrays.iter().flat_map(|array| array.values.iter().copied()).collect();
        let counted = GradientHistogram::of(&gradients, RANGE, BINS).ok()?;
        let all = gradients.len() as f64;
        let shares = counted.negative.iter().zip(&counted.positive).map(|(a, b)| Some((a + b) as f64 / all));
        let outside = (counted.below + counted.above) as f64 / all;
        let zero = counted.zeros as f64 / all * 100.0;
        let outside = if outside > 0.0 { format!(", {:.1} % outside", outside * 100.0) } else { String::new() };
        series.push(Series {
            label: format!("step {} ({zero:.1} % exactly zero{outside})", grouped(step)),
            x: counted.middles(),
            y: shares.collect(),
            ..Series::default()
        });
    }
    let panel = CurvePanel { title: String::new(), series, ..CurvePanel::default() };
    let curves = Curves {
        x: Axis::linear("log10 |g|"),
        y: Axis::linear("share of all parameters"),
        shared_y: false,
        panels: vec![panel],
    };
    let (title, note) = (format!("{network}: sizes of gradients"), format!("{}.", history.label()));
    (!kept.is_empty()).then_some(Figure { title, note, width: Width::Double, kind: FigureKind::Curves(curves) })
}
