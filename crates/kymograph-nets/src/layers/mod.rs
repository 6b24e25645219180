//! The layers: each computes its output and its gradients for the examples of one chunk of a batch.
//!
//! Inside a network an image is stored pixel by pixel (row, column, channel), a linear weight as [in, out] and a filter
//! bank as [kernel row, kernel column, in, out]; PyTorch's layouts exist only at the boundary.

mod activation;
mod build;
mod conv;
mod dropout;
mod flatten;
mod linear;
mod norm;
mod pool;

pub(crate) use activation::{softmax, softmax_gradient, tanh, tanh_gradient};
pub(crate) use build::{Built, build};
pub(crate) use conv::Conv;
pub(crate) use dropout::Dropout;
pub(crate) use flatten::{flatten, unflatten};
pub(crate) use linear::Linear;
pub(crate) use norm::{Norm, NormSums, NormTotals};
pub(crate) use pool::Pool;

use kymograph_linalg::Real;

use crate::kernels::Kernels;

/// The shape of one example between two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Vector { features: usize },
    Image { channels: usize, height: usize, width: usize },
}

impl Shape {
    /// Numbers in an example.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Vector { features } => features,
            Self::Image { channels, height, width } => channels * height * width,
        }
    }

    /// Features or channels.
    pub(crate) fn units(self) -> usize {
        match self {
            Self::Vector { features } => features,
            Self::Image { channels, .. } => channels,
        }
    }

    /// One for a vector, pixels for an image.
    pub(crate) fn positions(self) -> usize {
        self.len() / self.units()
    }

    /// As PyTorch writes it.
    pub(crate) fn dims(self) -> Vec<usize> {
        match self {
            Self::Vector { features } => vec![features],
            Self::Image { channels, height, width } => vec![channels, height, width],
        }
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
    Tanh,
    Softmax,
    Flatten,
    Dropout(Dropout),
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
        matches!(self, Self::Linear(_) | Self::Conv(_) | Self::Norm(_))
    }
}
