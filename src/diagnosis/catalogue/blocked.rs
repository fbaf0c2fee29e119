//! What is refused until someone changes something: waiting does not end it.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB070",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::CleanUp],
        pattern: r"cannot perform (\w+) operation because following scope\(s\) are locked: '([^']+)'",
        cause: "a lock on '$2' blocks the $1 operation",
        fix: "delete the lock first, and create it again afterwards",
        source: "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
        ..ENTRY
    },
    Entry {
        code: "AIB071",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::CleanUp],
        pattern: r"ReadOnlyDisabledSubscription",
        cause: "the subscription is disabled, so nothing in it can be changed",
        fix: "let the subscription's owner enable it again",
        source: "https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-disabled",
        ..ENTRY
    },
];
