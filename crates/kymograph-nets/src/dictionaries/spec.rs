//! What a dictionary is: its widths, how latents are chosen, and what is minimised.

use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::state::{Arrangement, Init, Layout};

/// Most numbers of one weight: more would not fit the indices of codes or the memory of the machines this is for.
const LARGEST: usize = 1 << 31;

/// A sparse autoencoder, or a transcoder where the targets are another array than the inputs.
///
/// With x the input (less `b_dec` where `centred`), the pre-activations are `x W_enc + b_enc`, the code c is what
/// [`Variant`] makes of them, and the output is `c W_dec + b_dec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DictionarySpec {
    /// Width of the activations that come in.
    pub inputs: usize,
    /// Width of what is rebuilt: `inputs` again, or the width of a transcoder's targets.
    pub outputs: usize,
    /// Latents: entries of the dictionary.
    pub latents: usize,
    /// How a code is made of the pre-activations, and what keeps it sparse.
    pub variant: Variant,
    /// Is the encoder the transposed decoder?
    pub tied: bool,
    /// Has the output a bias, `b_dec`?
    pub output_bias: bool,
    /// Is `b_dec` taken from the input first?
    pub centred: bool,
    /// What keeps the decoder's rows at norm 1.
    pub norm: DecoderNorm,
    /// Does the decoder stay as it started? A null: what rebuilding alone gives, without directions that were learned.
    pub frozen: bool,
    /// Over what errors and penalties are averaged.
    pub scale: LossScale,
    /// The auxiliary loss that brings dead latents back; for the variants with `k`.
    pub auxiliary: Option<Auxiliary>,
}

/// How a code is made of pre-activations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Variant {
    /// max(0, pre), with an L1 penalty on the code.
    Relu {
        /// Weight of the penalty.
        l1: f64,
    },
    /// The `k` largest positive pre-activations of each example. Reference: Gao et al. 2024 (arXiv 2406.04093).
    TopK {
        /// Latents an example may use.
        k: usize,
    },
    /// The `k` × examples largest positive pre-activations of the batch; one threshold for all, estimated in training,
    /// afterwards. Reference: Bussmann et al. 2024 (arXiv 2412.06410).
    BatchTopK {
        /// Latents an example may use on average.
        k: usize,
    },
    /// Pre-activations above a learned threshold of each latent, with a penalty on their number, through whose steps
    /// gradients pass by a rectangular kernel. Reference: Rajamanoharan et al. 2024 (arXiv 2407.14435), equations 9 to 12.
    JumpRelu {
        /// Weight of the penalty on the number of active latents.
        l0: f64,
        /// Width of the kernel.
        bandwidth: f64,
        /// Thresholds at the beginning.
        threshold: f64,
    },
    /// A gate decides which latents are active, a rescaled copy how much; the penalty acts on the gate, which an auxiliary
    /// reconstruction through a frozen decoder trains. Reference: Rajamanoharan et al. 2024 (arXiv 2404.16014), equation 8.
    Gated {
        /// Weight of the penalty.
        l1: f64,
    },
    /// As [`Variant::BatchTopK`], and the first `sizes[0]`, `sizes[1]`, … latents must rebuild the target by themselves; the
    /// errors of all prefixes are added. Reference: Bussmann et al. 2025 (arXiv 2503.17547).
    Matryoshka {
        /// Latents an example may use on average.
        k: usize,
        /// Lengths of the prefixes, ascending; the last is the number of latents.
        sizes: Vec<usize>,
    },
}

/// What keeps the decoder's rows at norm 1, so that a penalty on codes cannot be met by larger rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecoderNorm {
    /// Nothing.
    Free,
    /// Rows are rescaled before every forward pass; the gradient knows nothing of it.
    EveryForward,
    /// The gradient's part along a row is taken out, and rows are rescaled after every step.
    Projected,
}

/// Over what errors and penalties are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossScale {
    /// Squared errors over examples and outputs, penalties over examples and latents. The weight that then matters is
    /// l1 × outputs / latents.
    Mean,
    /// Both over examples alone.
    Sum,
}

/// The auxiliary loss of dead latents: the `latents` largest pre-activations of dead ones rebuild what the others left
/// over. Reference: Gao et al. 2024 (arXiv 2406.04093), appendix A.2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auxiliary {
    /// Dead latents an example uses, at most.
    pub latents: usize,
    /// Weight of their squared error.
    pub weight: f64,
    /// Steps without a single use after which a latent counts as dead.
    pub dead_after: u64,
}

impl DictionarySpec {
    /// An autoencoder with the usual choices of today: untied, with a bias, centred, rows kept at norm 1 by projection,
    /// errors summed over outputs.
    pub fn autoencoder(inputs: usize, latents: usize, variant: Variant) -> Self {
        Self {
            inputs,
            outputs: inputs,
            latents,
            variant,
            tied: false,
            output_bias: true,
            centred: true,
            norm: DecoderNorm::Projected,
            frozen: false,
            scale: LossScale::Sum,
            auxiliary: None,
        }
    }

    /// The number of latents that an example uses, where the variant fixes it.
    pub fn k(&self) -> Option<usize> {
        match self.variant {
            Variant::TopK { k } | Variant::BatchTopK { k } | Variant::Matryoshka { k, .. } => Some(k),
            _ => None,
        }
    }

    /// Ends of the prefixes that must rebuild the target by themselves; all latents for most variants.
    pub(super) fn prefixes(&self) -> &[usize] {
        match &self.variant {
            Variant::Matryoshka { sizes, .. } => sizes,
            _ => std::slice::from_ref(&self.latents),
        }
    }

    /// Weights of the squared error and of the penalty for a batch.
    pub(super) fn scales(&self, examples: usize) -> (f64, f64) {
        let n = examples as f64;
        match self.scale {
            LossScale::Mean => (1.0 / (n * self.outputs as f64), 1.0 / (n * self.latents as f64)),
            LossScale::Sum => (1.0 / n, 1.0 / n),
        }
    }

    pub(super) fn check(&self) -> Result<(), NetsError> {
        for (option, value) in [("inputs", self.inputs), ("outputs", self.outputs), ("latents", self.latents)] {
            check(option, value as f64, value > 0, "at least 1")?;
        }
        let widest = self.inputs.max(self.outputs);
        let size = self.latents.saturating_mul(widest);
        check("latents", self.latents as f64, size < LARGEST, "fewer: latents × width must be below 2³¹")?;
        let least_zero =
            |option: &str, value: f64| check(option, value, value >= 0.0 && value.is_finite(), "at least 0 and finite");
        let positive =
            |option: &str, value: f64| check(option, value, value > 0.0 && value.is_finite(), "above 0 and finite");
        if let Some(k) = self.k() {
            check("k", k as f64, (1..=self.latents).contains(&k), "at least 1 and at most the number of latents")?;
        }
        match &self.variant {
            Variant::Relu { l1 } | Variant::Gated { l1 } => least_zero("l1", *l1)?,
            Variant::JumpRelu { l0, bandwidth, threshold } => {
                least_zero("l0", *l0)?;
                positive("bandwidth", *bandwidth)?;
                positive("threshold", *threshold)?;
            }
            Variant::Matryoshka { sizes, .. } => {
                let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
                let whole = sizes.last() == Some(&self.latents) && sizes.first().is_some_and(|first| *first > 0);
                let last = sizes.last().copied().unwrap_or(0) as f64;
                check("sizes", last, ascending && whole, "ascending from at least 1 to the number of latents")?;
            }
            Variant::TopK { .. } | Variant::BatchTopK { .. } => {}
        }
        if self.tied {
            let plain = matches!(self.variant, Variant::Relu { .. }) && self.inputs == self.outputs && !self.frozen;
            check("tied", 1.0, plain, "false but for a trained ReLU autoencoder, whose inputs are its targets")?;
        }
        if self.centred {
            let fits = self.inputs == self.outputs && self.output_bias;
            check("centred", 1.0, fits, "false where there is no output bias, or inputs and outputs differ in width")?;
        }
        if let Some(auxiliary) = &self.auxiliary {
            let fits = self.k().is_some() && auxiliary.latents > 0;
            check(
                "auxiliary",
                auxiliary.latents as f64,
                fits,
                "at least one latent, and used with a variant that has k",
            )?;
            least_zero("auxiliary weight", auxiliary.weight)?;
        }
        Ok(())
    }

    pub(super) fn layout(&self) -> Layout {
        let (inputs, latents) = (self.inputs, self.latents);
        let mut layout = Layout::default();
        let mut add = |name: &str, shape: &[usize], arrangement, init| {
            layout.add(name.to_owned(), shape.to_vec(), arrangement, init);
        };
        let plain = Arrangement::Plain;
        if !self.tied {
            // Stored [latent, input], so that what one latent reads lies together.
            add("W_enc", &[inputs, latents], Arrangement::Linear { outputs: inputs, inputs: latents }, Init::Zero);
        }
        if matches!(self.variant, Variant::Gated { .. }) {
            add("b_gate", &[latents], plain, Init::Zero);
            add("r_mag", &[latents], plain, Init::Zero);
            add("b_mag", &[latents], plain, Init::Zero);
        } else {
            add("b_enc", &[latents], plain, Init::Zero);
        }
        if matches!(self.variant, Variant::JumpRelu { .. }) {
            add("log_threshold", &[latents], plain, Init::Zero);
        }
        add("W_dec", &[latents, self.outputs], plain, Init::Zero);
        if self.output_bias {
            add("b_dec", &[self.outputs], plain, Init::Zero);
        }
        layout
    }
}

fn check(option: &str, value: f64, holds: bool, range: &str) -> Result<(), NetsError> {
    if holds {
        return Ok(());
    }
    Err(NetsError::Value { option: format!("dictionary option `{option}`"), value, range: range.into() })
}
