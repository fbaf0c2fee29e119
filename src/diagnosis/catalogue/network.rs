//! What the build VM is made of and how it is reached.

use crate::diagnosis::entry::{ENTRY, Entry, NETWORKING, Place};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB019",
        places: &[Place::Run, Place::Log],
        pattern: r"SkuNotAvailable|currently not available in location '(\w+)'",
        outside_steps: true,
        cause: "Azure has no build VM of this size to give in this region",
        fix: "choose another size in input '{vm size}', or another region: az vm list-skus --location <{location}> --size <size> --output table",
        retriable: true,
        source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available",
        ..ENTRY
    },
    Entry {
        code: "AIB020",
        places: &[Place::Run, Place::Log],
        pattern: r"QuotaExceeded|exceeding approved .*cores? quota",
        outside_steps: true,
        cause: "the subscription's quota of cores does not allow another VM of this size",
        fix: "choose a smaller size in input '{vm size}', or ask for a higher quota",
        source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-resource-quota",
        ..ENTRY
    },
    Entry {
        code: "AIB017",
        places: &[Place::Submission, Place::Run],
        pattern: r"Container Instances quota exceeded|Too many Azure Container Instances",
        cause: "the subscription's quota of container instances is used up",
        fix: "run fewer builds at the same time, or later; or ask for a higher quota of Azure Container Instances",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB022",
        places: &[Place::Log],
        pattern: r"WinRM connection err.*:5986.*(?:deadline exceeded|i/o timeout|Client\.Timeout)",
        outside_steps: true,
        cause: "the build VM cannot be reached on port 5986 (WinRM)",
        fix: "let the network security groups admit 5986 (Windows) and 22 (Linux) within the virtual network of the subnet in input '{subnet}', both ways",
        source: NETWORKING,
        ..ENTRY
    },
    Entry {
        code: "AIB021",
        places: &[Place::Run, Place::Log],
        pattern: r"Timeout waiting for WinRM",
        outside_steps: true,
        cause: "the build VM did not answer on WinRM in time",
        fix: "choose a bigger size in input '{vm size}'; check that the source image and the scripts leave WinRM (port 5986) alone, and that no network security group blocks it",
        ..ENTRY
    },
    Entry {
        code: "AIB023",
        places: &[Place::Run, Place::Log],
        pattern: r"Timeout waiting for SSH|Waiting for SSH to become available",
        unless_followed_by: Some(r"Connected to SSH"),
        outside_steps: true,
        cause: "the build VM did not answer on SSH in time",
        fix: "choose a bigger size in input '{vm size}'; check that the source image lets SSH in (port 22), and that no network security group blocks it",
        ..ENTRY
    },
];
