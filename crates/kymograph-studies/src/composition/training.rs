//! Training a network on all pairs at once while it is recorded, resumable to the same bits.

use std::fmt;

use kymograph_linalg::Real;
use kymograph_linalg::random::stream;
use kymograph_measures::groups::Group;
use kymograph_nets::{LossPrecision, Optimiser, OptimiserSpec, PairNetwork, PairSet, PairStats, Schedule};
use kymograph_runs::{Float, Manifest, Recorder, SavedState};
use ndarray::ArrayD;
use serde_json::json;

use super::data::split;
use super::settings::{Decay, Precision, Settings};
use crate::error::StudyError;
use crate::progress::Progress;

/// One training run: of which group, and where to.
pub struct Training<'a> {
    /// The study's name.
    pub study: &'a str,
    /// The network's name in run folders and results.
    pub network: &'a str,
    /// The group.
    pub group: &'a Group,
    /// Seed of the initial weights and of the split.
    pub seed: u64,
    /// Settings of the study.
    pub settings: &'a Settings,
}

/// Checkpoints of a run whose scores are told while it goes on, about.
const SHOWN: usize = 16;

type State<T> = Vec<(String, ArrayD<T>)>;

/// What a network knows of the pairs it was trained on and of the others.
struct Scores {
    train: PairStats,
    test: PairStats,
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { train, test } = self;
        write!(
            f,
            "train: loss {:.3e} accuracy {:.4}  test: loss {:.3e} accuracy {:.4}",
            train.loss, train.accuracy, test.loss, test.accuracy
        )
    }
}

impl Training<'_> {
    /// The manifest of this run.
    ///
    /// # Errors
    /// When the settings describe no network.
    pub fn manifest(&self) -> Result<Manifest, StudyError> {
        let spec = self.settings.spec(self.group.order());
        PairNetwork::<f32>::new(&spec, &mut stream(self.seed, "init"))?;
        let network = json!({ "name": self.network, "pairs": spec });
        let settings = json!({ "study": self.settings, "data": self.data_note(), "optimiser": self.optimiser(), "group": self.group.name() });
        Ok(Manifest::new(format!("study {}", self.study), network, settings, Some(self.seed)))
    }

    fn data_note(&self) -> String {
        let order = self.group.order();
        let (_, trained) = split(order, self.settings.fraction, self.seed);
        format!("{}: {trained} of {} pairs trained on, the others tested", self.group.name(), order * order)
    }

    fn optimiser(&self) -> OptimiserSpec {
        let Settings { learning_rate: lr, beta1, beta2, weight_decay, decay, .. } = *self.settings;
        let (betas, eps, schedule) = ([beta1, beta2], 1e-8, Schedule::Constant);
        match decay {
            Decay::Decoupled => OptimiserSpec::AdamW { lr, betas, eps, weight_decay, schedule },
            Decay::Coupled => OptimiserSpec::Adam { lr, betas, eps, weight_decay, schedule },
        }
    }

    /// Trains and records into `recorder`'s folder: from the beginning, or from the last complete checkpoint of a killed
    /// run, to the same bits as if it had not been killed.
    ///
    /// # Errors
    /// [`StudyError::Diverged`] when the loss stops being a number; errors of the network or of writing.
    pub fn run(
        &self,
        recorder: Recorder,
        saved: Option<SavedState>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        if self.settings.precision == Precision::F64 {
            let state = saved.map(|s| Ok::<_, StudyError>((s.step, s.tensors_f64()?))).transpose()?;
            return self.train::<f64>(recorder, state, progress);
        }
        self.train::<f32>(recorder, saved.map(|s| (s.step, [s.tensors, s.optimiser])), progress)
    }

    fn train<T: Real + Float>(
        &self,
        mut recorder: Recorder,
        saved: Option<(u64, [State<T>; 2])>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let order = self.group.order();
        let (pairs, trained) = split(order, self.settings.fraction, self.seed);
        let train = PairSet::new(self.group.products(), order, &pairs[..trained])?;
        let test = PairSet::new(self.group.products(), order, &pairs[trained..])?;
        let precision = match self.settings.precision {
            Precision::F64Loss => LossPrecision::Double,
            Precision::F32 | Precision::F64 => LossPrecision::Weights,
        };
        let mut network = PairNetwork::<T>::new(&self.settings.spec(order), &mut stream(self.seed, "init"))?;
        let mut optimiser = network.optimiser(self.optimiser())?;
        let checkpoints = self.settings.checkpoint_steps();
        let keep = |network: &PairNetwork<T>, optimiser: &Optimiser<T>, recorder: &mut Recorder, step| {
            let scores =
                Scores { train: network.evaluate(&train, precision)?, test: network.evaluate(&test, precision)? };
            for (table, stats) in [("held_out", scores.test), ("train", scores.train)] {
                recorder.series(table, step, &[("loss", stats.loss), ("accuracy", stats.accuracy)])?;
            }
            recorder.checkpoint(step, &network.state_dict(), &optimiser.state(), &json!({}))?;
            Ok::<_, StudyError>(scores)
        };
        let first = match saved {
            None => {
                let scores = keep(&network, &optimiser, &mut recorder, 0)?;
                progress(self.progress(0, scores.train.loss, Some(&scores)));
                0
            }
            Some((step, [tensors, state])) => {
                network.load_state_dict(&tensors)?;
                optimiser.load_state(step, &state)?;
                step
            }
        };
        for step in first + 1..=self.settings.steps {
            let stats = match network.train_step(&train, precision, &mut optimiser) {
                Ok(stats) => stats,
                Err(kymograph_nets::NetsError::NotFinite { .. }) => {
                    recorder.flush()?;
                    let (network, seed) = (self.network.to_owned(), self.seed);
                    return Err(StudyError::Diverged { network, seed, step, loss: f64::NAN });
                }
                Err(other) => return Err(other.into()),
            };
            recorder.series("step", step, &[("loss", stats.loss), ("gradient_norm", stats.gradient_norm)])?;
            if let Ok(at) = checkpoints.binary_search(&step) {
                let scores = keep(&network, &optimiser, &mut recorder, step)?;
                // A line on the terminal for some of many checkpoints.
                let told = (checkpoints.len() - 1 - at).is_multiple_of(checkpoints.len().div_ceil(SHOWN));
                progress(self.progress(step, stats.loss, told.then_some(&scores)));
            } else if step % 16 == 0 {
                progress(self.progress(step, stats.loss, None));
            }
        }
        recorder.finish()?;
        Ok(())
    }

    fn progress<'a>(&'a self, step: u64, loss: f64, scores: Option<&'a Scores>) -> Progress<'a> {
        Progress {
            network: self.network,
            seed: self.seed,
            control: None,
            step,
            steps: self.settings.steps,
            loss,
            scores: scores.map(|scores| scores as &dyn fmt::Display),
        }
    }
}
