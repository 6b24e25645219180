//! How features share fewer dimensions: norms, dimensionality, interference, the figures that directions form, and tests of
//! their angles.
//!
//! Weights are arrays `hidden × feature`: a column is the direction of a feature. Nulls that go with these numbers are the
//! weights before training and directions drawn at random ([`random_directions`]).

mod angles;
mod columns;
mod geometry;
mod importance;
mod quantities;

pub use angles::{CircularTest, angles, kuiper_test, rayleigh_test, resultant};
pub use columns::{
    Interference, dimensionality, dimensions_per_feature, feature_norms, interference, random_directions, represented,
};
pub use geometry::{Component, Shape, Shapes, arrangement, arrangement_of};
pub use importance::{published_importance, rank_correlation, top_share_in_corner};
pub use quantities::{Quantity, find_quantity, quantities};
