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
