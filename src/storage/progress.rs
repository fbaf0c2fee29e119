//! How far packing has come, for whoever asks while it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Two counters that several threads add to. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    read: AtomicU64,
    sent: AtomicU64,
}

impl Progress {
    /// Bytes of the package's files that were read.
    pub fn bytes_read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Bytes of the archive that are in storage.
    pub fn bytes_sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    pub(super) fn add_read(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or_default();
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_sent(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or_default();
        self.0.sent.fetch_add(bytes, Ordering::Relaxed);
    }
}
