//! The codes of tests.

/// A check failed.
pub const CHECK_FAILED: &str = "AIB861";
/// The image did not boot.
pub const NOT_BOOTED: &str = "AIB862";
/// The tags were not written.
pub const NOT_TAGGED: &str = "AIB863";
/// The image has no replica in the region.
pub const NO_REPLICA: &str = "AIB865";
/// The subnet of the VM does not exist.
pub const NO_SUBNET: &str = "AIB713";
/// The VM could not be made, or a check could not be run in it.
pub const NOT_RUN: &str = "AIB867";
/// The VM of a failed test stays.
pub const VM_STAYS: &str = "AIB866";
/// There is no such image.
pub const MISSING: &str = "AIB821";
/// The image is in state `Failed`.
pub const FAILED: &str = "AIB822";
