//! Toy models of superposition: many small autoencoders of sparse features, trained at once.
//!
//! A model squeezes n features into m hidden units and gives them back. One instance is a unit of parallel work and draws
//! its own examples from its own stream, so that an instance has the same bits alone and among a thousand others.
//!
//! Source: Elhage et al. 2022, Toy Models of Superposition (the models; features of one importance each; correlated and
//! anticorrelated pairs; |x| computed in superposition).

mod ablation;
mod draw;
mod gradient;
mod models;
mod spec;

pub use ablation::Ablations;
pub use draw::{Pairing, ToyFeatures};
pub use gradient::toy_gradient;
pub use models::{ToyInstance, ToyModels};
pub use spec::{ToyActivation, ToyInit, ToySpec};
