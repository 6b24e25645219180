//! Sparse autoencoders and transcoders: many directions of which each example uses few, with written-out gradients.
//!
//! A [`Dictionary`] is built from a [`DictionarySpec`], given first weights by [`Dictionary::initialise`] and trained by
//! [`Dictionary::train_step`]. Its tensors carry the names and layouts of SAELens: `W_enc` [input, latent], `b_enc`, `W_dec`
//! [latent, output], `b_dec`; gated ones have `b_gate`, `r_mag` and `b_mag`, those with a jump `log_threshold`.

mod codes;
mod dead;
mod dense;
mod encode;
mod initial;
mod model;
mod products;
mod select;
mod sparse;
mod spec;
mod step;
mod vectors;

pub use codes::Codes;
pub use initial::{EncoderStart, Start, principal_directions, singular_directions, unit_directions};
pub use model::Dictionary;
pub use spec::{Auxiliary, DecoderNorm, DictionarySpec, LossScale, Variant};
pub use step::DictionaryStats;
