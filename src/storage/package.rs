//! What is packed, how far packing has come, what came of it, and why a folder cannot be packed.

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checksum::Sha256;
use crate::file::Exclusion;

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

/// Why a folder cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageFailure {
    /// Not there, or not there any more.
    #[error("'{}' does not exist, or vanished while the package was packed", .0.display())]
    Missing(PathBuf),
    /// The package itself is a device or the like.
    #[error("'{}' is neither a folder nor a file", .0.display())]
    NotAFolder(PathBuf),
    /// Nothing in it.
    #[error("'{}' is empty", .0.display())]
    Empty(PathBuf),
    /// The operating system refused.
    #[error("'{}' cannot be read: {reason}", .path.display())]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// Someone wrote to a file while it was packed.
    #[error("'{}' changed while it was read: it is no longer {length} bytes long", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its length when reading began.
        length: u64,
    },
    /// A symbolic link that leads out of the package.
    #[error("'{}' is a symbolic link to '{}', which is not in the package", .path.display(), .target.display())]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// The archive's format has no place for it.
    #[error("'{}' cannot be stored: {reason}", .path.display())]
    Unstorable {
        /// What was to be stored.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A pipe, a socket or a device.
    #[error("'{}' cannot be stored: it is neither a file, a folder nor a symbolic link", .path.display())]
    Special {
        /// Where it is.
        path: PathBuf,
    },
    /// Nothing is left of it.
    #[error("all of '{}' is excluded", .0.display())]
    AllExcluded(PathBuf),
    /// The machine is out of threads.
    #[error("no thread could be started to compress it: {0}")]
    NoThread(String),
    /// Nobody reads the archive any more.
    #[error("the upload ended before the package was packed")]
    Abandoned,
}

/// Why `path` could not be read; what is gone was there when its folder was listed.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> PackageFailure {
    let path = path.to_owned();
    if error.kind() == io::ErrorKind::NotFound {
        PackageFailure::Missing(path)
    } else {
        PackageFailure::Unreadable {
            path,
            reason: error.to_string(),
        }
    }
}

/// What an archive writer's error means while it stores the entry at `path`: our own failures pass through it as they are.
pub(super) fn failure_at(path: &Path, error: &io::Error) -> PackageFailure {
    let own = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<PackageFailure>());
    own.cloned().unwrap_or_else(|| PackageFailure::Unstorable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
