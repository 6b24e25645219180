//! The command line as types: every command, option and help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Shows what happens inside a neural network while it learns.
///
/// Exit codes: 0 done, 1 failed, 2 usage, 3 a judged prediction was refuted and --check was given.
#[derive(Parser)]
#[command(name = "kymograph", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of every command.
#[derive(Args)]
pub(crate) struct Common {
    /// Threads to use; results are the same for any number [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print results as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no progress and no summary, only errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train a built-in study, record it, measure, judge and report
    Run(RunArgs),
    /// Measure, judge and report checkpoints or runs made elsewhere
    Analyze(AnalyzeArgs),
    /// Show what a checkpoint or run holds: tensors, shapes, types, norms
    Inspect {
        /// Checkpoint file, folder of checkpoints, run folder or experiment folder
        path: PathBuf,
    },
    /// Judge predictions on what was recorded already, and print the verdicts
    Judge(JudgeArgs),
    /// Write activations of a recorded network on data of your own
    ///
    /// The network must be one that can be run here: recorded by kymograph, so that run.json describes it. ONNX files and
    /// checkpoints made elsewhere cannot be run yet.
    Capture(CaptureArgs),
    /// Write checkpoints as safetensors, or as a state dict that torch.load reads
    Export(ExportArgs),
    /// Take one measure on arrays
    Measure(MeasureArgs),
    /// Lay out the rows of an array in few dimensions, put them into groups, or find the directions they are made of
    ///
    /// pca, ica, nmf, tsne and umap write [row, axis] as float32, kmeans the group of each row as int64. sae trains a sparse
    /// autoencoder into a folder that SAELens loads; arrays may be larger than the memory.
    Fit(FitArgs),
    /// Write report.html and figures/ again from recorded runs
    Report(ReportArgs),
    /// List what there is
    List {
        /// What to list [default: all]
        #[arg(value_enum)]
        what: Option<Listing>,
    },
    /// Print a shell completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The study, as in `kymograph list studies`
    pub(crate) study: String,
    /// One seed
    #[arg(long, conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Seeds A to B, both included: 0..7 is eight seeds
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub(crate) seeds: Option<std::ops::RangeInclusive<u64>>,
    /// Change a setting of the study; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Named settings of the study, as its README lists them
    #[arg(long, value_name = "NAME", conflicts_with = "quick")]
    pub(crate) recipe: Option<String>,
    /// A small version that ends within a minute
    #[arg(long)]
    pub(crate) quick: bool,
    /// Folder with data sets, such as mnist/train-images-idx3-ubyte.gz
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Experiment folder [default: kymograph-out/STUDY]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with an experiment that was interrupted, or add seeds to it
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
    /// Replace the experiment that lies in the experiment folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Write TensorBoard's event files too, into tensorboard/ of the experiment folder
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Write every figure as PDF too
    #[arg(long)]
    pub(crate) pdf: bool,
    /// End with exit code 3 if a prediction was refuted
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args)]
pub(crate) struct AnalyzeArgs {
    /// Checkpoint files (.pt .pth .bin .safetensors .npz), arrays (.npy .parquet), folders of them, run folders or experiment folders
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// What to measure: a plan file, or a study's name for its plan [default: chosen by what the checkpoints hold]
    #[arg(long, value_name = "FILE|STUDY")]
    pub(crate) plan: Option<String>,
    /// Predictions to judge: a file, or a study's name for its predictions
    #[arg(long, value_name = "FILE|STUDY")]
    pub(crate) predictions: Option<String>,
    /// Labels of the examples that the arrays' rows are, whole numbers: LABELS.npy, or FILE:TENSOR
    #[arg(long, value_name = "ARRAY")]
    pub(crate) labels: Option<String>,
    /// Folder for the report [default: kymograph-out/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace what another analysis left in that folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Write every figure as PDF too
    #[arg(long)]
    pub(crate) pdf: bool,
    /// End with exit code 3 if a prediction was refuted
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args)]
pub(crate) struct JudgeArgs {
    /// Experiment folders, run folders, checkpoint files or folders of them
    #[arg(required = true, value_name = "RUN")]
    pub(crate) paths: Vec<PathBuf>,
    /// Predictions to judge: a file, or a study's name for its predictions
    #[arg(long, value_name = "FILE|STUDY")]
    pub(crate) predictions: String,
    /// What to measure: a plan file, or a study's name for its plan [default: the plan of the study that was run]
    #[arg(long, value_name = "FILE|STUDY")]
    pub(crate) plan: Option<String>,
    /// End with exit code 3 if a prediction was refuted
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args)]
pub(crate) struct CaptureArgs {
    /// A run folder, whose last checkpoint is taken, or a checkpoint in one
    pub(crate) model: PathBuf,
    /// The inputs: an array of examples, scaled as the run's data were
    #[arg(long, value_name = "X.npy")]
    pub(crate) data: PathBuf,
    /// A hook point; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) hook: Vec<String>,
    /// Folder for the arrays, one .npy file a hook point
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace arrays that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Checkpoint files of any kind, folders of them, or run folders
    #[arg(required = true, value_name = "CHECKPOINT")]
    pub(crate) paths: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Folder for the files, which keep their names [default: kymograph-out/export]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// safetensors
    Safetensors,
    /// PyTorch's .pt, for torch.load(path, weights_only=True)
    Torch,
}

#[derive(Args)]
pub(crate) struct MeasureArgs {
    /// The measure, as in `kymograph list measures`
    pub(crate) name: String,
    /// Arrays: X.npy, X.parquet, or CHECKPOINT:TENSOR such as model_00100.pt:conv1.weight
    #[arg(required = true)]
    pub(crate) arrays: Vec<String>,
    /// Set an option of the measure; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Args)]
pub(crate) struct FitArgs {
    /// What to fit
    #[arg(value_enum)]
    pub(crate) method: Method,
    /// The array, a row an example: X.npy, X.parquet, or CHECKPOINT:TENSOR such as model_00100.pt:fc1.weight
    pub(crate) array: String,
    /// Set an option of the fit, such as perplexity=50; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// File for the result, or folder of an sae [default: kymograph-out/fit/X.METHOD.npy, kymograph-out/fit/X.sae]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file or fit that is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sae: SaeArgs,
}

/// Options of `fit sae` alone.
#[derive(Args)]
#[command(next_help_heading = "Options of sae")]
pub(crate) struct SaeArgs {
    /// Latents, such as 4096
    #[arg(long, value_name = "N")]
    pub(crate) latents: Option<usize>,
    /// How codes are kept sparse [default: topk]
    #[arg(long, value_enum)]
    pub(crate) variant: Option<Variant>,
    /// Latents an example uses, with topk, batchtopk and matryoshka [default: 32]
    #[arg(long)]
    pub(crate) k: Option<usize>,
    /// Weight of the penalty, with relu, gated and jumprelu; errors are summed over features [default: 0.01]
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) l1: Option<f64>,
    /// Tie the encoder to the decoder, with relu
    #[arg(long)]
    pub(crate) tied: bool,
    /// What a transcoder rebuilds: an array with a row for each of the activations
    #[arg(long, value_name = "ARRAY")]
    pub(crate) targets: Option<String>,
    /// First directions [default: random]
    #[arg(long, value_enum)]
    pub(crate) start: Option<Start>,
    /// A folder with cfg.json and sae_weights.safetensors to start from; --steps 0 measures it
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: Option<PathBuf>,
    /// Optimisation steps [default: 10000]
    #[arg(long)]
    pub(crate) steps: Option<u64>,
    /// Examples of a step [default: 4096, or all where there are fewer]
    #[arg(long)]
    pub(crate) batch: Option<usize>,
    /// Adam's learning rate [default: 0.0003]
    #[arg(long)]
    pub(crate) lr: Option<f64>,
    /// Steps without use after which a latent counts as dead and is helped; 0 for never [default: 1000]
    #[arg(long, value_name = "STEPS")]
    pub(crate) dead_after: Option<u64>,
    /// Seed of first weights and of the order of examples [default: 0]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Megabytes of activations in memory; larger arrays are shuffled in parts [default: 1024]
    #[arg(long, value_name = "MB")]
    pub(crate) memory: Option<usize>,
    /// Go on with a fit that was interrupted
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// ReLU and an L1 penalty
    Relu,
    /// The k largest of each example
    Topk,
    /// The largest of each batch, k an example on average
    Batchtopk,
    /// A learned threshold for each latent
    Jumprelu,
    /// A gate and a magnitude
    Gated,
    /// Batchtopk whose first 1/32, 1/16, ... of the latents rebuild by themselves
    Matryoshka,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Start {
    Random,
    Orthogonal,
    /// Examples
    Data,
    /// Noised principal directions
    Pca,
    /// Noised axes
    Axes,
}

impl SaeArgs {
    /// An option that was given, for methods that take none of them.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [
            ("--latents", self.latents.is_some()),
            ("--variant", self.variant.is_some()),
            ("--k", self.k.is_some()),
            ("--l1", self.l1.is_some()),
            ("--tied", self.tied),
            ("--targets", self.targets.is_some()),
            ("--start", self.start.is_some()),
            ("--from", self.from.is_some()),
            ("--steps", self.steps.is_some()),
            ("--batch", self.batch.is_some()),
            ("--lr", self.lr.is_some()),
            ("--dead-after", self.dead_after.is_some()),
            ("--seed", self.seed.is_some()),
            ("--memory", self.memory.is_some()),
            ("--resume", self.resume),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// Principal components: components=2
    Pca,
    /// Independent components (FastICA): components=2, contrast=logcosh or cube, max_iterations, tolerance, seed
    Ica,
    /// Non-negative factors: components=2, halves=true for signed rows, max_iterations, tolerance, seed
    Nmf,
    /// t-SNE: perplexity=30, early_iterations, iterations, early_exaggeration, learning_rate, method, initial, seed
    Tsne,
    /// UMAP: n_neighbors=15, min_dist=0.1, spread, epochs, learning_rate, negative_samples, repulsion, initial, seed
    Umap,
    /// k-means: k=10, n_init, max_iterations, seed
    Kmeans,
    /// Sparse autoencoder or transcoder, with the options below
    Sae,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// The experiment folder
    pub(crate) experiment: PathBuf,
    /// Write every figure as PDF too
    #[arg(long)]
    pub(crate) pdf: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    Studies,
    Measures,
    /// What is measured in networks that compose group elements, and in dictionaries
    Quantities,
    Formats,
    Data,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn seeds(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("expected A..B, such as 0..7")?;
    let number = |t: &str| t.parse::<u64>().map_err(|_| format!("`{t}` is not a seed"));
    let (from, to) = (number(from)?, number(to.strip_prefix('=').unwrap_or(to))?);
    if from > to || to - from >= 1000 {
        return Err("A..B must rise, and name at most 1000 seeds".to_owned());
    }
    Ok(from..=to)
}
