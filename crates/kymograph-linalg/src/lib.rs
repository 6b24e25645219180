//! Dense kernels, seeded random streams and statistics for Kymograph.
