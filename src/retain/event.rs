//! What happens while versions are read, changed and deleted, as data. The words are in `report`.

use std::time::Duration;

use super::outcome::Verdict;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The versions of the definition were listed.
    Listed {
        /// How many there are.
        versions: usize,
    },
    /// Some places could not be looked at for who uses the versions.
    NotLookedAt(Vec<String>),
    /// It is decided which versions stay, and which go.
    Decided(Vec<Verdict>),
    /// A version is about to be changed or deleted.
    Starting {
        /// Its number.
        version: String,
    },
    /// It is not done yet; sent every two minutes.
    StillGoing {
        /// Its number.
        version: String,
        /// Azure's word.
        state: String,
        /// Since the request.
        elapsed: Duration,
    },
    /// A request for the state was not answered; the step goes on.
    NoNews {
        /// Why.
        reason: String,
    },
    /// A version was changed or deleted.
    Done {
        /// Its number.
        version: String,
        /// Since the request.
        elapsed: Duration,
    },
    /// What became of a version that was to go, and was neither changed nor deleted.
    Settled(Verdict),
}

/// Receives the events of a retention.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
