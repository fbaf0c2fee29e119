//! The names of the tags that this task writes on image versions, from all rooms that write them: the result of a test must not have one of them.

use super::manifest::KEEP_TAG;
use super::origin::RESERVED;
use super::provenance;

/// Those that promotions, withdrawals and copies write themselves.
pub(super) const OWN_TAGS: [&str; 8] = [
    "promotedAt",
    "promotedBy",
    "promotedRun",
    "withdrawnAt",
    "withdrawnBy",
    "withdrawnReason",
    "withdrawnEndOfLife",
    COPIED_FROM,
];

/// The tag of a copy with the id of the version that it is a copy of.
pub const COPIED_FROM: &str = "copiedFrom";

/// The address of the list of the image's contents, where it is kept.
pub const INVENTORY: &str = "imageInventory";
/// The SHA-256 of that list: 64 hexadecimal digits in lower case.
pub const INVENTORY_SHA256: &str = "imageInventorySha256";
/// The sum of what the image was built of.
pub const INPUTS_SHA256: &str = "inputsSha256";

/// Whether the task uses tag `name` for something. Names of tags ignore letter case.
pub(super) fn is_taken(name: &str) -> bool {
    // What `keepTag` names protects a version from retention, whatever its value is.
    let others = [INVENTORY, INVENTORY_SHA256, INPUTS_SHA256, KEEP_TAG.default];
    let all = RESERVED.iter().chain(&OWN_TAGS);
    let mut all = all.chain(&provenance::NAMES).chain(&others);
    all.any(|taken| taken.eq_ignore_ascii_case(name))
}
