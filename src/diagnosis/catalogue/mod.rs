//! The known failures, as data. Within a place the most specific comes first, and the first that fits is the diagnosis.

mod access;
mod build;
mod general;
mod machine;
mod network;
mod submission;

use super::entry::Entry;

/// All entries, the most specific first.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    [
        submission::ENTRIES,
        machine::ENTRIES,
        access::ENTRIES,
        network::ENTRIES,
        build::ENTRIES,
        general::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

/// Lines that look like failures, and are none
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot#warnings-and-errors-that-can-be-ignored>).
pub(super) const HARMLESS: &[&str] = &[
    "Builds finished but no artifacts were created",
    "Skipping image creation",
    "Error deleting resource\\. Will retry",
    "PublicIPAddressCannotBeDeleted",
    "InUseNetworkSecurityGroupCannotBeDeleted",
    "The resource group was not created by Packer",
    "Write-(Output|Host|Error|Warning) +['\"]",
];
