//! Hook points: the names under which the insides of a network can be read and changed.

use kymograph_linalg::Real;
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::layers::{self, Shape};
use crate::spec::NetworkSpec;
use crate::state::array;
use crate::workspace::Workspace;

/// A place in the network whose values have a name: the input, or a layer's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookPoint {
    /// `input`, or the layer's name; with `.grad` behind it, the gradient there.
    pub name: String,
    /// Shape of one example: (feature) or (channel, row, column).
    pub shape: Vec<usize>,
}

/// The hook points of a network, input first.
pub(crate) fn hook_points(spec: &NetworkSpec, shapes: &[Shape]) -> Vec<HookPoint> {
    std::iter::once("input")
        .chain(spec.layers.iter().map(|layer| layer.name.as_str()))
        .zip(shapes)
        .map(|(name, shape)| HookPoint { name: name.to_owned(), shape: shape.dims() })
        .collect()
}

/// Which values a name stands for: 0 for the input, i + 1 for the output of layer i.
pub(crate) fn place(spec: &NetworkSpec, name: &str) -> Option<usize> {
    if name == "input" {
        return Some(0);
    }
    spec.layers.iter().position(|layer| layer.name == name).map(|layer| layer + 1)
}

pub(crate) fn unknown(spec: &NetworkSpec, name: &str, more: impl Iterator<Item = String>) -> NetsError {
    let known = std::iter::once("input".to_owned())
        .chain(spec.layers.iter().map(|layer| layer.name.clone()))
        .chain(more)
        .collect();
    NetsError::UnknownHook { name: name.to_owned(), known }
}

/// The values of all chunks at a place, appended in PyTorch's order.
pub(crate) fn append_values<T: Real>(workspace: &Workspace<T>, shapes: &[Shape], place: usize, to: &mut Vec<T>) {
    for chunk in &workspace.chunks {
        append(shapes[place], &chunk.values[place], to);
    }
}

/// The slopes kept at a place, appended in PyTorch's order.
pub(crate) fn append_kept<T: Real>(workspace: &Workspace<T>, shapes: &[Shape], place: usize, to: &mut Vec<T>) {
    for chunk in &workspace.chunks {
        append(shapes[place], &chunk.kept[place], to);
    }
}

pub(crate) fn append<T: Real>(shape: Shape, values: &[T], to: &mut Vec<T>) {
    let start = to.len();
    to.resize(start + values.len(), T::ZERO);
    layers::flatten(shape.units(), shape.positions(), values, &mut to[start..]);
}

/// An array of examples from numbers in PyTorch's order.
pub(crate) fn examples<T: Real>(shape: Shape, values: Vec<T>) -> ArrayD<T> {
    let mut dims = vec![values.len() / shape.len()];
    dims.extend(shape.dims());
    array(&dims, values)
}
