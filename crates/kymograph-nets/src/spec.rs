//! A network written down: its input and a list of named layers.

use serde::{Deserialize, Serialize};

/// A network as data: what `run.json` holds and what [`crate::Network::new`] builds.
///
/// ```
/// use kymograph_nets::{LayerSpec, NetworkSpec};
/// let spec = NetworkSpec {
///     name: "mlp".into(),
///     input: vec![1, 28, 28],
///     layers: vec![
///         LayerSpec::flatten("flatten"),
///         LayerSpec::linear("fc1", 32),
///         LayerSpec::relu("relu1"),
///         LayerSpec::linear("fc2", 10),
///     ],
/// };
/// let text = serde_json::to_string(&spec).unwrap();
/// assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Name of the network, such as `cnn`.
    pub name: String,
    /// Shape of one example: `[features]` or `[channels, height, width]`.
    pub input: Vec<usize>,
    /// The layers, first to last.
    pub layers: Vec<LayerSpec>,
}

/// One named layer. Its name is its hook point and the prefix of its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Name, unique in the network.
    pub name: String,
    /// What the layer does.
    #[serde(flatten)]
    pub kind: LayerKind,
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

/// What a layer does. Sizes of inputs follow from the layers before; names and defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerKind {
    /// `y = x·Wᵀ + b` on vectors (put a `Flatten` before it where images come in). Weight [out, in].
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
    /// Hyperbolic tangent.
    Tanh,
    /// Exponentials that sum to one over the features of a vector.
    Softmax,
    /// Images to vectors in the order channel, row, column.
    Flatten,
    /// While training, zeroes each number with probability `p` and divides the others by `1 − p`. The mask depends on the network's
    /// dropout seed, the step and the layer's name, and on nothing else.
    Dropout {
        /// Probability of zero, in [0, 1).
        p: f64,
    },
}

fn yes() -> bool {
    true
}
fn one() -> Extent {
    1.into()
}
fn zero() -> Extent {
    0.into()
}
fn batch_norm_eps() -> f64 {
    1e-5
}
fn batch_norm_momentum() -> f64 {
    0.1
}

impl LayerSpec {
    /// A layer of any kind.
    pub fn new(name: impl Into<String>, kind: LayerKind) -> Self {
        Self { name: name.into(), kind }
    }

    /// A linear layer with bias.
    pub fn linear(name: impl Into<String>, out_features: usize) -> Self {
        Self::new(name, LayerKind::Linear { out_features, bias: true })
    }

    /// A convolution of stride 1 with bias.
    pub fn conv2d(
        name: impl Into<String>,
        out_channels: usize,
        kernel_size: impl Into<Extent>,
        padding: impl Into<Extent>,
    ) -> Self {
        Self::new(
            name,
            LayerKind::Conv2d {
                out_channels,
                kernel_size: kernel_size.into(),
                stride: one(),
                padding: padding.into(),
                bias: true,
            },
        )
    }

    /// Max-pooling with windows side by side.
    pub fn max_pool2d(name: impl Into<String>, kernel_size: impl Into<Extent>) -> Self {
        Self::new(name, LayerKind::MaxPool2d { kernel_size: kernel_size.into(), stride: None, padding: zero() })
    }

    /// Batch normalisation of vectors with PyTorch's defaults.
    pub fn batch_norm1d(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::BatchNorm1d { eps: batch_norm_eps(), momentum: batch_norm_momentum() })
    }

    /// Batch normalisation of images with PyTorch's defaults.
    pub fn batch_norm2d(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::BatchNorm2d { eps: batch_norm_eps(), momentum: batch_norm_momentum() })
    }

    /// A rectifier.
    pub fn relu(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Relu)
    }

    /// A hyperbolic tangent.
    pub fn tanh(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Tanh)
    }

    /// A softmax over the features.
    pub fn softmax(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Softmax)
    }

    /// Images to vectors.
    pub fn flatten(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Flatten)
    }

    /// Dropout with probability `p`.
    pub fn dropout(name: impl Into<String>, p: f64) -> Self {
        Self::new(name, LayerKind::Dropout { p })
    }
}
