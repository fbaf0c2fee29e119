//! What is told while new hosts are made. Words are found elsewhere.

use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A deployment is about to be sent.
    Deploying {
        /// Its name.
        deployment: String,
        /// The first host and the last one.
        hosts: (String, String),
        /// How many.
        count: u32,
    },
    /// A deployment that an earlier attempt has sent is followed.
    Following {
        /// Its name.
        deployment: String,
    },
    /// An earlier attempt has made these hosts.
    Made {
        /// The deployment's name.
        deployment: String,
    },
    /// A deployment goes on; said now and then.
    Going {
        /// Its name.
        deployment: String,
        /// Azure's word.
        state: String,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// Something of a deployment takes long.
    Slow {
        /// Type and name of the resource.
        resource: String,
        /// Since it was begun.
        duration: Duration,
    },
    /// A deployment has ended.
    Ended {
        /// Its name.
        deployment: String,
        /// Azure's word.
        state: String,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// A new host has registered, and is drained at once.
    Registered {
        /// Its name.
        host: String,
    },
    /// A question was not answered; it goes on.
    NoNews {
        /// Why.
        reason: String,
    },
    /// Users on old hosts were told to sign out.
    Messages {
        /// How many sessions.
        sessions: usize,
        /// On how many hosts.
        hosts: usize,
        /// How long they have; nothing where as long as they like.
        grace: Option<Duration>,
    },
    /// The time of grace is over.
    SigningOut {
        /// How many sessions.
        sessions: usize,
    },
    /// An old host still has users, so it stays as it is.
    Occupied {
        /// Its name.
        host: String,
        /// How many, where that is told.
        sessions: Option<u64>,
    },
    /// An old host is switched off and stays in the pool.
    Deallocated {
        /// Its name.
        host: String,
    },
    /// An old host and its VM are gone.
    Removed {
        /// Its name.
        host: String,
    },
    /// A new host and its VM are gone, because the roll-out failed.
    TakenBack {
        /// Its name.
        host: String,
    },
}
