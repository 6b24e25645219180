//! Every measure and fit of Kymograph: pure, seeded functions from arrays to numbers, and their registry.
