//! Singular values of weights beside the law of noise, and of features beside shuffled ones, centred and not.

use kymograph_findings::{Finding, Subject};
use kymograph_linalg::random::{permutation, stream_at};
use kymograph_measures::MeasureError;
use kymograph_measures::spectra::singular_spectrum;
use kymograph_report::{
    Axis, AxisScale, CurvePanel, Curves, Figure, FigureKind, NullBand, Section, Series, Threshold, Width,
};
use ndarray::{Array2, s};

use super::super::derive::Derivation;
use super::super::sections::place;
use super::layers::{activations_of, late, relus, runs};
use crate::error::KymographError;

/// Images of which the original takes its feature matrices.
pub(super) const PUBLISHED_EXAMPLES: usize = 256;
/// Shuffled feature matrices behind a spectrum.
const DRAWS: u64 = 5;

pub(super) fn section(
    network: &str,
    derivation: &Derivation<'_>,
    findings: &[Finding],
) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: singular values"), ..Section::default() };
    let Some(run) = runs(network, derivation).into_iter().next() else { return Ok(section) };
    let caption = "Singular values of every weight of the first run, largest first: at the start, at the end, and at the end \
                   with the scale of the batch normalisation behind it folded in, which is what the network applies. Dashed: \
                   the edges between which noise of the starting weights' size lies (Marchenko and Pastur).";
    place(&mut section, &format!("{network}-weight-spectra"), weights(network, run, derivation, findings), caption);
    let caption = "Singular values of the outputs of every ReLU of the first run at the last step, on the first 256 images as \
                   published: as they are and about their mean. The first value of features that are not centred is mostly \
                   the mean. Grey: each unit's values shuffled over images, centred.";
    place(&mut section, &format!("{network}-feature-spectra"), features(network, run, derivation)?, caption);
    Ok(section)
}

/// The singular values of one array that stand in the findings.
fn found(findings: &[Finding], run: &Subject, array: &str, step: u64) -> Option<Vec<f64>> {
    let fits = |f: &&Finding| {
        f.measure == "singular_spectrum"
            && f.run == run.key
            && f.array == array
            && f.steps == [step]
            && f.options.get("centre").is_none_or(|centre| centre == "false")
    };
    findings.iter().find(fits)?.parts.get("singular_values").cloned()
}

fn weights(network: &str, run: &Subject, derivation: &Derivation<'_>, findings: &[Finding]) -> Option<Figure> {
    let late = late(derivation);
    let mut arrays: Vec<&str> = Vec::new();
    for f in findings.iter().filter(|f| f.measure == "singular_spectrum" && f.run == run.key) {
        if let Some(layer) = f.array.strip_suffix(".weight").filter(|layer| !arrays.contains(layer)) {
            arrays.push(layer);
        }
    }
    // The plan asks for small and large weights apart, so the order of the findings is not the network's.
    arrays.sort_by_cached_key(|layer| run_order(run, layer));
    let panel = |layer: &&str| {
        let weight = format!("{layer}.weight");
        let lines = [
            ("at the start", found(findings, run, &weight, 0)),
            ("at the end", found(findings, run, &weight, late)),
            ("at the end, folded", found(findings, run, &format!("{layer}.folded"), late)),
        ];
        let series: Vec<Series> =
            lines.into_iter().filter_map(|(label, values)| Some(line(label, &values?, false))).collect();
        let law = findings.iter().find(|f| {
            f.measure == "marchenko_pastur_distance" && f.run == run.key && f.array == weight && f.steps == [0]
        });
        let edges = law.and_then(|f| f.parts.get("edges")).cloned().unwrap_or_default();
        let names = ["lower edge of noise", "upper edge of noise"];
        let thresholds = names.iter().zip(edges).map(|(label, value)| Threshold { value, label: (*label).to_owned() });
        CurvePanel { title: weight, series, null: None, thresholds: thresholds.collect() }
    };
    let panels: Vec<CurvePanel> = arrays.iter().map(panel).filter(|panel| !panel.series.is_empty()).collect();
    let x = Axis { scale: AxisScale::Log, ..Axis::linear("place, largest first") };
    let y = Axis::linear("singular value");
    (!panels.is_empty()).then(|| Figure {
        title: format!("{network}: singular values of the weights"),
        note: format!("{}.", run.key),
        width: Width::Double,
        kind: FigureKind::Curves(Curves { x, y, shared_y: false, panels }),
    })
}

/// Where a layer stands among the parameters of the run's checkpoints.
fn run_order(run: &Subject, layer: &str) -> usize {
    let file = run.parameters.values().next().and_then(|path| kymograph_runs::Checkpoint::open(path).ok());
    let name = format!("{layer}.weight");
    file.and_then(|file| file.tensors().iter().position(|t| t.name == name)).unwrap_or(usize::MAX)
}

/// Singular values by their place. Those that are rounding are left out where the axis is logarithmic.
fn line(label: &str, values: &[f64], logarithmic: bool) -> Series {
    let floor = if logarithmic { 1e-6 * values.first().copied().unwrap_or_default() } else { f64::NEG_INFINITY };
    Series {
        label: label.to_owned(),
        x: (1..=values.len()).map(|place| place as f64).collect(),
        y: values.iter().map(|value| Some(*value).filter(|v| *v > floor)).collect(),
        ..Series::default()
    }
}

/// The singular values of features on the first images, as they are or about the mean; none where they do not vary.
pub(super) fn of_features(x: &Array2<f32>, centre: bool) -> Result<Vec<f64>, KymographError> {
    let few = x.slice(s![..x.nrows().min(PUBLISHED_EXAMPLES), ..]);
    match singular_spectrum(few, centre) {
        Ok(reading) => Ok(reading.part("singular_values").unwrap_or_default().to_vec()),
        Err(MeasureError::NoVariation { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn features(network: &str, run: &Subject, derivation: &Derivation<'_>) -> Result<Option<Figure>, KymographError> {
    let mut panels = Vec::new();
    for layer in relus(run)? {
        let Some(x) = activations_of(derivation, run, late(derivation), &layer)? else { continue };
        let lines =
            [("as published, not centred", of_features(&x, false)?), ("about the mean", of_features(&x, true)?)];
        let series: Vec<Series> = lines
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(label, values)| line(label, &values, true))
            .collect();
        if series.is_empty() {
            continue;
        }
        panels.push(CurvePanel { null: shuffled(&x)?, title: layer, series, thresholds: Vec::new() });
    }
    let x = Axis { scale: AxisScale::Log, ..Axis::linear("place, largest first") };
    let y = Axis { scale: AxisScale::Log, ..Axis::linear("singular value") };
    Ok((!panels.is_empty()).then(|| Figure {
        title: format!("{network}: singular values of the features"),
        note: format!(
            "{}, step {}; values below a millionth of the first are rounding and left out.",
            run.key,
            late(derivation)
        ),
        width: Width::Double,
        kind: FigureKind::Curves(Curves { x, y, shared_y: false, panels }),
    }))
}

/// The spectrum about the mean of features whose units were each shuffled over the images.
fn shuffled(x: &Array2<f32>) -> Result<Option<NullBand>, KymographError> {
    let mut draws: Vec<Vec<f64>> = Vec::new();
    for draw in 0..DRAWS {
        let mut rng = stream_at(0, "shuffled features", draw);
        let mut mixed = x.slice(s![..x.nrows().min(PUBLISHED_EXAMPLES), ..]).to_owned();
        for mut unit in mixed.columns_mut() {
            let before = unit.to_owned();
            let order = permutation(&mut rng, before.len());
            unit.iter_mut().zip(order).for_each(|(slot, from)| *slot = before[from]);
        }
        draws.push(of_features(&mixed, true)?);
    }
    let places = draws.iter().map(Vec::len).min().unwrap_or(0);
    let floor = 1e-6 * draws.first().and_then(|d| d.first()).copied().unwrap_or_default();
    let mut band = NullBand { label: "null: shuffled within units".to_owned(), ..NullBand::default() };
    for place in 0..places {
        let at: Vec<f64> = draws.iter().map(|draw| draw[place]).collect();
        let (low, high) = at.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
        if low > floor {
            band.x.push(place as f64 + 1.0);
            band.mean.push(at.iter().sum::<f64>() / at.len() as f64);
            band.interval.push([low, high]);
        }
    }
    Ok((!band.x.is_empty()).then_some(band))
}
