//! Hook points: the names under which the insides of a network can be read and changed.

use kymograph_linalg::Real;
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::layers::{self, Shape};
use crate::state::array;
use crate::workspace::{Chunk, Workspace};

/// A place in the network whose values have a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookPoint {
    /// Such as `input` or a layer's name; with `.grad` behind it, the gradient there.
    pub name: String,
    /// Shape of one example: (feature), (channel, row, column), (token, feature), (token, head, feature) or (head, query,
    /// key).
    pub shape: Vec<usize>,
}

/// Some columns of a place's values, whose rows have `row` numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) row: usize,
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// What a name stands for: place 0 is the input, i + 1 the output of layer i.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) place: usize,
    /// All of the place if none.
    pub(crate) part: Option<Part>,
    pub(crate) shape: Shape,
}

impl Hook {
    /// The output of the whole network.
    pub(crate) fn whole(place: usize, shape: Shape) -> Self {
        Self { name: String::new(), place, part: None, shape }
    }

    /// Where in the place's values a number of the hook point stands, both counted over the examples of a chunk.
    pub(crate) fn within_place(&self, at: usize) -> usize {
        match self.part {
            Some(Part { row, first, count }) => at / count * row + first + at % count,
            None => at,
        }
    }

    /// Appends the numbers of a chunk in PyTorch's order.
    fn append<T: Real>(&self, values: &[T], to: &mut Vec<T>) {
        match self.part {
            Some(Part { row, first, count }) => {
                for row in values.chunks_exact(row) {
                    to.extend_from_slice(&row[first..first + count]);
                }
            }
            None => {
                let start = to.len();
                to.resize(start + values.len(), T::ZERO);
                layers::outward(self.shape, values, &mut to[start..]);
            }
        }
    }
}

/// The hook points of a network, input first.
pub(crate) fn hook_points(hooks: &[Hook]) -> Vec<HookPoint> {
    hooks.iter().map(|hook| HookPoint { name: hook.name.clone(), shape: hook.shape.dims() }).collect()
}

pub(crate) fn find<'a>(hooks: &'a [Hook], name: &str) -> Option<&'a Hook> {
    hooks.iter().find(|hook| hook.name == name)
}

pub(crate) fn unknown(hooks: &[Hook], name: &str, more: impl Iterator<Item = String>) -> NetsError {
    let known = hooks.iter().map(|hook| hook.name.clone()).chain(more).collect();
    NetsError::UnknownHook { name: name.to_owned(), known }
}

/// The values of all chunks at a hook point, appended in PyTorch's order.
pub(crate) fn append_values<T: Real>(workspace: &Workspace<T>, hook: &Hook, to: &mut Vec<T>) {
    append(workspace, hook, to, |chunk| &chunk.values[hook.place]);
}

/// The slopes kept at a hook point, appended in PyTorch's order.
pub(crate) fn append_kept<T: Real>(workspace: &Workspace<T>, hook: &Hook, to: &mut Vec<T>) {
    append(workspace, hook, to, |chunk| &chunk.kept[hook.place]);
}

fn append<'a, T: Real>(
    workspace: &'a Workspace<T>,
    hook: &Hook,
    to: &mut Vec<T>,
    of: impl Fn(&'a Chunk<T>) -> &'a [T],
) {
    for chunk in &workspace.chunks {
        hook.append(of(chunk), to);
    }
}

/// An array of examples from numbers in PyTorch's order.
pub(crate) fn examples<T: Real>(shape: Shape, values: Vec<T>) -> ArrayD<T> {
    let mut dims = vec![values.len() / shape.len()];
    dims.extend(shape.dims());
    array(&dims, values)
}
