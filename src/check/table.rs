//! The list of checks, for the code and for the documentation.

use super::azure::Azure;
use super::{Code, Seen};
use super::{access, definition, identity, managed_image, network, place, regions, source};
use super::{staging, steps, storage, version, vm};

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
    pub(super) async fn run(self, azure: &Azure<'_>) -> Vec<Seen> {
        match self {
            Self::ImageBuilder => place::image_builder(azure).await,
            Self::Regions => regions::check(azure).await,
            Self::Providers => place::providers(azure).await,
            Self::ResourceGroup => place::resource_group(azure).await,
            Self::Source => source::check(azure).await,
            Self::Steps => steps::check(azure).await,
            Self::Definition => definition::check(azure).await,
            Self::ManagedImage => managed_image::check(azure).await,
            Self::Version => version::check(azure).await,
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
        "Microsoft.VirtualMachineImages is registered in the subscription, and offered in the region of the template",
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
        "the providers that a build uses on the way are registered: Compute, Network, Storage, KeyVault, ContainerInstance, ManagedIdentity",
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
        "the marketplace image is offered in the region (else the nearest SKU is named), is not at its end, and its plan is given if it is sold with one; the managed image or image version is there, generalized, complete, and in the region",
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
        "the source can become one, if that is the target: it is x64 and demands no security type",
        "as for the source",
        Kind::ManagedImage,
    ),
    check(
        "image version",
        "a version that the inputs fix does not exist yet, not even as the leftover of a build that failed",
        "Microsoft.Compute/galleries/images/versions/read",
        Kind::Version,
    ),
    check(
        "managed identity",
        "the identity of the template, and those of the build VM, exist",
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
        "they exist; the container subnet is delegated to Microsoft.ContainerInstance/containerGroups; without one, policies for private link services are off; there is a way out",
        "Microsoft.Network/virtualNetworks/subnets/read",
        Kind::Subnets,
    ),
    check(
        "VM size",
        "the subscription can have it in the region (that of the proxy VM, too), it starts images of the source's generation and architecture, and the quotas of its family and of the region have room",
        "Microsoft.Compute/skus/read, locations/usages/read, locations/vmSizes/read",
        Kind::VmSize,
    ),
    check(
        "storage account",
        "it exists, and its firewall lets agent and build in",
        "Microsoft.Storage/storageAccounts/read",
        Kind::StorageAccount,
    ),
    check(
        "staging resource group",
        "it is empty, in the region of the template, and no other template has it",
        "Microsoft.Resources/subscriptions/resourceGroups/read, resources/read",
        Kind::StagingGroup,
    ),
    check(
        "time limit of the job",
        "it is longer than that of the build",
        "none: the agent tells it",
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
pub(super) const STEPS: Code = "AIB720";

/// Every code with its meaning, in the order of the codes.
pub const CODES: &[(Code, &str)] = &[
    (PROVIDER, "A resource provider is not registered"),
    (
        REGION,
        "A region does not exist, or the image builder is not offered in it",
    ),
    (GROUP, "The resource group does not exist"),
    (
        SOURCE,
        "The source of the image does not exist, or no VM starts from it",
    ),
    (RETIRED, "The source of the image is at its end, or near it"),
    (
        PURCHASE_PLAN,
        "The plan of a marketplace image is missing or needless",
    ),
    (DEFINITION, "The image definition does not exist"),
    (
        MISMATCH,
        "The source does not fit the image definition, the managed image, or the size of the build VM",
    ),
    (VERSION, "The image version exists already"),
    (IDENTITY, "A managed identity does not exist"),
    (IDENTITY_RIGHTS, "The identity lacks a permission"),
    (OWN_RIGHTS, "The service connection lacks a permission"),
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
    (
        STEPS,
        "A step is for another operating system than that of the source",
    ),
];
