//! The end-to-end demo.

fn main() {}
