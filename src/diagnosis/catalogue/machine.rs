//! Why there is no VM that tests an image. None of it speaks of the image.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB051",
        pattern: r"VM size '([^']+)' cannot boot Hypervisor Generation '(\d)'",
        cause: "a VM of size $1 cannot start an image of Hyper-V generation $2",
        fix: "choose a size for generation $2 in input '{vm size}', such as Standard_D2s_v5, which starts both generations",
        source: "https://learn.microsoft.com/azure/virtual-machines/generation-2",
        ..OF_MACHINE
    },
    Entry {
        code: "AIB019",
        pattern: r"currently not available in location '(\w+)'",
        cause: "Azure has no VM of this size for the subscription in region $1",
        fix: "choose another size in input '{vm size}', or a subnet in another region in input '{test subnet}'; the sizes of the region: az vm list-skus --location $1 --resource-type virtualMachines --output table",
        retriable: true,
        source: NO_SIZE,
        ..OF_MACHINE
    },
    Entry {
        code: "AIB019",
        pattern: r"SkuNotAvailable",
        cause: "Azure has no VM of this size for the subscription in this region",
        fix: "choose another size in input '{vm size}', or a subnet in another region in input '{test subnet}'",
        retriable: true,
        source: NO_SIZE,
        ..OF_MACHINE
    },
    Entry {
        code: "AIB020",
        pattern: r"exceeding approved ([\w ]+?) cores? quota",
        cause: "the subscription's quota '$1 Cores' does not allow another VM of this size",
        ..CORES
    },
    Entry {
        code: "AIB020",
        pattern: r"QuotaExceeded|exceeding approved .*quota",
        cause: "the subscription's quota of cores does not allow another VM of this size",
        ..CORES
    },
    Entry {
        code: "AIB047",
        pattern: r"ResourceGroupNotFound: .*Resource group '([^']+)'",
        cause: "resource group '$1' does not exist in the subscription of the service connection",
        fix: "check the spelling of input '{test group}'; to list all: az group list --query [].name --output tsv",
        source: NO_GROUP,
        ..OF_MACHINE
    },
    Entry {
        code: "AIB062",
        pattern: r"AllocationFailed|OverconstrainedAllocationRequest|OverconstrainedZonalAllocationRequest",
        cause: "Azure has no room for a VM of this size in the region at the moment",
        fix: "run the step again later, or choose another size in input '{vm size}'",
        retriable: true,
        source: "https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/allocation-failure",
        ..OF_MACHINE
    },
    Entry {
        code: "AIB063",
        pattern: r"SubnetIsFull",
        cause: "the subnet in input '{test subnet}' has no free address",
        fix: "delete network interfaces in it that are not needed, or choose another subnet",
        source: "https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq",
        ..OF_MACHINE
    },
    Entry {
        code: "AIB018",
        pattern: r#"(?:disallowed by policy|policy violation).*policy ?assignment(?: '|\W+name\W+)([^'"\\]+)"#,
        cause: "policy assignment '$1' does not allow the VM or its network interface",
        ..POLICY
    },
    Entry {
        code: "AIB018",
        pattern: r"RequestDisallowedByPolicy|disallowed by policy|policy violation",
        cause: "an Azure Policy does not allow the VM or its network interface",
        ..POLICY
    },
    Entry {
        code: "AIB005",
        pattern: r"does not have permission to perform action\(?s?\)? '(Microsoft\.Network/virtualNetworks/subnets/join/action)' on the linked scope\(?s?\)? '(/[^']+)'",
        cause: "the service connection lacks the permission '$1' on $2",
        fix: "az role assignment create --assignee <service connection's principal> --role \"Network Contributor\" --scope $2 (or a narrower role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        code: "AIB005",
        pattern: r"does not have permission to perform action\(?s?\)? '(Microsoft\.Compute/[^']+)' on the linked scope\(?s?\)? '(/[^']+)'",
        cause: "the service connection lacks the permission '$1' on $2",
        fix: "az role assignment create --assignee <service connection's principal> --role \"Compute Gallery Image Reader\" --scope $2 (or another role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        code: "AIB005",
        pattern: r"client '([^']+)'(?: with object id '[^']+')? does not have authorization to perform action '([^']+)' over scope '((/subscriptions/[^/']+(?:/resourceGroups/[^/']+)?)[^']*)'",
        cause: "the service connection (client '$1') lacks the permission '$2' on $3",
        fix: "az role assignment create --assignee $1 --role \"Virtual Machine Contributor\" --scope $4 (or a narrower role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        code: "AIB005",
        pattern: r"\bAuthorizationFailed\b|\bLinkedAuthorizationFailed\b",
        cause: "the service connection lacks a permission, which Azure does not name",
        fix: "give the service connection's principal the role 'Virtual Machine Contributor' on the resource group in input '{test group}', and 'Network Contributor' on the network of the subnet in input '{test subnet}'; a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
];

const OF_MACHINE: Entry = Entry {
    places: &[FoundIn::Machine],
    ..ENTRY
};

const NO_GROUP: &str =
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found";
const NO_SIZE: &str = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available";

const CORES: Entry = Entry {
    fix: "choose a smaller size in input '{vm size}', or request a higher quota",
    source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-resource-quota",
    ..OF_MACHINE
};

const POLICY: Entry = Entry {
    fix: "ask the policy's owner for an exemption of the resource group in input '{test group}', or name another group there",
    source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy",
    ..OF_MACHINE
};

const PERMISSION: Entry = Entry {
    retriable: true,
    source: "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/compute#virtual-machine-contributor",
    ..OF_MACHINE
};
