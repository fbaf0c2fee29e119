//! What the sources leave open, or what changed over the years: one switch each, the default being what the newest evidence says.

mod desktops;
mod versions;

use std::time::Duration;

use crate::progress::{Fate, Progress, RunFate};

pub use desktops::{
    BadConfiguration, DesktopSwitches, ListScope, MissingToken, SecondDeletion, SecondUpdate,
    StatusMembers, UpdateTimes,
};
pub use versions::{Busy, NestedResources, SoftDeletedName, VersionSwitches};

/// The form of the URLs of long-running operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationUrls {
    /// About 3.3 kB with a signature that covers the whole query (recorded since December 2023).
    Signed,
    /// Only the api-version (recorded until August 2023).
    Plain,
}

/// The end of the operation of a run that was canceled; never recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanceledOperation {
    /// `Canceled`, which Azure Resource Manager defines as a terminal status.
    Canceled,
    /// `Failed` with an error.
    Failed,
    /// `Succeeded`.
    Succeeded,
}

/// The number of a gallery image version when the template neither fixes it nor has `versioning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultVersion {
    /// `1.0.0` in an empty definition (recorded with 2023-07-01), else the highest version with its patch raised.
    Latest,
    /// Like `0.25342.22189` (recorded with 2022-02-14 in August 2022).
    DateLike,
}

/// What becomes of read-only members in a PUT body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnlyMembers {
    /// They are ignored, which is the habit of Azure Resource Manager.
    Ignored,
    /// They are refused with `ValidationFailed`, to find a client that sends them.
    Refused,
}

/// Who reads the blobs of staging accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingAccess {
    /// Who has a key: roles are given on groups that exist before a build.
    Key,
    /// Everybody by a role, and nobody by a key.
    Role,
    /// Nobody.
    Nobody,
}

/// The end of the operation of a run that reached some of its targets; never recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialOperation {
    /// `Succeeded`.
    Succeeded,
    /// `Failed`, with the message of the run.
    Failed,
}

/// Whether images say of which VHD in which storage account they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageDisk {
    /// They do (recorded of a managed image in 2020, of a version in 2023).
    Named,
    /// They don't.
    Unnamed,
}

/// What a PATCH does with tags; recorded for none that names other tags than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchedTags {
    /// They take the place of the old ones.
    Replaced,
    /// They are added to the old ones; so are those of the targets of a template.
    Merged,
}

/// Where the lines of validators go when a template only validates its source; documented beside the customization log, never recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationLog {
    /// Into `validation.log` beside `customization.log`.
    Separate,
    /// Into `customization.log`.
    Shared,
    /// Into `validation.log`, and there is no `customization.log`.
    Alone,
}

/// All switches of the emulator.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one open question")]
pub struct Switches {
    /// How fast long-running work moves on. Default: by the clock, with the default of [`crate::Durations`].
    pub progress: Progress,
    /// How runs end for which nothing else was scripted. Default: [`RunFate::Succeed`].
    pub run: RunFate,
    /// How provisioning of a valid template ends. Default: [`Fate::Deserved`].
    pub provisioning: Fate,
    /// How the deletion of a template ends. Default: [`Fate::Deserved`].
    pub deletion: Fate,
    /// A canceled run stays `Canceling` for ever, as was reported now and then. Default: no.
    pub cancel_never_ends: bool,
    /// How long the call of cancel takes before it answers. Default: 10 s, as in 2025.
    pub cancel_call: Duration,
    /// What the operation of a canceled run ends with. Default: `Canceled`.
    pub canceled_operation: CanceledOperation,
    /// What the operation of a run ends with that reached some of its targets. Default: `Succeeded`.
    pub partial_operation: PartialOperation,
    /// How long after the start of a run `lastRunStatus` is what it was before. Default: not at all, as recorded (within a second).
    pub run_shows_after: Duration,
    /// How long after the end of a run its run outputs answer 404. Default: not at all, as recorded; Azure Resource Manager reads from
    /// replicas, and was reported to answer 404 for what it has just made.
    pub run_outputs_after: Duration,
    /// Whether images say of which VHD in which storage account they were made. Default: yes, as recorded.
    pub image_disk: ImageDisk,
    /// The form of operation URLs. Default: signed.
    pub operation_urls: OperationUrls,
    /// `Retry-After` in seconds on answers that start an operation, and on GETs of an operation in progress. Default: none from the image builder,
    /// `Retry-After` in seconds on answers that start an operation, and on GETs of an operation in progress. Default: none from the image builder,
    /// 60 from Microsoft.Compute, 60 and 15 from Microsoft.DesktopVirtualization, as recorded; then on the status of a session host update, too.
    pub retry_after: Option<u32>,
    /// The HTTP status of `OperationNotAllowed`. Default: 409; 405 was reported for delete.
    pub not_allowed_status: u16,
    /// The HTTP status of DELETE of a template that does not exist. Default: 204, as the definition says; else 404.
    pub delete_missing_status: u16,
    /// The number of a gallery image version without other instructions. Default: [`DefaultVersion::Latest`].
    pub default_version: DefaultVersion,
    /// What becomes of read-only members in a PUT body. Default: ignored.
    pub read_only_members: ReadOnlyMembers,
    /// A template with an identity that does not exist is refused at once, with `FailedIdentityOperation`. Default: no, provisioning fails.
    pub refuse_missing_identity: bool,
    /// The newest api-version of the image builder that this cloud offers; newer ones are refused with `NoRegisteredProviderFound`. Default: all.
    pub newest_builder_version: Option<String>,
    /// Every `n`th GET of a template during a run answers 500 "Internal error occurred" (danielsollondon/azvmimagebuilder#129).
    /// Default: never.
    pub internal_error_every: Option<u32>,
    /// Who reads the blobs of staging accounts. Default: who has a key.
    pub staging_access: StagingAccess,
    /// Whether builds happen in a container of the staging group, whose output can be read. Default: yes; the service decides from run to run.
    pub isolated_builds: bool,
    /// How far the date of a request that is signed with a storage key may be from the cloud's clock. Default: 15 min, as documented; a test
    /// that lets the cloud's clock run ahead of the client's needs more.
    pub clock_skew: Duration,
    /// What a build writes into its log. Default: a log made from the template.
    pub log: Option<Vec<u8>>,
    /// A template that only validates its source writes its targets nevertheless. Default: yes; never recorded.
    pub source_validation_writes: bool,
    /// A template that only validates its source may be without targets. Default: no, as the definition implies; never recorded.
    pub source_validation_needs_no_target: bool,
    /// Where the lines of its validators go. Default: into a log of their own.
    pub validation_log: ValidationLog,
    /// What the validators write. Default: a log made from the template.
    pub validation_lines: Option<Vec<String>>,
    /// How many templates a page of a list has. Default: 10, as recorded.
    pub page_size: usize,
    /// What is open about gallery image versions.
    pub versions: VersionSwitches,
    /// What is open about host pools, VMs and deployments.
    pub desktops: DesktopSwitches,
    /// What a PATCH of a template, a version or a gallery does with tags. Default: they are replaced.
    pub patched_tags: PatchedTags,
    /// Templates are answered with `systemData`. Default: no, as recorded; the definition has it.
    pub templates_have_system_data: bool,
    /// A list of resources by the name and the value of a tag has their tags. Default: no, as documented.
    pub tags_in_lists_by_tag: bool,
    /// How many resources a page of a list of Microsoft.Compute or Azure Resource Manager has. Default: 100; assumed.
    pub compute_page_size: usize,
    /// How far Resource Graph is behind. Default: 30 s.
    pub graph_lag: Duration,
    /// How many queries Resource Graph takes within 5 s before it answers 429. Default: 15.
    pub graph_quota: u32,
    /// `resultTruncated` is `true` where another page follows, as older pages of the documentation have it. Default: no, only where none can.
    pub graph_pages_are_truncated: bool,
    /// How long access tokens live. Default: 60 min.
    pub token_lifetime: Duration,
    /// The seed of all identifiers. Default: 1.
    pub seed: u64,
}

impl Switches {
    /// `Retry-After` of Microsoft.Compute, in seconds.
    /// That of operations upon host pools, which is `recorded` unless somebody wants another one.
    pub(crate) fn desktop_retry_after(&self, recorded: u32) -> String {
        self.retry_after.unwrap_or(recorded).to_string()
    }

    pub(crate) fn compute_retry_after(&self) -> u32 {
        self.retry_after.unwrap_or(60)
    }

    /// `Retry-After` of operations upon VMs, in seconds.
    pub(crate) fn machine_retry_after(&self) -> Option<u32> {
        self.desktops.machine_retry_after.or(self.retry_after)
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            progress: Progress::ByClock(Box::default()),
            run: RunFate::Succeed,
            provisioning: Fate::Deserved,
            deletion: Fate::Deserved,
            cancel_never_ends: false,
            cancel_call: Duration::from_secs(10),
            canceled_operation: CanceledOperation::Canceled,
            partial_operation: PartialOperation::Succeeded,
            run_shows_after: Duration::ZERO,
            run_outputs_after: Duration::ZERO,
            image_disk: ImageDisk::Named,
            operation_urls: OperationUrls::Signed,
            retry_after: None,
            not_allowed_status: 409,
            delete_missing_status: 204,
            default_version: DefaultVersion::Latest,
            read_only_members: ReadOnlyMembers::Ignored,
            refuse_missing_identity: false,
            newest_builder_version: None,
            internal_error_every: None,
            staging_access: StagingAccess::Key,
            isolated_builds: true,
            clock_skew: Duration::from_secs(15 * 60),
            log: None,
            source_validation_writes: true,
            source_validation_needs_no_target: false,
            validation_log: ValidationLog::Separate,
            validation_lines: None,
            page_size: 10,
            versions: VersionSwitches::default(),
            desktops: DesktopSwitches::default(),
            patched_tags: PatchedTags::Replaced,
            templates_have_system_data: false,
            tags_in_lists_by_tag: false,
            compute_page_size: 100,
            graph_lag: Duration::from_secs(30),
            graph_quota: 15,
            graph_pages_are_truncated: false,
            token_lifetime: Duration::from_secs(3600),
            seed: 1,
        }
    }
}
