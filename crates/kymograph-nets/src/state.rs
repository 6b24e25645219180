//! Where each parameter lies in a network's one flat vector, and PyTorch's names and layouts for it.

use std::ops::Range;

use kymograph_linalg::Real;
use ndarray::{ArrayD, IxDyn};

use crate::error::NetsError;

/// How a parameter is stored inside compared with PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// The same.
    Plain,
    /// [in, out] for [out, in].
    Linear { outputs: usize, inputs: usize },
    /// [place, in, out] for [out, in, place].
    Filters { outputs: usize, inputs: usize, places: usize },
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Init {
    /// Uniform between minus and plus a number.
    Uniform(f64),
    /// Standard normal.
    Normal,
    /// Normal with mean zero and this deviation.
    Scaled(f64),
    Zero,
    One,
    /// As an earlier parameter, by index.
    Same(usize),
}

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    /// As in PyTorch, such as `layer.weight`.
    pub(crate) name: String,
    /// PyTorch's.
    pub(crate) shape: Vec<usize>,
    pub(crate) range: Range<usize>,
    pub(crate) arrangement: Arrangement,
    pub(crate) init: Init,
}

/// All parameters of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) len: usize,
}

impl Layout {
    pub(crate) fn add(
        &mut self,
        name: String,
        shape: Vec<usize>,
        arrangement: Arrangement,
        init: Init,
    ) -> Range<usize> {
        let size = shape.iter().fold(1usize, |n, &d| n.saturating_mul(d));
        let range = self.len..self.len.saturating_add(size);
        self.len = range.end;
        self.parameters.push(Parameter { name, shape, range: range.clone(), arrangement, init });
        range
    }

    /// The parameters in PyTorch's layouts, from a flat vector of them (or of their gradients, or of a moment).
    pub(crate) fn export<T: Real>(&self, flat: &[T], suffix: &str) -> Vec<(String, ArrayD<T>)> {
        self.parameters
            .iter()
            .map(|parameter| (format!("{}{suffix}", parameter.name), parameter.export(flat)))
            .collect()
    }
}

impl Parameter {
    /// The place inside of each of PyTorch's numbers in order.
    fn places(&self) -> impl Iterator<Item = usize> {
        let start = self.range.start;
        let arrangement = self.arrangement;
        (0..self.range.len()).map(move |i| {
            start
                + match arrangement {
                    Arrangement::Plain => i,
                    Arrangement::Linear { outputs, inputs } => (i % inputs) * outputs + i / inputs,
                    Arrangement::Filters { outputs, inputs, places } => {
                        let (place, input, output) = (i % places, i / places % inputs, i / places / inputs);
                        (place * inputs + input) * outputs + output
                    }
                }
        })
    }

    pub(crate) fn export<T: Real>(&self, flat: &[T]) -> ArrayD<T> {
        let values: Vec<T> = self.places().map(|place| flat[place]).collect();
        array(&self.shape, values)
    }

    /// Writes numbers in PyTorch's order.
    pub(crate) fn import<T: Real>(&self, mut values: impl Iterator<Item = T>, flat: &mut [T]) {
        for place in self.places() {
            if let Some(value) = values.next() {
                flat[place] = value;
            }
        }
    }
}

/// An array from its numbers, whose count is the shape's product.
pub(crate) fn array<T: Real>(shape: &[usize], values: Vec<T>) -> ArrayD<T> {
    debug_assert_eq!(shape.iter().product::<usize>(), values.len());
    ArrayD::from_shape_vec(IxDyn(shape), values).unwrap_or_else(|_| ArrayD::zeros(IxDyn(shape)))
}

/// Checks that `tensors` are exactly `wanted` by name and shape and finite, and hands them back in that order.
pub(crate) fn matched<'a, T: Real>(
    wanted: &[(String, Vec<usize>)],
    tensors: &'a [(String, ArrayD<T>)],
) -> Result<Vec<&'a ArrayD<T>>, NetsError> {
    let mut found: Vec<Option<&ArrayD<T>>> = vec![None; wanted.len()];
    for (name, tensor) in tensors {
        let slot = wanted.iter().position(|(known, _)| known == name);
        match slot {
            Some(slot) if found[slot].is_none() => found[slot] = Some(tensor),
            _ => {
                return Err(NetsError::UnexpectedTensor {
                    name: name.clone(),
                    known: wanted.iter().map(|(name, _)| name.clone()).collect(),
                });
            }
        }
    }
    wanted
        .iter()
        .zip(found)
        .map(|((name, shape), tensor)| {
            let tensor = tensor.ok_or_else(|| NetsError::MissingTensor {
                name: name.clone(),
                found: tensors.iter().map(|(name, _)| name.clone()).collect(),
            })?;
            if tensor.shape() != shape.as_slice() {
                return Err(NetsError::TensorShape {
                    name: name.clone(),
                    expected: shape.clone(),
                    found: tensor.shape().to_vec(),
                });
            }
            if let Some((index, _)) = tensor.indexed_iter().find(|(_, x)| !x.is_finite()) {
                return Err(NetsError::NotFinite {
                    what: format!("tensor `{name}`"),
                    position: format!("{:?}", ndarray::Dimension::slice(&index)),
                    remedy: "the state holds NaN or an infinity; take an earlier checkpoint".into(),
                });
            }
            Ok(tensor)
        })
        .collect()
}
