//! What can be wrong with gradients that are handed over.

/// Why gradients cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientError {
    /// A threshold below which gradients count as near zero must be a positive number.
    #[error("threshold {value} is not a positive number; exact zeros are counted anyway, so give one above 0")]
    Threshold {
        /// As it was given.
        value: f32,
    },
    /// An option is out of its range.
    #[error("{option} is {value}, and must be {wanted}")]
    Option {
        /// Which option.
        option: &'static str,
        /// As it was given.
        value: f64,
        /// What would do.
        wanted: &'static str,
    },
    /// Layers must follow one another without a gap and hold something.
    #[error("layer `{layer}` is {start}..{end}, and must begin at {expected} and hold at least one parameter")]
    Layer {
        /// Its name.
        layer: String,
        /// Where it begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// Where the one before it ended.
        expected: usize,
    },
    /// There is no layer.
    #[error("no layer was given; name at least one with its range in the flat vector")]
    NoLayers,
    /// An array has another length than the layers say.
    #[error(
        "{what} has {found} numbers, and the layers hold {expected}; hand over all parameters, in one order, at every step"
    )]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length of all layers.
        expected: usize,
    },
    /// A number that is NaN, infinite, or larger than 1e18.
    #[error(
        "{what} of `{layer}` is {value} at its parameter {index}; the training diverged there, and what was observed up to the \
         step before still stands"
    )]
    NotFinite {
        /// Which array.
        what: &'static str,
        /// The layer.
        layer: String,
        /// The parameter within the layer.
        index: usize,
        /// The number.
        value: f32,
    },
    /// An earlier step held a number that is not finite, so that averages hold it too.
    #[error(
        "an earlier step was not finite, so nothing can be followed any more; begin a new one, or load an earlier state"
    )]
    Poisoned,
    /// A saved state belongs to other layers or options.
    #[error("the saved state {detail}; it was made for other layers or options")]
    State {
        /// What does not fit.
        detail: String,
    },
}
