//! What happens during a test, as data, beside what happens to its resources ([`crate::run::event`]).

use std::path::PathBuf;
use std::time::Duration;

use super::image::TestedImage;
use super::verdict::Tested;
use crate::release::change::Progress;
use crate::resource::ResourceId;
use crate::run::event;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The image is there.
    Found(Box<TestedImage>),
    /// The image version is not complete in the region yet; said now and then.
    WaitingForReplica {
        /// The region.
        region: String,
        /// The state of the version.
        state: String,
        /// How far the replication to the region is, if Azure says it.
        percent: Option<u8>,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// Azure VM Image Builder is about to boot the image: what it does not have of a host.
    Limits,
    /// The log of the checks cannot be read, so single tests may be missing.
    TestsMayBeMissing,
    /// The verdict.
    Judged(Box<Tested>),
    /// The tags are being written.
    Tagging(Progress),
    /// The version has its tags.
    Tagged {
        /// Names and values.
        tags: Vec<(String, String)>,
    },
    /// The version did not get its tags.
    NotTagged {
        /// The version.
        image: ResourceId,
        /// Why.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The version has failed, and is the latest one in some regions.
    FailedLatest {
        /// The version.
        image: ResourceId,
        /// The regions.
        regions: Vec<String>,
    },
    /// Something about the VM that boots the image.
    Vm(super::vm::event::Event),
    /// A file that is to be attached to the run.
    Attach(PathBuf),
}

/// Listens to a test.
pub trait Events: event::Events {
    /// Takes note of `event`; returns when it is written down.
    fn tell(&self, event: Event);
}
