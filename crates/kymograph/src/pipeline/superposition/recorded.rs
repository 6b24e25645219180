//! What the study's runs hold, read back.

use std::collections::BTreeMap;

use kymograph_findings::RunKey;
use kymograph_nets::ToySpec;
use kymograph_runs::{Experiment, Run, RunsError, Table};
use kymograph_studies::superposition::{CAPTURED, Cell, ClassifierTraining, Settings, Squeeze};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::{Event, Listener};
use crate::error::KymographError;

/// The one sweep of which every checkpoint is looked at.
pub(super) const FOLLOWED: &str = "toy_5_2";

/// The finished runs of an experiment.
pub(super) struct Recorded {
    pub(super) settings: Option<Settings>,
    pub(super) classifiers: Vec<(RunKey, Table)>,
    pub(super) squeezed: Vec<Squeezed>,
    pub(super) toys: Vec<Toy>,
}

/// A run of an autoencoder.
pub(super) struct Squeezed {
    pub(super) key: RunKey,
    pub(super) epochs: BTreeMap<u64, Epoch>,
    pub(super) numbers: Table,
    pub(super) baseline: Table,
    pub(super) unit_zero: Vec<f64>,
    pub(super) unit_variance: Vec<f64>,
}

/// An autoencoder after one epoch.
pub(super) struct Epoch {
    /// code × unit.
    pub(super) encoder: Array2<f64>,
    /// unit × code.
    pub(super) decoder: Array2<f64>,
    pub(super) decoder_bias: Vec<f64>,
    /// What ablating each unit adds to the loss.
    pub(super) added: Vec<f64>,
    /// unit × 2.
    pub(super) points: Array2<f64>,
    pub(super) offset: [f64; 2],
}

/// A run of a sweep.
pub(super) struct Toy {
    pub(super) key: RunKey,
    pub(super) spec: ToySpec,
    pub(super) cells: Vec<Cell>,
    /// Encoders (hidden × feature) of all models at the first and the last checkpoint, and in one sweep at all of them.
    pub(super) encoders: BTreeMap<u64, Vec<Array2<f64>>>,
    /// Losses of all models on held-out examples at the last checkpoint.
    pub(super) losses: Vec<f64>,
    pub(super) numbers: Table,
}

impl Toy {
    pub(super) fn last(&self) -> Option<(u64, &[Array2<f64>])> {
        self.encoders.last_key_value().map(|(step, all)| (*step, all.as_slice()))
    }

    pub(super) fn first(&self) -> Option<&[Array2<f64>]> {
        self.encoders.first_key_value().map(|(_, all)| all.as_slice())
    }
}

impl Recorded {
    pub(super) fn read(experiment: &Experiment, listener: Listener<'_>) -> Result<Self, KymographError> {
        let mut all = Self { settings: None, classifiers: Vec::new(), squeezed: Vec::new(), toys: Vec::new() };
        let squeezes = [Squeeze::Untied, Squeeze::Tied, Squeeze::Linear].map(Squeeze::network);
        for entry in experiment.runs()? {
            let run = Run::open(&entry.folder)?;
            if !run.is_finished() {
                let text = format!("{} is not finished and is left out; --resume finishes it", entry.key);
                listener(Event::Warning(text));
                continue;
            }
            let network = entry.key.network.clone();
            let key = RunKey { network: network.clone(), seed: Some(entry.key.seed), control: None };
            if all.settings.is_none() {
                all.settings = Some(parsed(&run, &run.manifest().settings["study"])?);
            }
            if network == ClassifierTraining::NAME {
                all.classifiers.push((key, run.series("epoch")?));
            } else if squeezes.contains(&network.as_str()) {
                all.squeezed.push(Squeezed::read(key, &run)?);
            } else {
                all.toys.push(Toy::read(key, &run)?);
            }
        }
        if all.settings.is_none() {
            return Err(KymographError::NothingFinished { folder: experiment.folder().to_path_buf() });
        }
        Ok(all)
    }

    /// `first` and `last` are steps of toy models, `mid_epoch` and `last_epoch` epochs of autoencoders.
    pub(super) fn step_names(&self) -> BTreeMap<String, u64> {
        let mut names = BTreeMap::new();
        if let Some(last) = self.toys.iter().filter_map(|toy| Some(toy.last()?.0)).max() {
            names.insert("first".to_owned(), 0);
            names.insert("last".to_owned(), last);
        }
        if let Some(last) = self.squeezed.iter().filter_map(|run| Some(*run.epochs.last_key_value()?.0)).max() {
            names.insert("mid_epoch".to_owned(), last.div_ceil(2));
            names.insert("last_epoch".to_owned(), last);
        }
        names
    }
}

fn bad(run: &Run, reason: String) -> KymographError {
    RunsError::BadManifest { path: run.folder().join("run.json"), reason }.into()
}

fn parsed<T: DeserializeOwned>(run: &Run, value: &Value) -> Result<T, KymographError> {
    serde_json::from_value(value.clone()).map_err(|e| bad(run, e.to_string()))
}

/// A tensor of a checkpoint, stacked along models.
fn tensor(run: &Run, step: u64, name: &str) -> Result<ArrayD<f64>, KymographError> {
    Ok(run.checkpoint(step)?.read_f64(name)?)
}

fn matrices(run: &Run, step: u64, name: &str) -> Result<Vec<Array2<f64>>, KymographError> {
    let stacked = tensor(run, step, name)?.into_dimensionality::<Ix3>();
    let stacked = stacked.map_err(|_| bad(run, format!("`{name}` at step {step} has not three axes")))?;
    Ok(stacked.axis_iter(Axis(0)).map(|matrix| matrix.to_owned()).collect())
}

/// What was captured at a step, by name.
fn captured(run: &Run, step: u64) -> Result<BTreeMap<String, ArrayD<f64>>, KymographError> {
    let found = run.activations(step)?.map(|captures| captures.arrays).unwrap_or_default();
    Ok(found.into_iter().map(|c| (c.name, c.values.mapv(f64::from))).collect())
}

impl Squeezed {
    fn read(key: RunKey, run: &Run) -> Result<Self, KymographError> {
        let [added, points, offset, zero, _, variance] = CAPTURED;
        let mut epochs = BTreeMap::new();
        let (mut unit_zero, mut unit_variance) = (Vec::new(), Vec::new());
        for &step in run.steps() {
            let mut arrays = captured(run, step)?;
            let mut taken = |name: &str| {
                arrays.remove(name).ok_or_else(|| bad(run, format!("`{name}` was not captured at epoch {step}")))
            };
            let encoder = matrices(run, step, "encoder")?.swap_remove(0);
            let decoder = match run.checkpoint(step)?.tensors().iter().any(|t| t.name == "decoder") {
                true => matrices(run, step, "decoder")?.swap_remove(0),
                false => encoder.t().to_owned(),
            };
            let at = taken(points)?;
            let at = at.into_dimensionality::<Ix2>().map_err(|_| bad(run, format!("`{points}` has not two axes")))?;
            let origin: Vec<f64> = taken(offset)?.into_iter().collect();
            let added: Vec<f64> = taken(added)?.into_iter().collect();
            let units = encoder.ncols();
            let [x, y] = origin[..] else { return Err(bad(run, format!("`{offset}` holds not two numbers"))) };
            if at.dim() != (units, 2) || added.len() != units || decoder.dim() != (units, 2) {
                return Err(bad(run, format!("arrays of epoch {step} do not fit each other")));
            }
            if epochs.is_empty() {
                unit_zero = taken(zero)?.into_iter().collect();
                unit_variance = taken(variance)?.into_iter().collect();
            }
            let decoder_bias = tensor(run, step, "decoder_bias")?.into_iter().collect();
            epochs.insert(step, Epoch { encoder, decoder, decoder_bias, added, points: at, offset: [x, y] });
        }
        let (numbers, baseline) = (run.series("epoch")?, run.series("baseline")?);
        Ok(Self { key, epochs, numbers, baseline, unit_zero, unit_variance })
    }

    pub(super) fn last(&self) -> Option<(u64, &Epoch)> {
        self.epochs.last_key_value().map(|(epoch, found)| (*epoch, found))
    }
}

impl Toy {
    fn read(key: RunKey, run: &Run) -> Result<Self, KymographError> {
        let network = &run.manifest().network;
        let (spec, cells): (ToySpec, Vec<Cell>) = (parsed(run, &network["toy"])?, parsed(run, &network["cells"])?);
        let ends = [run.steps().first(), run.steps().last()];
        let mut encoders = BTreeMap::new();
        for step in run.steps() {
            if key.network == FOLLOWED || ends.contains(&Some(step)) {
                let all = matrices(run, *step, "encoder")?;
                if all.len() != cells.len() {
                    return Err(bad(run, format!("step {step} holds {} models and not {}", all.len(), cells.len())));
                }
                encoders.insert(*step, all);
            }
        }
        let last = run.steps().last().copied().unwrap_or(0);
        let losses = captured(run, last)?.remove("held_out_loss").map(|l| l.into_iter().collect()).unwrap_or_default();
        Ok(Self { key, spec, cells, encoders, losses, numbers: run.series("models")? })
    }
}

/// A column of a table by step; nothing where there is none.
pub(super) fn column(table: &Table, name: &str) -> BTreeMap<u64, f64> {
    table.column(name).map(|(steps, values)| steps.into_iter().zip(values).collect()).unwrap_or_default()
}
