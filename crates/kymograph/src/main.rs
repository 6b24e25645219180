//! The `kymograph` command.
fn main() {}
