//! Sparse autoencoders against a literal twin, and their training.

mod gradients;
mod hostile;
mod training;
mod twin;
mod wide;
