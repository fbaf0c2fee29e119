//! What happens while a version is promoted or withdrawn, as data. The words are in `report`.

use std::time::Duration;

use super::change::Progress;
use super::latest::LatestVersions;
use crate::resource::ResourceId;

/// A version that is promoted or withdrawn: the one that is named, or a copy of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub version: ResourceId,
    /// The region of the resource itself.
    pub location: String,
    /// The regions in which it is promoted or withdrawn.
    pub regions: Vec<String>,
    /// Whether it is a copy.
    pub is_copy: bool,
    /// Whether it was there before.
    pub existed: bool,
    /// The latest versions before.
    pub before: LatestVersions,
    /// Whether it counted before in one of these regions.
    pub counts: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The version that is named exists; with the latest versions of its image definition.
    Found(Subject),
    /// Another operation on it is in progress, and the step waits for its end.
    Waiting {
        /// Azure's word.
        state: String,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// The latest versions before anything is sent.
    Before(Subject),
    /// How things would be afterwards, as far as can be told now.
    Planned(LatestVersions),
    /// Nothing is sent, because it was only asked what would be. Whether there would be something to do.
    Preview {
        /// Whether something would be sent.
        changes: bool,
    },
    /// It is so already.
    Nothing {
        /// Why, where that is not plain.
        why: Option<&'static str>,
    },
    /// A change is on its way.
    Progress(Progress),
    /// The latest versions now, of the version of the last `Found`.
    Now {
        /// The latest version in each region.
        latest_versions: LatestVersions,
        /// Whether the version counts in one of its regions.
        counts: bool,
        /// Whether something was changed.
        changed: bool,
    },
    /// The list of deleted versions could not be read.
    NoLookAtDeleted {
        /// Why.
        reason: String,
    },
    /// Copies of the version that is withdrawn, which stay as they are.
    Copies(Vec<String>),
    /// How many machines run the version that is withdrawn.
    Users {
        /// Virtual machines.
        machines: usize,
        /// Scale sets.
        scale_sets: usize,
    },
    /// A problem that does not stop the step.
    Warning(Warning),
}

/// A problem that does not stop the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The stable code.
    pub code: &'static str,
    /// A sentence.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}

/// Receives the events of a promotion or a withdrawal.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
