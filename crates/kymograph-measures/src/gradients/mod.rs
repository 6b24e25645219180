//! What gradients and weights do from one step to the next, kept while a network trains: [`GradientDynamics`] in one
//! pass over memory a step, and [`signs`] of single gradients in two bits each.

mod dynamics;
mod error;
mod histogram;
mod options;
mod quantities;
pub mod signs;

pub use dynamics::{GradientDynamics, Measured, SavedDynamics, Scope, SetCounts};
pub use error::GradientError;
pub use histogram::GradientHistogram;
pub use options::{DynamicsOptions, Threshold};
pub use quantities::{GradientQuantity, find_quantity, quantities};
