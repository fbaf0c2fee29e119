//! What happens to the VM of a test, as data.

use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A VM is about to be made.
    Creating {
        /// Its name.
        name: String,
        /// Its size.
        size: String,
        /// Its region.
        region: String,
        /// Its resource group.
        group: String,
    },
    /// Azure has taken the request for it: it boots.
    Asked,
    /// It is on its way up; said now and then.
    Booting {
        /// What Azure says of it.
        state: String,
        /// Since it was asked for.
        elapsed: Duration,
    },
    /// It runs, and its guest agent is ready.
    Ready {
        /// Since it was asked for.
        elapsed: Duration,
    },
    /// The answer to a request got lost; it is sent once more, because Azure shows no effect of it.
    Again {
        /// What came of the one before.
        reason: String,
    },
    /// A check is about to be started.
    CheckStarted {
        /// Its name.
        name: String,
    },
    /// It runs; said now and then.
    CheckRuns {
        /// Since it was started.
        elapsed: Duration,
    },
    /// Of an output the beginning is missing.
    OutputCut,
    /// A blob with the whole output cannot be read to its end, so what the run command has of it counts, too.
    OutputUnread {
        /// Why.
        reason: String,
    },
    /// It is longer than is read.
    OutputTooLong,
    /// The VM is about to be deleted, with all that belongs to it.
    CleaningUp,
    /// There is neither a picture of the screen nor a serial log.
    NoDiagnostics {
        /// Why.
        reason: String,
    },
    /// The VM of a failed test stays, because its author wants it.
    Kept {
        /// What it is called.
        what: String,
        /// The command that deletes it with all that it has.
        command: String,
    },
    /// What an earlier attempt left could not be listed.
    EarlierUnknown {
        /// Why.
        reason: String,
    },
    /// What an earlier attempt left is deleted.
    EarlierRemoved {
        /// How many VMs, network interfaces and disks.
        count: usize,
    },
}
