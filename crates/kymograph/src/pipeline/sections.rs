//! The figures of a report, section by section. What was not measured leaves no gap.

use kymograph_findings::{Finding, Subject, Verdict};
use kymograph_report::standard::{
    self, MarkedValue, PairAxis, Selection, Trace, curves_over_steps, filter_frames, filter_grid, filter_images,
    pair_table, parts_histogram, similarity_maps, training_curves,
};
use kymograph_report::{Figure, Frames, Image, PlacedFigure, Section, grouped, slug};
use kymograph_runs::{Checkpoint, TensorInfo};

use super::derive::Derivation;
use super::page::networks;
use super::{attention, beside};
use crate::error::KymographError;

/// Filters drawn in a row in print.
const FILTERS: usize = 8;
/// Kernels behind the slider.
const MOST_KERNELS: usize = 64;
/// Whole images behind the slider, which take more room.
const MOST_IMAGES: usize = 16;
/// Pixels of the data sets that the studies read.
const IMAGE_PIXELS: usize = 28 * 28;

pub(super) fn all(
    derivation: &Derivation<'_>,
    findings: &[Finding],
    verdicts: &[Verdict],
) -> Result<Vec<Section>, KymographError> {
    let mut sections = vec![judged(verdicts, findings), training(derivation, findings)?];
    for network in networks(derivation) {
        sections.push(weights(&network, derivation, findings));
        sections.push(filters(&network, derivation, findings)?);
        sections.push(representations(&network, derivation, findings));
        sections.push(attention::section(&network, derivation, findings)?);
        sections.push(spectra(&network, findings));
    }
    sections.retain(|section| !section.figures.is_empty());
    Ok(sections)
}

pub(super) fn place(section: &mut Section, name: &str, figure: Option<Figure>, caption: &str) {
    if let Some(figure) = figure {
        let alt = format!("{}. {caption}", figure.title);
        let (caption, note) = (caption.to_owned(), String::new());
        section.figures.push(PlacedFigure { name: slug(name), figure, caption, alt, note, frames: None });
    }
}

/// A figure with a slider over all steps; the figure itself is what prints.
pub(super) fn place_frames(section: &mut Section, name: &str, figure: Option<(Figure, Option<Frames>)>, caption: &str) {
    if let Some((figure, frames)) = figure {
        place(section, name, Some(figure), caption);
        if let Some(placed) = section.figures.last_mut() {
            placed.frames = frames;
        }
    }
}

pub(super) fn judged(verdicts: &[Verdict], findings: &[Finding]) -> Section {
    let mut section = Section { title: "Predictions and what was found".to_owned(), ..Section::default() };
    for (number, verdict) in verdicts.iter().enumerate() {
        let caption = "Each prediction's quantity over seeds, its threshold, and the null where one was drawn. For a \
                       contrast it is the null of the difference.";
        place(&mut section, &format!("verdict-{}", number + 1), standard::verdict_forest(verdict, findings), caption);
    }
    section
}

fn training(derivation: &Derivation<'_>, findings: &[Finding]) -> Result<Section, KymographError> {
    let mut section = Section { title: "How well the networks learn".to_owned(), ..Section::default() };
    for network in networks(derivation) {
        let mut traces = Vec::new();
        let main = |(s, _): &(&Subject, _)| s.key.network == network && s.key.control.is_none();
        let runs = derivation.subjects.iter().zip(derivation.runs).filter(main);
        for (subject, run) in runs {
            let seed = format!("seed {}", subject.key.seed.unwrap_or(0));
            for (table, label) in [("held_out", "held out"), ("train", "training")] {
                let table = run.series(table)?;
                for (column, panel) in [("loss", "loss (nats)"), ("accuracy", "accuracy"), ("macro_f1", "macro F1")] {
                    if let Some((steps, values)) = table.column(column) {
                        traces.push(Trace {
                            panel: panel.into(),
                            label: label.into(),
                            run: seed.clone(),
                            steps,
                            values,
                        });
                    }
                }
            }
        }
        let caption = "Loss and scores on held-out and on training images at every checkpoint. Most of the loss has fallen \
                       before the first checkpoint of the published study.";
        let figure = training_curves(&format!("{network}: training"), &traces);
        place(&mut section, &format!("{network}-training"), figure, caption);
        place(
            &mut section,
            &format!("{network}-controls"),
            beside::controls(&network, derivation),
            "Held-out loss and accuracy of the runs beside those of their controls. With shuffled labels there is nothing to \
             generalise, and accuracy stays at chance; with learning rate 0 nothing moves.",
        );
        place(
            &mut section,
            &format!("{network}-share"),
            beside::shares(&network, derivation, findings),
            "Share of the whole change from the first to the last step that is reached by each step: of the held-out loss, \
             and of the distance that each layer's weights go. Where the loss runs ahead, its curve says little of the \
             features.",
        );
    }
    Ok(section)
}

fn weights(network: &str, derivation: &Derivation<'_>, findings: &[Finding]) -> Section {
    let mut section = Section { title: format!("{network}: weights"), ..Section::default() };
    let named: Vec<u64> = derivation.step_names.values().copied().filter(|s| *s > 0).collect();
    let at_named: Vec<Finding> =
        findings.iter().filter(|f| f.steps.iter().all(|s| named.contains(s))).cloned().collect();
    let cosine = Selection::new(network, "same_index_cosine");
    place(
        &mut section,
        &format!("{network}-cosine-table"),
        pair_table(&at_named, &cosine, Some([0.0, 1.0]), 3),
        "Cosine between each unit's weights at two steps, mean over units, in every layer. The published claim rests on \
         one layer and on the two shorter intervals.",
    );
    place(
        &mut section,
        &format!("{network}-cosine-to-last"),
        curves_over_steps(findings, &cosine, PairAxis::ToLast, None, &[]),
        "Cosine of each step's weights with the last step's. Grey: a random walk of equal displacement. Where the curve lies \
         on it, the cosine says how far the weights moved and nothing about what they became.",
    );
    place(
        &mut section,
        &format!("{network}-cosine-steps"),
        similarity_maps(findings, &cosine, Some([0.0, 1.0]), Some(1.0)),
        "Cosine between every two recorded steps. Phases would show as blocks along the diagonal.",
    );
    place(
        &mut section,
        &format!("{network}-angular-speed"),
        curves_over_steps(findings, &Selection::new(network, "angular_speed"), PairAxis::Neighbours, None, &[]),
        "Mean angle by which a unit's weights turn between neighbouring recorded steps. Grey: a random walk of equal \
         displacement.",
    );
    section
}

fn filters(network: &str, derivation: &Derivation<'_>, findings: &[Finding]) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: filters"), ..Section::default() };
    if let Some((array, rows)) = kernels(network, derivation)? {
        let title = format!("{network}: filters of {array}");
        let named = |step: &u64| derivation.step_names.values().any(|named| named == step);
        let row = |name: String, images: &[Image]| (name, images.iter().take(FILTERS).cloned().collect::<Vec<_>>());
        let printed: Vec<_> =
            rows.iter().filter(|(step, _)| named(step)).map(|(step, images)| row(grouped(*step), images)).collect();
        let figure = filter_grid(&title, &printed).map(|figure| (figure, filter_frames(&title, &rows)));
        let stages: Vec<_> = ["early", "mid", "late"]
            .into_iter()
            .filter_map(|name| {
                let wanted = derivation.step_names.get(name)?;
                let (step, images) = rows.iter().find(|(step, _)| step == wanted)?;
                Some(row(format!("{name} ({})", grouped(*step)), images))
            })
            .collect();
        let grid =
            (stages.len() == 3).then(|| filter_grid(&format!("{title}, early, mid and late"), &stages)).flatten();
        let caption = "The first 8 units of the first layer that looks at the image, of the first run, early, mid and late in \
                       training, in the form of the published figure. The eye compares rows; the cosines above say how \
                       much a random step of equal length would have changed them.";
        place(&mut section, &format!("{network}-filters-early-mid-late"), grid, caption);
        let caption = "The first units of the first layer that looks at the image, of the first run: each picture is what \
                       one unit weighs. Printed: the steps that the plan names; the slider holds every recorded step.";
        place_frames(&mut section, &format!("{network}-filters"), figure, caption);
    }
    let silhouette = Selection::new(network, "kmeans_silhouette");
    let mut arrays: Vec<&str> = Vec::new();
    for f in findings.iter().filter(|f| f.measure == silhouette.measure && f.run.network == network) {
        if !arrays.contains(&f.array.as_str()) {
            arrays.push(&f.array);
        }
    }
    for array in arrays {
        let marked: Vec<MarkedValue<'_>> = findings
            .iter()
            .filter(|f| f.measure == silhouette.measure && f.run.network == network && f.array == array)
            .filter_map(|f| {
                let value = derivation.published.value(f, derivation.step_names)?;
                Some(MarkedValue { array: &f.array, step: *f.steps.first()?, label: "published", value })
            })
            .collect();
        let one = [array];
        let figure = parts_histogram(
            findings,
            &Selection { arrays: &one, ..silhouette },
            "silhouette_by_seed",
            "k-means seeds",
            Some("best inertia"),
            &marked,
        );
        let caption = "Silhouette of the filters' k-means clusters, one value for each k-means seed: a single seed's value \
                       is a draw from this distribution. Values near 0 mean that there are no clusters.";
        place(&mut section, &format!("{network}-silhouette-{array}"), figure, caption);
    }
    place(
        &mut section,
        &format!("{network}-unique-patterns"),
        curves_over_steps(findings, &Selection::new(network, "unique_patterns"), PairAxis::Neighbours, None, &[]),
        "Number of unique filter patterns at a cosine threshold of 0.8. Grey: filters whose entries were shuffled.",
    );
    Ok(section)
}

type Kernels = (String, Vec<(u64, Vec<Image>)>);

/// The filters of the network's first run at every recorded step: those of its first convolution, or of a first linear
/// layer whose inputs are the pixels of an image.
fn kernels(network: &str, derivation: &Derivation<'_>) -> Result<Option<Kernels>, KymographError> {
    let Some(subject) = derivation.subjects.iter().find(|s| s.key.network == network && s.key.control.is_none()) else {
        return Ok(None);
    };
    let mut name = None;
    let mut rows = Vec::new();
    for (step, path) in &subject.parameters {
        let checkpoint = Checkpoint::open(path)?;
        let looks_at_images = |t: &&TensorInfo| match *t.shape {
            [_, _, height, width] => height > 1 && width > 1,
            [_, inputs] => inputs == IMAGE_PIXELS,
            _ => false,
        };
        let Some(info) = checkpoint.tensors().iter().find(looks_at_images) else {
            return Ok(None);
        };
        let most = if info.shape.len() == 4 { MOST_KERNELS } else { MOST_IMAGES };
        let values: Vec<f32> = checkpoint.read_f32(&info.name)?.iter().copied().collect();
        rows.push((*step, filter_images(&values, &info.shape, most)));
        name.get_or_insert_with(|| info.name.clone());
    }
    Ok(name.map(|name| (name, rows)))
}

fn representations(network: &str, derivation: &Derivation<'_>, findings: &[Finding]) -> Section {
    let mut section = Section { title: format!("{network}: representations"), ..Section::default() };
    let cka = Selection::new(network, "debiased_linear_cka");
    place(
        &mut section,
        &format!("{network}-cka-to-last"),
        curves_over_steps(findings, &cka, PairAxis::ToLast, None, &[]),
        "Debiased linear CKA of each step's activations on the probe with the last step's. Grey: examples in random order, \
         which an unbiased measure puts at 0.",
    );
    place(
        &mut section,
        &format!("{network}-cka-steps"),
        similarity_maps(findings, &cka, Some([0.0, 1.0]), Some(1.0)),
        "Debiased linear CKA between every two recorded steps.",
    );
    let named: Vec<u64> = derivation.step_names.values().copied().collect();
    let layers = standard::layer_maps(findings, &cka, Some([0.0, 1.0]), Some(1.0), &named);
    place_frames(
        &mut section,
        &format!("{network}-cka-layers"),
        layers.map(|(figure, frames)| (figure, Some(frames))),
        "Debiased linear CKA between the layers at one step. The slider holds every step that was measured.",
    );
    for (measure, caption) in [
        ("activation_sparsity", "Share of activations that are exactly zero on the probe. Grey: untrained networks."),
        ("dead_units", "Units that are zero on every probe example. Grey: untrained networks."),
        (
            "effective_dimension",
            "Effective dimension (Σλ)²/Σλ² of the activations. Grey: each unit's activations shuffled over examples.",
        ),
        ("linear_probe_accuracy", "Accuracy of a linear classifier on the activations. Grey: labels in random order."),
    ] {
        let figure = curves_over_steps(findings, &Selection::new(network, measure), PairAxis::Neighbours, None, &[]);
        place(&mut section, &format!("{network}-{measure}"), figure, caption);
    }
    for (measure, axis, caption) in [
        (
            "procrustes_distance",
            PairAxis::FromFirst,
            "Procrustes distance of the activations from those at step 0: what is left after the best rotation. Grey: \
             examples in random order.",
        ),
        (
            "prediction_disagreement",
            PairAxis::ToLast,
            "Share of probe examples that get another class than at the last step. Grey: examples in random order.",
        ),
        (
            "prediction_divergence",
            PairAxis::ToLast,
            "Jensen–Shannon divergence of the predicted probabilities from those at the last step. Grey: examples in random \
             order.",
        ),
    ] {
        let figure = curves_over_steps(findings, &Selection::new(network, measure), axis, None, &[]);
        place(&mut section, &format!("{network}-{measure}"), figure, caption);
    }
    place(
        &mut section,
        &format!("{network}-probe-transfer"),
        pair_table(findings, &Selection::new(network, "probe_transfer"), Some([0.0, 1.0]), 3),
        "Accuracy of a linear classifier trained on the activations of the earlier step and used on those of the later one, \
         on examples it has not seen: high only where features kept their places.",
    );
    place(
        &mut section,
        &format!("{network}-kmeans-agreement"),
        pair_table(findings, &Selection::new(network, "kmeans_agreement"), Some([0.0, 1.0]), 3),
        "Adjusted Rand index between the ten k-means groups of the probe's images at two steps: 1 where the layer puts the same \
         images together, 0 where no more than chance would.",
    );
    section
}

fn spectra(network: &str, findings: &[Finding]) -> Section {
    let mut section = Section { title: format!("{network}: spectra of the weights"), ..Section::default() };
    for (measure, caption) in [
        ("stable_rank", "Stable rank ‖W‖²_F / ‖W‖²₂ of each weight. Grey: the same entries shuffled within columns."),
        (
            "effective_rank",
            "Effective rank, the exponential of the entropy of the normalised singular values. Grey: the same entries shuffled within columns.",
        ),
        (
            "weight_std",
            "Standard deviation of each weight's entries. It says how large weights are, not what they compute.",
        ),
    ] {
        let figure = curves_over_steps(findings, &Selection::new(network, measure), PairAxis::Neighbours, None, &[]);
        place(&mut section, &format!("{network}-{measure}"), figure, caption);
    }
    section
}
