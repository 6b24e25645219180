//! What every measure of the registry must hold to.

mod agreement;
mod documented;
mod hostile;
mod other_axes;
mod support;
