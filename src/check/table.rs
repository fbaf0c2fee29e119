//! The list of checks, for the code and for the documentation.

use super::azure::Azure;
use super::{Code, Seen};
use super::{access, gallery, identity, network, place, source, staging, storage, vm};

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name in the log.
    pub name: &'static str,
    /// What it looks at.
    pub looks_at: &'static str,
    /// What the service connection needs so that it can look, an action of a role.
    pub needs: &'static str,
    /// Whether it is part of the preflight of each build.
    pub cheap: bool,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    ImageBuilder,
    Providers,
    ResourceGroup,
    Source,
    Definition,
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
    pub(super) async fn run(self, azure: &Azure<'_>) -> Vec<Seen> {
        match self {
            Self::ImageBuilder => place::image_builder(azure).await,
            Self::Providers => place::providers(azure).await,
            Self::ResourceGroup => place::resource_group(azure).await,
            Self::Source => source::check(azure).await,
            Self::Definition => gallery::definitions(azure).await,
            Self::Version => gallery::versions(azure).await,
            Self::Identity => identity::check(azure).await,
            Self::OwnRights => access::own(azure).await,
            Self::IdentityRights => access::of_identity(azure).await,
            Self::Subnets => network::check(azure).await,
            Self::VmSize => vm::check(azure).await,
            Self::StorageAccount => storage::check(azure).await,
            Self::StagingGroup => staging::check(azure).await,
            Self::TimeLimit => place::time_limit(azure),
        }
    }
}

const fn check(
    name: &'static str,
    looks_at: &'static str,
    needs: &'static str,
    cheap: bool,
    kind: Kind,
) -> Check {
    Check {
        name,
        looks_at,
        needs,
        cheap,
        kind,
    }
}

/// Every check, in the order in which findings are told.
pub const CHECKS: &[Check] = &[
    check(
        "image builder",
        "Microsoft.VirtualMachineImages is registered in the subscription, and offered in the region of the template",
        "Microsoft.Resources/subscriptions/providers/read",
        true,
        Kind::ImageBuilder,
    ),
    check(
        "resource providers",
        "the providers that a build uses on the way are registered: Compute, Network, Storage, KeyVault, ContainerInstance, ManagedIdentity",
        "Microsoft.Resources/subscriptions/providers/read",
        false,
        Kind::Providers,
    ),
    check(
        "resource group",
        "the group of the template exists",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        true,
        Kind::ResourceGroup,
    ),
    check(
        "source",
        "the marketplace image is offered in the region (else the nearest SKU is named), is not at its end, and its plan is given if it is sold with one; the managed image or image version is there, and the version has a replica in the region",
        "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read, or read on the image",
        true,
        Kind::Source,
    ),
    check(
        "image definition",
        "it exists, and its operating system, generation, architecture and security type fit the source",
        "Microsoft.Compute/galleries/images/read",
        true,
        Kind::Definition,
    ),
    check(
        "image version",
        "a version that the inputs fix does not exist yet",
        "Microsoft.Compute/galleries/images/versions/read",
        true,
        Kind::Version,
    ),
    check(
        "managed identity",
        "the identity of the template, and those of the build VM, exist",
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
        true,
        Kind::Identity,
    ),
    check(
        "rights of the service connection",
        "it may make, run and remove templates, assign the identity, and write the package",
        "none: everybody may read the own rights",
        false,
        Kind::OwnRights,
    ),
    check(
        "rights of the identity",
        "its roles allow what the service does with it: read the source, write image versions or images, join the subnets, assign the identities of the build VM, use the staging resource group",
        "Microsoft.Authorization/roleAssignments/read and roleDefinitions/read",
        false,
        Kind::IdentityRights,
    ),
    check(
        "subnets",
        "they exist; the container subnet is delegated to Microsoft.ContainerInstance/containerGroups; without one, policies for private link services are off; there is a way out",
        "Microsoft.Network/virtualNetworks/subnets/read",
        true,
        Kind::Subnets,
    ),
    check(
        "VM size",
        "the subscription can have it in the region, it starts images of the source's generation and architecture, and the quotas of its family and of the region have room",
        "Microsoft.Compute/skus/read, Microsoft.Compute/locations/usages/read",
        false,
        Kind::VmSize,
    ),
    check(
        "storage account",
        "it exists, and its firewall lets agent and build in",
        "Microsoft.Storage/storageAccounts/read",
        false,
        Kind::StorageAccount,
    ),
    check(
        "staging resource group",
        "it is empty, in the region of the template, and no other template has it",
        "Microsoft.Resources/subscriptions/resourceGroups/read, resources/read",
        false,
        Kind::StagingGroup,
    ),
    check(
        "time limit of the job",
        "it is longer than that of the build",
        "none: the agent tells it",
        false,
        Kind::TimeLimit,
    ),
];

pub(super) const PROVIDER: Code = "AIB701";
pub(super) const REGION: Code = "AIB702";
pub(super) const GROUP: Code = "AIB703";
pub(super) const SOURCE: Code = "AIB704";
pub(super) const RETIRED: Code = "AIB705";
pub(super) const PURCHASE_PLAN: Code = "AIB706";
pub(super) const DEFINITION: Code = "AIB707";
pub(super) const MISMATCH: Code = "AIB708";
pub(super) const VERSION: Code = "AIB709";
pub(super) const IDENTITY: Code = "AIB710";
pub(super) const IDENTITY_RIGHTS: Code = "AIB711";
pub(super) const OWN_RIGHTS: Code = "AIB712";
pub(super) const SUBNET: Code = "AIB713";
pub(super) const SUBNET_UNFIT: Code = "AIB714";
pub(super) const SIZE: Code = "AIB715";
pub(super) const QUOTA: Code = "AIB716";
pub(super) const ACCOUNT: Code = "AIB717";
pub(super) const STAGING: Code = "AIB718";
pub(super) const TIME_LIMIT: Code = "AIB719";

/// Every code with its meaning, in the order of the codes.
pub const CODES: &[(Code, &str)] = &[
    (PROVIDER, "A resource provider is not registered"),
    (REGION, "The image builder is not offered in the region"),
    (GROUP, "The resource group does not exist"),
    (SOURCE, "The source of the image does not exist"),
    (RETIRED, "The source of the image is at its end, or near it"),
    (
        PURCHASE_PLAN,
        "The plan of a marketplace image is missing or needless",
    ),
    (DEFINITION, "The image definition does not exist"),
    (
        MISMATCH,
        "The source does not fit the image definition, or the size of the build VM",
    ),
    (VERSION, "The image version exists already"),
    (IDENTITY, "A managed identity does not exist"),
    (IDENTITY_RIGHTS, "The identity lacks a right"),
    (OWN_RIGHTS, "The service connection lacks a right"),
    (SUBNET, "A subnet does not exist"),
    (SUBNET_UNFIT, "A subnet is not as a build needs it"),
    (
        SIZE,
        "The subscription cannot have this size of VM in the region",
    ),
    (QUOTA, "A quota of virtual processors has no room"),
    (
        ACCOUNT,
        "The storage account does not exist, or is closed by its firewall",
    ),
    (
        STAGING,
        "The staging resource group is not as the service wants it",
    ),
    (
        TIME_LIMIT,
        "The job may end before the build does, which cancels it",
    ),
];
