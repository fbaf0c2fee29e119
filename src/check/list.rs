//! The list of checks, for the code and for the documentation.

use super::finding::Finding;
use super::lookup::Azure;
use super::{
    permissions, providers, regions, resource_group, source, step_systems, storage_account, subnets,
};
use super::{targets, time_limit, vm};

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name in the log.
    pub name: &'static str,
    /// What it looks at.
    pub looks_at: &'static str,
    /// What the service connection needs so that it can look, an action of a role.
    pub needs: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    ImageBuilder,
    Regions,
    Providers,
    ResourceGroup,
    Source,
    Steps,
    Definition,
    ManagedImage,
    Version,
    Identity,
    OwnRights,
    IdentityRights,
    Subnets,
    VmSize,
    StorageAccount,
    StagingGroup,
    TimeLimit,
}

impl Kind {
    pub(super) async fn run(self, azure: &Azure<'_>) -> Vec<Finding> {
        match self {
            Self::ImageBuilder => providers::image_builder(azure).await,
            Self::Regions => regions::check(azure).await,
            Self::Providers => providers::others(azure).await,
            Self::ResourceGroup => resource_group::check(azure).await,
            Self::Source => source::check(azure).await,
            Self::Steps => step_systems::check(azure).await,
            Self::Definition => targets::definitions(azure).await,
            Self::ManagedImage => targets::managed_images(azure).await,
            Self::Version => targets::versions(azure).await,
            Self::Identity => permissions::identities(azure).await,
            Self::OwnRights => permissions::of_connection(azure).await,
            Self::IdentityRights => permissions::of_identity(azure).await,
            Self::Subnets => subnets::check(azure).await,
            Self::VmSize => vm::check(azure).await,
            Self::StorageAccount => storage_account::check(azure).await,
            Self::StagingGroup => resource_group::staging(azure).await,
            Self::TimeLimit => time_limit::check(azure),
        }
    }
}

const fn check(
    name: &'static str,
    looks_at: &'static str,
    needs: &'static str,
    kind: Kind,
) -> Check {
    Check {
        name,
        looks_at,
        needs,
        kind,
    }
}

/// Every check, in the order in which findings are told.
pub const CHECKS: &[Check] = &[
    check(
        "image builder",
        "Microsoft.VirtualMachineImages is registered in the subscription, and available in the region of the template",
        "Microsoft.Resources/subscriptions/providers/read",
        Kind::ImageBuilder,
    ),
    check(
        "regions",
        "the region of the template, and those that the result goes to, exist (else the nearest one is named)",
        "Microsoft.Resources/subscriptions/locations/read, for a region that the task does not know",
        Kind::Regions,
    ),
    check(
        "resource providers",
        "the other providers that a build uses are registered: Compute, Network, Storage, KeyVault, ContainerInstance, ManagedIdentity",
        "Microsoft.Resources/subscriptions/providers/read",
        Kind::Providers,
    ),
    check(
        "resource group",
        "the group of the template exists",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        Kind::ResourceGroup,
    ),
    check(
        "source",
        "the marketplace image exists in the region (else the nearest SKU is named), is not deprecated, and its purchase plan is set if it has one; the managed image or image version exists, is generalized and complete, and is in the region",
        "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read, or read on the image",
        Kind::Source,
    ),
    check(
        "steps",
        "customizers and validations are for the operating system of the source",
        "as for the source",
        Kind::Steps,
    ),
    check(
        "image definition",
        "it exists, is for generalized images, and its operating system, generation, architecture and security type fit the source",
        "Microsoft.Compute/galleries/images/read",
        Kind::Definition,
    ),
    check(
        "managed image",
        "if the target is one, the source can become one: it is x64 and requires no security type",
        "as for the source",
        Kind::ManagedImage,
    ),
    check(
        "image version",
        "a version that the inputs name does not exist yet, not even in state Failed",
        "Microsoft.Compute/galleries/images/versions/read",
        Kind::Version,
    ),
    check(
        "managed identity",
        "the identity of the template and those of the build VM exist",
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
        Kind::Identity,
    ),
    check(
        "permissions of the service connection",
        "it has permission to create, run and delete templates, to assign the identity, and to write the package",
        "none: everyone can read their own permissions",
        Kind::OwnRights,
    ),
    check(
        "permissions of the identity",
        "its roles allow what the service does with it: read the source, write image versions or images, join the subnets, assign the identities of the build VM, use the staging resource group",
        "Microsoft.Authorization/roleAssignments/read and roleDefinitions/read",
        Kind::IdentityRights,
    ),
    check(
        "subnets",
        "they exist; the container subnet is delegated to Microsoft.ContainerInstance/containerGroups, and that of the build VM is not; without a container subnet, policies for private link services are off; there is outbound access",
        "Microsoft.Network/virtualNetworks/subnets/read",
        Kind::Subnets,
    ),
    check(
        "VM size",
        "it is available to the subscription in the region (that of the proxy VM, too), it supports the source's generation and architecture, and the quotas of its family and of the region are sufficient",
        "Microsoft.Compute/skus/read, locations/usages/read, locations/vmSizes/read",
        Kind::VmSize,
    ),
    check(
        "storage account",
        "it exists, and its firewall allows the agent and the build",
        "Microsoft.Storage/storageAccounts/read",
        Kind::StorageAccount,
    ),
    check(
        "staging resource group",
        "it is empty, in the region of the template, and no other template uses it",
        "Microsoft.Resources/subscriptions/resourceGroups/read, resources/read",
        Kind::StagingGroup,
    ),
    check(
        "time limit of the job",
        "it is longer than that of the build",
        "none: the agent reports it",
        Kind::TimeLimit,
    ),
];
