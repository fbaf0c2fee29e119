//! Threads of a size of our own: a pipeline variable becomes a variable of the environment, and `RUST_MIN_STACK` is not for whoever may set one.

use std::thread::Builder;

/// As many bytes as threads of Rust have by default.
pub const STACK: usize = 2 << 20;

/// A thread that is about to start.
pub fn named(name: impl Into<String>) -> Builder {
    Builder::new().name(name.into()).stack_size(STACK)
}
