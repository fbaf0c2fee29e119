//! What happens during a session host update, as data.

use std::time::Duration;

use crate::arm::desktops::UpdateStatus;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The image of the configuration is about to be changed: from, to, as tables call them.
    Configuring {
        /// The image that it has.
        from: String,
        /// The image that it gets.
        to: String,
    },
    /// The change goes on; said now and then.
    StillConfiguring {
        /// Azure's word.
        state: String,
        /// Since it was asked for.
        elapsed: Duration,
    },
    /// An update is about to be asked for.
    Starting,
    /// An update is followed that this attempt did not ask for.
    Following(UpdateStatus),
    /// Whether the update was asked for is not known; a look decides.
    Unanswered {
        /// Why.
        reason: String,
    },
    /// An update has come to a new state, or still is in it.
    Status {
        /// Where it is.
        status: UpdateStatus,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// A host has come to a new state.
    Host {
        /// Its name.
        name: String,
        /// Azure's word.
        status: String,
    },
    /// The service is asked to go on, or to stop.
    Control(&'static str),
    /// It does not do so, which is no failure of its own.
    Unwilling {
        /// What it was asked for.
        action: &'static str,
        /// Why it does not.
        reason: String,
    },
    /// The status could not be read for now.
    NoNews {
        /// Why.
        reason: String,
    },
    /// There was no host to update.
    NoHosts,
}

/// `UpdatingSessionHosts, 1 of 8`.
pub fn words(status: &UpdateStatus) -> String {
    let total = status.total.filter(|total| *total > 0);
    let total = total.map(|total| format!(", {} of {total}", status.completed));
    let failed = status.rollback_failed;
    let failed = (failed > 0).then(|| format!(", {failed} failed"));
    let at = status.scheduled.as_ref().filter(|_| status.is("Scheduled"));
    let at = at.map(|at| format!(" at {at}"));
    [Some(status.status.clone()), total, failed, at]
        .into_iter()
        .flatten()
        .collect()
}
