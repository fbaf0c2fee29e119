//! What happens during a build, as data. Whoever listens decides how it reads.

use std::path::PathBuf;
use std::time::Duration;

use super::distribution::Output;
use super::image::Image;
use super::leftover::{KeepReason, Leftover, NotRemoved};
use crate::arm::gallery::RegionState;
use crate::arm::template_state::RunState;
use crate::check::Finding;
use crate::inventory::{NoList, NotKept};
use crate::log::Step;
use crate::resource::{ResourceGroupId, ResourceId};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What a look at everything that the build needs found, and does not stop it.
    Suspected(Vec<Finding>),
    /// Azure has said which version of the marketplace image the build starts from.
    SourceVersion(String),
    /// The package is about to be read and sent.
    Packing {
        /// The folder on the agent.
        folder: String,
        /// Where it goes: `container/blob`.
        blob: String,
    },
    /// A Git repository, with all its history, goes along with the package.
    RepositoryInPackage,
    /// The package is so large that it may be a mistake.
    LargePackage {
        /// Length of all its files.
        bytes: u64,
    },
    /// The service connection lacks a role for the package's account, and a key of the account does instead.
    KeyInsteadOfRole {
        /// The account's name.
        account: String,
        /// Who refused what.
        why: String,
        /// How to give the role.
        hint: String,
    },
    /// The package is in storage from an earlier run, and nothing is sent.
    PackageReused {
        /// Where: `container/blob`.
        blob: String,
        /// Bytes of the archive.
        bytes: u64,
    },
    /// Packages of earlier runs were removed.
    OldPackagesRemoved {
        /// How many.
        count: usize,
    },
    /// Packages of earlier runs could not be removed.
    OldPackagesRemain {
        /// Why.
        reason: String,
    },
    /// The newest image version was made of the same: nothing is built.
    Unchanged {
        /// Its number.
        version: String,
    },
    /// It cannot be told whether anything has changed, so an image is built.
    ChangeUnknown {
        /// Why.
        reason: String,
    },
    /// The package is read by an identity, without a link.
    ReadByIdentity {
        /// Name of the identity.
        identity: String,
    },
    /// A package of some size is on its way; said once in a while.
    Uploading(UploadProgress),
    /// The package is in storage.
    Packed {
        /// Number of files in it.
        files: u64,
        /// Bytes read from the folder.
        bytes_read: u64,
        /// Bytes of the archive.
        bytes_sent: u64,
        /// From the first byte read to the blob's being there.
        elapsed: Duration,
    },
    /// The template is about to be submitted.
    Submitting,
    /// Azure is provisioning the template; said once in a while.
    Provisioning {
        /// Since it was submitted.
        elapsed: Duration,
    },
    /// The template is provisioned.
    Submitted {
        /// Resource id of the group in which the build will happen, if Azure tells it.
        staging_group: Option<ResourceGroupId>,
        /// Since it was submitted.
        elapsed: Duration,
    },
    /// The run is about to be started.
    Starting,
    /// A template is being deleted by someone else, and this step waits until it is gone; said at once, and every two minutes.
    BeingDeleted {
        /// Its name.
        template: String,
        /// Since the waiting began.
        elapsed: Duration,
    },
    /// Something is still being deleted; said every two minutes.
    StillDeleting {
        /// What.
        leftover: Leftover,
        /// Since its deletion began.
        elapsed: Duration,
        /// What Azure said to the last request that did not succeed.
        reason: Option<String>,
    },
    /// The request to start the run has no good answer, so the template has to show whether there is one.
    StartUncertain {
        /// What came of the request.
        reason: String,
    },
    /// The template still shows no run; said every two minutes.
    StartUnseen {
        /// Since the template has been read for it.
        elapsed: Duration,
    },
    /// Nothing shows a run although it was asked for, so it is asked for once more.
    StartingAgain {
        /// What came of the first request.
        reason: String,
    },
    /// The run has come to a new state.
    RunChanged {
        /// Where the run stands.
        state: RunState,
        /// `Building`, `Customizing`, `Distributing` ...
        sub_state: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
    },
    /// The run is where it was; said every two minutes.
    StillRunning {
        /// `Building`, `Customizing`, `Distributing` ...
        sub_state: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
    },
    /// One source says that the run has ended, and the other one not yet; said every two minutes.
    EndUnconfirmed {
        /// Since the run was started.
        elapsed: Duration,
    },
    /// A question was not answered; the build continues.
    NoAnswer {
        /// Why.
        reason: String,
    },
    /// The run is over and Azure has closed its books.
    RunEnded {
        /// Since the run was started.
        elapsed: Duration,
    },
    /// A customizer, or a step of the service, has started in the build VM.
    StepStarted {
        /// What it is called.
        name: String,
    },
    /// A line of the build's own output. Foreign text.
    BuildOutput(String),
    /// The step has ended. What Packer says after a failure does not belong to the step.
    StepEnded {
        /// How long it was seen.
        elapsed: Duration,
        /// Whether it failed.
        failed: bool,
    },
    /// The output of the build cannot be seen while it runs.
    NoLiveLog {
        /// Why, and what would help.
        reason: String,
    },
    /// The replication of the image version has come to a new state.
    Replicating {
        /// The version's number.
        version: String,
        /// Where it goes.
        regions: Vec<RegionState>,
    },
    /// A log of the build is on the agent.
    LogSaved {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Its lines.
        lines: u64,
        /// The steps that it tells of, and what they are called.
        steps: Vec<(String, Step)>,
    },
    /// The log of the build cannot be had.
    NoLog {
        /// Why, and what would help.
        reason: String,
    },
    /// The run output names no image, and the image that this run made was found by what it was made of.
    FoundAtTarget {
        /// The id of the image or image version.
        image: String,
        /// Why the run output names none.
        reason: String,
    },
    /// What there is to say of the list of the image's contents.
    Contents(ContentsEvent),
    /// The run failed, and some targets have their image nevertheless.
    Distributed(Vec<Output>),
    /// The image is there.
    Built(Box<Image>),
    /// The job was canceled, and the run is being told.
    Canceling,
    /// It is not known whether the cancel arrived.
    CancelNotConfirmed {
        /// Why.
        reason: String,
    },
    /// Removal of what the build needed begins.
    CleaningUp,
    /// From here on this thing may exist. Said before the request that makes it.
    Registered(Leftover),
    /// This thing is gone.
    Removed(Leftover),
    /// This thing is not there: it was not created by us after all, or is gone already.
    NotThere(Leftover),
    /// This thing stays on purpose.
    Kept(Leftover, KeepReason),
    /// This job does not remove this thing: a run goes on that needs it.
    Released(Leftover),
    /// This stays, and cannot be removed now.
    NotRemoved(Box<NotRemoved>),
    /// The tag that keeps a template, or the VM of a test, could not be written.
    KeepTagNotWritten {
        /// What stays: `template`, `VM 'tst-1'`.
        what: String,
        /// Why.
        reason: String,
    },
    /// The job was canceled, and the run continues.
    LeftRunning {
        /// The template.
        template: ResourceId,
    },
    /// A run that is there is followed.
    Following {
        /// The template.
        template: ResourceId,
        /// Name of the run output of its first target.
        run_output: String,
        /// Resource id of the group in which the build happens, if Azure tells it.
        staging_group: Option<ResourceGroupId>,
        /// How long ago the run began, if it has.
        since: Option<Duration>,
        /// Which build of which pipeline made the template, as far as it is known.
        by: Option<String>,
    },
    /// Azure has started another run of the template meanwhile.
    AnotherRun,
    /// The template is gone, and the image was found by its tags.
    FoundByTags {
        /// The number of the version, or the name of the image.
        name: String,
    },
    /// An earlier attempt at this step has made the image.
    EarlierImage {
        /// The number of the version, or the name of the image.
        name: String,
    },
    /// The template of an earlier attempt is being provisioned.
    EarlierProvisioning {
        /// Its name.
        template: String,
    },
    /// The template of an earlier attempt has never run.
    EarlierNotStarted {
        /// Its name.
        template: String,
    },
    /// The run of an earlier attempt is on.
    EarlierRunning {
        /// Since it began.
        elapsed: Duration,
    },
    /// The run of an earlier attempt has ended well.
    EarlierEnded,
    /// The run of an earlier attempt has ended without an image.
    EarlierFailed {
        /// How it ended.
        state: RunState,
    },
    /// The template of an earlier attempt is of no use, and is deleted.
    EarlierDiscarded {
        /// Its name.
        template: String,
        /// Why, as the rest of a sentence about it.
        why: String,
    },
    /// Packages that earlier attempts left were deleted.
    OrphanedPackagesRemoved {
        /// How many.
        count: usize,
    },
}

/// What there is to say of the list of an image's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentsEvent {
    /// There is none.
    None {
        /// Why: the rest of a sentence.
        reason: NoList,
        /// Whether the log of the build was there to read.
        log: bool,
    },
    /// It is known.
    Listed {
        /// Name and version of the operating system.
        system: String,
        /// How many packages and programs.
        components: usize,
        /// What could not be listed: `snap`.
        incomplete: Vec<String>,
    },
    /// A file with it is on the agent.
    Saved {
        /// The file.
        path: PathBuf,
        /// Whether it is that of the first image, which is the one that is reported.
        is_first: bool,
    },
    /// A file with it could not be written.
    NotSaved {
        /// Why.
        reason: String,
    },
    /// It is kept for later versions.
    Kept {
        /// Where, in words.
        blob: String,
    },
    /// It is not kept for later versions.
    NotKept {
        /// The container in which it should be.
        container: String,
        /// Number of the image version.
        version: String,
        /// Why.
        why: Box<NotKept>,
    },
    /// The tags of the image version are about to be changed.
    Tagging {
        /// Number of the image version.
        version: String,
    },
    /// The image version is being changed; said now and then.
    Busy {
        /// Number of the image version.
        version: String,
        /// Its state: `Updating`.
        state: String,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// The image version has no tags that tell of it.
    NotTagged {
        /// The image version.
        version: ResourceId,
        /// Why.
        reason: String,
        /// Whether a permission is missing.
        is_forbidden: bool,
    },
}

/// How far a package has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// How much of the folder was read, in percent.
    pub percent: u8,
    /// Bytes of the archive that were sent each second.
    pub bytes_per_second: u64,
    /// How long the rest takes if it goes on like that; unknown at the beginning.
    pub remaining: Option<Duration>,
}

/// Listens to a build.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
