//! What the study `polytopes` takes from the networks at every recorded step, and shows: boundaries between images, codes,
//! affine maps and their exchange, ranges of validity, clusters, planes, and how far training is linear.

mod clusters;
mod codes;
mod density;
mod dictionary;
mod exchange;
mod figures;
mod look;
mod rivals;
mod slices;
mod tables;
mod tangents;
mod validity;

use std::fs;
use std::path::Path;
use std::rc::Rc;

use kymograph_findings::{Finding, Null, RunKey, Subject};
use kymograph_report::{Figure, Page};
use kymograph_runs::{Checkpoint, write_whole};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::capture::Replay;
use super::derive::Derivation;
use super::page::networks;
use super::{Event, Listener};
use crate::error::KymographError;
use look::{Look, Probe};

/// Everything that needs the networks.
pub(super) struct Taken {
    rows: Vec<Finding>,
    /// Planes through three images, by network and place.
    planes: Vec<(String, String, Figure)>,
}

/// Rows that were taken before, and of what.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    rows: Vec<Finding>,
}

/// Takes every run at every recorded step. Rows are kept run by run below the folder of what is derived, and taken from there
/// for the same checkpoints and images.
pub(super) fn take(
    derivation: &Derivation<'_>,
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Taken, KymographError> {
    let cache = folder.join("cache").join("polytopes");
    fs::create_dir_all(&cache).map_err(KymographError::file(&cache))?;
    let replayed: Vec<(&Subject, &Replay)> =
        derivation.subjects.iter().filter_map(|s| Some((s, derivation.replays.get(&s.key)?))).collect();
    let all: usize = replayed.iter().map(|(_, replay)| replay.recorded().len()).sum();
    let mut done = 0;
    let mut rows = Vec::new();
    // Runs of one experiment mostly have one probe, of which some things are computed once.
    let mut last: Option<Rc<Probe>> = None;
    for (subject, replay) in &replayed {
        let steps = replay.recorded().len();
        if let Some(probe) = probe(subject, replay)? {
            let probe = last.take().filter(|last| last.is(&probe)).unwrap_or_else(|| Rc::new(probe));
            last = Some(probe.clone());
            let path = cache.join(format!("{}.json", subject.key.to_string().replace('/', "-")));
            rows.extend(kept(subject, replay, &probe, &path, &mut || {
                done += 1;
                listener(Event::Measuring(done.min(all), all));
            })?);
        } else {
            done += steps;
        }
    }
    beside_controls(&mut rows);
    let planes = planes(derivation, &replayed)?;
    Ok(Taken { rows, planes })
}

fn probe(subject: &Subject, replay: &Replay) -> Result<Option<Probe>, KymographError> {
    let (Some(inputs), Some(labels)) = (replay.inputs()?, subject.labels.as_deref()) else { return Ok(None) };
    Ok(Probe::of(&inputs, labels))
}

fn kept(
    subject: &Subject,
    replay: &Replay,
    probe: &Probe,
    path: &Path,
    progress: &mut dyn FnMut(),
) -> Result<Vec<Finding>, KymographError> {
    let key = key(subject, replay, probe)?;
    let kept: Option<Kept> = fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(Kept { rows, .. }) = kept.filter(|kept| kept.key == key) {
        replay.recorded().iter().for_each(|_| progress());
        return Ok(rows);
    }
    let mut rows = Vec::new();
    let start = replay.recorded().first().map(|&step| replay.network(step)).transpose()?;
    for &step in replay.recorded() {
        let network = replay.network(step)?;
        let look = Look::of(&subject.key, step, &network, probe)?;
        rows.extend(density::rows(&look, "input")?);
        rows.extend(density::rays(&look)?);
        rows.extend(density::adversarial(&look)?);
        for place in &look.layers {
            rows.extend(density::rows(&look, place)?);
            if subject.key.control.is_none() {
                rows.extend(validity::rows(&look, place)?);
                rows.extend(clusters::rows(&look, place)?);
            }
        }
        rows.extend(codes::rows(&look)?);
        rows.extend(codes::flips(&look)?);
        rows.extend(exchange::rows(&look)?);
        if look.small && subject.key.control.is_none() {
            rows.extend(rivals::rows(&look)?);
        }
        rows.extend(slices::rows(&look)?);
        if let Some(start) = start.as_ref().filter(|_| step > 0) {
            rows.extend(tangents::rows(&look, start)?);
        }
        progress();
    }
    // Laid beside themselves before training.
    untrained(&mut rows);
    let kept = Kept { key, rows };
    write_whole(path, json!(kept).to_string().as_bytes())?;
    Ok(kept.rows)
}

/// SHA-256 of everything that the rows of a run depend on.
fn key(subject: &Subject, replay: &Replay, probe: &Probe) -> Result<String, KymographError> {
    let mut digest = Sha256::new();
    digest.update(format!("{} {} {:?} ", look::VERSION, subject.key, probe.labels));
    probe.x.iter().for_each(|pixel| digest.update(pixel.to_le_bytes()));
    for (step, file) in subject.parameters.iter().filter(|(step, _)| replay.recorded().contains(step)) {
        digest.update(format!(" {step} {}", Checkpoint::open(file)?.content_hash()?));
    }
    Ok(format!("{:x}", digest.finalize()))
}

/// The row of the same quantity elsewhere.
fn same_quantity(a: &Finding, b: &Finding) -> bool {
    a.measure == b.measure && a.array == b.array && a.options == b.options
}

fn untrained(rows: &mut [Finding]) {
    let start: Vec<Finding> = rows.iter().filter(|row| row.steps == [0]).cloned().collect();
    for row in rows.iter_mut().filter(|row| row.steps != [0]) {
        let before = start.iter().find(|other| same_quantity(row, other)).and_then(|other| other.value);
        row.nulls.extend(before.map(|value| Null::exact("untrained", value)));
    }
}

/// Lays main runs beside those of their seed that learned labels in random order.
fn beside_controls(rows: &mut [Finding]) {
    let name = "shuffled_labels";
    let controls: Vec<Finding> = rows.iter().filter(|row| row.run.control.as_deref() == Some(name)).cloned().collect();
    for row in rows.iter_mut().filter(|row| row.run.control.is_none()) {
        let of = RunKey { control: Some(name.to_owned()), ..row.run.clone() };
        let fits = |other: &&Finding| other.run == of && other.steps == row.steps && same_quantity(row, other);
        let value = controls.iter().find(fits).and_then(|other| other.value);
        row.nulls.extend(value.map(|value| Null::exact(format!("control:{name}"), value)));
    }
}

/// Pictures of the first run of each network at its last step, from the input and from every layer with boundaries behind it.
fn planes(
    derivation: &Derivation<'_>,
    replayed: &[(&Subject, &Replay)],
) -> Result<Vec<(String, String, Figure)>, KymographError> {
    let mut planes = Vec::new();
    for network in networks(derivation) {
        let mut runs: Vec<_> =
            replayed.iter().filter(|(s, _)| s.key.network == network && s.key.control.is_none()).collect();
        runs.sort_by_key(|(s, _)| s.key.seed);
        let Some((subject, replay)) = runs.first() else { continue };
        let (Some(probe), Some(&step)) = (probe(subject, replay)?, replay.recorded().last()) else { continue };
        let trained = replay.network(step)?;
        let look = Look::of(&subject.key, step, &trained, &probe)?;
        let units: usize = look.polytopes.code_layers().iter().map(|layer| layer.elements).sum();
        if units > look::MOST_UNITS {
            continue;
        }
        for place in ["input"].into_iter().chain(look.layers.iter().map(String::as_str)) {
            planes.extend(slices::figure(&look, place)?.map(|figure| (network.clone(), place.to_owned(), figure)));
        }
    }
    Ok(planes)
}

impl Taken {
    /// Rows of evidence beside the plan's.
    pub(super) fn rows(&self) -> Vec<Finding> {
        self.rows.clone()
    }

    /// Puts the study's figures behind the verdicts and the training, and its tables behind the scores.
    pub(super) fn show(&self, page: &mut Page, derivation: &Derivation<'_>) {
        let mut sections = vec![figures::boundaries(derivation, &self.rows)];
        for network in networks(derivation) {
            sections.push(figures::of_network(&network, derivation, &self.rows, &self.planes));
        }
        sections.retain(|section| !section.figures.is_empty());
        let at = page.sections.len().min(2);
        page.sections.splice(at..at, sections);
        let at = page.tables.len().min(1);
        page.tables.splice(at..at, tables::all(derivation, &self.rows));
    }
}
