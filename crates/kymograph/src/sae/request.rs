//! What a fit is asked for, and what it gives.

use std::path::PathBuf;

use kymograph_nets::dictionaries::DictionarySpec;

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
    /// `X.npy`, `X.parquet`, a folder of Parquet files, or `FILE:TENSOR`: a row an example.
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
