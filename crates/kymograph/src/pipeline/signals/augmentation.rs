//! How much of each layer's variance lies within the augmentations of single images, image by image so that no more than one
//! image's activations are held.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kymograph_findings::{Finding, Null, RunKey, Subject};
use kymograph_measures::clusters::GroupScatter;
use kymograph_nets::{Mode, Network};
use kymograph_report::{SummaryTable, format_value};
use kymograph_runs::{Checkpoint, write_whole};
use kymograph_studies::signals::LAYERS;
use kymograph_studies::signals::augment::{Augmentation, augmented};
use ndarray::{Array2, Array4, ArrayD, ArrayView2, Axis, Ix4, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::capture::Replay;
use super::super::derive::Derivation;
use super::super::page::mean_of;
use super::correlations::layers;
use crate::error::KymographError;

/// The measure whose rows these are.
pub(super) const MEASURE: &str = "within_group_variance_share";
/// The same augmentations for every run, so that runs are compared on the same images.
const SEED: u64 = 0;
/// Raised when the same networks and images give other rows.
const VERSION: u32 = 1;
/// What the input is called beside the layers.
pub(super) const INPUT: &str = "input";

/// Rows of evidence, and the images that they rest on.
pub(super) struct Augmented {
    pub(super) rows: Vec<Finding>,
    pub(super) images: Images,
    pub(super) augmentations: usize,
}

/// The name under which a layer's rows stand.
pub(super) fn array(layer: &str) -> String {
    format!("augmented {layer}")
}

/// Grey images from 0, black, to 1, and what these two are in each channel of a network's input.
pub(super) struct Images {
    pub(super) grey: Vec<Array2<f32>>,
    ends: Vec<[f32; 2]>,
}

impl Images {
    /// The first images of a probe. Each of its channels is the same grey image on another scale, whose ends are the darkest
    /// and the brightest pixel of the probe.
    fn of(probe: &ArrayD<f32>, count: usize) -> Option<Self> {
        let probe = probe.view().into_dimensionality::<Ix4>().ok()?;
        let ends: Vec<[f32; 2]> = probe
            .axis_iter(Axis(1))
            .map(|channel| channel.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], v| [a.min(*v), b.max(*v)]))
            .collect();
        let [low, high] = ends.first().copied().filter(|[low, high]| high > low)?;
        let grey = |image: usize| probe.slice(s![image, 0, .., ..]).mapv(|v| (v - low) / (high - low));
        Some(Self { grey: (0..count.min(probe.len_of(Axis(0)))).map(grey).collect(), ends })
    }

    /// Augmentations of an image, as the network takes them.
    pub(super) fn batch(&self, image: usize, augmentations: usize) -> ArrayD<f32> {
        let grey = &self.grey[image];
        let (rows, columns) = grey.dim();
        let mut batch = Array4::zeros((augmentations, self.ends.len(), rows, columns));
        batch.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(number, mut one)| {
            let changed = self.augmented(image, number);
            for (mut channel, [low, high]) in one.outer_iter_mut().zip(&self.ends) {
                channel.zip_mut_with(&changed, |to, v| *to = low + v * (high - low));
            }
        });
        batch.into_dyn()
    }

    /// One of them, from 0 to 1.
    pub(super) fn augmented(&self, image: usize, number: usize) -> Array2<f32> {
        augmented(self.grey[image].view(), SEED, image, number)
    }
}

/// A layer's sums at one step: over all augmentations, and over those of each kind alone.
struct Sums {
    all: GroupScatter,
    kinds: Vec<GroupScatter>,
}

impl Sums {
    fn new(features: usize) -> Self {
        Self { all: GroupScatter::new(features), kinds: vec![GroupScatter::new(features); Augmentation::ALL.len()] }
    }

    fn add(&mut self, group: ArrayView2<'_, f32>) -> Result<(), KymographError> {
        self.all.add(group)?;
        for (kind, sums) in self.kinds.iter_mut().enumerate() {
            // The numbers of a kind follow one another at equal distances.
            let of_kind = group.slice(s![kind.min(group.nrows()).., ..]);
            if of_kind.nrows() > 0 {
                sums.add(of_kind.slice(s![..;Augmentation::ALL.len() as isize, ..]))?;
            }
        }
        Ok(())
    }
}

/// Rows that were taken before, and of what.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    rows: Vec<Finding>,
}

/// `None` where there is no run whose network and images are at hand. The rows are kept in the file `cache`, and taken from
/// there for the same networks, images and augmentations.
pub(super) fn take(
    derivation: &Derivation<'_>,
    images: usize,
    augmentations: usize,
    cache: &Path,
    progress: &dyn Fn(usize, usize),
) -> Result<Option<Augmented>, KymographError> {
    let main = derivation.subjects.iter().filter(|subject| subject.key.control.is_none());
    let runs: Vec<Replayed<'_>> = main.filter_map(|s| Some((s, derivation.replays.get(&s.key)?))).collect();
    let Some((_, first)) = runs.first() else { return Ok(None) };
    let Some(images) = first.inputs()?.and_then(|probe| Images::of(&probe, images)) else { return Ok(None) };
    let key = key(&runs, &images, augmentations)?;
    let kept: Option<Kept> = fs::read(cache).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(Kept { rows, .. }) = kept.filter(|kept| kept.key == key) {
        return Ok(Some(Augmented { rows, images, augmentations }));
    }
    let Some(rows) = taken(&runs, &images, augmentations, progress)? else { return Ok(None) };
    let kept = Kept { key, rows };
    write_whole(cache, json!(kept).to_string().as_bytes())?;
    Ok(Some(Augmented { rows: kept.rows, images, augmentations }))
}

/// A run whose network is at hand.
type Replayed<'a> = (&'a Subject, &'a Replay);

/// SHA-256 of everything that the rows depend on.
fn key(runs: &[Replayed<'_>], images: &Images, augmentations: usize) -> Result<String, KymographError> {
    let mut digest = Sha256::new();
    digest.update(format!("{VERSION} {SEED} {augmentations} {:?} ", images.ends));
    images.grey.iter().flatten().for_each(|pixel| digest.update(pixel.to_le_bytes()));
    for (subject, replay) in runs {
        digest.update(format!(" {}", subject.key));
        for (step, file) in subject.parameters.iter().filter(|(step, _)| replay.recorded().contains(step)) {
            digest.update(format!(" {step} {}", Checkpoint::open(file)?.content_hash()?));
        }
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn taken(
    runs: &[Replayed<'_>],
    images: &Images,
    augmentations: usize,
    progress: &dyn Fn(usize, usize),
) -> Result<Option<Vec<Finding>>, KymographError> {
    let mut input: Option<Sums> = None;
    let mut sums: Vec<(&RunKey, u64, Vec<Sums>)> = Vec::new();
    for (done, (subject, replay)) in runs.iter().enumerate() {
        let mut steps: Vec<(u64, Network<f32>, Vec<Sums>)> = Vec::new();
        for &step in replay.recorded() {
            steps.push((step, replay.network(step)?, Vec::new()));
        }
        let mut of_input = input.is_none().then(|| Sums::new(0));
        for image in 0..images.grey.len() {
            let batch = images.batch(image, augmentations);
            let flat = batch.view().into_shape_with_order((augmentations, batch.len() / augmentations));
            if let (Some(sums), Ok(flat)) = (&mut of_input, flat) {
                if image == 0 {
                    *sums = Sums::new(flat.ncols());
                }
                sums.add(flat)?;
            }
            steps.par_iter_mut().try_for_each(|(_, network, sums)| {
                for (place, array) in layers(network, batch.view(), Mode::Eval)?.iter().enumerate() {
                    if sums.len() == place {
                        sums.push(Sums::new(array.ncols()));
                    }
                    sums[place].add(array.view())?;
                }
                Ok::<(), KymographError>(())
            })?;
            progress(done * images.grey.len() + image + 1, runs.len() * images.grey.len());
        }
        input = input.or(of_input);
        sums.extend(steps.into_iter().map(|(step, _, sums)| (&subject.key, step, sums)));
    }
    Ok(input.map(|input| rows(&sums, &input, images.grey.len() * augmentations)))
}

fn rows(sums: &[(&RunKey, u64, Vec<Sums>)], input: &Sums, n: usize) -> Vec<Finding> {
    let pixels = input.all.share().ok();
    let mut rows = Vec::new();
    for (key, step, of_layers) in sums {
        let layers = LAYERS.iter().copied().zip(of_layers.iter().enumerate().map(|(place, sums)| (Some(place), sums)));
        for (name, (place, layer)) in std::iter::once((INPUT, (None, input))).chain(layers) {
            let mut finding = Finding {
                measure: MEASURE.to_owned(),
                options: BTreeMap::new(),
                run: (*key).clone(),
                array: array(name),
                other_array: None,
                steps: vec![*step],
                value: None,
                interval: None,
                nulls: vec![Null::exact("permuted_examples", layer.all.expected_by_chance())],
                ceiling: None,
                parts: BTreeMap::new(),
                n: Some(n),
                notes: vec![
                    "groups are the augmentations of one image; batch normalisation by its running statistics"
                        .to_owned(),
                ],
                version: VERSION,
            };
            match layer.all.share() {
                Ok(share) => finding.value = Some(share),
                Err(reason) => finding.notes.insert(0, format!("not measured: {reason}")),
            }
            let kinds: Option<Vec<f64>> = layer.kinds.iter().map(|sums| sums.share().ok()).collect();
            if let Some(kinds) = kinds {
                finding.parts.insert("by_kind".to_owned(), kinds);
            }
            if let (Some(place), Some(value)) = (place, finding.value) {
                let untrained: Vec<f64> = sums
                    .iter()
                    .filter(|(other, at, _)| *at == 0 && other.network == key.network && (*step > 0 || other != key))
                    .filter_map(|(_, _, layers)| layers.get(place)?.all.share().ok())
                    .collect();
                finding.nulls.extend(Null::of_draws("untrained", &untrained, value));
                finding.nulls.extend(pixels.map(|share| Null::exact("pixels", share)));
            }
            rows.push(finding);
        }
    }
    rows
}

impl Augmented {
    /// Each kind alone, by layer, at the last step and before training.
    pub(super) fn by_kind(&self, derivation: &Derivation<'_>) -> Option<SummaryTable> {
        let last = derivation.step_names.get("late").copied()?;
        let mean = |layer: &str, step: u64, kind: usize| {
            let rows = self.rows.iter().filter(|row| row.array == array(layer) && row.steps == [step]);
            let values: Vec<f64> = rows.filter_map(|row| row.parts.get("by_kind")?.get(kind).copied()).collect();
            (!values.is_empty()).then(|| mean_of(&values))
        };
        let cell = |layer: &str, kind: usize| {
            let value = |step| mean(layer, step, kind).map_or("–".to_owned(), |v| format_value(v, 2));
            if layer == INPUT { value(last) } else { format!("{} ({})", value(last), value(0)) }
        };
        let shown = [INPUT, "fc1", "fc2", "fc3", "fc4", "softmax"];
        let rows: Vec<Vec<String>> = Augmentation::ALL
            .iter()
            .enumerate()
            .filter(|(kind, _)| mean(INPUT, last, *kind).is_some())
            .map(|(kind, of)| {
                let mut row = vec![of.name().to_owned()];
                row.extend(shown.iter().map(|layer| cell(layer, kind)));
                row
            })
            .collect();
        let columns = std::iter::once("augmentation").chain(shown).map(str::to_owned).collect();
        (!rows.is_empty()).then(|| SummaryTable {
            title: "Share of the variance within an image, by kind of augmentation".to_owned(),
            caption: format!(
                "Of the variance of a layer over {} images and each one's augmentations of one kind, the share that lies within \
                 images, at step {last} and in brackets before training; mean over seeds. 0: the layer does not feel the \
                 augmentation; near 1: it cannot tell images apart for it.",
                self.images.grey.len()
            ),
            columns,
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_back_on_every_channels_scale() {
        let scales = [(0.5_f32, 2.0_f32), (-1.0, 0.25)];
        let grey = |n: usize, i: usize, j: usize| ((n * 31 + i * 5 + j * 3) % 11) as f32 / 10.0;
        let probe = ArrayD::from_shape_fn(vec![12, 2, 8, 8], |at| {
            let (mean, scale) = scales[at[1]];
            mean + scale * grey(at[0], at[2], at[3])
        });
        let images = Images::of(&probe, 3).unwrap();
        assert_eq!(images.grey.len(), 3);
        assert!((images.grey[2][[3, 4]] - grey(2, 3, 4)).abs() < 1e-6);
        let batch = images.batch(1, 9);
        let changed = images.augmented(1, 8);
        for (channel, (mean, scale)) in scales.into_iter().enumerate() {
            assert!((batch[[8, channel, 2, 6]] - (mean + scale * changed[[2, 6]])).abs() < 1e-5);
        }
        assert!(Images::of(&ArrayD::zeros(vec![3, 1, 8, 8]), 2).is_none(), "nothing to see");
    }

    #[test]
    fn kinds_are_every_eighth() {
        let group = Array2::from_shape_fn((19, 1), |(i, _)| (i * i) as f32);
        let mut sums = Sums::new(1);
        sums.add(group.view()).unwrap();
        sums.add(group.mapv(|v| v + 1.0).view()).unwrap();
        let mut third = GroupScatter::new(1);
        for shift in [0.0, 1.0] {
            third.add(ndarray::array![[4.0 + shift], [100.0 + shift], [324.0 + shift]].view()).unwrap();
        }
        assert_eq!(sums.kinds[2], third);
        assert_eq!(sums.all.share().is_ok(), sums.kinds[7].share().is_ok());
    }
}
