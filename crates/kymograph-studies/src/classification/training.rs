//! Training a classifier while it is recorded: every step's loss, scores at every checkpoint, and a state from which
//! a killed run goes on to the same bits.

use kymograph_linalg::parallel::blocks;
use kymograph_linalg::random::{permutation, stream, stream_at};
use kymograph_nets::{LayerKind, Mode, Network, NetworkSpec, Optimiser, OptimiserSpec};
use kymograph_runs::{Manifest, Recorder, SavedState, Split};
use ndarray::{ArrayD, ArrayView2};
use serde_json::json;

use super::control::Control;
use super::dynamics::{Followed, of_optimiser};
use super::inputs::{Examples, Inputs};
use super::scores::{Scores, scores};
use super::settings::Settings;
use crate::error::StudyError;
use crate::progress::Progress;

/// Examples in a forward pass that only scores.
const SCORING_BATCH: usize = 500;

/// Training and held-out examples, and what to say of them.
pub struct Data {
    /// What the network learns from.
    pub train: Examples,
    /// What it never sees; the probe is its beginning.
    pub held_out: Examples,
    /// Which data these are, for run.json and the report.
    pub note: String,
}

impl Data {
    /// From a data set as read.
    #[must_use]
    pub fn of(split: &Split, inputs: Inputs) -> Self {
        Self {
            train: Examples::of(&split.train, inputs),
            held_out: Examples::of(&split.test, inputs),
            note: split.note.clone(),
        }
    }
}

/// One training run: what is trained, on what, and where to.
pub struct Training<'a> {
    /// The study's name.
    pub study: &'a str,
    /// The network.
    pub spec: &'a NetworkSpec,
    /// Seed of the initial weights and of the order of examples.
    pub seed: u64,
    /// Settings of the study.
    pub settings: &'a Settings,
    /// The examples.
    pub data: &'a Data,
    /// The control it is trained under, by name; none for a main run.
    pub control: Option<(&'a str, &'a Control)>,
}

impl Training<'_> {
    /// The manifest of this run.
    ///
    /// # Errors
    /// When the spec describes no network.
    pub fn manifest(&self) -> Result<Manifest, StudyError> {
        if self.double_softmax() && self.spec.layers.last().is_none_or(|layer| layer.kind != LayerKind::Softmax) {
            let detail = format!("network `{}` does not end in a softmax; take false", self.spec.name);
            let (study, setting) = (self.study.to_owned(), "double_softmax".to_owned());
            return Err(StudyError::Setting { study, setting, detail });
        }
        let network = Network::<f32>::new(self.spec, &mut stream(self.seed, "init"))?;
        let mut manifest = Manifest::new(
            format!("study {}", self.study),
            json!(self.spec),
            json!({ "study": self.settings, "data": self.data.note, "optimiser": self.optimiser() }),
            Some(self.seed),
        );
        if let Some((name, control)) = self.control {
            manifest.control = Some(name.to_owned());
            manifest.settings["control"] = json!(control);
        }
        if self.settings.dynamics {
            let layers: Vec<_> = network.parameter_ranges().into_iter().map(|(name, at)| (name, at.len())).collect();
            manifest.settings["layers"] = json!(layers);
            manifest.settings["steps_per_epoch"] = json!(self.data.train.len().div_ceil(self.settings.batch_size));
        }
        manifest.hook_points = network
            .hook_points()
            .iter()
            .map(|h| kymograph_runs::HookPoint { name: h.name.clone(), shape: h.shape.clone() })
            .collect();
        Ok(manifest)
    }

    /// Whether the loss is taken with a second softmax.
    fn double_softmax(&self) -> bool {
        self.settings.double_softmax || self.control.is_some_and(|(_, control)| control.double_softmax)
    }

    fn optimiser(&self) -> OptimiserSpec {
        let rate = self.control.and_then(|(_, control)| control.learning_rate);
        // A study that compares optimisers has the same network under two names.
        if self.spec.name.ends_with("_sgd") {
            return OptimiserSpec::sgd(rate.unwrap_or(self.settings.sgd_learning_rate));
        }
        OptimiserSpec::adam(rate.unwrap_or(self.settings.learning_rate))
    }

    /// Trains and records into `recorder`'s folder: from the beginning, or from the last complete checkpoint of a killed
    /// run, to the same bits as if it had not been killed.
    ///
    /// # Errors
    /// [`StudyError::Diverged`] when the loss stops being a number; errors of the network or of writing.
    pub fn run(
        &self,
        mut recorder: Recorder,
        saved: Option<SavedState>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let spec = trained(self.spec, self.double_softmax());
        let mut network =
            Network::<f32>::starting(&spec, self.settings.initial_weights, &mut stream(self.seed, "init"))?;
        let mut optimiser = Optimiser::new(self.optimiser(), &network)?;
        let (probe, probe_labels) = self.data.held_out.first(self.settings.probe_examples);
        let labels: Vec<i64> = probe_labels.iter().map(|&l| l as i64).collect();
        recorder.probe(&[("images".to_owned(), probe.into_dyn())], &labels)?;
        let checkpoints = self.settings.checkpoint_steps();
        let mut followed = Followed::new(self.settings, &network)?;
        let first = match saved {
            None => {
                let state = (&optimiser, followed.as_ref());
                self.checkpoint(&mut recorder, &mut network, state, 0, f64::NAN, progress)?;
                0
            }
            Some(saved) => {
                network.load_state_dict(&saved.tensors)?;
                optimiser.load_state(saved.step, &of_optimiser(&saved))?;
                network.set_step(saved.step);
                if let Some(followed) = &mut followed {
                    followed.load(&saved, &network)?;
                }
                saved.step
            }
        };
        let control = self.control.map_or_else(Control::default, |(_, control)| control.clone());
        let order_seed = self.seed.wrapping_add(control.order_seed);
        let all_labels = control.labels(&self.data.train.labels, self.seed);
        let mut order = Order::new(order_seed, all_labels.len(), self.settings.batch_size);
        for step in first + 1..=self.settings.steps {
            let batch = order.batch(step - 1);
            let images = self.data.train.batch(batch).into_dyn();
            let labels: Vec<usize> = batch.iter().map(|&i| all_labels[i]).collect();
            let stats = network.train_step(images.view(), &labels, &mut optimiser)?;
            if !stats.loss.is_finite() {
                recorder.flush()?;
                let (network, seed) = (self.spec.name.clone(), self.seed);
                return Err(StudyError::Diverged { network, seed, step, loss: stats.loss });
            }
            recorder.series("minibatch", step, &[("loss", stats.loss), ("gradient_norm", stats.gradient_norm)])?;
            if let Some(followed) = &mut followed {
                followed.step(&mut recorder, &network, step, images.view(), &labels)?;
            }
            if checkpoints.binary_search(&step).is_ok() {
                let state = (&optimiser, followed.as_ref());
                self.checkpoint(&mut recorder, &mut network, state, step, stats.loss, progress)?;
            } else {
                progress(self.progress(step, stats.loss, None));
            }
        }
        recorder.finish()?;
        Ok(())
    }

    fn progress<'a>(&'a self, step: u64, loss: f64, scores: Option<&'a Scores>) -> Progress<'a> {
        let control = self.control.map(|(name, _)| name);
        Progress {
            network: &self.spec.name,
            seed: self.seed,
            control,
            step,
            steps: self.settings.steps,
            loss,
            scores: scores.map(|scores| scores as &dyn std::fmt::Display),
        }
    }

    /// Scores on held-out and on as many training examples, and a checkpoint that can be gone on from.
    fn checkpoint(
        &self,
        recorder: &mut Recorder,
        network: &mut Network<f32>,
        (optimiser, followed): (&Optimiser<f32>, Option<&Followed>),
        step: u64,
        loss: f64,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let held_out = score(network, &self.data.held_out, usize::MAX)?;
        let train = score(network, &self.data.train, self.data.held_out.labels.len())?;
        for (table, scores) in [("held_out", &held_out), ("train", &train)] {
            let columns = scores.columns();
            let row: Vec<(&str, f64)> = columns.iter().map(|(name, v)| (name.as_str(), *v)).collect();
            recorder.series(table, step, &row)?;
        }
        let tensors: Vec<(String, ArrayD<f32>)> = network.state_dict();
        let (more, numbers) = followed.map_or_else(|| (Vec::new(), json!({})), Followed::save);
        let state: Vec<_> = optimiser.state().into_iter().chain(more).collect();
        recorder.checkpoint(step, &tensors, &state, &numbers)?;
        progress(self.progress(step, loss, Some(&held_out)));
        Ok(())
    }
}

/// The network that the loss is taken of: without the softmax at the end, which the cross-entropy holds already, unless the
/// loss is to be taken with both. Its tensors are the same.
#[must_use]
pub fn trained(spec: &NetworkSpec, double_softmax: bool) -> NetworkSpec {
    let mut spec = spec.clone();
    if !double_softmax {
        spec.layers.pop_if(|layer| layer.kind == LayerKind::Softmax);
    }
    spec
}

fn score(network: &mut Network<f32>, examples: &Examples, at_most: usize) -> Result<Scores, StudyError> {
    let labels = &examples.labels[..at_most.min(examples.len())];
    let mut logits = Vec::new();
    for places in blocks(labels.len(), SCORING_BATCH) {
        let batch = examples.batch(&places.collect::<Vec<_>>()).into_dyn();
        logits.extend(network.forward(batch.view(), Mode::Eval)?.iter().copied());
    }
    let classes = logits.len() / labels.len();
    let logits = ArrayView2::from_shape((labels.len(), classes), &logits).map_err(StudyError::Shape)?;
    Ok(scores(logits, labels))
}

/// The order of training examples: a fresh permutation each epoch, a function of seed and step alone.
struct Order {
    seed: u64,
    n: usize,
    batch_size: usize,
    epoch: Option<u64>,
    permutation: Vec<usize>,
}

impl Order {
    fn new(seed: u64, n: usize, batch_size: usize) -> Self {
        Self { seed, n, batch_size, epoch: None, permutation: Vec::new() }
    }

    /// The examples of the minibatch at this step, counted from 0. An epoch's last minibatch holds what is left.
    fn batch(&mut self, step: u64) -> &[usize] {
        let per_epoch = self.n.div_ceil(self.batch_size) as u64;
        let epoch = step / per_epoch;
        if self.epoch != Some(epoch) {
            self.permutation = permutation(&mut stream_at(self.seed, "order", epoch), self.n);
            self.epoch = Some(epoch);
        }
        let from = (step % per_epoch) as usize * self.batch_size;
        &self.permutation[from..(from + self.batch_size).min(self.n)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_nets::LayerSpec;

    fn classifier() -> NetworkSpec {
        let layers = vec![LayerSpec::linear("fc", 10), LayerSpec::softmax("softmax")];
        NetworkSpec { name: "mlp".to_owned(), input: vec![10], layers }
    }

    /// With both softmaxes a perfect answer, all probability on the label, has loss ln(e + 9) − 1 = ln(1 + 9/e), and
    /// training comes down to it and no further; with one it goes on to 0.
    #[test]
    fn a_second_softmax_keeps_the_loss_above_its_floor() {
        let floor = (1.0 + 9.0 / std::f64::consts::E).ln();
        assert!((floor - 1.461).abs() < 5e-4);
        let images = ndarray::Array2::<f32>::eye(10).into_dyn();
        let labels: Vec<usize> = (0..10).collect();
        let loss = |double: bool| {
            let mut network = Network::<f32>::new(&trained(&classifier(), double), &mut stream(0, "init")).unwrap();
            let mut adam = Optimiser::new(OptimiserSpec::adam(0.3), &network).unwrap();
            (0..400).map(|_| network.train_step(images.view(), &labels, &mut adam).unwrap().loss).collect::<Vec<_>>()
        };
        let (twice, once) = (loss(true), loss(false));
        assert!(twice.iter().all(|loss| *loss >= floor - 1e-6), "{twice:?}");
        assert!(twice[399] < floor + 1e-3 && once[399] < 1e-3, "{} {}", twice[399], once[399]);
        assert_eq!(trained(&trained(&classifier(), false), false).layers.len(), 1);
    }

    #[test]
    fn an_epoch_holds_every_example_once_and_its_order_needs_no_history() {
        let mut order = Order::new(3, 10, 4);
        let mut epoch: Vec<usize> = (0..3).flat_map(|step| order.batch(step).to_vec()).collect();
        let second = order.batch(3).to_vec();
        assert_eq!(second, Order::new(3, 10, 4).batch(3));
        assert_ne!(second, epoch[..4]);
        epoch.sort_unstable();
        assert_eq!(epoch, (0..10).collect::<Vec<_>>());
    }
}
