//! Networks that compose two elements of a group: from a pair (a, b) to logits over ab. They are trained full-batch
//! through tables of |G| rows, and opened pair by pair without the cube of all logits in memory.

mod attention;
mod dense;
mod network;
mod pass;
mod set;
mod spec;
mod tables;
mod train;
mod transformer;
mod view;

pub use network::PairNetwork;
pub use set::PairSet;
pub use spec::{PairArchitecture, PairSpec};
pub use train::{LossPrecision, PairStats};
pub use view::{PairEdit, PairView};
