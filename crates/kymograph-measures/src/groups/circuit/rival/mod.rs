//! The rival account: neurons that hold cosets of subgroups (Stander et al. 2024), and the whole spectrum over pairs.

mod concentration;
mod power;
mod unembedding;

pub use concentration::{CosetHome, CosetSide, coset_concentration, coset_homes, energy_by_subgroup};
pub use power::{Layer, PairPower, pair_power};
pub use unembedding::{WithinPart, correlation_within};
