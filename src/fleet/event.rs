//! What happens while machines are read, as data.

use std::time::Duration;

/// Something that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The versions of an image definition.
    Versions {
        /// The name of the definition.
        definition: String,
        /// How many there are.
        count: usize,
    },
    /// The session hosts of a pool.
    Hosts {
        /// The name of the pool.
        pool: String,
        /// How many there are.
        hosts: usize,
        /// How many users are on them.
        sessions: u64,
    },
    /// The service answers no more lists for now.
    Waiting {
        /// The name of the pool.
        pool: String,
        /// Until it is asked again.
        pause: Duration,
    },
    /// The VMs and scale sets outside of the pools.
    Machines {
        /// How many there are.
        count: usize,
    },
}

/// Listens.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
