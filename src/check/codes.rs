//! The codes of findings, for the checks and for the documentation.

/// The stable code of a finding, `AIB701`.
pub type Code = &'static str;

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
/// A step is for another system than the image.
pub const STEPS: Code = "AIB720";
/// As a copy has it that is to have the number.
pub(super) const RESTORABLE: Code = "AIB827";

/// Every code with its meaning, in the order of the codes.
pub const CODES: &[(Code, &str)] = &[
    (PROVIDER, "A resource provider is not registered"),
    (
        REGION,
        "A region does not exist, or the image builder is not available in it",
    ),
    (GROUP, "The resource group does not exist"),
    (
        SOURCE,
        "The source of the image does not exist, or no VM can start from it",
    ),
    (
        RETIRED,
        "The source of the image is deprecated, or will be soon",
    ),
    (
        PURCHASE_PLAN,
        "The purchase plan of a marketplace image is missing, or not needed",
    ),
    (DEFINITION, "The image definition does not exist"),
    (
        MISMATCH,
        "The source does not match the image definition, the managed image, or the size of the build VM",
    ),
    (VERSION, "The image version already exists"),
    (IDENTITY, "A managed identity does not exist"),
    (IDENTITY_RIGHTS, "The identity lacks a permission"),
    (OWN_RIGHTS, "The service connection lacks a permission"),
    (SUBNET, "A subnet does not exist"),
    (
        SUBNET_UNFIT,
        "A subnet does not meet the requirements of a build",
    ),
    (
        SIZE,
        "The VM size is not available to the subscription in the region",
    ),
    (QUOTA, "A quota of vCPUs is exceeded"),
    (
        ACCOUNT,
        "The storage account does not exist, or its firewall is closed",
    ),
    (
        STAGING,
        "The staging resource group does not meet the requirements of the service",
    ),
    (
        TIME_LIMIT,
        "The job can end before the build does, which cancels the build",
    ),
    (
        STEPS,
        "A step is for a different operating system than the source",
    ),
];
