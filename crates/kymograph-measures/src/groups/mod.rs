//! Finite groups, their real representations, and what networks that learn composition make of them.
//!
//! Elements are numbered `0..order`. Arrays over pairs of elements are indexed `a · order + b`.

pub mod circuit;
mod group;
mod irrep;

pub use group::Group;
pub use irrep::{Irrep, RealType};
