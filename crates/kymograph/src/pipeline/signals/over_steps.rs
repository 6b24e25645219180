//! Curves over training: correlations of chosen pairs of layers, and the share of variance within images.

use kymograph_findings::Finding;
use kymograph_report::standard::{PairAxis, Selection, curves_over_steps, layer_maps};
use kymograph_report::{Figure, FigureKind, Section, SummaryTable, Threshold, format_value};
use kymograph_studies::signals::LAYERS;

use super::super::derive::Derivation;
use super::super::page::{mean_of, networks};
use super::super::sections::{place, place_frames};
use super::augmentation::{Augmented, INPUT, MEASURE, array};

/// The published panels of two layers that are not a linear layer and its own normalisation.
const PAIRS: [(&str, &str); 9] = [
    ("fc1", "fc2"),
    ("fc1", "fc3"),
    ("fc1", "fc4"),
    ("fc1", "softmax"),
    ("fc2", "fc3"),
    ("fc2", "fc4"),
    ("fc3", "fc4"),
    ("fc3", "softmax"),
    ("fc4", "softmax"),
];

pub(super) fn correlations(section: &mut Section, network: &str, findings: &[Finding], derivation: &Derivation<'_>) {
    for (measure, words) in [("mean_clipped_correlation", "of max(0, r)"), ("mean_absolute_correlation", "of |r|")] {
        let caption = format!(
            "Mean {words} over all pairs of a unit of one layer and a unit of the other, on the whole probe. Grey: examples in \
             random order. Dashed: what independent units have by chance on so many examples."
        );
        place(
            section,
            &format!("{network}-{measure}-steps"),
            over_training(findings, network, measure, None),
            &caption,
        );
        let control = over_training(findings, network, measure, Some("double_softmax"));
        let caption = "The same under the published loss, with two softmaxes.";
        place(section, &format!("{network}-{measure}-steps-double-softmax"), control, caption);
    }
    let within = Selection::new(network, "mean_absolute_correlation_within");
    place(
        section,
        &format!("{network}-correlation-within"),
        curves_over_steps(findings, &within, PairAxis::Neighbours, None, &[]),
        "Mean |r| over pairs of different units of one layer. Grey: every unit's activations in an order of its own.",
    );
    let named: Vec<u64> = derivation.step_names.values().copied().collect();
    for (measure, range, diagonal, caption) in [
        (
            "mean_clipped_correlation",
            None,
            None,
            "Mean of max(0, r) between layers, in numbers. Rows and columns of a linear layer and the normalisation behind it are \
             the same by construction, which is an affine map of each unit and no redundancy.",
        ),
        ("mean_signed_correlation", None, None, "Mean of r between layers: positive and negative correlations cancel."),
        (
            "mean_largest_correlation",
            Some([0.0, 1.0]),
            Some(1.0),
            "Redundancy: the mean over units of the earlier layer of the largest |r| with a unit of the later one.",
        ),
    ] {
        let selection = Selection { options: &[("examples", "0")], ..Selection::new(network, measure) };
        let figure = layer_maps(findings, &selection, range, diagonal, &named);
        let figure = figure.map(|(figure, frames)| (figure, Some(frames)));
        place_frames(section, &format!("{network}-{measure}-layers"), figure, caption);
    }
}

/// One panel a pair of layers, of the main runs or of a control's.
fn over_training(findings: &[Finding], network: &str, measure: &str, control: Option<&str>) -> Option<Figure> {
    let all = |f: &&Finding| {
        f.measure == measure
            && f.run.network == network
            && f.run.control.as_deref() == control
            && f.options.get("examples").is_some_and(|n| n == "0")
    };
    let chosen: Vec<&Finding> = findings.iter().filter(all).collect();
    let mut rows = Vec::new();
    let mut by_chance = None;
    for (a, b) in PAIRS {
        for finding in chosen.iter().filter(|f| f.array == a && f.other_layer() == Some(b)) {
            by_chance = by_chance.or(finding.parts.get("expected_by_chance").and_then(|v| v.first().copied()));
            let mut row = (*finding).clone();
            (row.array, row.other_array, row.run.control) = (format!("{a} and {b}"), None, None);
            rows.push(row);
        }
    }
    let mut figure = curves_over_steps(&rows, &Selection::new(network, measure), PairAxis::Neighbours, None, &[])?;
    if let Some(control) = control {
        figure.title = format!("{}, {}", figure.title, control.replace('_', " "));
    }
    let line = by_chance.map(|value| Threshold { value, label: "by chance".to_owned() });
    mark(&mut figure, &line.into_iter().collect::<Vec<_>>());
    Some(figure)
}

fn mark(figure: &mut Figure, lines: &[Threshold]) {
    if let FigureKind::Curves(curves) = &mut figure.kind {
        curves.panels.iter_mut().for_each(|panel| panel.thresholds.extend_from_slice(lines));
    }
}

pub(super) fn augmentations(section: &mut Section, network: &str, augmented: &Augmented) {
    let layers: Vec<String> =
        LAYERS.iter().filter(|layer| !layer.starts_with("bn")).map(|layer| array(layer)).collect();
    let names: Vec<&str> = layers.iter().map(String::as_str).collect();
    let selection = Selection { arrays: &names, ..Selection::new(network, MEASURE) };
    let mut figure = curves_over_steps(&augmented.rows, &selection, PairAxis::Neighbours, Some([0.0, 1.0]), &[]);
    let pixels = augmented.rows.iter().find(|row| row.array == array(INPUT)).and_then(|row| row.value);
    if let Some(figure) = &mut figure {
        let line = pixels.map(|value| Threshold { value, label: "pixels".to_owned() });
        mark(figure, &line.into_iter().collect::<Vec<_>>());
    }
    let caption = format!(
        "Of the variance of each layer over {} images with {} augmentations each, the share that lies within images: low is \
         invariant. Dashed: the pixels themselves; the first step is the untrained network; grey: images dealt out at random, \
         exactly. A linear layer and the normalisation behind it weigh units differently, so their shares differ.",
        augmented.images.grey.len(),
        augmented.augmentations
    );
    place(section, &format!("{network}-invariance"), figure, &caption);
}

/// The share of units that are there again in another layer, at the last step.
pub(super) fn redundancy(findings: &[Finding], derivation: &Derivation<'_>) -> Option<SummaryTable> {
    let last = derivation.step_names.get("late").copied()?;
    let mut rows = Vec::new();
    for network in networks(derivation) {
        for (i, a) in LAYERS.iter().enumerate() {
            for b in &LAYERS[i + 1..] {
                // What stands before and behind a normalisation has the same correlations with every other layer.
                let same = a.strip_prefix("fc").is_some_and(|k| b.strip_prefix("bn") == Some(k));
                if !same && (a.starts_with("bn") || b.starts_with("bn")) {
                    continue;
                }
                let at = |step: u64, of: &dyn Fn(&Finding) -> Option<f64>| {
                    let fits = |f: &&Finding| {
                        f.measure == "mean_largest_correlation"
                            && f.run.network == network
                            && f.run.control.is_none()
                            && f.steps == [step]
                            && f.array == *a
                            && f.other_layer() == Some(*b)
                    };
                    let values: Vec<f64> = findings.iter().filter(fits).filter_map(of).collect();
                    (!values.is_empty()).then(|| mean_of(&values))
                };
                let share = |f: &Finding| f.parts.get("redundant_share")?.first().copied();
                let (Some(value), Some(redundant)) = (at(last, &|f| f.value), at(last, &share)) else { continue };
                let text = |value: Option<f64>| value.map_or("–".to_owned(), |v| format_value(v, 3));
                rows.push(vec![
                    network.clone(),
                    format!("{a} in {b}"),
                    text(Some(value)),
                    text(at(last, &|f| Some(f.null()?.mean))),
                    text(at(0, &|f| f.value)),
                    text(Some(redundant)),
                    if same {
                        "one and the same by construction: an affine map of each unit".to_owned()
                    } else {
                        String::new()
                    },
                ]);
            }
        }
    }
    let heads =
        ["network", "units of", "mean largest |r|", "permuted examples", "untrained", "share with |r| ≥ .95", "remark"];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Redundant layers".to_owned(),
        caption: format!(
            "For each unit of a layer the largest |r| with a unit of a later one, mean over units and seeds at step {last}: 1 where \
             every unit is there again. A largest value of many is high by chance, so permuted examples stand beside it."
        ),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

/// Debiased CKA of every layer with itself later on, beside that of two networks that share nothing but their task.
pub(super) fn other_seeds(findings: &[Finding], derivation: &Derivation<'_>) -> Option<SummaryTable> {
    let step = |name: &str| derivation.step_names.get(name).copied();
    let (mid, last) = (step("mid")?, step("late")?);
    let mut rows = Vec::new();
    for network in networks(derivation) {
        for layer in LAYERS {
            let fits = |f: &&Finding| {
                f.measure == "debiased_linear_cka"
                    && f.run.network == network
                    && f.run.control.is_none()
                    && f.array == layer
                    && f.other_layer().is_none()
                    && f.steps == [mid, last]
            };
            let of: Vec<&Finding> = findings.iter().filter(fits).collect();
            let text = |values: Vec<f64>| match values.is_empty() {
                true => "not measured".to_owned(),
                false => format_value(mean_of(&values), 3),
            };
            let null = |kind: &str| {
                let mean = |f: &&Finding| Some(f.nulls.iter().find(|null| null.kind == kind)?.mean);
                text(of.iter().filter_map(mean).collect())
            };
            if !of.is_empty() {
                let own = text(of.iter().filter_map(|f| f.value).collect());
                let nulls = ["other_seed", "untrained", "permuted_examples"].map(null);
                rows.push([vec![network.clone(), layer.to_owned(), own], nulls.to_vec()].concat());
            }
        }
    }
    let heads = ["network", "layer", "this run", "another seed", "untrained", "examples in random order"];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Whole representations: this network and another".to_owned(),
        caption: format!(
            "Debiased linear CKA of a layer's activations on the probe at step {mid} with those at step {last}, mean over seeds. \
             `Another seed`: with those of a network that shares only the task. `Untrained`: of the untrained networks of other \
             seeds with those at step {last}. Where another seed has nearly as much, what is alike is the task."
        ),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}
