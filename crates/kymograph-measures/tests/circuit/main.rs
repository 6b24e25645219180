//! What a network makes of a group: against hand-worked cases, a literal twin, invariances and hostile input.

mod exact;
mod hostile;
mod invariance;
mod rival;
mod support;
mod twin;
