//! The arrays that describe a network which composes two group elements.

use kymograph_linalg::{Real, matmul_into_sequential};
use ndarray::{Array2, ArrayView2};

use crate::groups::Group;
use crate::{MeasureError, check};

/// Writes hidden layer and logits of one left element.
pub type Block<'a, T> = dyn Fn(usize, &mut Array2<T>, &mut Array2<T>) + Sync + 'a;

/// A network that is given two elements of a group and answers with a logit for each element, as arrays.
///
/// Pairs of elements are numbered `a · |G| + b`; the right answer to a pair is the product `ab`.
#[derive(Clone, Copy)]
pub struct Circuit<'a, T> {
    /// The group.
    pub group: &'a Group,
    /// What the left element contributes before the nonlinearity: element × feature. In a one-layer network W_x W[..d],
    /// in a transformer its embedding.
    pub embed_x: ArrayView2<'a, T>,
    /// The same of the right element: element × feature.
    pub embed_y: ArrayView2<'a, T>,
    /// From the hidden layer to the logits: neuron × element. In a transformer W_out W_U.
    pub unembed: ArrayView2<'a, T>,
    /// Fills the hidden layer (right element × neuron) and the logits (right element × element) of one left element.
    /// It must give the same numbers whenever it is asked.
    pub block: &'a Block<'a, T>,
    /// Whether the logits hold more than `hidden · unembed`: a bias, or a residual stream.
    pub residual: bool,
    /// Which pairs were trained on, `None` for all.
    pub train: Option<&'a [bool]>,
    /// Sum of the squares of all weights, if it is known.
    pub squared_weights: Option<f64>,
}

/// How a hidden layer without a bias comes from the two embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// max(0, x + y).
    Relu,
    /// |x + y|.
    Absolute,
    /// x · y, neuron by neuron.
    Product,
}

impl Pairing {
    /// One neuron of the hidden layer.
    #[inline]
    pub fn apply<T: Real>(self, x: T, y: T) -> T {
        match self {
            Pairing::Relu => Real::max(x + y, T::ZERO),
            Pairing::Absolute => Real::abs(x + y),
            Pairing::Product => x * y,
        }
    }
}

/// The [`Circuit::block`] of a network that is fully told by its tables: hidden = pairing(x_a, y_b), logits = hidden · W_U.
///
/// Axes: `x` and `y` are element × neuron, `unembed` is neuron × element.
pub fn paired_block<'a, T: Real>(
    x: ArrayView2<'a, T>,
    y: ArrayView2<'a, T>,
    unembed: ArrayView2<'a, T>,
    pairing: Pairing,
) -> impl Fn(usize, &mut Array2<T>, &mut Array2<T>) + Sync + 'a {
    move |a, hidden, logits| {
        for (mut row, right) in hidden.outer_iter_mut().zip(y.outer_iter()) {
            for ((to, &left), &right) in row.iter_mut().zip(x.row(a)).zip(right) {
                *to = pairing.apply(left, right);
            }
        }
        matmul_into_sequential(T::ONE, hidden.view(), unembed, T::ZERO, logits.view_mut());
    }
}

impl<T: Real> Circuit<'_, T> {
    /// Number of neurons.
    pub fn width(&self) -> usize {
        self.unembed.nrows()
    }

    /// Whether a pair was trained on.
    pub(super) fn trained(&self, pair: usize) -> bool {
        self.train.is_none_or(|train| train[pair])
    }

    /// Shapes fit the group, and every entry of the weights is finite.
    pub(super) fn check(&self) -> Result<(), MeasureError> {
        let order = self.group.order();
        for (input, x) in
            [("embed_x", self.embed_x), ("embed_y", self.embed_y), ("unembed", self.unembed.reversed_axes())]
        {
            check::same_size("elements", ("group", order), (input, x.nrows()))?;
            check::matrix(input, x)?;
        }
        check::same_size("features", ("embed_x", self.embed_x.ncols()), ("embed_y", self.embed_y.ncols()))?;
        if let Some(train) = self.train {
            check::same_size("pairs", ("group", order * order), ("train", train.len()))?;
            if !train.contains(&true) {
                let why = "a loss over the training pairs";
                return Err(MeasureError::TooFew { input: "train", what: "training pairs", found: 0, needed: 1, why });
            }
        }
        match self.squared_weights {
            Some(value) if !value.is_finite() => {
                Err(MeasureError::NotFiniteAt { input: "squared_weights", place: Vec::new(), value })
            }
            _ => Ok(()),
        }
    }
}
