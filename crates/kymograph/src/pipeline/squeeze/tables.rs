//! Tables of the study: ranks behind the squeezes, how far embeddings can be trusted, and published singular values
//! beside ours.

use kymograph_findings::Finding;
use kymograph_measures::spectra::singular_spectrum;
use kymograph_report::{SummaryTable, format_value};
use kymograph_runs::Checkpoint;
use kymograph_studies::squeeze::squeeze_width;
use ndarray::{Array2, Ix2};

use super::super::derive::Derivation;
use super::super::page::{mean_of, networks};
use super::embeddings::METHODS;
use super::layers::{activations_of, late, runs};
use super::spectra::of_features;
use crate::error::KymographError;

/// How many units each squeeze of a network has.
fn width(network: &str) -> Option<String> {
    match network {
        "v4" => Some("8".to_owned()),
        "v5" => Some("2".to_owned()),
        _ => squeeze_width(network).map(|s| s.map_or_else(|| "full".to_owned(), |s| s.to_string())),
    }
}

/// The rank of what a linear layer makes of s units, counted about the mean and with it, and of what the ReLU makes of that.
pub(super) fn ranks(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let step = late(derivation);
    let mut rows = Vec::new();
    for network in networks(derivation) {
        let Some(s) = width(&network) else { continue };
        let mut layers: Vec<&str> = Vec::new();
        let ranks = findings.iter().filter(|f| f.measure == "numerical_rank" && f.run.network == network);
        for layer in ranks.filter_map(|f| f.array.strip_suffix(".expand")) {
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        for layer in layers {
            let of = |part: &str, centre: &str| -> Vec<&Finding> {
                let array = format!("{layer}.{part}");
                let fits = |f: &&Finding| {
                    f.measure == "numerical_rank"
                        && f.run.network == network
                        && f.run.control.is_none()
                        && f.array == array
                        && f.steps == [step]
                        && f.options.get("centre").is_some_and(|c| c == centre)
                };
                findings.iter().filter(fits).collect()
            };
            let about = of("expand", "true");
            let share = |part: &str, pick: fn(f64, f64) -> f64| {
                let values = about.iter().filter_map(|f| f.parts.get(part)?.first().copied());
                values.reduce(pick).map(|v| format!("{v:.0e}")).unwrap_or_else(|| "none".to_owned())
            };
            let null: Vec<f64> = about.iter().filter_map(|f| Some(f.null()?.mean)).collect();
            rows.push(vec![
                network.clone(),
                s.clone(),
                format!("{layer}.expand"),
                spread(&about),
                spread(&of("expand", "false")),
                format!("{}, {}", share("last_kept", f64::min), share("first_dropped", f64::max)),
                spread(&of("expand_relu", "true")),
                if null.is_empty() { "not measured".to_owned() } else { format_value(mean_of(&null), 3) },
            ]);
        }
    }
    let heads = [
        "network",
        "s",
        "layer",
        "rank about the mean",
        "rank with the mean",
        "last kept and first dropped, of the largest",
        "rank after the ReLU",
        "shuffled within units",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "Rank behind a squeeze".to_owned(),
        caption: "Numerical rank of the outputs of each linear layer behind a squeeze, on the probe at the last step: smallest \
                  and largest over seeds. Linear algebra allows s about the mean and one more with the bias. The gap between \
                  the smallest singular value that counts and the largest that does not says how sure the count is."
            .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

/// The smallest and the largest value.
fn spread(rows: &[&Finding]) -> String {
    let values = || rows.iter().filter_map(|f| f.value);
    match (values().reduce(f64::min), values().reduce(f64::max)) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high}"),
        (Some(low), _) => low.to_string(),
        _ => "not measured".to_owned(),
    }
}

/// How far each layer's layouts at the last step keep its neighbours, and what of the classes they show was there.
pub(super) fn layouts(derivation: &Derivation<'_>, findings: &[Finding]) -> Option<SummaryTable> {
    let step = late(derivation);
    let mut keys: Vec<(&str, &str)> = Vec::new();
    let of_layouts = |f: &&Finding| f.measure == "trustworthiness" && f.steps == [step];
    for f in findings.iter().filter(of_layouts) {
        let key = (f.run.network.as_str(), f.array.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let short = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}"));
    let row = |(network, layer): &(&str, &str)| {
        let find = |method: &&str| {
            let fits = |f: &&Finding| {
                of_layouts(f)
                    && f.run.network == *network
                    && f.array == *layer
                    && f.other_array.as_deref() == Some(*method)
            };
            findings.iter().find(fits)
        };
        let found: Vec<Option<&Finding>> = METHODS.iter().map(find).collect();
        let part = |finding: Option<&Finding>, name: &str| {
            let values = finding?.parts.get(name).filter(|values| !values.is_empty())?;
            Some(mean_of(values))
        };
        let any = found.iter().flatten().next().copied();
        let mut row = vec![(*network).to_owned(), (*layer).to_owned()];
        row.extend(found.iter().map(|f| short(f.and_then(|f| f.value))));
        row.push(short(any.and_then(|f| Some(f.null()?.mean))));
        row.push(short(part(any, "same_class_in_layer")));
        row.extend(found.iter().map(|f| short(part(*f, "same_class_in_picture"))));
        row.push(short(part(found[1], "random_starts_alike")));
        row
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    let heads = [
        "network",
        "layer",
        "trustworthiness, PCA",
        "t-SNE",
        "UMAP",
        "images in random order",
        "neighbours of the same class in the layer",
        "in PCA",
        "in t-SNE",
        "in UMAP",
        "t-SNE from random starts alike",
    ];
    (!rows.is_empty()).then(|| SummaryTable {
        title: "How far the embeddings can be trusted".to_owned(),
        caption: "Layouts of the first run's layers on the probe at the last step. Trustworthiness is 1 where no image has neighbours \
                  in the picture that are none in the layer. A picture in which more neighbours share a class than in the \
                  layer shows classes better apart than they are. The last column is the share of neighbours that t-SNE \
                  pictures from different random starts have in common; what differs between them is chance."
            .to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

/// Published singular values beside ours, which are of a training of another length.
pub(super) fn published_spectra(
    derivation: &Derivation<'_>,
    findings: &[Finding],
) -> Result<Option<SummaryTable>, KymographError> {
    let step = late(derivation);
    let mut rows = Vec::new();
    for published in &derivation.published.spectra {
        let (mut ours, mut centred) = (Vec::new(), Vec::new());
        for run in runs(&published.network, derivation) {
            match activations_of(derivation, run, step, &published.array)? {
                Some(x) => {
                    ours.push(of_features(&x, false)?);
                    centred.push(of_features(&x, true)?);
                }
                None => ours.extend(weight(run.parameters.get(&step), &published.array)?),
            }
        }
        if ours.is_empty() {
            continue;
        }
        // A share of the first two directions is free of the scale, which grows with the length of the training.
        let few = published.values.len();
        let share = |values: &[f64]| {
            let squares: Vec<f64> = values.iter().take(few).map(|v| v * v).collect();
            squares.first().copied().unwrap_or_default() / squares.iter().sum::<f64>().max(f64::MIN_POSITIVE)
        };
        let ends = |all: &[Vec<f64>]| -> String {
            let at = |end: fn(&Vec<f64>) -> Option<&f64>| all.iter().filter_map(end).copied().collect::<Vec<f64>>();
            let (first, last) = (at(|v| v.first()), at(|v| v.last()));
            if first.is_empty() {
                return String::new();
            }
            format!("{} and {}", format_value(mean_of(&first), 3), format_value(mean_of(&last), 3))
        };
        let law = findings.iter().find(|f| {
            f.measure == "marchenko_pastur_distance"
                && f.run.network == published.network
                && f.array == published.array
                && f.steps == [0]
        });
        let noise = law.and_then(|f| f.parts.get("edges")).map_or_else(String::new, |edges| {
            let values: Vec<String> = edges.iter().map(|edge| format_value(*edge, 3)).collect();
            values.join(" to ")
        });
        rows.push(vec![
            format!("{} {}", published.network, published.array),
            published.values.iter().map(|v| v.to_string()).collect::<Vec<_>>().join(" and "),
            ends(&ours),
            ends(&centred),
            format!("{:.3}", share(&published.values)),
            format!("{:.3}", mean_of(&ours.iter().map(|values| share(values)).collect::<Vec<_>>())),
            noise,
        ]);
    }
    let heads = [
        "array",
        "published, largest and smallest",
        "ours",
        "ours about the mean",
        "published share of the first",
        "our share of the first",
        "noise of the starting weights",
    ];
    Ok((!rows.is_empty()).then(|| SummaryTable {
        title: "Published singular values beside ours".to_owned(),
        caption: format!(
            "Published: {}. Singular values grow with the length of the training and with its learning rate, which are not \
             known, so ours ({} steps, mean over seeds) cannot be expected to have their size; the share of the squares that \
             the first direction holds can be compared. Features are of 256 images, as published not centred.",
            derivation.published.source, step
        ),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    }))
}

/// The singular values of a weight, where the checkpoint has it.
fn weight(path: Option<&std::path::PathBuf>, array: &str) -> Result<Option<Vec<f64>>, KymographError> {
    let Some(path) = path else { return Ok(None) };
    let checkpoint = Checkpoint::open(path)?;
    if !checkpoint.tensors().iter().any(|tensor| tensor.name == array) {
        return Ok(None);
    }
    let x: Option<Array2<f32>> = checkpoint.read_f32(array)?.into_dimensionality::<Ix2>().ok();
    let Some(x) = x else { return Ok(None) };
    let reading = singular_spectrum(x.view(), false)?;
    Ok(reading.part("singular_values").map(<[f64]>::to_vec))
}
