//! Training the dictionaries of a network side by side on the same examples while they are recorded, resumable to the same
//! bits.

use std::fmt;

use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::random;
use kymograph_measures::dictionaries::mean_max_cosine;
use kymograph_nets::dictionaries::{
    Dictionary, DictionaryStats, EncoderStart, Start, principal_directions, singular_directions, unit_directions,
};
use kymograph_nets::{NetsError, Optimiser, OptimiserSpec};
use kymograph_runs::{Manifest, Recorder, SavedState};
use ndarray::{ArrayD, ArrayView2};
use rayon::prelude::*;
use serde_json::json;

use super::data::Synthetic;
use super::members::{Member, MemberStart, NOISE, Network};
use crate::error::StudyError;
use crate::progress::Progress;

/// The purpose of the examples on which codes are measured.
pub const HELD_OUT: &str = "held out";
/// Steps between two rows of the series, whose batches are made together.
const TOGETHER: u64 = 16;
/// Examples from which first weights are taken.
const START_EXAMPLES: usize = 4096;
/// Adam's epsilon and decays are PyTorch's.
type State = Vec<(String, ArrayD<f32>)>;

/// One training run.
pub struct Training<'a> {
    /// The study's name.
    pub study: &'a str,
    /// The data and the dictionaries.
    pub network: &'a Network,
    /// Seed of features, examples and first weights.
    pub seed: u64,
}

struct Trained {
    dictionary: Dictionary<f32>,
    adam: Optimiser<f32>,
}

/// Recovery so far, in a line.
struct Recovery<'a>(&'a [(String, f64)]);

impl fmt::Display for Recovery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MMCS")?;
        self.0.iter().try_for_each(|(name, mmcs)| write!(f, "  {} {mmcs:.3}", name.trim_end_matches(".mmcs")))
    }
}

impl Training<'_> {
    /// The manifest of this run.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let members: Vec<_> =
            self.network.members.iter().map(|m| json!({ "name": m.name, "dictionary": m.spec })).collect();
        let network = json!({ "name": self.network.name, "dictionaries": members });
        let s = &self.network.settings;
        let data = format!("{} features in {} dimensions, {} present on average", s.features, s.width, s.active);
        let settings = json!({ "study": s, "data": data, "optimiser": OptimiserSpec::adam(s.learning_rate) });
        Manifest::new(format!("study {}", self.study), network, settings, Some(self.seed))
    }

    /// Trains and records into `recorder`'s folder: from the beginning, or from the checkpoint of a killed run.
    ///
    /// # Errors
    /// [`StudyError::Diverged`] when a loss stops being a number; errors of the dictionaries or of writing.
    pub fn run(
        &self,
        mut recorder: Recorder,
        saved: Option<SavedState>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), StudyError> {
        let settings = &self.network.settings;
        let data = match &saved {
            Some(saved) => Synthetic::of_run(settings, self.seed, &saved.tensors)?,
            None => Synthetic::new(settings, self.seed)?,
        };
        let mut all = self.network.members.iter().map(|m| self.begin(m, &data)).collect::<Result<Vec<_>, _>>()?;
        let steps = settings.steps;
        let mut step = 0;
        match saved {
            None => {
                let recovery = self.recovery(&all, data.features())?;
                record(&mut recorder, "recovery", 0, &recovery)?;
            }
            Some(saved) => {
                step = saved.step;
                for (member, trained) in self.network.members.iter().zip(&mut all) {
                    trained.dictionary.load_state(&of_member(&saved.tensors, &member.name))?;
                    if step < steps {
                        trained.adam.load_state(step, &of_member(&saved.optimiser, &member.name))?;
                    }
                }
            }
        }
        let marks = marks(steps);
        while step < steps {
            let count = TOGETHER.min(steps - step);
            let batches = map_indices(count as usize, |at| data.batch(step + at as u64).x);
            let stats = all
                .par_iter_mut()
                .with_max_len(1)
                .map(|trained| {
                    let mut sum = DictionaryStats::default();
                    for (at, x) in batches.iter().enumerate() {
                        let stats = trained
                            .dictionary
                            .train_step(x.view(), None, &mut trained.adam)
                            .map_err(|error| (step + at as u64 + 1, error))?;
                        sum.loss += stats.loss / count as f64;
                        sum.error += stats.error / count as f64;
                        sum.l0 += stats.l0 / count as f64;
                    }
                    Ok(sum)
                })
                .collect::<Result<Vec<_>, (u64, NetsError)>>();
            let stats = match stats {
                Ok(stats) => stats,
                Err((step, NetsError::NotFinite { .. })) => {
                    recorder.flush()?;
                    let (network, seed) = (self.network.name.clone(), self.seed);
                    return Err(StudyError::Diverged { network, seed, step, loss: f64::NAN });
                }
                Err((_, other)) => return Err(other.into()),
            };
            step += count;
            let columns: Vec<(String, f64)> = self
                .network
                .members
                .iter()
                .zip(&stats)
                .flat_map(|(m, s)| {
                    [("loss", s.loss), ("error", s.error), ("l0", s.l0)].map(|(c, v)| (format!("{}.{c}", m.name), v))
                })
                .collect();
            record(&mut recorder, "training", step, &columns)?;
            let loss = stats.iter().map(|s| s.loss).sum::<f64>() / stats.len() as f64;
            if marks.binary_search(&step).is_ok() {
                let recovery = self.recovery(&all, data.features())?;
                record(&mut recorder, "recovery", step, &recovery)?;
                progress(self.progress(step, loss, Some(&Recovery(&recovery))));
            } else {
                progress(self.progress(step, loss, None));
            }
            if step == halfway(steps) || step == steps {
                self.checkpoint(&mut recorder, (&data, &all), step)?;
            }
        }
        recorder.finish()?;
        Ok(())
    }

    fn begin(&self, member: &Member, data: &Synthetic<'_>) -> Result<Trained, StudyError> {
        let mut dictionary = Dictionary::<f32>::new(&member.spec)?;
        let width = member.spec.outputs;
        let rows = match member.start {
            MemberStart::Orthogonal | MemberStart::Random => None,
            MemberStart::Data => Some(data.apart("start", START_EXAMPLES).x),
            MemberStart::SingularVectors => Some(singular_directions(data.features().reversed_axes())?),
            MemberStart::UnitVectors => Some(unit_directions(width)),
            MemberStart::Principal => Some(principal_directions(data.apart("start", START_EXAMPLES).x.view())?),
        };
        let start = match (&rows, member.start) {
            (None, MemberStart::Random) => Start::Random,
            (None, _) => Start::Orthogonal,
            (Some(rows), MemberStart::Data) => Start::Drawn(rows.view()),
            (Some(rows), _) => Start::Noised { rows: rows.view(), noise: NOISE },
        };
        let seed = match member.draw {
            0 => self.seed,
            draw => random::below(&mut random::stream_at(self.seed, "other first weights", draw), 1 << 53) as u64,
        };
        dictionary.initialise(&start, EncoderStart::Uniform, seed)?;
        let adam = dictionary.optimiser(OptimiserSpec::adam(self.network.settings.learning_rate))?;
        Ok(Trained { dictionary, adam })
    }

    fn recovery(&self, all: &[Trained], features: ArrayView2<'_, f32>) -> Result<Vec<(String, f64)>, StudyError> {
        let mmcs = |(member, trained): (&Member, &Trained)| {
            let reading = mean_max_cosine(features, trained.dictionary.decoder())?;
            Ok((format!("{}.mmcs", member.name), reading.value))
        };
        self.network.members.iter().zip(all).map(mmcs).collect()
    }

    /// The last checkpoint holds no state of the optimiser: nothing goes on from there.
    fn checkpoint(
        &self,
        recorder: &mut Recorder,
        (data, all): (&Synthetic<'_>, &[Trained]),
        step: u64,
    ) -> Result<(), StudyError> {
        let named = |member: &Member, state: State| -> State {
            state.into_iter().map(|(name, values)| (format!("{}.{name}", member.name), values)).collect()
        };
        let (mut tensors, mut optimiser) = (State::new(), State::new());
        for (member, trained) in self.network.members.iter().zip(all) {
            tensors.extend(named(member, trained.dictionary.state()));
            if step < self.network.settings.steps {
                optimiser.extend(named(member, trained.adam.state()));
            }
        }
        tensors.extend(data.toy().into_iter().flat_map(super::toy::Toy::tensors));
        Ok(recorder.checkpoint(step, &tensors, &optimiser, &json!({}))?)
    }

    fn progress<'a>(&'a self, step: u64, loss: f64, scores: Option<&'a Recovery<'a>>) -> Progress<'a> {
        Progress {
            network: &self.network.name,
            seed: self.seed,
            control: None,
            step,
            steps: self.network.settings.steps,
            loss,
            scores: scores.map(|scores| scores as &dyn fmt::Display),
        }
    }
}

/// A dictionary of a checkpoint, whose tensors begin with its name.
///
/// # Errors
/// A tensor is missing or of another shape.
pub fn dictionary_of(member: &Member, tensors: &[(String, ArrayD<f32>)]) -> Result<Dictionary<f32>, StudyError> {
    let mut dictionary = Dictionary::new(&member.spec)?;
    dictionary.load_state(&of_member(tensors, &member.name))?;
    Ok(dictionary)
}

fn of_member(tensors: &[(String, ArrayD<f32>)], name: &str) -> State {
    let prefix = format!("{name}.");
    // Of `a1` and `a1.5` both begin with `a1.`; no tensor begins with a digit.
    let of = |full: &str| {
        full.strip_prefix(&prefix).filter(|rest| !rest.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    };
    tensors.iter().filter_map(|(full, values)| Some((of(full)?, values.clone()))).collect()
}

fn record(recorder: &mut Recorder, table: &str, step: u64, columns: &[(String, f64)]) -> Result<(), StudyError> {
    let columns: Vec<(&str, f64)> = columns.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    Ok(recorder.series(table, step, &columns)?)
}

/// The step of the checkpoint from which a killed run goes on.
fn halfway(steps: u64) -> u64 {
    steps / 2 / TOGETHER * TOGETHER
}

/// Steps at which recovery is measured: spaced by the logarithm, four to a doubling towards the end, and the last.
fn marks(steps: u64) -> Vec<u64> {
    let mut marks: Vec<u64> = vec![steps];
    let mut at = TOGETHER as f64;
    while (at as u64) < steps {
        marks.push(at as u64 / TOGETHER * TOGETHER);
        at *= if at < 256.0 { 2.0 } else { 2f64.powf(0.25) };
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}
