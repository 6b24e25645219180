//! What a network that composes two group elements computes, seen through the group's representations and subgroups.
//!
//! A [`Circuit`] hands over embeddings, unembedding and the activations for one left element at a time, so that nothing
//! of size |G|³ is ever held. [`tables`] goes through it once; everything else is small products of what that finds.

mod ablation;
mod input;
mod losses;
pub mod notebook;
pub mod nulls;
mod published;
pub mod rival;
mod summary;
mod tables;

pub use ablation::{Ablation, Base, Coordinate, Pairs, ablated_losses};
pub use input::{Block, Circuit, Pairing, paired_block};
pub use losses::{logit_table_loss, one_cube_loss};
pub use published::{Disagreement, disagreement};
pub use summary::{key_by_similarity, shares, similarities, summary, summary_of};
pub use tables::{Score, Tables, tables};
