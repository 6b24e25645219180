//! The arrays a measure may be handed, and how they are named and typed in its description.

use ndarray::{ArrayView, ArrayView1, ArrayView2, ArrayView4, ArrayViewD, Dimension, Ix2};

use crate::MeasureError;

/// An array for a measure, in the precision in which it is stored. Rows are examples, or units for weights: a weight
/// tensor is always flattened to `[unit, input]`.
#[derive(Clone, Debug)]
pub enum Array<'a> {
    /// 32-bit numbers.
    F32(ArrayViewD<'a, f32>),
    /// 64-bit numbers.
    F64(ArrayViewD<'a, f64>),
    /// One class or cluster number per row.
    Labels(ArrayView1<'a, i64>),
}

impl Array<'_> {
    /// The size along every axis.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(view) => view.shape(),
            Self::F64(view) => view.shape(),
            Self::Labels(view) => view.shape(),
        }
    }

    /// The same array, borrowed for less long.
    pub(super) fn view(&self) -> Array<'_> {
        match self {
            Self::F32(view) => Array::F32(view.view()),
            Self::F64(view) => Array::F64(view.view()),
            Self::Labels(view) => Array::Labels(view.view()),
        }
    }

    /// Whether it holds numbers or labels.
    pub fn kind(&self) -> Kind {
        match self {
            Self::F32(_) | Self::F64(_) => Kind::Real,
            Self::Labels(_) => Kind::Labels,
        }
    }
}

impl<'a> From<ArrayView2<'a, f32>> for Array<'a> {
    fn from(view: ArrayView2<'a, f32>) -> Self {
        Self::F32(view.into_dyn())
    }
}

impl<'a> From<ArrayView2<'a, f64>> for Array<'a> {
    fn from(view: ArrayView2<'a, f64>) -> Self {
        Self::F64(view.into_dyn())
    }
}

impl<'a> From<ArrayView1<'a, f32>> for Array<'a> {
    fn from(view: ArrayView1<'a, f32>) -> Self {
        Self::F32(view.into_dyn())
    }
}

impl<'a> From<ArrayView1<'a, f64>> for Array<'a> {
    fn from(view: ArrayView1<'a, f64>) -> Self {
        Self::F64(view.into_dyn())
    }
}

impl<'a> From<ArrayView4<'a, f32>> for Array<'a> {
    fn from(view: ArrayView4<'a, f32>) -> Self {
        Self::F32(view.into_dyn())
    }
}

impl<'a> From<ArrayView4<'a, f64>> for Array<'a> {
    fn from(view: ArrayView4<'a, f64>) -> Self {
        Self::F64(view.into_dyn())
    }
}

impl<'a> From<ArrayView1<'a, i64>> for Array<'a> {
    fn from(view: ArrayView1<'a, i64>) -> Self {
        Self::Labels(view)
    }
}

/// What an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers (f32 or f64).
    Real,
    /// One whole number per row, naming its class or cluster.
    Labels,
}

impl Kind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Real => "real numbers",
            Self::Labels => "whole-number labels",
        }
    }
}

/// One named input of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name, as it appears in errors and on the command line.
    pub name: &'static str,
    /// Its axes, in order.
    pub axes: &'static [&'static str],
    /// What it holds.
    pub kind: Kind,
}

/// Axes of an array of activations.
pub(crate) const EXAMPLES: &[&str] = &["example", "feature"];
/// Axes of a weight.
pub(crate) const UNITS: &[&str] = &["unit", "input"];
/// Axes of the attention of one layer: which share of its attention a query gives to each key.
pub(crate) const PATTERN: &[&str] = &["example", "head", "query", "key"];
/// The axis of one number per recorded step.
pub(crate) const SERIES: &[&str] = &["step"];
/// Axes of a classifier's outputs before the softmax.
pub(crate) const LOGITS: &[&str] = &["example", "class"];

impl Input {
    pub(crate) const fn activations(name: &'static str) -> Self {
        Self { name, axes: EXAMPLES, kind: Kind::Real }
    }

    pub(crate) const fn weights(name: &'static str) -> Self {
        Self { name, axes: UNITS, kind: Kind::Real }
    }

    pub(crate) const fn labels(name: &'static str) -> Self {
        Self { name, axes: &["example"], kind: Kind::Labels }
    }

    pub(crate) const fn pattern(name: &'static str) -> Self {
        Self { name, axes: PATTERN, kind: Kind::Real }
    }

    pub(crate) const fn series(name: &'static str) -> Self {
        Self { name, axes: SERIES, kind: Kind::Real }
    }

    pub(crate) const fn logits(name: &'static str) -> Self {
        Self { name, axes: LOGITS, kind: Kind::Real }
    }

    /// Whether it is a matrix of real numbers, such as a weight or the activations of a layer.
    pub fn is_matrix(&self) -> bool {
        self.kind == Kind::Real && self.axes.len() == 2
    }
}

/// The array as a matrix, or an error naming its axes.
pub(crate) fn matrix<'v, T>(view: &'v ArrayViewD<'_, T>, input: &Input) -> Result<ArrayView2<'v, T>, MeasureError> {
    with_axes::<Ix2, T>(view, input)
}

/// The array with as many axes as the input has, or an error naming them.
pub(crate) fn with_axes<'v, D: Dimension, T>(
    view: &'v ArrayViewD<'_, T>,
    input: &Input,
) -> Result<ArrayView<'v, T, D>, MeasureError> {
    view.view().into_dimensionality::<D>().map_err(|_| MeasureError::WrongAxes {
        input: input.name,
        shape: view.shape().to_vec(),
        axes: input.axes.to_vec(),
    })
}

/// Evaluates `$body` with `$x` bound to the one real array among `$arrays`, in its own precision: a matrix, unless
/// another number of axes is named.
macro_rules! with_one {
    ($measure:expr, $arrays:expr, |$x:ident| $body:expr) => {
        $crate::registry::with_one!($measure, $arrays, ndarray::Ix2, |$x| $body)
    };
    ($measure:expr, $arrays:expr, $axes:ty, |$x:ident| $body:expr) => {{
        let measure: &$crate::Measure = $measure;
        let arrays: &[$crate::Array<'_>] = $arrays;
        measure.check_inputs(arrays)?;
        match &arrays[0] {
            $crate::Array::F32(view) => {
                let $x = $crate::registry::with_axes::<$axes, _>(view, &measure.inputs[0])?;
                $body
            }
            $crate::Array::F64(view) => {
                let $x = $crate::registry::with_axes::<$axes, _>(view, &measure.inputs[0])?;
                $body
            }
            $crate::Array::Labels(_) => Err(measure.wrong_kind(0, arrays)),
        }
    }};
}

/// Evaluates `$body` with `$x` and `$y` bound to the first two inputs, real matrices: both f32, or else both f64.
macro_rules! with_pair {
    ($measure:expr, $arrays:expr, |$x:ident, $y:ident| $body:expr) => {{
        let measure: &$crate::Measure = $measure;
        let arrays: &[$crate::Array<'_>] = $arrays;
        measure.check_inputs(arrays)?;
        match (&arrays[0], &arrays[1]) {
            ($crate::Array::F32(first), $crate::Array::F32(second)) => {
                let $x = $crate::registry::matrix(first, &measure.inputs[0])?;
                let $y = $crate::registry::matrix(second, &measure.inputs[1])?;
                $body
            }
            ($crate::Array::F64(first), $crate::Array::F64(second)) => {
                let $x = $crate::registry::matrix(first, &measure.inputs[0])?;
                let $y = $crate::registry::matrix(second, &measure.inputs[1])?;
                $body
            }
            ($crate::Array::F32(first), $crate::Array::F64(second)) => {
                let widened = first.mapv(f64::from);
                let widened = widened.view();
                let $x = $crate::registry::matrix(&widened, &measure.inputs[0])?;
                let $y = $crate::registry::matrix(second, &measure.inputs[1])?;
                $body
            }
            ($crate::Array::F64(first), $crate::Array::F32(second)) => {
                let widened = second.mapv(f64::from);
                let widened = widened.view();
                let $x = $crate::registry::matrix(first, &measure.inputs[0])?;
                let $y = $crate::registry::matrix(&widened, &measure.inputs[1])?;
                $body
            }
            _ => Err(measure.wrong_kind(0, arrays)),
        }
    }};
}

pub(crate) use {with_one, with_pair};
