//! What is packed, how far packing has come, and what came of it.

use crate::file::Exclusion;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checksum::Sha256;

/// How a package is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.zip`, which Windows can unpack by itself.
    Zip,
    /// `.tar.gz`, which every Linux can unpack by itself.
    TarGz,
}

impl Format {
    /// File name extension without the leading dot: `zip`, `tar.gz`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::TarGz => "tar.gz",
        }
    }
}

/// What went into an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Archived {
    /// Files and symbolic links.
    pub files: u64,
    /// Folders below the packed one.
    pub folders: u64,
    /// Length of all files together.
    pub bytes_read: u64,
    /// Length of the archive.
    pub bytes_written: u64,
    /// Checksum of the archive.
    pub sha256: Sha256,
}

/// What to upload, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSource {
    /// The folder; its contents are at the root of the archive.
    pub folder: PathBuf,
    /// What stays out of it.
    pub exclude: Exclusion,
    /// The archive's format.
    pub format: Format,
    /// The container; created unless it exists.
    pub container: String,
    /// The blob's name.
    pub blob_name: String,
    /// Set where other runs may use the blob, too; otherwise nobody else uses it.
    pub retained: Option<Retained>,
}

/// A package that several runs may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// The sum of what it holds.
    pub content: Sha256,
    /// A number of this run alone: two runs that send the same package at once must not mix their blocks.
    pub run: u128,
}

/// What is packed, and how.
#[derive(Debug, Clone)]
pub(super) struct Packing {
    pub(super) folder: PathBuf,
    pub(super) exclude: Exclusion,
    pub(super) format: Format,
    pub(super) threads: NonZero<usize>,
    pub(super) progress: Progress,
}

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
