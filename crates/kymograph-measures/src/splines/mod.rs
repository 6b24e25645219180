//! What can be said of the polytopes into which a network cuts its inputs, by the names that findings and predictions use.
//! The numbers themselves need the network in place and are taken by captures (`kymograph_nets::Polytopes`).

mod quantities;

pub use quantities::{SplineQuantity, find_quantity, quantities};
