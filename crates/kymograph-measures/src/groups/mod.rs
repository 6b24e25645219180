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
mod quantities;
mod subgroups;

pub use classes::{CharacterTable, character_table, conjugacy_classes, frobenius_schur_indicator};
pub use error::GroupError;
pub use group::Group;
pub use irrep::{Irrep, RealType};
pub use irreps::{irreps, published_irreps, published_wrong_a5_irreps};
pub use quantities::{Quantity, find_quantity, quantities};
pub use subgroups::{Subgroup, indicator_shares, left_cosets, right_cosets, subgroups};
