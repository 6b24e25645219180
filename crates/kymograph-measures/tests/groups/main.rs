//! Groups and their representations: every property that defines them, on every family.

mod families;
mod representations;
mod support;
