//! The codes of errors that are no known failure of the catalogue.

use http::StatusCode;

use super::Error;
use crate::arm::{Cause, Failure};
use crate::check::Finding;
use crate::diagnosis::UNKNOWN;
use crate::inventory::NotCompared;

pub(super) const NETWORK: &str = "AIB204";
pub(super) const REFUSED: &str = "AIB301";
pub(super) const UNREACHABLE: &str = "AIB302";
pub(super) const UNREADABLE: &str = "AIB303";
pub(super) const SUBMISSION: &str = "AIB304";
pub(super) const NOT_STARTED: &str = "AIB305";
pub(super) const TOO_NEW: &str = "AIB306";
pub(super) const RUN_CANCELED: &str = "AIB402";
pub(super) const DEADLINE: &str = "AIB403";
pub(super) const NO_IMAGE: &str = "AIB404";
pub(super) const CANCELED: &str = "AIB405";
pub(super) const NO_TEMPLATE: &str = "AIB801";
pub(super) const SEVERAL_TEMPLATES: &str = "AIB802";
pub(super) const NOT_OURS: &str = "AIB803";
/// Code of "the image is not ready in the time given".
pub const NOT_READY: &str = "AIB804";
pub(super) const NEVER_RUN: &str = "AIB805";
/// Code of "what an earlier attempt left is deleted".
pub const DROPPED: &str = "AIB806";
pub(super) const NO_IMAGE_NAMED: &str = "AIB807";
/// Code of "the job was canceled, and the build continues".
pub const LEFT_RUNNING: &str = "AIB808";
/// Code of "the run has ended, and there is nothing to cancel".
pub const NOTHING_TO_CANCEL: &str = "AIB809";
/// Code of "a target got no image".
pub const PARTLY: &str = "AIB406";

/// The same code as of a promotion whose version is missing.
pub(super) const NO_VERSION: &str = "AIB821";
pub(super) const NO_HOST_POOL: &str = "AIB840";
/// Code of "machines run what the author does not want them to".
pub const FLEET_WRONG: &str = "AIB881";
/// Code of "not everything could be looked at".
pub const FLEET_NOT_SEEN: &str = "AIB882";
/// Code of "a change fails the step, whose image exists".
pub const CHANGE_FORBIDDEN: &str = "AIB873";
pub(super) const NO_INVENTORY: &str = crate::storage::CODE_READING;
/// Code of "the kept list is another one than the version's tag says".
pub const OTHER_INVENTORY: &str = "AIB875";
/// Code of "there was nothing to compare with, so no change could fail the step".
pub const NOTHING_TO_COMPARE: &str = "AIB877";
/// Code of "it is not known what the image holds".
pub const NO_CONTENTS: &str = "AIB871";
/// Code of "the image has no tags that tell of its contents".
pub const CONTENTS_NOT_TAGGED: &str = "AIB872";
/// Code of "the list of contents is not kept".
pub const CONTENTS_NOT_KEPT: &str = "AIB876";

pub(super) const NO_DEFINITION: &str = "AIB891";
pub(super) const USE_UNKNOWN: &str = "AIB892";
/// Code of "a version stays, because its deletion is blocked".
pub const KEPT_BLOCKED: &str = "AIB893";
/// Code of "a version stays, because it is locked or busy".
pub const KEPT_LOCKED: &str = "AIB894";
/// Code of "a version stays, because a permission is missing".
pub const KEPT_NO_PERMISSION: &str = "AIB895";

impl Error {
    /// The stable code, listed in `docs/failures.md`: that of the known failure behind the error, or that of the kind of error.
    pub fn code(&self) -> &'static str {
        if let Some(known) = self.diagnosis() {
            return known.entry.code;
        }
        match self {
            Self::Network(_) => NETWORK,
            Self::SignIn(failure) => failure.code,
            Self::Preflight(findings) => {
                let code = findings.first().and_then(Finding::code);
                code.unwrap_or(REFUSED)
            }
            Self::Azure(failure) | Self::Gone(failure) => of_failure(failure),
            Self::Submission { .. } => SUBMISSION,
            Self::NotStarted { .. } => NOT_STARTED,
            Self::Run { explanation, .. } => explanation.code,
            Self::RunCanceled { .. } => RUN_CANCELED,
            Self::Deadline { .. } => DEADLINE,
            Self::NoImage { failure, .. } => match failure {
                Some(failure) if !failure.is(StatusCode::NOT_FOUND) => of_failure(failure),
                Some(_) | None => NO_IMAGE,
            },
            Self::NoTemplate { .. } => NO_TEMPLATE,
            Self::SeveralTemplates { .. } | Self::SeveralImages { .. } => SEVERAL_TEMPLATES,
            Self::NotOurs { .. } => NOT_OURS,
            Self::NoDefinition { .. } => NO_DEFINITION,
            Self::NoHostPool { .. } => NO_HOST_POOL,
            Self::UseUnknown { .. } => USE_UNKNOWN,
            Self::NotReady { .. } => NOT_READY,
            Self::NeverRun { .. } => NEVER_RUN,
            Self::NoImageNamed { .. } => NO_IMAGE_NAMED,
            Self::Canceled => CANCELED,
            Self::Release(refused) => refused.code().unwrap_or(REFUSED),
            Self::Rollout(refused) | Self::RolloutNotReady(refused) => refused.code,
            Self::NotCompared { why, .. } => of_not_compared(why),
            Self::Package(failure) => failure.code(),
        }
    }
}

fn of_not_compared(why: &NotCompared) -> &'static str {
    match why {
        NotCompared::NoVersion(_) => NO_VERSION,
        NotCompared::Azure(_)
        | NotCompared::Storage(_)
        | NotCompared::NoList { .. }
        | NotCompared::Nothing(_) => NO_INVENTORY,
    }
}

fn of_failure(failure: &Failure) -> &'static str {
    match &failure.cause {
        Cause::SignIn(failure) => failure.code,
        Cause::Refused(_) => REFUSED,
        Cause::Unreachable { .. } => UNREACHABLE,
        Cause::Unreadable(_) => UNREADABLE,
        Cause::TooNew { .. } => TOO_NEW,
    }
}

/// Every code with its meaning, in the order of the codes; those of inputs are [`crate::inputs::CODES`].
pub const CODES: &[(&str, &str)] = &[
    (
        "AIB201",
        "Microsoft Entra ID refused the service connection",
    ),
    ("AIB202", "Azure Pipelines issued no identity token"),
    (
        "AIB203",
        "The federated credential of the service connection is missing or different",
    ),
    (
        NETWORK,
        "The certificate authorities of the agent cannot be used",
    ),
    (
        "AIB205",
        "The certificate of the service connection cannot be used",
    ),
    (
        "AIB206",
        "The managed identity of the agent issues no token",
    ),
    ("AIB207", "The Azure CLI issues no token"),
    ("AIB208", "The cloud does not say where to sign in"),
    (
        "AIB209",
        "Every server is trusted, because of the agent's configuration (warning)",
    ),
    (
        REFUSED,
        "Azure refused a request, for a reason that is not in the list of known failures",
    ),
    (UNREACHABLE, "Azure could not be reached"),
    (UNREADABLE, "Azure's response cannot be read"),
    (
        SUBMISSION,
        "Azure accepted the template but could not provision it, for a reason that is not in the list of known failures",
    ),
    (
        NOT_STARTED,
        "There is no sign that the run was started, or Azure does not say whether it was",
    ),
    (
        TOO_NEW,
        "The template has members that the cloud's version of the image builder does not support",
    ),
    (
        UNKNOWN,
        "The run failed, for a reason that is not in the list of known failures",
    ),
    (RUN_CANCELED, "Someone canceled the run in Azure"),
    (
        DEADLINE,
        "The run, or the change of an image version, did not end in time",
    ),
    (
        NO_IMAGE,
        "The run succeeded, but Azure does not say which image it created",
    ),
    (CANCELED, "The job was canceled"),
    (
        PARTLY,
        "The run partially succeeded, or a target has no image although others do (warning)",
    ),
    ("AIB501", "The package cannot be packed"),
    ("AIB502", "The storage account was not found"),
    ("AIB503", "The package cannot be uploaded"),
    ("AIB504", "There is no link to the package"),
    ("AIB505", "The package cannot be deleted"),
    (
        "AIB506",
        "The package contains a Git repository with its whole history (warning)",
    ),
    ("AIB507", "The package is large (warning)"),
    (
        "AIB508",
        "An account key of the storage account is used, because a role assignment is missing (warning)",
    ),
    ("AIB601", "A resource remains in Azure (warning)"),
    (NO_TEMPLATE, "There is no such image template"),
    (
        SEVERAL_TEMPLATES,
        "The pipeline run has several image templates",
    ),
    (
        NOT_OURS,
        "The image template was not created by this task, is of another pipeline run or step, or is running already",
    ),
    (
        NOTHING_TO_CANCEL,
        "There is nothing to cancel, because the run has ended (warning)",
    ),
    (
        NO_VERSION,
        "There is no such image version, or it is being deleted",
    ),
    (
        "AIB822",
        "The image version, or the copy of it, is in state Failed",
    ),
    ("AIB823", "The image version lacks a required tag"),
    ("AIB824", "The image version has no replica in a region"),
    (
        "AIB825",
        "The image version counts, but another one stays the latest in a region (warning)",
    ),
    (
        "AIB826",
        "The image definition of the copy does not exist, or is for other images",
    ),
    (
        "AIB827",
        "The number of the image version is taken, or belongs to a deleted version that can be restored",
    ),
    (
        "AIB828",
        "A region would have no latest image version, or has none any longer (warning)",
    ),
    (
        "AIB829",
        "The end of life of the image version or its definition is past (warning)",
    ),
    (
        "AIB839",
        "The image version that is rolled out is withdrawn, or excluded from latest (warning)",
    ),
    (NO_HOST_POOL, "There is no such host pool"),
    (
        "AIB841",
        "The image version has no replica where the session hosts are",
    ),
    (
        "AIB842",
        "The host pool is of another kind than the roll-out method needs",
    ),
    ("AIB843", "The host pool has no session host configuration"),
    (
        "AIB844",
        "The image version is in another subscription than the host pool",
    ),
    (
        "AIB845",
        "Operating system, generation, architecture or security type of the image do not fit the session hosts",
    ),
    (
        "AIB846",
        "Another session host update is in progress, or waits for Retry or Cancel",
    ),
    ("AIB847", "The session host configuration was not changed"),
    (
        "AIB848",
        "The session host update was accepted, and the service shows none",
    ),
    (
        "AIB849",
        "A session host has another image after the update, or will get one when it is made (warning)",
    ),
    ("AIB850", "The session host update was canceled in Azure"),
    ("AIB851", "The session host update is paused (warning)"),
    (
        "AIB852",
        "Too few session hosts have the image to serve the users of the others",
    ),
    (
        "AIB853",
        "A session host with the image is not healthy (a warning if enough others are)",
    ),
    ("AIB854", "The name of a new session host is taken"),
    (
        "AIB855",
        "The template's parameter for the registration token is not a secure string",
    ),
    (
        "AIB856",
        "The deployment of session hosts failed, or took too long",
    ),
    (
        "AIB857",
        "All new session hosts are created at once, without a canary (warning)",
    ),
    ("AIB858", "The session host update failed"),
    (
        "AIB859",
        "A scaling plan is enabled for the host pool (a warning unless the hosts are replaced by a session host update)",
    ),
    (
        "AIB861",
        "A check of a test failed, or ran out of time; also a warning about a failed version that is the latest one, and about tests that may be missing",
    ),
    ("AIB862", "The image did not boot"),
    (
        "AIB863",
        "The image version did not get the tags of its test (warning)",
    ),
    (
        "AIB865",
        "The image has no replica in the region of the test",
    ),
    ("AIB866", "The VM of a failed test stays (warning)"),
    (
        "AIB867",
        "The VM of a test could not be created, or a check could not be run in it",
    ),
    (
        NO_CONTENTS,
        "The build log has no whole inventory, so the contents of the image are not known (warning)",
    ),
    (
        CONTENTS_NOT_TAGGED,
        "The tags of the SBOM were not written on the image version (warning)",
    ),
    (
        CHANGE_FORBIDDEN,
        "The image has a change that fails the step; the image exists",
    ),
    (
        NO_INVENTORY,
        "The list of contents of an image version is not kept, or cannot be read",
    ),
    (
        OTHER_INVENTORY,
        "The kept list of contents is not the one that the image version's tag names (warning)",
    ),
    (
        CONTENTS_NOT_KEPT,
        "The SBOM is not kept in storage, because the upload was refused or its name is taken (warning)",
    ),
    (
        NOTHING_TO_COMPARE,
        "There was nothing to compare with, so no change could fail the step (warning)",
    ),
    (
        FLEET_WRONG,
        "A condition of `failWhen` is met: machines run an image that they should not run",
    ),
    (
        FLEET_NOT_SEEN,
        "The report could not read everything (a warning without `failWhen`)",
    ),
    (NO_DEFINITION, "The image definition does not exist"),
    (
        USE_UNKNOWN,
        "It is not known which image versions are in use, so none is deleted",
    ),
    (
        KEPT_BLOCKED,
        "An image version is kept because its deletion is blocked until its end of life (warning)",
    ),
    (
        KEPT_LOCKED,
        "An image version is kept because it is locked or busy (warning)",
    ),
    (
        KEPT_NO_PERMISSION,
        "An image version is kept because a permission is missing (warning)",
    ),
    (
        NOT_READY,
        "The image is not ready in the time given, and the build continues (a warning with `whenNotReady: succeedWithIssues`)",
    ),
    (NEVER_RUN, "The image template has never been run"),
    (
        DROPPED,
        "What an earlier attempt at the step left is of no use, and is deleted (warning)",
    ),
    (
        NO_IMAGE_NAMED,
        "The run of a template that this task did not create names no image",
    ),
    (
        LEFT_RUNNING,
        "The job was canceled, and the build continues in Azure or is still being canceled (warning)",
    ),
    ("AIB901", "The task has no program for the agent's platform"),
    (
        "AIB902",
        "The program could not be started, or ended without a result",
    ),
    ("AIB903", "Internal error of the task"),
];
