//! Embeddings of every layer of the first run of each published network: two principal components, t-SNE and UMAP, each step
//! started from the layout of the step before, kept as files and judged by how far they keep the layer's neighbours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use kymograph_findings::{Finding, Null, Subject};
use kymograph_linalg::random::{normal_matrix, permutation, stream_at};
use kymograph_measures::embeddings::{TsneOptions, UmapOptions, pca, start_from, tsne, umap};
use kymograph_measures::{Array, MeasureError, find};
use kymograph_runs::{NpyArray, NpyWriter, read_npy, write_whole};
use ndarray::{Array1, Array2, Axis, Ix2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::derive::Derivation;
use super::super::{Event, Listener};
use super::layers::{activations_of, late, published, relus, runs};
use crate::error::KymographError;

/// The ways in which a layer is laid out, in the order of the figures.
pub(super) const METHODS: [&str; 3] = ["pca", "tsne", "umap"];
/// Layouts of t-SNE from random starts at the last step, which say how much of the picture is chance.
const RANDOM_STARTS: u64 = 3;
/// Layouts with their images in random order, as null.
const DRAWS: u64 = 20;
/// Raised when layouts of the same activations come out otherwise.
const VERSION: u32 = 2;

/// One layout: a file and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) network: String,
    pub(super) seed: Option<u64>,
    pub(super) layer: String,
    pub(super) method: String,
    pub(super) step: u64,
    /// For a layout from a random start: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) random_start: Option<u64>,
    /// Relative to the folder; none where there is no layout.
    pub(super) file: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// SHA-256 of what it was made of.
    key: String,
}

/// Lays out every layer, or takes the layouts that are there, and says how good they are.
pub(super) fn take(derivation: &Derivation<'_>, folder: &Path, listener: Listener<'_>) -> Result<Made, KymographError> {
    let index = folder.join("index.json");
    let before: Vec<Layout> =
        fs::read(&index).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let known: BTreeMap<String, Layout> = before.into_iter().map(|layout| (layout.key.clone(), layout)).collect();
    let mut jobs: Vec<(&Subject, String)> = Vec::new();
    for network in published(derivation) {
        if let Some(run) = runs(&network, derivation).into_iter().next() {
            jobs.extend(relus(run)?.into_iter().map(|layer| (run, layer)));
        }
    }
    let done = AtomicUsize::new(0);
    let made = jobs
        .par_iter()
        .map(|(run, layer)| {
            let made = one_layer(derivation, run, layer, folder, &known);
            listener(Event::Measuring(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len()));
            made
        })
        .collect::<Result<Vec<_>, KymographError>>()?;
    let (layouts, findings): (Vec<Vec<Layout>>, Vec<Vec<Finding>>) = made.into_iter().unzip();
    let layouts = layouts.concat();
    if !layouts.is_empty() {
        fs::create_dir_all(folder).map_err(KymographError::file(folder))?;
        write_whole(&index, serde_json::to_string_pretty(&layouts).unwrap_or_default().as_bytes())?;
    }
    Ok((layouts, findings.concat()))
}

/// The places of a layout, image × axis.
pub(super) fn places(folder: &Path, layout: &Layout) -> Result<Option<Array2<f32>>, KymographError> {
    let Some(file) = &layout.file else { return Ok(None) };
    match read_npy(folder.join(file))? {
        NpyArray::F32(places) => Ok(places.into_dimensionality::<Ix2>().ok()),
        _ => Ok(None),
    }
}

/// Layouts, and rows about them.
type Made = (Vec<Layout>, Vec<Finding>);

fn one_layer(
    derivation: &Derivation<'_>,
    run: &Subject,
    layer: &str,
    folder: &Path,
    known: &BTreeMap<String, Layout>,
) -> Result<Made, KymographError> {
    let (mut layouts, mut findings) = (Vec::new(), Vec::new());
    let mut last: BTreeMap<&str, (Array2<f32>, String)> = BTreeMap::new();
    for &step in run.activations.keys() {
        let Some(x) = activations_of(derivation, run, step, layer)? else { continue };
        let content = content(&x);
        for method in METHODS {
            let before = last.get(method);
            let start = before.map_or("none", |(_, key)| key.as_str());
            let key = digest(&format!("{VERSION} {method} {content} {start}"));
            let stem = format!("{method}-step-{step:08}");
            let initial = before.map(|(places, _)| places);
            let make = || lay_out(&x, method, initial, 0);
            let layout = Layout { step, ..Layout::new(run, layer, method, key.clone()) };
            let (layout, places) = kept(layout, &stem, folder, known, &make)?;
            findings.push(judged(derivation, run, &x, &layout, places.as_ref())?);
            if let Some(places) = places {
                last.insert(method, (places, key));
            }
            layouts.push(layout);
        }
        if step == late(derivation) {
            let starts = (0..RANDOM_STARTS)
                .map(|start| {
                    let key = digest(&format!("{VERSION} tsne {content} random {start}"));
                    let layout = Layout { step, random_start: Some(start), ..Layout::new(run, layer, "tsne", key) };
                    let make = || {
                        let random: Array2<f64> = normal_matrix(&mut stream_at(0, "t-SNE start", start), x.nrows(), 2);
                        lay_out(&x, "tsne", Some(&random.mapv(|v| v as f32)), start)
                    };
                    kept(layout, &format!("tsne-start-{start}-step-{step:08}"), folder, known, &make)
                })
                .collect::<Result<Vec<_>, KymographError>>()?;
            let drawn: Vec<&Array2<f32>> = starts.iter().filter_map(|(_, places)| places.as_ref()).collect();
            let agreement = pairs_alike(&drawn);
            if let Some(finding) = findings.iter_mut().rfind(|f| f.other_array.as_deref() == Some("tsne")) {
                finding.parts.extend(agreement.map(|values| ("random_starts_alike".to_owned(), values)));
            }
            layouts.extend(starts.into_iter().map(|(layout, _)| layout));
        }
    }
    Ok((layouts, findings))
}

impl Layout {
    fn new(run: &Subject, layer: &str, method: &str, key: String) -> Self {
        Self {
            network: run.key.network.clone(),
            seed: run.key.seed,
            layer: layer.to_owned(),
            method: method.to_owned(),
            step: 0,
            random_start: None,
            file: None,
            reason: None,
            key,
        }
    }
}

/// The layout that is there under this key, or a new one, written.
fn kept(
    mut layout: Layout,
    stem: &str,
    folder: &Path,
    known: &BTreeMap<String, Layout>,
    make: &dyn Fn() -> Result<Array2<f32>, MeasureError>,
) -> Result<(Layout, Option<Array2<f32>>), KymographError> {
    let file = format!("{}/{}/{stem}.npy", layout.network, layout.layer);
    // A file that was damaged or removed is made again.
    if let Some(known) = known.get(&layout.key).filter(|known| known.file.as_ref().is_none_or(|named| *named == file))
        && let Ok(places) = places(folder, known)
        && (places.is_some() || known.reason.is_some())
    {
        return Ok((known.clone(), places));
    }
    match make() {
        Ok(places) => {
            let path = folder.join(&file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(KymographError::file(parent))?;
            }
            let mut writer = NpyWriter::create(&path, places.shape())?;
            writer.append(&places.iter().copied().collect::<Vec<f32>>())?;
            writer.finish()?;
            layout.file = Some(file);
            Ok((layout, Some(places)))
        }
        Err(error) => {
            layout.reason = Some(error.to_string());
            Ok((layout, None))
        }
    }
}

/// A layer in the plane. A layer of one unit has one principal component, and its second axis is zero.
fn lay_out(
    x: &Array2<f32>,
    method: &str,
    before: Option<&Array2<f32>>,
    seed: u64,
) -> Result<Array2<f32>, MeasureError> {
    let start = |spread: f64| before.map(|before| start_from(before.mapv(f64::from).view(), spread));
    let places = match method {
        "pca" => {
            let scores = pca(x.view(), x.ncols().min(2))?.scores;
            let mut places = Array2::zeros((x.nrows(), 2));
            places.slice_mut(s![.., ..scores.ncols()]).assign(&scores);
            places
        }
        "tsne" => {
            let start = start(1e-4);
            let initial = start.as_ref().map(|start| start.view());
            // A third of the other images is the most that a perplexity can be.
            let perplexity = ((x.nrows() as f64 - 1.0) / 3.0).floor().min(30.0);
            tsne(x.view(), &TsneOptions { initial, seed, perplexity, ..TsneOptions::default() })?.embedding
        }
        _ => {
            let start = start(10.0 / 3.0);
            let initial = start.as_ref().map(|start| start.view());
            umap(x.view(), &UmapOptions { initial, seed, ..UmapOptions::default() })?.embedding
        }
    };
    Ok(places.mapv(|value| value as f32))
}

/// A measure's value with its defaults.
fn measured(name: &str, arrays: &[Array<'_>]) -> Result<f64, MeasureError> {
    let measure = find(name)?;
    measure.apply(arrays, &measure.options([])?).map(|reading| reading.value)
}

/// How far the layout's neighbours are the layer's, beside layouts that have nothing to do with it; and in parts, how many
/// neighbours are of the same class in the layer and in the picture.
fn judged(
    derivation: &Derivation<'_>,
    run: &Subject,
    x: &Array2<f32>,
    layout: &Layout,
    places: Option<&Array2<f32>>,
) -> Result<Finding, KymographError> {
    let measure = find("trustworthiness")?;
    let mut finding = Finding {
        measure: measure.name.to_owned(),
        options: measure.options([])?.to_text(),
        run: run.key.clone(),
        array: layout.layer.clone(),
        other_array: Some(layout.method.clone()),
        steps: vec![layout.step],
        value: None,
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(x.nrows()),
        notes: vec!["of the layer's outputs on the probe, against their layout in the plane".to_owned()],
        version: measure.version,
    };
    let Some(places) = places else {
        finding.notes = vec![format!("not measured: {}", layout.reason.clone().unwrap_or_default())];
        return Ok(finding);
    };
    match measured(measure.name, &[x.view().into(), places.view().into()]) {
        Ok(value) => finding.value = Some(value),
        Err(error) => finding.notes.push(format!("not measured: {error}")),
    }
    // The null is drawn at the last step, which is the one that is looked at.
    if let Some(value) = finding.value.filter(|_| layout.step == late(derivation)) {
        let drawn = |draw| {
            let order = permutation(&mut stream_at(0, "layouts in random order", draw), places.nrows());
            let mixed = places.select(Axis(0), &order);
            measured(measure.name, &[x.view().into(), mixed.view().into()]).ok()
        };
        let draws: Vec<f64> = (0..DRAWS).filter_map(drawn).collect();
        finding.nulls.extend(Null::of_draws("permuted_examples", &draws, value));
    }
    if let Some(labels) = &run.labels {
        let labels = Array1::from(labels.clone());
        let picture = measured("knn_label_purity", &[places.view().into(), labels.view().into()]);
        let of_layer = measured("knn_label_purity", &[x.view().into(), labels.view().into()]);
        for (part, value) in [("same_class_in_picture", picture), ("same_class_in_layer", of_layer)] {
            finding.parts.extend(value.ok().map(|value| (part.to_owned(), vec![value])));
        }
    }
    Ok(finding)
}

/// For every two layouts of the same images, the share of neighbours that they have in common.
fn pairs_alike(layouts: &[&Array2<f32>]) -> Option<Vec<f64>> {
    let pairs = (0..layouts.len()).flat_map(|i| (i + 1..layouts.len()).map(move |j| (i, j)));
    let alike = |(i, j): (usize, usize)| {
        measured("knn_preservation", &[layouts[i].view().into(), layouts[j].view().into()]).ok()
    };
    let values: Vec<f64> = pairs.filter_map(alike).collect();
    (!values.is_empty()).then_some(values)
}

fn content(x: &Array2<f32>) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{:?}", x.dim()));
    x.iter().for_each(|value| hash.update(value.to_le_bytes()));
    hexadecimal(hash)
}

fn digest(text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(text);
    hexadecimal(hash)
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
