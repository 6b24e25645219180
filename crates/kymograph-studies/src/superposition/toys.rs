//! Training a sweep of toy models while it is recorded, resumable to the same bits.

use std::fmt;

use kymograph_nets::{NetsError, ToyModels};
use kymograph_runs::{Capture, Manifest, Recorder, SavedState};
use ndarray::Array1;
use serde_json::json;

use super::settings::Settings;
use super::sweeps::Sweep;
use crate::error::StudyError;
use crate::progress::Progress;

/// Examples on which losses are taken at checkpoints.
const HELD_OUT: usize = 20_000;
/// Checkpoints whose losses are told while it goes on, about.
const SHOWN: usize = 4;

/// One run of a sweep: all its models from one seed.
pub struct ToyTraining<'a> {
    /// The study's name.
    pub study: &'a str,
    /// The sweep.
    pub sweep: &'a Sweep,
    /// Seed of initial weights and examples.
    pub seed: u64,
    /// Settings of the study.
    pub settings: &'a Settings,
}

/// The mean over models of the loss on held-out examples.
struct Loss(f64);

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held out: mean loss of the models {:.4e}", self.0)
    }
}

impl ToyTraining<'_> {
    /// The manifest of this run.
    ///
    /// # Errors
    /// When the sweep's models cannot be built.
    pub fn manifest(&self) -> Result<Manifest, StudyError> {
        self.models()?;
        let network = json!({ "name": self.sweep.name, "toy": self.sweep.spec, "cells": self.sweep.cells });
        let data = "features drawn by each model from its own stream";
        let settings = json!({ "study": self.settings, "data": data, "optimiser": self.settings.toy_optimiser() });
        Ok(Manifest::new(format!("study {}", self.study), network, settings, Some(self.seed)))
    }

    fn models(&self) -> Result<ToyModels, StudyError> {
        let (sweep, settings) = (self.sweep, self.settings);
        let instances = sweep.instances(self.seed);
        Ok(ToyModels::new(sweep.spec.clone(), instances, settings.toy_optimiser(), settings.toy_batch)?)
    }

    /// Trains and records into `recorder`'s folder: from the beginning, or from the last complete checkpoint of a killed
    /// run, to the same bits as if it had not been killed.
    ///
    /// # Errors
    /// [`StudyError::Diverged`] when a loss stops being a number; errors of writing.
    pub fn run(
        &self,
        mut recorder: Recorder,
        saved: Option<SavedState>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let mut models = self.models()?;
        let steps = self.settings.toy_checkpoint_steps();
        let first = saved.as_ref().map(|saved| saved.step);
        if let Some(saved) = &saved {
            models.load(saved.step, &saved.tensors, &saved.optimiser)?;
        }
        let mut at = first.unwrap_or(0);
        for (number, &step) in steps.iter().enumerate().filter(|(_, step)| first.is_none_or(|first| **step > first)) {
            let losses = models.train(step - at).map_err(|error| match error {
                NetsError::NotFinite { .. } => {
                    let (network, seed) = (self.sweep.name.to_owned(), self.seed);
                    StudyError::Diverged { network, seed, step, loss: f64::NAN }
                }
                other => other.into(),
            })?;
            at = step;
            let held_out = models.held_out_losses(HELD_OUT);
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            recorder.series("models", step, &[("train_loss", mean(&losses)), ("held_out_loss", mean(&held_out))])?;
            let capture = Capture {
                name: "held_out_loss".to_owned(),
                rule: "model".to_owned(),
                values: Array1::from_iter(held_out.iter().map(|v| *v as f32)).into_dyn(),
            };
            recorder.activations(step, &[capture])?;
            recorder.checkpoint(step, &models.state_dict(), &models.optimiser_state(), &json!({}))?;
            let told = (steps.len() - 1 - number).is_multiple_of(steps.len().div_ceil(SHOWN));
            let loss = Loss(mean(&held_out));
            progress(Progress {
                network: self.sweep.name,
                seed: self.seed,
                control: None,
                step,
                steps: self.settings.toy_steps,
                loss: loss.0,
                scores: told.then_some(&loss as &dyn fmt::Display),
            });
        }
        recorder.finish()?;
        Ok(())
    }
}
