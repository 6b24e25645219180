//! Figures of the squeezed digits: the notebook's, each beside what it should have shown.

use std::collections::BTreeMap;

use kymograph_measures::superposition::{Interference, angles, interference};
use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{
    Axis, ColourMap, ColourScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind, Frame, Frames,
    HeatMap, HeatPanel, Histogram, HistogramPanel, Mark, NullBand, PrintValues, Scatter, ScatterPanel, Section, Series,
    Width,
};
use kymograph_studies::superposition::Squeeze;
use ndarray::Array2;

use super::super::sections::{place, place_frames};
use super::WHOLE;
use super::digit_rows::{View, arrows};
use super::page::Report;
use super::recorded::{Epoch, Squeezed, column};
use crate::error::KymographError;

/// Units named as the most important ones in the arrows' colours.
const NAMED: usize = 5;

pub(super) fn sections(report: &Report<'_>) -> Result<Vec<Section>, KymographError> {
    let runs: Vec<&Squeezed> =
        report.recorded.squeezed.iter().filter(|run| run.key.network == Squeeze::Untied.network()).collect();
    let Some(first) = runs.first() else { return Ok(Vec::new()) };
    Ok(vec![learning(report), directions(report, first)?, by_importance(&runs)?, matrices(first)?])
}

fn learning(report: &Report<'_>) -> Section {
    let mut section = Section { title: "Squeezed digits: learning".to_owned(), ..Section::default() };
    let names = report.recorded.step_names();
    let mut traces = Vec::new();
    let mut add = |panel: &str, label: &str, run: String, at: BTreeMap<u64, f64>| {
        let (steps, values) = at.into_iter().unzip();
        traces.push(Trace { panel: panel.to_owned(), label: label.to_owned(), run, steps, values });
    };
    let seed = |run: &kymograph_findings::RunKey| format!("seed {}", run.seed.unwrap_or(0));
    for (key, table) in &report.recorded.classifiers {
        let accuracy = column(table, "accuracy").into_iter().filter(|(epoch, _)| *epoch > 0).collect();
        add("accuracy of the classifier", "ours", seed(key), accuracy);
    }
    for run in report.recorded.squeezed.iter().filter(|run| run.key.network == Squeeze::Untied.network()) {
        add("loss of the last minibatch", "ours", seed(&run.key), column(&run.numbers, "loss_of_last_minibatch"));
    }
    for (network, measure, panel) in [
        ("classifier", "accuracy", "accuracy of the classifier"),
        ("autoencoder", "loss_of_last_minibatch", "loss of the last minibatch"),
    ] {
        let published = report.of(network, measure, None).filter(|f| f.array == WHOLE);
        let found: BTreeMap<u64, f64> =
            published.filter_map(|f| Some((f.steps[0], report.published.value(f, &names)?))).collect();
        if !found.is_empty() {
            add(panel, "published", "the notebook's run".to_owned(), found);
        }
    }
    place(
        &mut section,
        "digits-learning",
        training_curves("Classifier and autoencoder by epoch", &traces).map(by_epoch),
        "The classifier's accuracy on held-out images, and the autoencoder's loss on the last minibatch of 32 images, which is \
         what the notebook prints. A single minibatch scatters; the errors below are over all images.",
    );
    place(
        &mut section,
        "digits-errors",
        errors(report),
        "Mean squared error on held-out images after the last epoch, a dot a seed. The nulls: predicting each unit's mean, two \
         principal components of the units, and an autoencoder without tanh and ReLU trained as long. An error below the mean's \
         says that two numbers carry something; only one below that of two principal components says that the curves do.",
    );
    section
}

fn by_epoch(mut figure: Figure) -> Figure {
    if let FigureKind::Curves(curves) = &mut figure.kind {
        curves.x = Axis::linear("epoch");
    }
    figure
}

fn errors(report: &Report<'_>) -> Option<Figure> {
    let last = report.last_epoch()?;
    let row = |label: &str, network: &str, array: &str| {
        let of = report.of(network, "test_error", Some(last)).filter(|f| f.array == array);
        let values: Vec<f64> = of.filter_map(|f| f.value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (!values.is_empty()).then(|| DotRow {
            label: label.to_owned(),
            estimate: Some(mean),
            interval: kymograph_linalg::statistics::t_interval(&values, 0.95).ok().map(|i| [i.low, i.high]),
            values,
            ..DotRow::default()
        })
    };
    let network = Squeeze::Untied.network();
    let rows: Vec<DotRow> = [
        row("autoencoder", network, WHOLE),
        row("tied", Squeeze::Tied.network(), WHOLE),
        row("linear", Squeeze::Linear.network(), WHOLE),
        row("two principal components", network, "pca"),
        row("predict the mean", network, "mean"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!rows.is_empty()).then(|| Figure {
        title: "What two numbers keep of 49 units".to_owned(),
        note: "Mean over seeds with its 95 % t-interval; single seeds as dots.".to_owned(),
        width: Width::Double,
        kind: FigureKind::DotInterval(DotInterval {
            interval_label: "95 % interval over seeds".to_owned(),
            null_label: String::new(),
            panels: vec![DotPanel {
                x: Axis::linear("mean squared error, held-out images"),
                rows,
                ..DotPanel::default()
            }],
        }),
    })
}

/// The notebook's two plots at every epoch, as drawn and without what all arrows share.
fn directions(report: &Report<'_>, first: &Squeezed) -> Result<Section, KymographError> {
    let mut section = Section { title: "Squeezed digits: directions".to_owned(), ..Section::default() };
    let mut frames = Vec::new();
    // The longest arrow of all epochs, so that frames compare.
    let mut reach = 1e-6_f64;
    for found in first.epochs.values() {
        for (point, weight) in found.points.rows().into_iter().zip(View::of(found)?.importance) {
            let ends = [point[0], point[1], point[0] - found.offset[0], point[1] - found.offset[1]];
            reach = ends.iter().fold(reach, |most, end| most.max((weight * end).abs()));
        }
    }
    for (&epoch, found) in &first.epochs {
        frames.push(Frame { name: epoch.to_string(), figure: plots(first, epoch, (found, reach))? });
    }
    if let Some(last) = frames.last().map(|frame| frame.figure.clone()) {
        let start = frames.len() - 1;
        let slider = Frames { label: "epoch".to_owned(), frames, start };
        place_frames(
            &mut section,
            "digits-arrows",
            Some((last, Some(slider))),
            "The ends of the notebook's arrows, a point a unit, at every epoch of the first seed. Upper row: importance × mean \
             code (left) and importance × its direction (right), as published. All codes share the code of nothing, tanh of the \
             encoder's bias; the lower row shows the same after it is taken away. That points lie together in the upper row \
             says little: an offset alone does that.",
        );
    }
    let mut traces = Vec::new();
    let mut null: BTreeMap<&str, NullBand> = BTreeMap::new();
    let panels = [
        ("two_axes", "along two axes, as drawn"),
        ("two_axes_without_offset", "along two axes, without offset"),
        ("one_way", "one way, as drawn"),
        ("one_way_without_offset", "one way, without offset"),
    ];
    for (measure, panel) in panels {
        for run in report.recorded.squeezed.iter().filter(|run| run.key.network == first.key.network) {
            let of = report.of(&first.key.network, measure, None).filter(|f| f.run == run.key);
            let (steps, values) = of.filter_map(|f| Some((f.steps[0], f.value?))).unzip();
            let run = format!("seed {}", run.key.seed.unwrap_or(0));
            let label = "trained".to_owned();
            traces.push(Trace { panel: panel.to_owned(), label, run, steps, values });
        }
        let band = null.entry(panel).or_default();
        "null: directions spread evenly (first seed)".clone_into(&mut band.label);
        for finding in report.of(&first.key.network, measure, None).filter(|f| f.run == first.key) {
            if let Some(drawn) = finding.null() {
                band.x.push(finding.steps[0] as f64);
                band.mean.push(drawn.mean);
                band.interval.push(drawn.interval);
            }
        }
    }
    let figure = training_curves("Do the arrows lie along two axes at right angles?", &traces).map(|figure| {
        let mut figure = by_epoch(figure);
        if let FigureKind::Curves(curves) = &mut figure.kind {
            curves.y = Axis::linear("resultant length");
            curves.shared_y = true;
            for panel in &mut curves.panels {
                panel.null = null.remove(panel.title.as_str());
            }
        }
        figure
    });
    place(
        &mut section,
        "digits-axes",
        figure,
        "Length of the mean of exp(4iθ) over the arrows' angles θ, weighted by importance: 1 where all lie along two axes at \
         right angles. And of exp(iθ): 1 where all point one way, which also makes the first one 1.",
    );
    let turned = report.recorded.squeezed.iter().filter(|run| run.key.network == first.key.network).map(|run| {
        let of = report.of(&first.key.network, "directions_turned", None).filter(|f| f.run == run.key);
        let (steps, values) = of.filter_map(|f| Some((f.steps[0], f.value?))).unzip();
        let run = format!("seed {}", run.key.seed.unwrap_or(0));
        Trace { panel: "degrees since the epoch before".to_owned(), label: "trained".to_owned(), run, steps, values }
    });
    place(
        &mut section,
        "digits-turned",
        training_curves("How far the arrows turn in an epoch", &turned.collect::<Vec<_>>()).map(by_epoch),
        "Mean over units, weighted by importance, of the angle between an arrow and itself an epoch before. Unrelated \
         directions differ by 90° in the mean.",
    );
    let (encoder, untrained) = (first.last(), first.epochs.get(&0));
    if let (Some((_, last)), Some(before)) = (encoder, untrained) {
        let panel = |title: &str, epoch: &Epoch| -> Result<HistogramPanel, KymographError> {
            let values = angles(epoch.encoder.view())?.into_iter().map(f64::to_degrees).collect();
            Ok(HistogramPanel { title: title.to_owned(), values, marks: Vec::new() })
        };
        let figure = Figure {
            title: "Angles of the encoder's 49 columns".to_owned(),
            note: "First seed.".to_owned(),
            width: Width::Double,
            kind: FigureKind::Histogram(Histogram {
                x: Axis { range: Some([-180.0, 180.0]), ..Axis::linear("angle (degrees)") },
                count_label: "units".to_owned(),
                bins: Some(24),
                shared_x: true,
                panels: vec![panel("untrained", before)?, panel("trained", last)?],
            }),
        };
        place(
            &mut section,
            "digits-angles",
            Some(figure),
            "Two directions at right angles would show as two narrow peaks 90° apart, antipodal ones as peaks 180° apart. \
             Kuiper's and Rayleigh's tests of these angles stand in the table of evidence.",
        );
    }
    Ok(section)
}

/// The two plots of one epoch, with and without the offset.
fn plots(run: &Squeezed, epoch: u64, (found, reach): (&Epoch, f64)) -> Result<Figure, KymographError> {
    let view = View::of(found)?;
    let rank: BTreeMap<usize, usize> = view.order.iter().enumerate().map(|(rank, unit)| (*unit, rank)).collect();
    let class = |unit: usize| usize::from(rank[&unit] >= NAMED);
    let mut panels = Vec::new();
    for (without, way) in [(false, "as drawn"), (true, "without offset")] {
        let [x, y] = if without { found.offset } else { [0.0, 0.0] };
        let directions = arrows(found, without);
        let ends = |fixed: bool| -> Vec<[f64; 2]> {
            (0..view.importance.len())
                .map(|unit| {
                    let weight = view.importance[unit];
                    match fixed {
                        true => [weight * directions[unit].cos(), weight * directions[unit].sin()],
                        false => [weight * (found.points[[unit, 0]] - x), weight * (found.points[[unit, 1]] - y)],
                    }
                })
                .collect()
        };
        for (fixed, title) in [(false, "importance × mean code"), (true, "importance × direction")] {
            let points = ends(fixed);
            panels.push(ScatterPanel {
                title: format!("{title}, {way}"),
                x_label: "code 1".to_owned(),
                y_label: "code 2".to_owned(),
                classes: (0..points.len()).map(class).collect(),
                names: (0..points.len()).map(|unit| format!("unit {unit}, rank {}", rank[&unit])).collect(),
                points,
                range: Some([if fixed { [-1.05, 1.05] } else { [-1.05 * reach, 1.05 * reach] }; 2]),
            });
        }
    }
    Ok(Figure {
        title: format!("{}: 49 units in the code, epoch {epoch}", run.key),
        note: "A point a unit, at the end of its arrow.".to_owned(),
        width: Width::Double,
        kind: FigureKind::Scatter(Scatter {
            classes: vec![format!("the {NAMED} most important"), "the others".to_owned()],
            named_in_place: false,
            equal_units: true,
            panels,
        }),
    })
}

/// Mean over seeds of a number by rank of importance, with its interval.
fn by_rank(label: &str, runs: &[Vec<f64>]) -> Series {
    let n = runs.iter().map(Vec::len).min().unwrap_or(0);
    let at = |rank: usize| runs.iter().map(|values| values[rank]).collect::<Vec<f64>>();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let band = |rank| kymograph_linalg::statistics::t_interval(&at(rank), 0.95).ok().map(|i| [i.low, i.high]);
    Series {
        label: label.to_owned(),
        x: (0..n).map(|rank| rank as f64).collect(),
        y: (0..n).map(|rank| Some(mean(&at(rank)))).collect(),
        band: if runs.len() > 1 { (0..n).map(band).collect() } else { Vec::new() },
        runs: Vec::new(),
    }
}

/// The notebook's curves over importance ranks.
fn by_importance(runs: &[&Squeezed]) -> Result<Section, KymographError> {
    let mut section = Section { title: "Squeezed digits: by importance".to_owned(), ..Section::default() };
    let mut rows: BTreeMap<(&str, &str), Vec<Vec<f64>>> = BTreeMap::new();
    for run in runs {
        for (label, epoch) in [("trained", run.last().map(|(_, e)| e)), ("null: untrained", run.epochs.get(&0))] {
            let Some(found) = epoch else { continue };
            let view = View::of(found)?;
            let sorted = |values: &[f64]| view.order.iter().map(|&unit| values[unit]).collect::<Vec<_>>();
            let mut add = |panel, label, values: Vec<f64>| {
                rows.entry((panel, label)).or_default().push(values);
            };
            let bias = sorted(&found.decoder_bias);
            add("1 ‖W‖ of the encoder", label, sorted(&view.norms));
            if label == "trained" {
                let reversed: Vec<f64> = bias.iter().rev().copied().collect();
                add("2 decoder's bias", "as published: reversed by mistake", reversed);
            }
            add("2 decoder's bias", label, bias);
            let decoder = found.decoder.t().to_owned();
            for (panel, w, by) in [
                ("3 encoder: Σ (w·w′)²", &found.encoder, Interference::Raw),
                ("4 encoder: Σ cos²", &found.encoder, Interference::Cosine),
                ("5 decoder: Σ (w·w′)²", &decoder, Interference::Raw),
                ("6 decoder: Σ cos²", &decoder, Interference::Cosine),
            ] {
                add(panel, label, sorted(&interference(w.view(), by)?));
            }
        }
    }
    let mut panels: Vec<CurvePanel> = Vec::new();
    for ((panel, label), runs) in &rows {
        let series = by_rank(label, runs);
        let title = panel.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        match panels.iter_mut().find(|p| p.title == title) {
            Some(panel) => panel.series.push(series),
            None => {
                panels.push(CurvePanel { title: title.to_owned(), series: vec![series], ..CurvePanel::default() });
            }
        }
    }
    for panel in &mut panels {
        panel.series.sort_by_key(|s| (s.label != "trained", s.label.clone()));
    }
    let figure = Figure {
        title: "The notebook's curves by rank of importance".to_owned(),
        note: format!("Mean over {} seeds with its 95 % t-interval; rank 0 is the most important unit.", runs.len()),
        width: Width::Double,
        kind: FigureKind::Curves(Curves {
            x: Axis::linear("rank of importance"),
            y: Axis::default(),
            shared_y: false,
            panels,
        }),
    };
    place(
        &mut section,
        "digits-ranks",
        Some(figure),
        "As in the notebook's second experiment, and what it should have shown. It reverses the biases after sorting them, so \
         its curve runs from the least important unit to the most important one under an axis that says otherwise. Its \"cos \
         sim\", the third panel, is of columns as long as they are: it is near 0 because weights are small. The sum of squared cosines of random \
         directions in a plane is 24.",
    );
    if let Some(first) = runs.first() {
        let figure = Figure {
            title: "How often each unit is exactly 0".to_owned(),
            note: "First seed, training images.".to_owned(),
            width: Width::Single,
            kind: FigureKind::Histogram(Histogram {
                x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("share of images on which the unit is 0") },
                count_label: "units".to_owned(),
                bins: Some(20),
                shared_x: true,
                panels: vec![HistogramPanel {
                    values: first.unit_zero.clone(),
                    marks: vec![Mark { value: 0.0, label: "what the notebook assumes".to_owned() }],
                    ..HistogramPanel::default()
                }],
            }),
        };
        place(
            &mut section,
            "digits-sparsity",
            Some(figure),
            "The notebook takes the units to be dense (sparsity 0). Behind tanh and ReLU a unit is 0 wherever its sum is \
             negative.",
        );
    }
    Ok(section)
}

/// decoder × encoder of the first seed, and what the notebook shows of it.
fn matrices(first: &Squeezed) -> Result<Section, KymographError> {
    let mut section = Section { title: "Squeezed digits: decoder × encoder".to_owned(), ..Section::default() };
    let Some((_, last)) = first.last() else { return Ok(section) };
    let view = View::of(last)?;
    let product = view.sorted_product();
    let n = product.nrows();
    let mut entries: Vec<f64> = product.iter().copied().collect();
    entries.sort_by(|a, b| b.total_cmp(a));
    let least = entries.get(view.top().saturating_sub(1)).copied().unwrap_or(f64::INFINITY);
    let kept = product.mapv(|v| if v >= least { v } else { 0.0 });
    let largest = entries.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let panel = |title: &str, m: &Array2<f64>, corner: usize| {
        let names: Vec<String> = (0..corner).map(|rank| rank.to_string()).collect();
        HeatPanel {
            title: title.to_owned(),
            rows: names.clone(),
            columns: names,
            values: (0..corner).map(|a| (0..corner).map(|b| Some(m[[a, b]])).collect()).collect(),
        }
    };
    let figure = |title: &str, panels: Vec<HeatPanel>, print| Figure {
        title: title.to_owned(),
        note: format!("{}; rows and columns by rank of importance.", first.key),
        width: Width::Double,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: "output unit, by rank".to_owned(),
            column_axis: "input unit, by rank".to_owned(),
            colour: ColourScale {
                label: "decoder × encoder".to_owned(),
                range: Some([-largest, largest]),
                map: ColourMap::Diverging { centre: 0.0 },
            },
            panels,
            print,
            decimals: 2,
            square: true,
        }),
    };
    let whole = vec![panel("all entries", &product, n), panel("the top 1 %", &kept, n)];
    place(
        &mut section,
        "digits-product",
        Some(figure("Decoder × encoder, 49 × 49", whole, PrintValues::Never)),
        "The notebook's WᵀW, which is the decoder times the encoder since the two are not tied, and what is left of it above \
         its 99th percentile. That keeps positive extremes only; entries as far below zero are as much of a similarity.",
    );
    let corner = n.min(NAMED);
    let small = vec![panel("all entries", &product, corner), panel("the top 1 %", &kept, corner)];
    place(
        &mut section,
        "digits-corner",
        Some(figure("The corner of the five most important units", small, PrintValues::Auto)),
        "The notebook's last picture. Of 25 entries above the percentile a quarter of one would lie here by chance.",
    );
    Ok(section)
}
