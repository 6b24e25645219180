//! Training a dictionary, recorded so that it can go on where it was killed.

use kymograph_linalg::random;
use kymograph_nets::dictionaries::{
    Dictionary, DictionarySpec, EncoderStart, Start, principal_directions, unit_directions,
};
use kymograph_nets::{NetsError, OptimiserSpec};
use kymograph_runs::{Recorder, SavedState};
use kymograph_studies::{Progress, StudyError};
use serde_json::json;

use super::request::{SaeRequest, SaeStart};
use super::source::{Batches, Source};
use super::{SAMPLE, folder};
use crate::error::KymographError;
use crate::pipeline::Event;

/// Steps between two rows of the series.
const RECORDED: u64 = 10;
/// Checkpoints of a fit, from which it can go on.
const CHECKPOINTS: u64 = 5;

/// A fit: what was asked for, and what it reads.
pub(super) struct Fit<'a> {
    pub(super) request: &'a SaeRequest,
    pub(super) batch: usize,
    pub(super) source: &'a Source,
    pub(super) targets: Option<&'a Source>,
    pub(super) spec: &'a DictionarySpec,
    pub(super) given: Option<&'a Dictionary<f32>>,
}

impl Fit<'_> {
    /// Trains from first weights or a checkpoint to the end, and writes the dictionary.
    pub(super) fn train(
        &self,
        mut recorder: Recorder,
        saved: Option<SavedState>,
        listener: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<Dictionary<f32>, KymographError> {
        let request = self.request;
        let mut dictionary = Dictionary::<f32>::new(self.spec)?;
        let mut adam = dictionary.optimiser(OptimiserSpec::adam(request.learning_rate))?;
        let mut step = 0;
        match saved {
            None => {
                self.begin(&mut dictionary)?;
                recorder.checkpoint(0, &dictionary.state(), &adam.state(), &json!({}))?;
            }
            Some(saved) => {
                step = saved.step;
                dictionary.load_state(&saved.tensors)?;
                adam.load_state(step, &saved.optimiser)?;
            }
        }
        let sources = std::iter::once(self.source).chain(self.targets).collect();
        let mut batches = Batches::new(sources, request.seed, self.batch, request.memory);
        while step < request.steps {
            let arrays = batches.take(step)?;
            let (x, y) = (arrays[0].view(), arrays.get(1).map(|targets| targets.view()));
            step += 1;
            let stats = match dictionary.train_step(x, y, &mut adam) {
                Ok(stats) => stats,
                Err(NetsError::NotFinite { .. }) => {
                    recorder.flush()?;
                    let (network, seed) = ("sae".to_owned(), request.seed);
                    return Err(StudyError::Diverged { network, seed, step, loss: f64::NAN }.into());
                }
                Err(other) => return Err(other.into()),
            };
            let revived = self.spec.k().is_none() && request.dead_after > 0 && step.is_multiple_of(request.dead_after);
            if revived && step < request.steps {
                let rng = &mut random::stream_at(request.seed, "resample", step);
                dictionary.resample(x, y, request.dead_after, &mut adam, rng)?;
            }
            if step.is_multiple_of(RECORDED) || step == request.steps {
                let dead = dictionary.unused_for(RECORDED.max(request.dead_after)).len() as f64;
                let row = [
                    ("loss", stats.loss),
                    ("error", stats.error),
                    ("l0", stats.l0),
                    ("l1", stats.l1),
                    ("unused", dead),
                    ("gradient_norm", stats.gradient_norm),
                ];
                recorder.series("training", step, &row)?;
                listener(Event::Training(&self.progress(step, stats.loss)));
            }
            if step.is_multiple_of(request.steps.div_ceil(CHECKPOINTS)) || step == request.steps {
                recorder.checkpoint(step, &dictionary.state(), &adam.state(), &json!({}))?;
            }
        }
        folder::write(recorder.folder(), &dictionary, self.transcoder(), step)?;
        recorder.finish()?;
        Ok(dictionary)
    }

    pub(super) fn transcoder(&self) -> bool {
        self.targets.is_some()
    }

    fn begin(&self, dictionary: &mut Dictionary<f32>) -> Result<(), KymographError> {
        if let Some(given) = self.given {
            return Ok(dictionary.load_state(&given.weights())?);
        }
        let made = self.targets.unwrap_or(self.source);
        let sample = made.spread(SAMPLE)?;
        let mean = folder::mean_row(&sample);
        let centred = match self.spec.output_bias {
            true => &sample - &ndarray::Array1::from(mean.clone()),
            false => sample.clone(),
        };
        let rows = match self.request.start {
            SaeStart::Random | SaeStart::Orthogonal => None,
            SaeStart::Data => Some(centred),
            SaeStart::Pca => Some(principal_directions(sample.view())?),
            SaeStart::Axes => Some(unit_directions(self.spec.outputs)),
        };
        let start = match (&rows, self.request.start) {
            (None, SaeStart::Orthogonal) => Start::Orthogonal,
            (None, _) => Start::Random,
            (Some(rows), SaeStart::Data) => Start::Drawn(rows.view()),
            (Some(rows), _) => Start::Noised { rows: rows.view(), noise: 0.5 },
        };
        let encoder = match self.spec.inputs == self.spec.outputs {
            true => EncoderStart::Decoder,
            false => EncoderStart::Uniform,
        };
        dictionary.initialise(&start, encoder, self.request.seed)?;
        Ok(dictionary.set_output_bias(&mean)?)
    }

    fn progress(&self, step: u64, loss: f64) -> Progress<'_> {
        let steps = self.request.steps;
        Progress { network: "sae", seed: self.request.seed, control: None, step, steps, loss, scores: None }
    }
}
