//! The `audit` program.
fn main() {}
