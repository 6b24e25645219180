//! Accuracy against the width s of the squeezes, over seeds.

use kymograph_findings::Subject;
use kymograph_linalg::statistics::t_interval;
use kymograph_report::{
    Axis, AxisScale, CurvePanel, Curves, Figure, FigureKind, Section, Series, SummaryTable, Threshold, Width,
    format_interval,
};

use super::super::derive::Derivation;
use super::super::page::mean_of;
use super::super::sections::place;
use super::layers::{runs, swept};

/// What is drawn: the recorded series, and the panel's title.
const SCORES: [(&str, &str); 3] = [
    ("held_out.accuracy", "held-out accuracy"),
    ("train.accuracy", "training accuracy"),
    ("held_out.loss", "held-out loss (nats)"),
];

pub(super) fn section(derivation: &Derivation<'_>) -> Section {
    let mut section = Section { title: "How narrow may the squeeze be?".to_owned(), ..Section::default() };
    let caption = "Scores at the last step of networks that differ in the width s of their two squeezes alone, against s: mean \
                   over seeds with its 95 % t-interval, and every seed. Dashed: the same network without a squeeze, and \
                   naming a class at random.";
    place(&mut section, "accuracy-by-width", figure(derivation), caption);
    section
}

fn last(run: &Subject, series: &str) -> Option<f64> {
    run.series.get(series)?.values().next_back().copied().filter(|value| value.is_finite())
}

fn interval(values: &[f64]) -> Option<[f64; 2]> {
    t_interval(values, 0.95).ok().map(|i| [i.low, i.high])
}

fn figure(derivation: &Derivation<'_>) -> Option<Figure> {
    let swept = swept(derivation);
    let narrow: Vec<(f64, &str)> =
        swept.iter().filter_map(|(s, network)| Some((s.parse().ok()?, network.as_str()))).collect();
    let mut most = 0;
    let mut panels = Vec::new();
    for (series, title) in SCORES {
        let mut seeds: Vec<u64> =
            narrow.iter().flat_map(|(_, n)| runs(n, derivation)).filter_map(|r| r.key.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        most = most.max(seeds.len());
        let at = |network: &str, seed: u64| {
            runs(network, derivation).into_iter().find(|r| r.key.seed == Some(seed)).and_then(|run| last(run, series))
        };
        let values = |network: &str| -> Vec<f64> {
            runs(network, derivation).into_iter().filter_map(|run| last(run, series)).collect()
        };
        let mean = |network: &str| Some(values(network)).filter(|v| !v.is_empty()).map(|v| mean_of(&v));
        let of_seed = |seed: &u64| (format!("seed {seed}"), narrow.iter().map(|(_, n)| at(n, *seed)).collect());
        let drawn = Series {
            label: "squeezes of s units".to_owned(),
            x: narrow.iter().map(|(s, _)| *s).collect(),
            y: narrow.iter().map(|(_, n)| mean(n)).collect(),
            band: narrow.iter().map(|(_, n)| interval(&values(n))).collect(),
            runs: if seeds.len() > 1 { seeds.iter().map(of_seed).collect() } else { Vec::new() },
        };
        if drawn.y.iter().all(Option::is_none) {
            return None;
        }
        let full = swept.iter().find(|(s, _)| *s == "full").and_then(|(_, network)| mean(network));
        let full = full.map(|value| Threshold { value, label: "no squeeze".to_owned() });
        let chance = if title.ends_with("accuracy") { 0.1 } else { 10.0_f64.ln() };
        let chance = Threshold { value: chance, label: "a class at random".to_owned() };
        let thresholds = full.into_iter().chain([chance]).collect();
        panels.push(CurvePanel { title: title.to_owned(), series: vec![drawn], null: None, thresholds });
    }
    let x = Axis { scale: AxisScale::Log, ..Axis::linear("units s of each squeeze") };
    let kind = FigureKind::Curves(Curves { x, y: Axis::default(), shared_y: false, panels });
    let note = match most {
        1 => "1 seed.".to_owned(),
        n => format!("Mean over {n} seeds with its 95 % t-interval; thin lines: single seeds."),
    };
    Some(Figure { title: "Scores by the width of the squeeze".to_owned(), note, width: Width::Double, kind })
}

/// Accuracy by s, and how far it lies from that without a squeeze, seed by seed.
pub(super) fn table(derivation: &Derivation<'_>) -> Option<SummaryTable> {
    let swept = swept(derivation);
    let accuracies = |network: &str| -> Vec<(Option<u64>, f64)> {
        let of = |run: &Subject| Some((run.key.seed, last(run, "held_out.accuracy")?));
        runs(network, derivation).into_iter().filter_map(of).collect()
    };
    let full = swept.iter().find(|(s, _)| *s == "full").map(|(_, network)| accuracies(network)).unwrap_or_default();
    let cell = |values: &[f64]| match (values, interval(values)) {
        ([], _) => String::new(),
        (values, Some(interval)) => format!("{:.4} {}", mean_of(values), format_interval(interval, 3)),
        (values, None) => format!("{:.4}", mean_of(values)),
    };
    let rows: Vec<Vec<String>> = swept
        .iter()
        .map(|(s, network)| {
            let own = accuracies(network);
            let values: Vec<f64> = own.iter().map(|(_, value)| *value).collect();
            let partner = |seed| full.iter().find(|(other, _)| *other == seed).map(|(_, value)| *value);
            let apart: Vec<f64> = own.iter().filter_map(|(seed, value)| Some(value - partner(*seed)?)).collect();
            let apart = if *s == "full" { String::new() } else { cell(&apart) };
            vec![(*s).to_owned(), network.clone(), values.len().to_string(), cell(&values), apart]
        })
        .filter(|row| !row[3].is_empty())
        .collect();
    let heads = ["s", "network", "seeds", "held-out accuracy", "difference from no squeeze"];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Accuracy by the width of the squeeze".to_owned(),
        caption:
            "At the last step, mean over seeds with its 95 % t-interval; the last column is the mean difference within \
                  seeds (negative: less accurate). A class at random is right in one of ten images."
                .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}
