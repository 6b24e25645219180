//! Figures of the study: the sweep as heat maps and curves, cosines of single features, first weights, harder data.

use kymograph_findings::Finding;
use kymograph_linalg::statistics::t_interval;
use kymograph_measures::dictionaries::chance_mean_max_cosine;
use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{
    Axis, AxisScale, ColourScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind, HeatMap,
    HeatPanel, Histogram, HistogramPanel, Mark, NullBand, PrintValues, Scatter, ScatterPanel, Series, Threshold, Width,
};
use kymograph_studies::dictionaries::{Settings, sweep_network};

use super::Recorded;
use super::rows::UNLEARNED;

/// The values over seeds of one quantity of one dictionary.
pub(super) fn values(findings: &[Finding], network: &str, measure: &str, array: &str) -> Vec<f64> {
    let of = |f: &&Finding| f.run.network == network && f.measure == measure && f.array == array;
    findings.iter().filter(of).filter_map(|f| f.value).collect()
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

pub(super) fn band(values: &[f64]) -> Option<[f64; 2]> {
    t_interval(values, 0.95).ok().map(|interval| [interval.low, interval.high])
}

pub(super) fn figure(title: &str, note: String, width: Width, kind: FigureKind) -> Figure {
    Figure { title: title.to_owned(), note, width, kind }
}

pub(super) fn seeds_note(seeds: usize) -> String {
    match seeds {
        1 => "1 seed.".into(),
        n => format!("Mean over {n} seeds."),
    }
}

/// Penalty × size, for some quantities: one panel each, on one scale.
pub(super) fn heat_map(
    findings: &[Finding],
    settings: &Settings,
    title: &str,
    label: &str,
    range: Option<[f64; 2]>,
    measures: &[(&str, &str)],
    seeds: usize,
) -> Option<Figure> {
    let rows: Vec<String> = settings.alphas.iter().rev().map(|alpha| word(*alpha)).collect();
    let columns: Vec<String> = settings.sizes.iter().map(|size| format!("{size}")).collect();
    let mut panels = Vec::new();
    for (measure, title) in measures {
        let cell = |alpha: f64, size: f64| mean(&values(findings, &sweep_network(alpha), measure, &format!("n{size}")));
        let cells: Vec<Vec<Option<f64>>> = settings
            .alphas
            .iter()
            .rev()
            .map(|&alpha| settings.sizes.iter().map(|&size| cell(alpha, size)).collect())
            .collect();
        panels.push(HeatPanel {
            title: (*title).to_owned(),
            rows: rows.clone(),
            columns: columns.clone(),
            values: cells,
        });
    }
    if panels.iter().all(|panel| panel.values.iter().flatten().all(Option::is_none)) {
        return None;
    }
    let kind = FigureKind::HeatMap(HeatMap {
        row_axis: "penalty α".into(),
        column_axis: "latents".into(),
        colour: ColourScale { label: label.to_owned(), range, ..ColourScale::default() },
        panels,
        print: PrintValues::Auto,
        decimals: 2,
        square: false,
    });
    Some(figure(title, seeds_note(seeds), Width::Double, kind))
}

/// A number in few digits.
pub(super) fn word(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { sweep_network(value).trim_start_matches("alpha-").to_owned() }
}

/// MMCS against the penalty, and against the penalty that the loss really has.
pub(super) fn against_penalty(findings: &[Finding], settings: &Settings, seeds: usize) -> Option<Figure> {
    let panel = |title: &str, effective: bool| {
        let series = settings.sizes.iter().map(|&size| {
            let at = |alpha: f64| values(findings, &sweep_network(alpha), "mmcs", &format!("n{size}"));
            let all: Vec<Vec<f64>> = settings.alphas.iter().map(|&alpha| at(alpha)).collect();
            let scale = if effective { settings.width as f64 / size } else { 1.0 };
            Series {
                label: format!("{size} latents"),
                x: settings.alphas.iter().map(|alpha| alpha * scale).collect(),
                y: all.iter().map(|v| mean(v)).collect(),
                band: if seeds > 1 { all.iter().map(|v| band(v)).collect() } else { Vec::new() },
                runs: Vec::new(),
            }
        });
        let size = settings.features;
        let mut thresholds = vec![Threshold {
            value: chance_mean_max_cosine(settings.width, size),
            label: format!("{size} random directions"),
        }];
        if let Some(value) = mean(&values(findings, UNLEARNED, "mmcs", "examples")) {
            thresholds.push(Threshold { value, label: format!("{size} examples") });
        }
        CurvePanel { title: title.to_owned(), series: series.collect(), null: None, thresholds }
    };
    let panels = vec![panel("against α", false), panel("against α × width / latents", true)];
    if panels[0].series.iter().all(|s| s.y.iter().all(Option::is_none)) || settings.alphas[0] <= 0.0 {
        return None;
    }
    let kind = FigureKind::Curves(Curves {
        x: Axis { label: "penalty".into(), scale: AxisScale::Log, range: None },
        y: Axis { label: "MMCS".into(), range: Some([0.0, 1.0]), ..Axis::default() },
        shared_y: true,
        panels,
    });
    let note = if seeds > 1 { format!("Mean over {seeds} seeds, 95 % t-interval.") } else { seeds_note(seeds) };
    Some(figure("Recovery by penalty and size", note, Width::Double, kind))
}

/// The parts of a dictionary's MMCS row: cosine and frequency of every feature, of the first seed.
fn features<'a>(findings: &'a [Finding], network: &str, array: &str) -> Option<(&'a [f64], &'a [f64])> {
    let row = findings.iter().find(|f| f.run.network == network && f.measure == "mmcs" && f.array == array)?;
    Some((row.parts.get("per_feature")?, row.parts.get("frequency")?))
}

/// Dictionaries of one size at every penalty: how near each feature's nearest direction is.
pub(super) fn cosine_histograms(findings: &[Finding], settings: &Settings, size: f64) -> Option<Figure> {
    let array = format!("n{size}");
    let panels: Vec<HistogramPanel> = settings
        .alphas
        .iter()
        .filter_map(|&alpha| {
            let (cosines, _) = features(findings, &sweep_network(alpha), &array)?;
            Some(HistogramPanel {
                title: format!("α = {}", word(alpha)),
                values: cosines.to_vec(),
                marks: vec![Mark {
                    value: chance_mean_max_cosine(settings.width, size as usize),
                    label: "random directions (mean)".into(),
                }],
            })
        })
        .collect();
    if panels.is_empty() {
        return None;
    }
    let kind = FigureKind::Histogram(Histogram {
        x: Axis { label: "cosine with the nearest latent".into(), range: Some([0.0, 1.0]), ..Axis::default() },
        count_label: "features".into(),
        bins: Some(25),
        shared_x: true,
        panels,
    });
    Some(figure(
        &format!("Every feature's nearest direction, {size} latents"),
        "First seed.".into(),
        Width::Double,
        kind,
    ))
}

/// The same against how often a feature is present.
pub(super) fn cosine_by_frequency(findings: &[Finding], settings: &Settings, size: f64) -> Option<Figure> {
    let array = format!("n{size}");
    let panels: Vec<ScatterPanel> = settings
        .alphas
        .iter()
        .filter_map(|&alpha| {
            let (cosines, frequency) = features(findings, &sweep_network(alpha), &array)?;
            let seen = frequency.iter().zip(cosines).filter(|(f, _)| **f > 0.0);
            let points: Vec<[f64; 2]> = seen.map(|(f, cosine)| [f.log10(), *cosine]).collect();
            Some(ScatterPanel {
                title: format!("α = {}", word(alpha)),
                x_label: "log10 of the share of examples".into(),
                y_label: "cosine".into(),
                classes: vec![0; points.len()],
                points,
                ..ScatterPanel::default()
            })
        })
        .collect();
    if panels.iter().all(|panel| panel.points.is_empty()) {
        return None;
    }
    let kind = FigureKind::Scatter(Scatter { classes: vec![String::new()], panels, ..Scatter::default() });
    let title = format!("Recovery and frequency of each feature, {size} latents");
    Some(figure(&title, "First seed; a point a feature.".into(), Width::Double, kind))
}

/// MMCS over training of some dictionaries: network, member, and the name in the legend, by panel.
pub(super) fn over_steps(
    recorded: &[Recorded],
    title: &str,
    of: &[(String, String, String, String)],
) -> Option<Figure> {
    let mut traces = Vec::new();
    for (network, member, panel, label) in of {
        for run in recorded.iter().filter(|run| run.network.name == *network) {
            if let Some((steps, values)) = run.recovery.column(&format!("{member}.mmcs")) {
                let run = format!("seed {}", run.seed());
                traces.push(Trace { panel: panel.clone(), label: label.clone(), run, steps, values });
            }
        }
    }
    let mut figure = training_curves(title, &traces)?;
    if let FigureKind::Curves(curves) = &mut figure.kind {
        curves.y = Axis { label: "MMCS".into(), range: Some([0.0, 1.0]), ..Axis::default() };
        curves.shared_y = true;
        for panel in &mut curves.panels {
            panel.thresholds.push(Threshold { value: super::examined::SAME, label: "MMCS .9".into() });
        }
    }
    Some(figure)
}

/// One quantity of some rows, each a label with its network and array.
pub(super) fn dots(
    findings: &[Finding],
    measure: &str,
    title: &str,
    rows: &[(String, String, String)],
    unit: bool,
) -> DotPanel {
    let row = |(label, network, array): &(String, String, String)| {
        let values = values(findings, network, measure, array);
        let estimate = mean(&values);
        estimate.map(|_| DotRow {
            label: label.clone(),
            estimate,
            interval: band(&values),
            values,
            ..DotRow::default()
        })
    };
    let range = unit.then_some([0.0, 1.0]);
    let x = Axis { range, ..Axis::linear(title) };
    DotPanel { title: title.to_owned(), x, thresholds: Vec::new(), rows: rows.iter().filter_map(row).collect() }
}

pub(super) fn dot_figure(title: &str, seeds: usize, panels: Vec<DotPanel>) -> Option<Figure> {
    if panels[0].rows.is_empty() {
        return None;
    }
    let kind = FigureKind::DotInterval(DotInterval {
        interval_label: "95 % t-interval over seeds".into(),
        null_label: String::new(),
        panels,
    });
    Some(figure(title, seeds_note(seeds), Width::Double, kind))
}

/// Trained dictionaries beside directions that were not learned.
pub(super) fn beside_unlearned(
    findings: &[Finding],
    settings: &Settings,
    best: &[(String, String, String)],
    seeds: usize,
) -> Option<Figure> {
    let g = settings.features;
    let others = [
        (format!("{g} examples"), UNLEARNED, "examples"),
        ("principal directions, either sign".to_owned(), UNLEARNED, "principal"),
        ("independent components, either sign".to_owned(), UNLEARNED, "ica"),
        ("non-negative parts of both halves".to_owned(), UNLEARNED, "nmf"),
        (format!("{g} random directions"), UNLEARNED, "random"),
        ("frozen random decoder".to_owned(), "starts", "frozen"),
    ];
    let others = others.into_iter().map(|(label, network, array)| (label, network.to_owned(), array.to_owned()));
    let rows: Vec<_> = best.iter().cloned().chain(others).collect();
    let panels = vec![
        dots(findings, "mmcs", "MMCS", &rows, true),
        dots(findings, "recall", "recall at cosine .9", &rows, true),
        dots(findings, "hungarian_cosine", "matched cosine", &rows, true),
    ];
    dot_figure("Learned directions beside others", seeds, panels)
}

/// Recovery on data with more features a dimension, or more of them present at once.
pub(super) fn harder(
    findings: &[Finding],
    recorded: &[Recorded],
    (prefix, axis, title): (&str, &str, &str),
    of_data: &dyn Fn(&Settings) -> f64,
    seeds: usize,
) -> Option<Figure> {
    let mut networks: Vec<(f64, &Recorded)> = Vec::new();
    for run in recorded.iter().filter(|run| run.network.name.starts_with(prefix)) {
        if networks.iter().all(|(_, known)| known.network.name != run.network.name) {
            networks.push((of_data(&run.network.settings), run));
        }
    }
    networks.sort_by(|a, b| a.0.total_cmp(&b.0));
    if networks.len() < 2 {
        return None;
    }
    let members = &networks[0].1.network.members;
    let panel = |measure: &str, title: &str| {
        let series = members.iter().map(|member| {
            let all: Vec<Vec<f64>> =
                networks.iter().map(|(_, run)| values(findings, &run.network.name, measure, &member.name)).collect();
            Series {
                label: format!("α = {}", word(member.alpha)),
                x: networks.iter().map(|(x, _)| *x).collect(),
                y: all.iter().map(|v| mean(v)).collect(),
                band: if seeds > 1 { all.iter().map(|v| band(v)).collect() } else { Vec::new() },
                runs: Vec::new(),
            }
        });
        let chance =
            |run: &Recorded| chance_mean_max_cosine(run.network.settings.width, 2 * run.network.settings.features);
        let null = (measure == "mmcs").then(|| NullBand {
            label: "random directions".into(),
            x: networks.iter().map(|(x, _)| *x).collect(),
            mean: networks.iter().map(|(_, run)| chance(run)).collect(),
            interval: networks.iter().map(|(_, run)| [chance(run); 2]).collect(),
        });
        CurvePanel { title: title.to_owned(), series: series.collect(), null, thresholds: Vec::new() }
    };
    let kind = FigureKind::Curves(Curves {
        x: Axis { label: axis.to_owned(), scale: AxisScale::Log, range: None },
        y: Axis { range: Some([0.0, 1.0]), ..Axis::default() },
        shared_y: true,
        panels: vec![
            panel("mmcs", "MMCS"),
            panel("recall", "recall at cosine .9"),
            panel("fvu", "variance unexplained"),
        ],
    });
    let note = if seeds > 1 { format!("Mean over {seeds} seeds, 95 % t-interval.") } else { seeds_note(seeds) };
    Some(figure(title, note, Width::Double, kind))
}
