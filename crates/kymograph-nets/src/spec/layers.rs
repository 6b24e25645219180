//! Layers with the usual options.

use super::kind::{batch_norm_eps, batch_norm_momentum, layer_norm_eps, one, zero};
use super::{Extent, Gelu, LayerKind, LayerSpec};

impl LayerSpec {
    /// A layer of any kind.
    pub fn new(name: impl Into<String>, kind: LayerKind) -> Self {
        Self { name: name.into(), starts_as: None, kind }
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

    /// The absolute value.
    pub fn abs(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Abs)
    }

    /// A sigmoid.
    pub fn sigmoid(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Sigmoid)
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

    /// A GELU, exact.
    pub fn gelu(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Gelu { approximate: Gelu::None })
    }

    /// A SiLU.
    pub fn silu(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Silu)
    }

    /// Layer normalisation with PyTorch's defaults.
    pub fn layer_norm(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::LayerNorm { eps: layer_norm_eps() })
    }

    /// Tokens of `size` numbers.
    pub fn patches(name: impl Into<String>, size: usize) -> Self {
        Self::new(name, LayerKind::Patches { size })
    }

    /// A table of learned vectors for the whole numbers of the input.
    pub fn embedding(name: impl Into<String>, num_embeddings: usize, embedding_dim: usize) -> Self {
        Self::new(name, LayerKind::Embedding { num_embeddings, embedding_dim })
    }

    /// A learned table added to the tokens; `name` is the tensor's name too.
    pub fn positions(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::Positions)
    }

    /// Self-attention with biases, without dropout, every token seeing all.
    pub fn multihead_attention(name: impl Into<String>, num_heads: usize) -> Self {
        Self::new(name, LayerKind::MultiheadAttention { num_heads, dropout: 0.0, bias: true, causal: false })
    }

    /// The mean of all tokens.
    pub fn mean_tokens(name: impl Into<String>) -> Self {
        Self::new(name, LayerKind::MeanTokens)
    }

    /// Layers whose output is added to their input.
    pub fn residual(name: impl Into<String>, layers: Vec<LayerSpec>) -> Self {
        Self::new(name, LayerKind::Residual { layers })
    }
}
