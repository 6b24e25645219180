//! Figures of toy models: directions in the plane, dimensions by sparsity, products of directions, phase diagrams.

use std::collections::BTreeMap;

use kymograph_linalg::statistics::{mean, t_interval};
use kymograph_measures::superposition::{dimensionality, feature_norms};
use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{
    Axis, AxisScale, ColourMap, ColourScale, CurvePanel, Curves, Figure, FigureKind, Frame, Frames, HeatMap, HeatPanel,
    PrintValues, Scatter, ScatterPanel, Section, Series, Width,
};
use ndarray::Array2;

use super::super::sections::{place, place_frames};
use super::page::Report;
use super::recorded::{FOLLOWED, Toy, column};
use super::toy_rows::{DROPPED, cheapest_phase, is_diagram, phase};
use crate::error::KymographError;

/// Frames of a slider over steps, about.
const FRAMES: usize = 24;

/// A number of each feature.
type OfFeatures<'a> = dyn Fn(&Array2<f64>) -> Result<Vec<f64>, KymographError> + 'a;

/// Codes of phases and their colours.
static PHASES: &[(&str, [u8; 3])] = &[
    ("extra feature dropped", [222, 222, 222]),
    ("extra feature in another's place", [86, 180, 233]),
    ("extra feature shares a dimension", [213, 94, 0]),
];

pub(super) fn sections(report: &Report<'_>) -> Result<Vec<Section>, KymographError> {
    Ok(vec![plane(report)?, by_sparsity(report), products(report)?, pairs(report), diagrams(report)?])
}

fn toys<'a>(report: &'a Report<'_>, network: &'a str) -> impl Iterator<Item = &'a Toy> {
    report.recorded.toys.iter().filter(move |toy| toy.key.network == network)
}

/// Five features in the plane, at every sparsity and over training.
fn plane(report: &Report<'_>) -> Result<Section, KymographError> {
    let mut section = Section { title: "Toy models: five features in two dimensions".to_owned(), ..Section::default() };
    let Some(first) = toys(report, FOLLOWED).next() else { return Ok(section) };
    let steps: Vec<u64> = first.encoders.keys().copied().collect();
    let every = steps.len().div_ceil(FRAMES).max(1);
    let shown = steps.iter().rev().step_by(every).rev();
    let frames: Vec<Frame> =
        shown.map(|step| Frame { name: step.to_string(), figure: directions(first, *step) }).collect();
    if let Some(last) = frames.last().map(|frame| frame.figure.clone()) {
        let start = frames.len() - 1;
        place_frames(
            &mut section,
            "toy-directions",
            Some((last, Some(Frames { label: "step".to_owned(), frames, start }))),
            "The column of the encoder of each feature, most important first, at each probability with which features are \
             active, in the first seed. Always active: two features at right angles, the others at the origin. Seldom active: \
             all five, 72° apart. What counts as a figure, and how often random directions form it, stands in the table of \
             evidence.",
        );
    }
    let mut traces = Vec::new();
    for toy in toys(report, FOLLOWED) {
        let run = format!("seed {}", toy.key.seed.unwrap_or(0));
        let (steps, values) = column(&toy.numbers, "held_out_loss").into_iter().unzip();
        let (panel, label) = ("held-out loss".to_owned(), "mean of all models".to_owned());
        traces.push(Trace { panel, label, run: run.clone(), steps, values });
        for (number, cell) in toy.cells.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
            for (panel, of) in [
                ("mean dimensionality of all features", &mean_dimensionality as &dyn Fn(&Array2<f64>) -> Option<f64>),
                ("sum of squared norms", &|w: &Array2<f64>| Some(w.iter().map(|v| v * v).sum())),
            ] {
                let at = toy.encoders.iter().filter_map(|(step, all)| Some((*step, of(&all[number])?)));
                let (steps, values) = at.unzip();
                let (panel, label, run) = (panel.to_owned(), cell.name.clone(), run.clone());
                traces.push(Trace { panel, label, run, steps, values });
            }
        }
    }
    place(
        &mut section,
        "toy-training",
        training_curves("Dimensionality over training", &traces),
        "The mean dimensionality is m/n = .4 in every arrangement that uses both dimensions evenly, so it says early that they \
         are used and nothing of how; the sum of squared norms counts features. Whether levels with jumps or a smooth curve tell \
         it better is among the predictions, beside trajectories in random order and smooth ones with the same noise.",
    );
    Ok(section)
}

fn mean_dimensionality(w: &Array2<f64>) -> Option<f64> {
    mean(&dimensionality(w.view()).ok()?).ok()
}

fn directions(toy: &Toy, step: u64) -> Figure {
    let all = &toy.encoders[&step];
    let n = toy.spec.features;
    let panels = toy.cells.iter().zip(all).map(|(cell, w)| ScatterPanel {
        title: cell.name.clone(),
        x_label: "hidden unit 1".to_owned(),
        y_label: "hidden unit 2".to_owned(),
        points: w.columns().into_iter().map(|c| [c[0], c[1]]).collect(),
        classes: (0..n).collect(),
        names: (0..n).map(|i| format!("feature {i}")).collect(),
        range: Some([[-1.4, 1.4]; 2]),
    });
    Figure {
        title: format!("{}: directions of features, step {step}", toy.key),
        note: "A point a feature; feature 0 is the most important.".to_owned(),
        width: Width::Double,
        kind: FigureKind::Scatter(Scatter {
            classes: (0..n).map(|i| format!("feature {i}")).collect(),
            named_in_place: false,
            equal_units: true,
            panels: panels.collect(),
        }),
    }
}

/// A number against how seldom features are active, one curve a sweep.
fn by_sparsity(report: &Report<'_>) -> Section {
    let mut section = Section { title: "Toy models: by sparsity".to_owned(), ..Section::default() };
    let sweeps = ["toy_5_2", "toy_20_5", "toy_100_20", "toy_relu_hidden", "toy_absolute"];
    let figure = |title: &str, sweeps: &[&str], measures: &[(&str, &str, Option<&str>)]| {
        let panels: Vec<CurvePanel> = measures
            .iter()
            .map(|(measure, title, null)| CurvePanel {
                title: (*title).to_owned(),
                series: sweeps.iter().flat_map(|sweep| curves(report, sweep, measure, *null)).collect(),
                ..CurvePanel::default()
            })
            .filter(|panel| !panel.series.is_empty())
            .collect();
        (!panels.is_empty()).then(|| Figure {
            title: title.to_owned(),
            note: "Mean over seeds with its 95 % t-interval.".to_owned(),
            width: Width::Double,
            kind: FigureKind::Curves(Curves {
                x: Axis { scale: AxisScale::Log, ..Axis::linear("1 / probability that a feature is active") },
                y: Axis::default(),
                shared_y: false,
                panels,
            }),
        })
    };
    place(
        &mut section,
        "toy-dimensions",
        figure(
            "How features share dimensions as they become sparse",
            &sweeps,
            &[
                ("dimensions_per_feature", "dimensions per feature, m / ‖W‖²", None),
                ("mean_dimensionality", "mean dimensionality of represented features", None),
                ("features_represented", "features represented", None),
                ("share_in_regular_figures", "share in regular figures", None),
            ],
        ),
        "Left to right from features that are always active to ones that seldom are. Dimensions per feature are 1 without \
         superposition. Each number's null, random directions of the same number or the untrained model, stands in the table of \
         evidence.",
    );
    for sweep in ["toy_5_2", "toy_20_5", "toy_100_20"] {
        place(
            &mut section,
            &format!("{sweep}-loss"),
            figure(
                &format!("{sweep}: loss"),
                &[sweep],
                &[(
                    "held_out_loss",
                    "loss over that of predicting the mean",
                    Some("most_important_features_kept_whole"),
                )],
            ),
            "Importance-weighted squared error on examples not trained on, as a share of what predicting every feature's mean \
             costs; beside it what keeping the m most important features whole and dropping the others costs, the best there \
             is without superposition. Below that curve superposition pays.",
        );
    }
    place(
        &mut section,
        "toy-neurons",
        figure(
            "Hidden units that are neurons",
            &["toy_relu_hidden", "toy_absolute"],
            &[
                ("features_per_neuron", "features per neuron", None),
                ("neurons_for_one_feature", "share of neurons for one feature", None),
            ],
        ),
        "With ReLU in the hidden layer its units are a basis that means something. Participation number of features in a \
         neuron's weights (1: a neuron for one feature), and the share of neurons with nine tenths of their squared weights on \
         one feature, in the ReLU hidden model and in the one that computes |x|.",
    );
    section
}

/// A measure by 1 / probability, and beside it a null; losses are divided by that of predicting the mean.
fn curves(report: &Report<'_>, sweep: &str, measure: &str, null: Option<&str>) -> Vec<Series> {
    let Some(toy) = toys(report, sweep).next() else { return Vec::new() };
    let mut x = Vec::new();
    let (mut found, mut beside): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    for cell in &toy.cells {
        let of: Vec<_> = report.of(sweep, measure, None).filter(|f| f.array == cell.name).collect();
        let unit = |f: &kymograph_findings::Finding| {
            let constant = f.nulls.iter().find(|null| null.kind == "predict_the_mean").map(|null| null.mean);
            constant.filter(|c| *c > 0.0).unwrap_or(1.0)
        };
        let values: Vec<f64> = of.iter().filter_map(|f| Some(f.value? / unit(f))).collect();
        let kind = |f: &&kymograph_findings::Finding| {
            Some(f.nulls.iter().find(|n| Some(n.kind.as_str()) == null)?.mean / unit(f))
        };
        if !values.is_empty() {
            x.push(1.0 / cell.features.probability);
            found.push(values);
            beside.push(of.iter().filter_map(kind).collect());
        }
    }
    let series = |label: String, values: &[Vec<f64>]| Series {
        label,
        x: x.clone(),
        y: values.iter().map(|v| mean(v).ok()).collect(),
        band: values.iter().map(|v| t_interval(v, 0.95).ok().map(|i| [i.low, i.high])).collect(),
        runs: Vec::new(),
    };
    if x.is_empty() {
        return Vec::new();
    }
    let mut all = vec![series(sweep.to_owned(), &found)];
    if let Some(null) = null {
        let mut plain = series(null.replace('_', " "), &beside);
        plain.band.clear();
        all.push(plain);
    }
    all
}

/// WᵀW at each sparsity, and norms and dimensionality of every feature.
fn products(report: &Report<'_>) -> Result<Section, KymographError> {
    let mut section = Section { title: "Toy models: products of directions".to_owned(), ..Section::default() };
    if let Some((toy, (step, all))) = toys(report, "toy_20_5").next().and_then(|toy| Some((toy, toy.last()?))) {
        let names: Vec<String> = (0..toy.spec.features).map(|i| i.to_string()).collect();
        let panel = |(cell, w): (&kymograph_studies::superposition::Cell, &Array2<f64>)| {
            let product = w.t().dot(w);
            HeatPanel {
                title: cell.name.clone(),
                rows: names.clone(),
                columns: names.clone(),
                values: product.rows().into_iter().map(|row| row.iter().map(|v| Some(*v)).collect()).collect(),
            }
        };
        let figure = Figure {
            title: format!("{}: WᵀW, step {step}", toy.key),
            note: "Features by importance, most important first.".to_owned(),
            width: Width::Double,
            kind: FigureKind::HeatMap(HeatMap {
                row_axis: "feature".to_owned(),
                column_axis: "feature".to_owned(),
                colour: ColourScale {
                    label: "product of directions".to_owned(),
                    range: Some([-1.2, 1.2]),
                    map: ColourMap::Diverging { centre: 0.0 },
                },
                panels: toy.cells.iter().zip(all).map(panel).collect(),
                print: PrintValues::Never,
                decimals: 2,
                square: true,
            }),
        };
        place(
            &mut section,
            "toy-products",
            Some(figure),
            "Twenty features of importance .7^i in five dimensions. The diagonal is what is kept of each feature, all else is \
             interference.",
        );
    }
    for sweep in ["toy_20_5", "toy_100_20"] {
        let Some((toy, (_, all))) = toys(report, sweep).next().and_then(|toy| Some((toy, toy.last()?))) else {
            continue;
        };
        let rows = |of: &OfFeatures<'_>| {
            all.iter().map(|w| Ok(of(w)?.into_iter().map(Some).collect())).collect::<Result<Vec<_>, KymographError>>()
        };
        let panel = |title: &str, values| HeatPanel {
            title: title.to_owned(),
            rows: toy.cells.iter().map(|cell| cell.name.clone()).collect(),
            columns: (0..toy.spec.features).map(|i| i.to_string()).collect(),
            values,
        };
        let panels = vec![
            panel("norm", rows(&|w| Ok(feature_norms(w.view())?))?),
            panel("dimensionality", rows(&|w| Ok(dimensionality(w.view())?))?),
        ];
        let figure = Figure {
            title: format!("{}: every feature", toy.key),
            note: "Features by importance, most important first.".to_owned(),
            width: Width::Double,
            kind: FigureKind::HeatMap(HeatMap {
                row_axis: "probability that a feature is active".to_owned(),
                column_axis: "feature".to_owned(),
                colour: ColourScale {
                    label: "norm, dimensionality".to_owned(),
                    range: Some([0.0, 1.0]),
                    map: ColourMap::Sequential,
                },
                panels,
                print: PrintValues::Never,
                decimals: 2,
                square: false,
            }),
        };
        place(
            &mut section,
            &format!("{sweep}-features"),
            Some(figure),
            "Norm and fraction of a dimension of each feature. The dimensionality of a feature whose norm is near 0 is that of a \
             random direction and means nothing.",
        );
    }
    Ok(section)
}

/// Features that go together and features that exclude each other.
fn pairs(report: &Report<'_>) -> Section {
    let mut section =
        Section { title: "Toy models: correlated and anticorrelated features".to_owned(), ..Section::default() };
    let panels: Vec<CurvePanel> =
        [("toy_correlated", "pairs that occur together"), ("toy_anticorrelated", "pairs that exclude each other")]
            .into_iter()
            .map(|(sweep, title)| {
                let named = [("pair_cosine", "cosine within pairs"), ("other_cosine", "|cosine| between pairs")];
                let series = named.into_iter().flat_map(|(measure, label)| {
                    let mut all = curves(report, sweep, measure, None);
                    all.iter_mut().for_each(|series| label.clone_into(&mut series.label));
                    all
                });
                CurvePanel { title: title.to_owned(), series: series.collect(), ..CurvePanel::default() }
            })
            .filter(|panel| !panel.series.is_empty())
            .collect();
    let figure = (!panels.is_empty()).then(|| Figure {
        title: "Four features in two dimensions, two pairs".to_owned(),
        note: "Mean over seeds with its 95 % t-interval.".to_owned(),
        width: Width::Double,
        kind: FigureKind::Curves(Curves {
            x: Axis { scale: AxisScale::Log, ..Axis::linear("1 / probability that a feature is active") },
            y: Axis { range: Some([-1.0, 1.0]), ..Axis::linear("cosine of directions") },
            shared_y: true,
            panels,
        }),
    });
    place(
        &mut section,
        "toy-pairs",
        figure,
        "Features that occur together are put at right angles, so that they do not disturb each other; features that exclude \
         each other are put opposite, where they cannot. Random directions in a plane: cosine 0, |cosine| 2/π.",
    );
    section
}

fn diagrams(report: &Report<'_>) -> Result<Section, KymographError> {
    let mut section = Section { title: "Toy models: phase diagrams".to_owned(), ..Section::default() };
    let mut sweeps: BTreeMap<&str, Vec<&Toy>> = BTreeMap::new();
    for toy in report.recorded.toys.iter().filter(|toy| is_diagram(toy)) {
        sweeps.entry(&toy.key.network).or_default().push(toy);
    }
    for (network, runs) in sweeps {
        let first = runs[0];
        let side = (first.cells.len() as f64).sqrt().round() as usize;
        // Of each cell the run whose loss is least, as in the source.
        let mut best = vec![(f64::INFINITY, DROPPED); first.cells.len()];
        for toy in &runs {
            let Some((_, all)) = toy.last() else { continue };
            for ((best, w), loss) in best.iter_mut().zip(all).zip(&toy.losses) {
                if *loss < best.0 {
                    *best = (*loss, phase(w)?);
                }
            }
        }
        let square = |values: &dyn Fn(usize) -> f64| -> Vec<Vec<Option<f64>>> {
            (0..side).map(|row| (0..side).map(|column| Some(values(row * side + column))).collect()).collect()
        };
        let named = |text: f64| if text >= 0.1 { format!("{text:.2}") } else { format!("{text:.3}") };
        let panel = |title: String, values| HeatPanel {
            title,
            rows: (0..side).map(|row| named(first.cells[row * side].features.probability)).collect(),
            columns: (0..side).map(|c| named(first.cells[c].importance.last().copied().unwrap_or(1.0))).collect(),
            values,
        };
        let panels = vec![
            panel(format!("found, lowest loss of {}", runs.len()), square(&|cell| best[cell].1)),
            panel("cheapest of three hand-made".to_owned(), square(&|cell| cheapest_phase(&first.cells[cell]))),
        ];
        let (n, m) = (first.spec.features, first.spec.hidden);
        let figure = Figure {
            title: format!("{network}: {n} features, {m} hidden"),
            note: format!("{side} × {side} models a run."),
            width: Width::Double,
            kind: FigureKind::HeatMap(HeatMap {
                row_axis: "probability that a feature is active".to_owned(),
                column_axis: "importance of the extra feature relative to the others".to_owned(),
                colour: ColourScale { label: "phase".to_owned(), range: None, map: ColourMap::Categories(PHASES) },
                panels,
                print: PrintValues::Never,
                decimals: 0,
                square: true,
            }),
        };
        place(
            &mut section,
            &format!("{network}-diagram"),
            Some(figure),
            "What becomes of a feature that there is no dimension for. Right: the phase of the cheapest of three solutions written \
             down by hand: drop the extra feature (its importance × its variance), drop another one for it, or make the two an \
             antipodal pair (an error where both are active, p²(1 + r)/6). Of each cell the run \
             of lowest loss is shown, since single models stop in worse solutions; the table of evidence counts single runs.",
        );
    }
    Ok(section)
}
