//! What every part of a retention works with.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::event::Events;
use super::outcome::{Fate, Warned};
use super::reason::Reason;
use crate::arm::gallery::Version;
use crate::arm::{Arm, Failure};
use crate::inputs::Retain;
use crate::resource::{ResourceId, quoted};

/// How often a line says that a change or a deletion goes on.
pub(super) const NEWS: Duration = Duration::from_secs(120);

/// The inputs, the client of Azure, the receiver of events, and the signal of a cancel.
pub(super) struct Retention<'a> {
    pub(super) retain: &'a Retain,
    pub(super) arm: &'a Arm,
    pub(super) events: &'a dyn Events,
    pub(super) stop: &'a CancellationToken,
}

impl Retention<'_> {
    /// All versions, or a failure: with a part of them nothing can be decided.
    pub(super) async fn list(&self) -> Result<Vec<Version>, Failure> {
        self.arm.versions(&self.retain.definition).await
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }
}

/// A version that is to be changed or deleted.
pub(super) struct Candidate<'a> {
    /// As it was listed.
    pub(super) version: &'a Version,
    /// Made of the definition's id and the number: an id in an answer is not used as an address.
    pub(super) id: ResourceId,
}

impl Candidate<'_> {
    /// The id of the image definition, as a word of a command.
    pub(super) fn definition(&self) -> String {
        quoted(self.id.parent().as_ref().unwrap_or(&self.id).as_str())
    }
}

/// What became of a candidate.
pub(super) struct Ended {
    pub(super) fate: Fate,
    pub(super) warned: Option<Warned>,
}

impl Ended {
    pub(super) fn of(fate: Fate) -> Self {
        Self { fate, warned: None }
    }

    pub(super) fn kept(reason: Reason) -> Self {
        Self::of(Fate::Kept(vec![reason]))
    }
}

/// Whether nothing that someone decides on has changed since the first look.
pub(super) fn is_same(one: &Version, other: &Version) -> bool {
    one.state == other.state
        && one.excluded == other.excluded
        && one.regions == other.regions
        && one.tags == other.tags
        && one.published == other.published
        && one.end_of_life == other.end_of_life
        && one.blocks_deletion == other.blocks_deletion
}
