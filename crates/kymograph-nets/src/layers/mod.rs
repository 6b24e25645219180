//! The layers: each computes its output and its gradients for the examples of one chunk of a batch.
//!
//! Inside a network an image is stored pixel by pixel (row, column, channel), a linear weight as [in, out] and a filter
//! bank as [kernel row, kernel column, in, out]; PyTorch's layouts exist only at the boundary.

mod activation;
mod build;
mod conv;
mod dropout;
mod flatten;
mod gelu;
mod layer_norm;
mod linear;
mod norm;
mod pool;
mod tokens;

pub(crate) use activation::{
    abs, abs_gradient, sigmoid, sigmoid_gradient, softmax, softmax_gradient, tanh, tanh_gradient,
};
pub(crate) use build::{Built, build};
pub(crate) use conv::Conv;
pub(crate) use dropout::Dropout;
pub(crate) use flatten::{inward, outward, stored_alike};
pub(crate) use gelu::{gelu, gelu_share, silu};
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::Linear;
pub(crate) use norm::{Norm, NormSums, NormTotals};
pub(crate) use pool::Pool;
pub(crate) use tokens::{Attention, Embedding, Positions, mean_tokens, mean_tokens_gradient};

use kymograph_linalg::Real;

use crate::kernels::Kernels;
use crate::spec::Gelu;

/// The shape of one example between two layers. All but images are stored in the order of their axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Vector {
        features: usize,
    },
    Image {
        channels: usize,
        height: usize,
        width: usize,
    },
    Tokens {
        tokens: usize,
        features: usize,
    },
    /// How much each query looks at each key: (head, query, key).
    Patterns {
        heads: usize,
        tokens: usize,
    },
    /// The features of tokens told apart by head: (token, head, feature).
    Heads {
        tokens: usize,
        heads: usize,
        width: usize,
    },
}

impl Shape {
    /// Numbers in an example.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Vector { features } => features,
            Self::Image { channels, height, width } => channels * height * width,
            Self::Tokens { tokens, features } => tokens * features,
            Self::Patterns { heads, tokens } => heads * tokens * tokens,
            Self::Heads { tokens, heads, width } => tokens * heads * width,
        }
    }

    /// Features, channels or heads: what interventions choose from.
    pub(crate) fn units(self) -> usize {
        match self {
            Self::Vector { features } | Self::Tokens { features, .. } => features,
            Self::Image { channels, .. } => channels,
            Self::Patterns { heads, .. } | Self::Heads { heads, .. } => heads,
        }
    }

    /// Numbers of each unit.
    pub(crate) fn positions(self) -> usize {
        self.len() / self.units()
    }

    /// The unit that a number belongs to, by its index as stored.
    pub(crate) fn unit(self, at: usize) -> usize {
        match self {
            Self::Patterns { tokens, .. } => at / (tokens * tokens),
            Self::Heads { heads, width, .. } => at / width % heads,
            _ => at % self.units(),
        }
    }

    /// A number's index in PyTorch's order, from that as stored.
    pub(crate) fn outside(self, at: usize) -> usize {
        match self {
            Self::Image { channels, height, width } => at % channels * (height * width) + at / channels,
            _ => at,
        }
    }

    /// As PyTorch writes it.
    pub(crate) fn dims(self) -> Vec<usize> {
        match self {
            Self::Vector { features } => vec![features],
            Self::Image { channels, height, width } => vec![channels, height, width],
            Self::Tokens { tokens, features } => vec![tokens, features],
            Self::Patterns { heads, tokens } => vec![heads, tokens, tokens],
            Self::Heads { tokens, heads, width } => vec![tokens, heads, width],
        }
    }

    /// Vectors or tokens of another number of features.
    pub(crate) fn with_features(self, features: usize) -> Self {
        match self {
            Self::Tokens { tokens, .. } => Self::Tokens { tokens, features },
            _ => Self::Vector { features },
        }
    }

    /// In words, for errors.
    pub(crate) fn described(self) -> String {
        let name = match self {
            Self::Vector { .. } => "vectors",
            Self::Image { .. } => "images",
            Self::Tokens { .. } | Self::Heads { .. } => "tokens",
            Self::Patterns { .. } => "attention patterns",
        };
        format!("{name} {:?}", self.dims())
    }
}

/// A layer ready to run.
#[derive(Clone)]
pub(crate) enum Layer<T> {
    Linear(Linear<T>),
    Conv(Conv<T>),
    Pool(Pool),
    Norm(Norm<T>),
    Relu,
    Abs,
    Tanh,
    Sigmoid,
    Gelu(Gelu),
    Silu,
    Softmax,
    /// Numbers in PyTorch's order: flattened, or cut into tokens.
    Flatten,
    Dropout(Dropout),
    LayerNorm(LayerNorm),
    Embedding(Embedding),
    Positions(Positions),
    /// Attention patterns from queries, keys and values.
    Patterns(Attention),
    /// Values mixed by the patterns.
    Mix(Attention),
    MeanTokens,
    /// Adds what stands at an earlier place.
    Add {
        from: usize,
    },
}

impl<T: Real> Layer<T> {
    /// Rearranges the weights for the kernels; to be called whenever they changed.
    pub(crate) fn pack(&mut self, kernels: &Kernels<T>, parameters: &[T]) {
        match self {
            Self::Linear(linear) => linear.pack(kernels, parameters),
            Self::Conv(conv) => conv.pack(kernels, parameters),
            _ => {}
        }
    }

    /// Has the layer weights?
    pub(crate) fn has_parameters(&self) -> bool {
        matches!(
            self,
            Self::Linear(_)
                | Self::Conv(_)
                | Self::Norm(_)
                | Self::LayerNorm(_)
                | Self::Embedding(_)
                | Self::Positions(_)
        )
    }

    /// Does the layer change each number by itself, and not in a straight line?
    pub(crate) fn is_activation(&self) -> bool {
        matches!(self, Self::Relu | Self::Abs | Self::Tanh | Self::Sigmoid | Self::Gelu(_) | Self::Silu)
    }

    /// The earlier place that the layer reads beside its input.
    pub(crate) fn also_reads(&self) -> Option<usize> {
        match self {
            Self::Add { from } => Some(*from),
            Self::Mix(attention) => Some(attention.from),
            _ => None,
        }
    }
}
