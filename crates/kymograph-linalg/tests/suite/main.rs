//! Every test of the crate in one binary, so that it links once.

mod assignment;
mod common;
mod factorisations;
mod matmul;
mod random;
mod reference;
mod statistics;
mod symmetric;
mod threads;
mod torch;
