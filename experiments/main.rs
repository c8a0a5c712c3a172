//! The headlight binary.
fn main() {}
