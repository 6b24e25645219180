//! Finite groups, their real representations, and what networks that learn composition make of them.
//!
//! Elements are numbered `0..order`. Arrays over pairs of elements are indexed `a · order + b`.

pub mod circuit;
mod classes;
mod error;
mod families;
mod group;
mod irrep;
mod irreps;

pub use classes::conjugacy_classes;
pub use error::GroupError;
pub use group::Group;
pub use irrep::{Irrep, RealType};
pub use irreps::{irreps, published_irreps};
