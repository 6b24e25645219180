//! Training the classifier whose hidden layer is looked at. Its steps are epochs.

use std::fmt;

use kymograph_linalg::random::stream;
use kymograph_nets::{Network, Optimiser, OptimiserSpec};
use kymograph_runs::{Manifest, Recorder, SavedState};
use serde_json::json;

use super::digits::{Digits, batch, order, spec};
use super::settings::Settings;
use crate::error::StudyError;
use crate::progress::Progress;

/// One training run of the classifier.
pub struct ClassifierTraining<'a> {
    /// The study's name.
    pub study: &'a str,
    /// The images.
    pub digits: &'a Digits,
    /// Seed of the initial weights and of the order of images.
    pub seed: u64,
    /// Settings of the study.
    pub settings: &'a Settings,
}

struct Accuracy(f64);

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held out: accuracy {:.4}", self.0)
    }
}

impl ClassifierTraining<'_> {
    /// The network's name in run folders and results.
    pub const NAME: &'static str = "classifier";

    fn pixels(&self) -> usize {
        self.digits.train.images.len() / self.digits.train.len().max(1)
    }

    /// The manifest of this run.
    ///
    /// # Errors
    /// When the network cannot be built.
    pub fn manifest(&self) -> Result<Manifest, StudyError> {
        let settings =
            json!({ "study": self.settings, "data": self.digits.note, "optimiser": self.optimiser(), "step": "epoch" });
        let network = json!(spec(self.pixels(), true));
        Ok(Manifest::new(format!("study {}", self.study), network, settings, Some(self.seed)))
    }

    fn optimiser(&self) -> OptimiserSpec {
        OptimiserSpec::adam(self.settings.classifier_learning_rate)
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
        let mut network = Network::<f32>::new(&spec(self.pixels(), true), &mut stream(self.seed, "init"))?;
        let mut optimiser = Optimiser::new(self.optimiser(), &network)?;
        let mut first = 0;
        match saved {
            Some(saved) => {
                network.load_state_dict(&saved.tensors)?;
                let steps = saved.state["optimiser_steps"].as_u64().unwrap_or(0);
                optimiser.load_state(steps, &saved.optimiser)?;
                first = saved.step;
            }
            None => {
                recorder.series("epoch", 0, &[("accuracy", self.accuracy(&network)?)])?;
                let state = json!({ "optimiser_steps": 0 });
                recorder.checkpoint(0, &network.state_dict(), &optimiser.state(), &state)?;
            }
        }
        let set = &self.digits.train;
        for epoch in first + 1..=self.settings.classifier_epochs {
            let order = order(self.seed, "order", epoch, set.len(), self.settings.epoch_images);
            let mut loss = f64::NAN;
            for places in order.chunks(self.settings.batch_size) {
                let labels: Vec<usize> = places.iter().map(|&place| usize::from(set.labels[place])).collect();
                loss = network.train_step(batch(set, places).into_dyn().view(), &labels, &mut optimiser)?.loss;
                if !loss.is_finite() {
                    recorder.flush()?;
                    let (network, seed) = (Self::NAME.to_owned(), self.seed);
                    return Err(StudyError::Diverged { network, seed, step: epoch, loss });
                }
            }
            let accuracy = self.accuracy(&network)?;
            recorder.series("epoch", epoch, &[("accuracy", accuracy), ("loss_of_last_minibatch", loss)])?;
            let state = json!({ "optimiser_steps": optimiser.steps() });
            recorder.checkpoint(epoch, &network.state_dict(), &optimiser.state(), &state)?;
            let scores = Accuracy(accuracy);
            let last = epoch == self.settings.classifier_epochs;
            progress(Progress {
                network: Self::NAME,
                seed: self.seed,
                control: None,
                step: epoch,
                steps: self.settings.classifier_epochs,
                loss,
                scores: last.then_some(&scores as &dyn fmt::Display),
            });
        }
        recorder.finish()?;
        Ok(())
    }

    fn accuracy(&self, network: &Network<f32>) -> Result<f64, StudyError> {
        let set = &self.digits.held_out;
        let mut right = 0;
        for places in (0..set.len()).collect::<Vec<_>>().chunks(1000) {
            let logits = network.predict(batch(set, places).into_dyn().view())?;
            let logits = logits.into_dimensionality::<ndarray::Ix2>().map_err(StudyError::Shape)?;
            for (row, &place) in logits.rows().into_iter().zip(places) {
                let best = row.iter().enumerate().fold(0, |best, (class, v)| if *v > row[best] { class } else { best });
                right += usize::from(best == usize::from(set.labels[place]));
            }
        }
        Ok(right as f64 / set.len().max(1) as f64)
    }
}
