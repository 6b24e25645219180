//! Every measure and fit of Kymograph: pure, seeded functions from arrays to numbers, and the registry that describes them.
//!
//! Rows are examples (or units, for weights); results are `f64`. Call a measure directly
//! ([`similarity::same_index_cosine()`]) or by name through the registry ([`find`], [`Measure::apply`]).
//! No function here reads a file, a clock or unseeded randomness, and none returns NaN: it is a number, or an error
//! saying why there is none.

pub mod attention;
pub mod changepoints;
mod check;
pub mod clusters;
pub mod dictionaries;
pub mod embeddings;
mod error;
pub mod filters;
pub mod gradients;
pub mod groups;
pub mod neurons;
pub mod predictions;
pub mod probes;
mod registry;
pub mod similarity;
pub mod spectra;
pub mod splines;
pub mod superposition;

pub use error::MeasureError;
pub use registry::{
    Array, Change, Direction, Family, Input, Kind, Measure, OptionSpec, Options, Part, Reading, Setting, Side,
    Transform, Value, all, find,
};
