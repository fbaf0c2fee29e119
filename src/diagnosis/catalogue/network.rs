//! What the build VM is made of and how it is reached.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn, NETWORKING};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB054",
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Log,
        ],
        pattern: r"PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled.*subnet (/subscriptions/\S+/subnets/[\w.-]+)",
        cause: "the service's private link cannot be created in the subnet, because network policies for private link services are enabled there",
        fix: "az network vnet subnet update --ids $1 --private-link-service-network-policies Disabled",
        ..PRIVATE_LINK
    },
    Entry {
        code: "AIB054",
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Log,
        ],
        pattern: r"PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled|private link service network policies enabled",
        cause: "the service's private link cannot be created in the subnet, because network policies for private link services are enabled there",
        fix: "az network vnet subnet update --ids <subnet in input '{subnet}'> --private-link-service-network-policies Disabled",
        ..PRIVATE_LINK
    },
    Entry {
        code: "AIB051",
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Log,
        ],
        pattern: r"VM size '([^']+)' cannot boot Hypervisor Generation '(\d)'",
        outside_steps: true,
        cause: "a VM of size $1 cannot start an image of Hyper-V generation $2",
        fix: "choose a size for generation $2 in input '{vm size}', such as Standard_D2s_v5, which starts both generations",
        source: "https://learn.microsoft.com/azure/virtual-machines/generation-2",
        ..ENTRY
    },
    Entry {
        code: "AIB019",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"currently not available in location '(\w+)'",
        outside_steps: true,
        cause: "Azure has no VM of this size for the build in region $1",
        fix: "choose another size in input '{vm size}', or another region in input '{location}'; the sizes of the region: az vm list-skus --location $1 --resource-type virtualMachines --output table",
        ..NO_SIZE
    },
    Entry {
        code: "AIB019",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"SkuNotAvailable",
        outside_steps: true,
        cause: "Azure has no VM of this size for the build in this region",
        fix: "choose another size in input '{vm size}', or another region in input '{location}'; the sizes of a region: az vm list-skus --location <{location}> --resource-type virtualMachines --output table",
        ..NO_SIZE
    },
    Entry {
        code: "AIB020",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"exceeding approved ([\w ]+?) cores? quota",
        outside_steps: true,
        cause: "the subscription's quota '$1 Cores' does not allow another VM of this size",
        ..CORES
    },
    Entry {
        code: "AIB017",
        places: &[FoundIn::Submission, FoundIn::Run],
        pattern: r"Container Instances quota exceeded|Too many Azure Container Instances",
        cause: "the subscription's quota of container instances is used up",
        fix: "run fewer builds at the same time, or run the job again later; or request a higher quota of Azure Container Instances",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB020",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"QuotaExceeded|exceeding approved .*cores? quota",
        outside_steps: true,
        cause: "the subscription's quota of cores does not allow another VM of this size",
        ..CORES
    },
    Entry {
        code: "AIB055",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"OSProvisioningTimedOut|OSProvisioningClientError|OS Provisioning for VM .* did not finish in the allotted time",
        outside_steps: true,
        cause: "the build VM did not finish its first start: most often the source image was not generalized",
        fix: "generalize the VM that the source image is captured from (sysprep /generalize on Windows, waagent -deprovision+user on Linux), and capture it again; a source that other builds start from needs another run of the job only",
        source: "https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/troubleshoot-deployment-new-vm-windows",
        ..ENTRY
    },
    Entry {
        code: "AIB022",
        places: &[FoundIn::Log],
        pattern: r"WinRM connection err.*:5986.*(?:deadline exceeded|i/o timeout|Client\.Timeout)",
        outside_steps: true,
        cause: "the build VM cannot be reached on port 5986 (WinRM)",
        fix: "let the network security groups of the subnet in input '{subnet}' allow the ports 5986 (Windows) and 22 (Linux) within the virtual network, both ways",
        source: NETWORKING,
        ..ENTRY
    },
    Entry {
        code: "AIB021",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"Timeout waiting for WinRM",
        outside_steps: true,
        cause: "the build VM did not answer on WinRM in time",
        fix: "choose a larger size in input '{vm size}'; check that neither the source image nor a script closes WinRM (port 5986), and that no network security group blocks it",
        ..ENTRY
    },
    Entry {
        code: "AIB023",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"Timeout waiting for SSH|Waiting for SSH to become available",
        unless_followed_by: Some(r"Connected to SSH"),
        outside_steps: true,
        cause: "the build VM did not answer on SSH in time",
        fix: "choose a larger size in input '{vm size}'; check that the source image allows SSH (port 22), and that no network security group blocks it",
        ..ENTRY
    },
];

const PRIVATE_LINK: Entry = Entry {
    outside_steps: true,
    source: "https://learn.microsoft.com/azure/private-link/disable-private-link-service-network-policy",
    ..ENTRY
};

const NO_SIZE: Entry = Entry {
    retriable: true,
    source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available",
    ..ENTRY
};

const CORES: Entry = Entry {
    fix: "choose a smaller size in input '{vm size}', or request a higher quota",
    source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-resource-quota",
    ..ENTRY
};
