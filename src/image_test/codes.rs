//! The codes of tests.

/// A check failed.
pub const CHECK_FAILED: &str = "AIB861";
/// The image did not boot.
pub const NOT_BOOTED: &str = "AIB862";
/// The tags were not written.
pub const NOT_TAGGED: &str = "AIB863";
/// The image has no replica in the region.
pub const NO_REPLICA: &str = "AIB865";
/// The VM of a failed test stays.
pub const VM_STAYS: &str = "AIB866";
/// There is no such image.
pub const MISSING: &str = "AIB821";
/// The image is in state `Failed`.
pub const FAILED: &str = "AIB822";
