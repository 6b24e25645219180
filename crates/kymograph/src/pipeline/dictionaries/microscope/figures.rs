//! Figures of the microscope, drawn from its rows.

use kymograph_findings::Finding;
use kymograph_report::{
    Axis, AxisScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind, Histogram, HistogramPanel,
    Series, Threshold, Width,
};
use kymograph_studies::dictionaries::MICROSCOPE;

use super::super::figures::{mean, seeds_note};
use super::distributions::standardised;
use super::fits::{FROZEN_EXAMPLES, FROZEN_RANDOM, FROZEN_UNTRAINED, NORMAL, PRINCIPAL, UNFITTED};
use super::look::{Look, MLP, RESIDUAL, TOY_DATA};

/// Values in a histogram, at most.
const MOST: usize = 20_000;
/// Deviations beyond which values are left out of histograms, and counted.
const WIDEST: f64 = 5.0;

/// The places' names in figures and tables.
pub(super) const PLACES: [(&str, &str); 3] = [(TOY_DATA, "toy data"), (MLP, "MLP"), (RESIDUAL, "residual stream")];

/// Rows of one measure and array at the steps given.
pub(super) fn rows<'a>(findings: &'a [Finding], measure: &str, array: &str, steps: &[u64]) -> Vec<&'a Finding> {
    let fits = |f: &&Finding| {
        f.run.network == MICROSCOPE
            && f.measure == measure
            && f.array == array
            && (steps.is_empty() || f.steps == steps)
    };
    findings.iter().filter(fits).collect()
}

/// The mean over transformers of a row's value.
pub(super) fn value(findings: &[Finding], measure: &str, array: &str, step: u64) -> Option<f64> {
    mean(&rows(findings, measure, array, &[step]).iter().filter_map(|f| f.value).collect::<Vec<_>>())
}

/// The same of one of its nulls.
pub(super) fn null(findings: &[Finding], measure: &str, array: &str, steps: &[u64], kind: &str) -> Option<f64> {
    let of = |f: &&Finding| f.nulls.iter().find(|null| null.kind == kind).map(|null| null.mean);
    mean(&rows(findings, measure, array, steps).iter().filter_map(of).collect::<Vec<_>>())
}

fn figure(title: &str, note: String, kind: FigureKind) -> Figure {
    Figure { title: title.to_owned(), note, width: Width::Double, kind }
}

/// The values of units, each about its mean over its deviation.
pub(super) fn values(look: &Look) -> Option<Figure> {
    let mut panels = Vec::new();
    for (name, title) in PLACES {
        let place = look.places.iter().find(|place| place.name == name)?;
        let all = standardised(place, place.last(), MOST);
        let inside: Vec<f64> = all.iter().copied().filter(|v| v.abs() <= WIDEST).collect();
        let beyond = 100.0 * (1.0 - inside.len() as f64 / all.len().max(1) as f64);
        panels.push(HistogramPanel {
            title: format!("{title} ({beyond:.2} % beyond)"),
            values: inside,
            marks: Vec::new(),
        });
    }
    let kind = FigureKind::Histogram(Histogram {
        x: Axis { label: "deviations from the unit's mean".into(), range: Some([-WIDEST, WIDEST]), ..Axis::default() },
        count_label: "values".into(),
        bins: Some(50),
        shared_x: true,
        panels,
    });
    let note = format!(
        "First transformer, last step; at most {MOST} values of all units. In brackets: the share farther out."
    );
    Some(figure("Activations, unit by unit", note, kind))
}

/// How often latents are used.
pub(super) fn densities(findings: &[Finding], last: u64) -> Option<Figure> {
    let mut panels = Vec::new();
    for (name, title) in PLACES {
        let row = rows(findings, "latent_density", name, &[last]).into_iter().next()?;
        let used = row.parts.get("per_latent")?.iter().filter(|density| **density > 0.0);
        let values: Vec<f64> = used.map(|density| density.log10()).collect();
        if values.is_empty() {
            return None;
        }
        panels.push(HistogramPanel { title: title.to_owned(), values, marks: Vec::new() });
    }
    let kind = FigureKind::Histogram(Histogram {
        x: Axis { label: "log10 of the share of rows that use the latent".into(), ..Axis::default() },
        count_label: "latents".into(),
        bins: Some(30),
        shared_x: true,
        panels,
    });
    Some(figure("How often latents are used", "First transformer, last step; latents in use.".into(), kind))
}

/// What dictionaries explain and recover by the latents that a token may use.
pub(super) fn by_sparsity(findings: &[Finding], ks: &[f64], last: u64, seeds: usize) -> Option<Figure> {
    let standard = ks.get(ks.len() / 2).copied()?;
    let mut panels = Vec::new();
    for (place, title) in PLACES.into_iter().filter(|(place, _)| *place != TOY_DATA) {
        for (measure, what) in [("variance_explained", "variance explained"), ("loss_recovered", "loss recovered")] {
            let array = |k: f64| if k == standard { place.to_owned() } else { format!("{place}.k{k}") };
            let series = |label: &str, of: &dyn Fn(f64) -> Option<f64>| Series {
                label: label.to_owned(),
                x: ks.to_vec(),
                y: ks.iter().map(|k| of(*k)).collect(),
                ..Series::default()
            };
            let of_null = |kind: &'static str| move |k: f64| null(findings, measure, &array(k), &[last], kind);
            panels.push(CurvePanel {
                title: format!("{title}: {what}"),
                series: vec![
                    series("dictionary", &|k| value(findings, measure, &array(k), last)),
                    series("as many principal directions", &of_null(PRINCIPAL)),
                    series("random directions", &of_null(UNFITTED)),
                ],
                null: None,
                thresholds: Vec::new(),
            });
        }
    }
    // Where zeros do not raise the loss there is nothing to recover.
    panels.retain(|panel| panel.series[0].y.iter().any(Option::is_some));
    if panels.is_empty() {
        return None;
    }
    let kind = FigureKind::Curves(Curves {
        x: Axis { label: "latents a token may use".into(), scale: AxisScale::Log, range: None },
        y: Axis::default(),
        shared_y: false,
        panels,
    });
    Some(figure("Explained and recovered", format!("Last step. {}", seeds_note(seeds)), kind))
}

/// The standard dictionaries beside everything cheaper.
pub(super) fn beside_nulls(findings: &[Finding], last: u64, seeds: usize) -> Option<Figure> {
    let others = [
        (PRINCIPAL, "as many principal directions"),
        (FROZEN_UNTRAINED, "decoder of the untrained network"),
        (FROZEN_EXAMPLES, "decoder of examples"),
        (FROZEN_RANDOM, "random decoder, never trained"),
        (NORMAL, "fitted to normal numbers"),
        (UNFITTED, "random directions, nothing fitted"),
    ];
    let mut panels = Vec::new();
    for (place, title) in PLACES.into_iter().filter(|(place, _)| *place != TOY_DATA) {
        for (measure, what) in [("variance_explained", "variance explained"), ("loss_recovered", "loss recovered")] {
            let mut rows = vec![("dictionary", value(findings, measure, place, last))];
            rows.extend(
                others.map(|(null, label)| (label, value(findings, measure, &format!("{place}.{null}"), last))),
            );
            let row = |(label, estimate): (&str, Option<f64>)| DotRow {
                label: label.to_owned(),
                estimate,
                ..DotRow::default()
            };
            let thresholds = vec![Threshold { value: 1.0, label: "everything".into() }];
            let x = Axis::linear(what);
            let rows: Vec<DotRow> = rows.into_iter().filter(|(_, value)| value.is_some()).map(row).collect();
            if !rows.is_empty() {
                panels.push(DotPanel { title: title.to_owned(), x, thresholds, rows });
            }
        }
    }
    if panels.is_empty() {
        return None;
    }
    let kind = FigureKind::DotInterval(DotInterval { panels, ..DotInterval::default() });
    Some(figure("Dictionaries beside what is cheaper", format!("Last step. {}", seeds_note(seeds)), kind))
}

/// Features over the network's training.
pub(super) fn over_steps(findings: &[Finding], steps: &[u64], seeds: usize) -> Option<Figure> {
    let last = *steps.last()?;
    let x: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
    let earlier = |of: &dyn Fn(u64) -> Option<f64>, at_last: Option<f64>| -> Vec<Option<f64>> {
        steps.iter().map(|&step| if step == last { at_last } else { of(step) }).collect()
    };
    let series =
        |label: &str, y: Vec<Option<f64>>| Series { label: label.into(), x: x.clone(), y, ..Series::default() };
    let mut panels = Vec::new();
    for (place, title) in PLACES.into_iter().filter(|(place, _)| *place != TOY_DATA) {
        let pair = |measure: &'static str| {
            move |step: u64| {
                let rows = rows(findings, measure, place, &[step, last]);
                mean(&rows.iter().filter_map(|f| f.value).collect::<Vec<_>>())
            }
        };
        let agreement = "agreement_of_first_weights";
        let at = |measure: &'static str| move |step: u64| value(findings, measure, place, step);
        let shared =
            null(findings, "matched_over_steps", place, &[steps[0], last], "same_first_weights_on_normal_numbers");
        let chance = null(findings, agreement, place, &[last], "random_directions");
        let rule = |value: Option<f64>, label: &str| value.map(|value| Threshold { value, label: label.into() });
        panels.push(CurvePanel {
            title: format!("{title}: directions"),
            series: vec![
                series("with the last step's, matched", earlier(&pair("matched_over_steps"), None)),
                series("two first weights at one step", steps.iter().map(|&step| at(agreement)(step)).collect()),
            ],
            null: None,
            thresholds: [rule(chance, "random directions"), rule(shared, "same first weights, other data")]
                .into_iter()
                .flatten()
                .collect(),
        });
        let explained = "variance_explained";
        panels.push(CurvePanel {
            title: format!("{title}: the last one read back"),
            series: vec![
                series(
                    "variance explained by the last one",
                    earlier(&at("read_back_variance_explained"), at(explained)(last)),
                ),
                series("variance explained by the step's own", steps.iter().map(|&step| at(explained)(step)).collect()),
                series("correlation of codes with the last", earlier(&at("read_back_correlation"), Some(1.0))),
            ],
            null: None,
            thresholds: Vec::new(),
        });
    }
    let kind = FigureKind::Curves(Curves {
        x: Axis::steps(steps.iter().copied()),
        y: Axis::default(),
        shared_y: false,
        panels,
    });
    Some(figure("Features over the training of the network", seeds_note(seeds), kind))
}
