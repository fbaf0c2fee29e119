//! Why a folder cannot be packed.

use std::io;
use std::path::{Path, PathBuf};

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
