//! `kymograph fit sae`: a dictionary for anybody's activations, trained into a run folder that SAELens can load too.

mod folder;
mod source;

use std::path::{Path, PathBuf};

use kymograph_linalg::{covariance, eigenvalues, random};
use kymograph_measures::dictionaries::{duplicate_directions, variance_explained};
use kymograph_nets::dictionaries::{
    Auxiliary, DecoderNorm, Dictionary, DictionarySpec, EncoderStart, LossScale, Start, Variant, principal_directions,
    unit_directions,
};
use kymograph_nets::{NetsError, OptimiserSpec};
use kymograph_runs::{Manifest, NpyWriter, Recorder, Run, SavedState, remove_run, write_whole};
use kymograph_studies::{Progress, StudyError};
use serde_json::{Value, json};

use crate::error::KymographError;
use crate::export::outside_runs;
use crate::pipeline::Event;
use source::{Batches, Source};

pub use folder::read_sae;

/// Rows from which first weights are taken and on which the result is measured, at most.
const SAMPLE: usize = 16_384;
/// Files of what the finished dictionary says of the sample.
const SUMMARY: &str = "summary.json";
const DENSITY: &str = "density.npy";
/// Steps between two rows of the series.
const RECORDED: u64 = 10;
/// Checkpoints of a fit, from which it can go on.
const CHECKPOINTS: u64 = 5;

/// How the codes of a dictionary are kept sparse, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaeVariant {
    /// ReLU and an L1 penalty.
    Relu,
    /// The k largest of each example.
    TopK,
    /// The largest of each batch.
    BatchTopK,
    /// A learned threshold of each latent.
    JumpRelu,
    /// A gate and a magnitude.
    Gated,
    /// The largest of each batch, and prefixes of latents that rebuild by themselves.
    Matryoshka,
}

impl SaeVariant {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::TopK => "topk",
            Self::BatchTopK => "batchtopk",
            Self::JumpRelu => "jumprelu",
            Self::Gated => "gated",
            Self::Matryoshka => "matryoshka",
        }
    }
}

/// Where the decoder's rows start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaeStart {
    /// Uniform on the sphere.
    Random,
    /// Semi-orthogonal.
    Orthogonal,
    /// Examples.
    Data,
    /// Noised principal directions.
    Pca,
    /// Noised axes.
    Axes,
}

impl SaeStart {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Orthogonal => "orthogonal",
            Self::Data => "data",
            Self::Pca => "pca",
            Self::Axes => "axes",
        }
    }
}

/// What `kymograph fit sae` was asked for.
#[derive(Clone, Debug)]
pub struct SaeRequest {
    /// `X.npy`, or `FILE:TENSOR`: a row an example.
    pub activations: String,
    /// What a transcoder rebuilds, a row for each of the activations; the activations when there is none.
    pub targets: Option<String>,
    /// Latents; those of `from` when there is none.
    pub latents: Option<usize>,
    /// How codes are kept sparse.
    pub variant: SaeVariant,
    /// Latents an example uses, for the variants that fix it.
    pub k: usize,
    /// Weight of the penalty, for the others: L1 for ReLU and gated, the number of latents for thresholds.
    pub penalty: f64,
    /// Is the encoder the transposed decoder?
    pub tied: bool,
    /// Where the decoder starts.
    pub start: SaeStart,
    /// Optimisation steps.
    pub steps: u64,
    /// Examples of a step; 4096, or all where there are fewer, when it is not said.
    pub batch: Option<usize>,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Steps without use after which a latent counts as dead: then the auxiliary loss of the variants with `k` acts on it, and
    /// the other variants point it at an example, every so many steps. 0 for never.
    pub dead_after: u64,
    /// Seed of first weights and of the order of examples.
    pub seed: u64,
    /// Bytes of activations in memory.
    pub memory: usize,
    /// Folder for the run; `kymograph-out/fit/X.sae` when there is none.
    pub out: Option<PathBuf>,
    /// A folder with a dictionary to start from.
    pub from: Option<PathBuf>,
    /// Go on with a fit that was interrupted.
    pub resume: bool,
    /// Replace a fit that is there.
    pub force: bool,
}

/// A dictionary that was fitted.
#[derive(Clone, Debug)]
pub struct FittedSae {
    /// The run folder.
    pub folder: PathBuf,
    /// What the dictionary is.
    pub spec: DictionarySpec,
    /// Numbers on a sample of the activations: `l0`, `variance_explained`, …
    pub numbers: Vec<(&'static str, f64)>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Fits a dictionary, and writes it with everything recorded on the way.
///
/// # Errors
/// For activations that cannot be read, with the row that is not finite or the width that does not fit; options that make no
/// dictionary; and a folder that holds something else.
pub fn fit_sae(request: &SaeRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<FittedSae, KymographError> {
    let source = Source::open(&request.activations)?;
    let targets = request.targets.as_deref().map(Source::open).transpose()?;
    if let Some(targets) = targets.as_ref().filter(|targets| targets.rows != source.rows) {
        let detail =
            format!("has {} rows, and the activations {}: a row for each is needed", targets.rows, source.rows);
        return Err(argument(request.targets.as_deref().unwrap_or_default(), &detail));
    }
    let batch = request.batch.unwrap_or(source.rows.min(4096));
    if batch == 0 || batch > source.rows {
        let detail = format!("must be at least 1 and at most the number of examples, {}", source.rows);
        return Err(argument("--batch", &detail));
    }
    let given = request.from.as_deref().map(read_sae).transpose()?;
    let spec = spec(request, &source, targets.as_ref(), given.as_ref())?;
    // What cannot be is refused before anything is written.
    Dictionary::<f32>::new(&spec)?;
    let folder = target(request);
    let manifest = manifest((request, batch), &spec, &source);
    let fit = Fit { request, batch, source: &source, targets: targets.as_ref(), spec: &spec, given: given.as_ref() };
    if request.force && folder.join("run.json").exists() {
        remove_run(&folder, &[folder::CONFIG, folder::WEIGHTS, SUMMARY, DENSITY])?;
    }
    let (recorder, saved) = match (folder.join("run.json").exists(), request.resume) {
        (true, true) => {
            let run = Run::open(&folder)?;
            if run.manifest().settings != manifest.settings || run.manifest().network != manifest.network {
                return Err(argument(
                    "--resume",
                    &format!("{} was begun with other options or other activations", folder.display()),
                ));
            }
            if run.is_finished() {
                let mut dictionary = Dictionary::new(&spec)?;
                let last = run.steps().last().copied().unwrap_or(0);
                let tensors = run.checkpoint(last)?.state_f32()?;
                dictionary.load_state(&tensors)?;
                return fit.measured(&folder, &dictionary);
            }
            Recorder::resume(&folder)?
        }
        _ => {
            outside_runs(folder.parent().unwrap_or(Path::new(".")))?;
            (Recorder::create(&folder, &manifest)?, None)
        }
    };
    let dictionary = fit.train(recorder, saved, listener)?;
    fit.measured(&folder, &dictionary)
}

struct Fit<'a> {
    request: &'a SaeRequest,
    batch: usize,
    source: &'a Source,
    targets: Option<&'a Source>,
    spec: &'a DictionarySpec,
    given: Option<&'a Dictionary<f32>>,
}

impl Fit<'_> {
    fn train(
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

    fn transcoder(&self) -> bool {
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

    /// Numbers on a sample of the activations, also as `summary.json` and `density.npy` in the folder.
    fn measured(&self, folder: &Path, dictionary: &Dictionary<f32>) -> Result<FittedSae, KymographError> {
        let x = self.source.spread(SAMPLE)?;
        let y = self.targets.map(|targets| targets.spread(SAMPLE)).transpose()?;
        let y = y.as_ref().unwrap_or(&x);
        let codes = dictionary.encode(x.view())?;
        let rebuilt = dictionary.decode(&codes);
        let density = folder::density(&codes);
        let mut notes = Vec::new();
        let mut numbers = vec![
            ("examples", x.nrows() as f64),
            ("l0", codes.l0()),
            ("latents_unused", density.iter().filter(|share| **share == 0.0).count() as f64),
        ];
        match variance_explained(y.view(), rebuilt.view()) {
            Ok(reading) => numbers.push(("variance_explained", reading.value)),
            Err(error) => notes.push(format!("the variance explained cannot be taken: {error}")),
        }
        if y.nrows() > 1 && y.ncols() <= 4096 {
            let values = covariance(y.view()).and_then(|c| eigenvalues(c.view())).map_err(StudyError::from)?;
            let (total, count) = (values.iter().sum::<f64>(), codes.l0().round() as usize);
            if total > 0.0 {
                let share = values.iter().take(count).sum::<f64>() / total;
                numbers.push(("variance_explained_by_as_many_principal_components", share));
            }
        }
        if self.spec.latents > 1 {
            numbers.push(("duplicate_share", duplicate_directions(dictionary.decoder(), 0.9)?.value));
        }
        if folder::architecture(self.spec, self.transcoder()).is_none() {
            notes.push(
                "SAELens has no such transcoder, so cfg.json and sae_weights.safetensors were not written".into(),
            );
        }
        if x.nrows() < self.source.rows {
            notes.push(format!("measured on {} of {} examples, spread evenly", x.nrows(), self.source.rows));
        }
        let summary: Value = numbers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        write_whole(&folder.join(SUMMARY), serde_json::to_string_pretty(&summary).unwrap_or_default().as_bytes())?;
        let mut writer = NpyWriter::create(folder.join(DENSITY), &[density.len()])?;
        writer.append(&density)?;
        writer.finish()?;
        Ok(FittedSae { folder: folder.to_path_buf(), spec: self.spec.clone(), numbers, notes })
    }

    fn progress(&self, step: u64, loss: f64) -> Progress<'_> {
        let steps = self.request.steps;
        Progress { network: "sae", seed: self.request.seed, control: None, step, steps, loss, scores: None }
    }
}

fn argument(argument: &str, detail: &str) -> KymographError {
    KymographError::Argument { argument: argument.to_owned(), detail: detail.to_owned() }
}

fn spec(
    request: &SaeRequest,
    source: &Source,
    targets: Option<&Source>,
    given: Option<&Dictionary<f32>>,
) -> Result<DictionarySpec, KymographError> {
    let outputs = targets.map_or(source.width, |targets| targets.width);
    if let Some(given) = given {
        let spec = given.spec();
        let from = request.from.as_deref().unwrap_or(Path::new("")).display().to_string();
        for (array, found, needed) in [(&request.activations, source.width, spec.inputs)]
            .into_iter()
            .chain(request.targets.iter().map(|targets| (targets, outputs, spec.outputs)))
        {
            if found != needed {
                let detail = format!(
                    "has {found} features, and the dictionary in {from} takes {needed}: it is of another layer"
                );
                return Err(argument(array, &detail));
            }
        }
        if request.latents.is_some_and(|latents| latents != spec.latents) {
            return Err(argument("--latents", &format!("the dictionary in {from} has {}", spec.latents)));
        }
        if targets.is_none() && spec.outputs != spec.inputs {
            return Err(argument("--targets", &format!("the dictionary in {from} rebuilds another array: name it")));
        }
        // Rows keep their norms, or the dictionary would be another one.
        let mut spec = spec.clone();
        match (&mut spec.variant, request.penalty) {
            (Variant::Relu { l1 } | Variant::Gated { l1 }, penalty) => *l1 = penalty,
            (Variant::JumpRelu { l0, .. }, penalty) => *l0 = penalty,
            _ => {}
        }
        return Ok(spec);
    }
    let latents = request.latents.ok_or_else(|| argument("--latents", "say how many latents the dictionary has"))?;
    let (k, penalty) = (request.k, request.penalty);
    let variant = match request.variant {
        SaeVariant::Relu => Variant::Relu { l1: penalty },
        SaeVariant::TopK => Variant::TopK { k },
        SaeVariant::BatchTopK => Variant::BatchTopK { k },
        SaeVariant::JumpRelu => Variant::JumpRelu { l0: penalty, bandwidth: 0.001, threshold: 0.001 },
        SaeVariant::Gated => Variant::Gated { l1: penalty },
        SaeVariant::Matryoshka => {
            let mut sizes: Vec<usize> = [32, 16, 8, 4, 2, 1].iter().map(|part| latents / part).collect();
            sizes.retain(|size| *size > 0);
            sizes.dedup();
            Variant::Matryoshka { k, sizes }
        }
    };
    let auxiliary = (request.dead_after > 0).then(|| Auxiliary {
        latents: (source.width / 2).clamp(1, latents),
        weight: 1.0 / 32.0,
        dead_after: request.dead_after,
    });
    let spec = DictionarySpec {
        outputs,
        centred: outputs == source.width && targets.is_none(),
        tied: request.tied,
        norm: DecoderNorm::Projected,
        scale: LossScale::Sum,
        ..DictionarySpec::autoencoder(source.width, latents, variant)
    };
    Ok(DictionarySpec { auxiliary: auxiliary.filter(|_| spec.k().is_some()), ..spec })
}

fn target(request: &SaeRequest) -> PathBuf {
    request.out.clone().unwrap_or_else(|| {
        let name = Path::new(&request.activations).file_name().unwrap_or_default().to_string_lossy().replace(':', ".");
        let name = name.strip_suffix(".npy").unwrap_or(&name);
        Path::new("kymograph-out").join("fit").join(format!("{name}.sae"))
    })
}

fn manifest((request, batch): (&SaeRequest, usize), spec: &DictionarySpec, source: &Source) -> Manifest {
    let network = json!({ "name": "sae", "dictionary": spec });
    let settings = json!({
        "activations": request.activations,
        "targets": request.targets,
        "rows": source.rows,
        "start": request.start.name(),
        "from": request.from,
        "steps": request.steps,
        "batch": batch,
        "optimiser": OptimiserSpec::adam(request.learning_rate),
        "dead_after": request.dead_after,
        "memory": request.memory,
    });
    Manifest::new("fit sae", network, settings, Some(request.seed))
}
