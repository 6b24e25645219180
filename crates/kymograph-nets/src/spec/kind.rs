//! The kinds of layers, with their options.

use serde::{Deserialize, Serialize};

use super::LayerSpec;

/// What a layer does. Sizes of inputs follow from the layers before; names and defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerKind {
    /// `y = x·Wᵀ + b` on vectors (put a `Flatten` before it where images come in) and on each token. Weight [out, in].
    Linear {
        /// Numbers in the output.
        out_features: usize,
        /// Is a bias added?
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Cross-correlation of images with filters. Weight [out, in, kernel height, kernel width].
    Conv2d {
        /// Channels of the output.
        out_channels: usize,
        /// Size of a filter.
        kernel_size: Extent,
        /// Step between windows.
        #[serde(default = "one")]
        stride: Extent,
        /// Rows and columns of zeros put round the image.
        #[serde(default = "zero")]
        padding: Extent,
        /// Is a bias added?
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Largest number of each window, channel by channel.
    MaxPool2d {
        /// Size of a window.
        kernel_size: Extent,
        /// Step between windows; the window's size unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Extent>,
        /// Rows and columns of −∞ put round the image, at most half a window.
        #[serde(default = "zero")]
        padding: Extent,
    },
    /// Normalises each feature of a vector over the batch; running statistics in [`crate::Mode::Eval`].
    BatchNorm1d {
        /// Added to the variance.
        #[serde(default = "batch_norm_eps")]
        eps: f64,
        /// Weight of a new batch in the running statistics.
        #[serde(default = "batch_norm_momentum")]
        momentum: f64,
    },
    /// Normalises each channel of an image over batch and positions.
    BatchNorm2d {
        /// Added to the variance.
        #[serde(default = "batch_norm_eps")]
        eps: f64,
        /// Weight of a new batch in the running statistics.
        #[serde(default = "batch_norm_momentum")]
        momentum: f64,
    },
    /// The larger of zero and x.
    Relu,
    /// The size of x without its sign.
    Abs,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// x times the share of a standard normal distribution below x.
    Gelu {
        /// Which formula.
        #[serde(default)]
        approximate: Gelu,
    },
    /// `x / (1 + e⁻ˣ)`
    Silu,
    /// Exponentials that sum to one over the features of a vector or token.
    Softmax,
    /// Images to vectors in the order channel, row, column; tokens to one vector, one behind the other.
    Flatten,
    /// While training, zeroes each number with probability `p` and divides the others by `1 − p`. The mask depends on the network's
    /// dropout seed, the step and the layer's name, and on nothing else.
    Dropout {
        /// Probability of zero, in [0, 1).
        p: f64,
    },
    /// Normalises the features of each vector or token: less their mean, over their deviation. Tensors `weight` and `bias`
    /// `[features]`.
    LayerNorm {
        /// Added to the variance.
        #[serde(default = "layer_norm_eps")]
        eps: f64,
    },
    /// Cuts a vector, or an image in the order channel, row, column, into tokens of `size` numbers that lie together.
    Patches {
        /// Numbers in a token; must divide those of the input.
        size: usize,
    },
    /// Puts a learned vector in the place of each whole number of the network's input; only as first layer. Weight
    /// [vocabulary, features], drawn from N(0, 1).
    Embedding {
        /// Input numbers are 0, 1, … below this.
        num_embeddings: usize,
        /// Features of a token.
        embedding_dim: usize,
    },
    /// Adds a learned table to the tokens. Its one tensor [tokens, features] bears the layer's bare name and is drawn from
    /// N(0, 1).
    Positions,
    /// Multi-head self-attention (`torch.nn.MultiheadAttention` of queries, keys and values from the same tokens; Vaswani
    /// et al. 2017, section 3.2.2). Tensors `in_proj_weight` [3·features, features], `in_proj_bias`, `out_proj.weight`
    /// [features, features], `out_proj.bias`; `in_proj_weight` starts uniform by Xavier's rule, biases at zero.
    MultiheadAttention {
        /// Heads; must divide the features.
        num_heads: usize,
        /// Dropout on the attention patterns.
        #[serde(default)]
        dropout: f64,
        /// Are biases added?
        #[serde(default = "yes")]
        bias: bool,
        /// Does a token see only itself and those before it?
        #[serde(default)]
        causal: bool,
    },
    /// The mean of all tokens, as a vector.
    MeanTokens,
    /// `y = x + layers(x)`. With a [`LayerKind::LayerNorm`] first among the layers the block is "pre-norm", with one behind
    /// the block "post-norm".
    Residual {
        /// What is added to the input; ends in the shape it starts from. Names are not joined to the block's.
        layers: Vec<LayerSpec>,
    },
}

/// The two formulas of GELU; names are PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gelu {
    /// `x/2 · (1 + erf(x/√2))`
    #[default]
    None,
    /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715 x³)))`
    Tanh,
}

pub(super) fn yes() -> bool {
    true
}
pub(super) fn one() -> Extent {
    1.into()
}
pub(super) fn zero() -> Extent {
    0.into()
}
pub(super) fn batch_norm_eps() -> f64 {
    1e-5
}
pub(super) fn batch_norm_momentum() -> f64 {
    0.1
}

pub(super) fn layer_norm_eps() -> f64 {
    1e-5
}

/// Height and width; in text a single number stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ExtentText", into = "ExtentText")]
pub struct Extent {
    /// Along the image's height.
    pub height: usize,
    /// Along the image's width.
    pub width: usize,
}

impl Extent {
    pub(crate) fn pair(self) -> [usize; 2] {
        [self.height, self.width]
    }
}

impl From<usize> for Extent {
    fn from(both: usize) -> Self {
        Self { height: both, width: both }
    }
}

impl From<[usize; 2]> for Extent {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ExtentText {
    Both(usize),
    Each([usize; 2]),
}

impl From<ExtentText> for Extent {
    fn from(text: ExtentText) -> Self {
        match text {
            ExtentText::Both(both) => both.into(),
            ExtentText::Each(pair) => pair.into(),
        }
    }
}

impl From<Extent> for ExtentText {
    fn from(extent: Extent) -> Self {
        if extent.height == extent.width { Self::Both(extent.height) } else { Self::Each(extent.pair()) }
    }
}
