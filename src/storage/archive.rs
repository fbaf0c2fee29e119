//! A folder as an archive, a stream of blocks: no temporary file, and a few blocks of memory however large the folder is (the zip format's
//! own directory, some 250 bytes for each entry, comes on top).
//!
//! The same folder gives the same bytes. Entries are sorted by name, and carry one fixed time: a build agent sets the time when it unpacks
//! or downloads a file, so it says nothing about the file. Owners are left out for the same reason.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::blocks::{BLOCK_BYTES, BlockWriter};
use super::checksum::Sha256;
use super::exclusion::Exclusion;
use super::progress::Progress;
use super::walk::{Walk, unreadable};
use super::{tar_gz, zip};
use crate::file;

/// Finished blocks that wait for the upload.
const WAITING_BLOCKS: usize = 2;
/// Small enough that the allocator reuses it for each file.
const READ_BYTES: usize = 64 * 1024;
/// A file that was listed as a short one may grow to this length before it is read.
const MOST_SMALL_BYTES: u64 = 512 * 1024;
/// How many places of a large file are looked at, and how much at each.
const SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 16 * 1024;

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
    /// Somebody wrote to a file while it was packed.
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
    /// Nothing is left of it.
    #[error("all of '{}' is excluded", .0.display())]
    AllExcluded(PathBuf),
    /// A pattern of what is excluded is none.
    #[error("a pattern of what is excluded cannot be read: {0}")]
    Pattern(String),
    /// The machine is out of threads.
    #[error("no thread could be started to compress it: {0}")]
    NoThread(String),
    /// Nobody reads the archive any more.
    #[error("the upload ended before the package was packed")]
    Abandoned,
}

/// An archive that is being written by a thread of its own. The thread ends by itself when this is dropped.
#[derive(Debug)]
pub(super) struct Archiving {
    blocks: mpsc::Receiver<Bytes>,
    thread: JoinHandle<Result<Archived, PackageFailure>>,
}

/// What is packed, and how.
#[derive(Debug, Clone)]
pub(super) struct Packing {
    pub(super) folder: PathBuf,
    /// Patterns, as [`Exclusion::of`] takes them.
    pub(super) exclude: Vec<String>,
    pub(super) format: Format,
    pub(super) threads: NonZero<usize>,
    pub(super) progress: Progress,
}

/// Starts packing.
pub(super) fn start(packing: Packing) -> Archiving {
    start_in_blocks(packing, BLOCK_BYTES)
}

fn start_in_blocks(packing: Packing, block_bytes: usize) -> Archiving {
    let (sender, blocks) = mpsc::channel(WAITING_BLOCKS);
    let thread = tokio::task::spawn_blocking(move || {
        write(&packing, BlockWriter::new(sender, block_bytes)?)
    });
    Archiving { blocks, thread }
}

impl Archiving {
    /// The blocks in order. Their end says nothing: whether the archive is whole is the answer of [`Archiving::finish`].
    pub(super) fn blocks(&mut self) -> impl Stream<Item = Bytes> + Send + '_ {
        stream::poll_fn(|context| self.blocks.poll_recv(context))
    }

    /// What was packed, once all blocks were taken.
    pub(super) async fn finish(self) -> Result<Archived, PackageFailure> {
        drop(self.blocks);
        // A thread without an answer was stopped together with the whole runtime.
        self.thread.await.unwrap_or(Err(PackageFailure::Abandoned))
    }
}

fn write(packing: &Packing, out: BlockWriter) -> Result<Archived, PackageFailure> {
    let mut archived = Archived::default();
    let entries = Walk::of(&packing.folder, Exclusion::of(&packing.exclude)?)?;
    let out = match packing.format {
        Format::Zip => zip::write(entries, out, &mut archived, packing)?,
        Format::TarGz => tar_gz::write(entries, out, &mut archived, packing)?,
    };
    if archived.files + archived.folders == 0 {
        let folder = packing.folder.clone();
        return Err(if packing.exclude.is_empty() {
            PackageFailure::Empty(folder)
        } else {
            PackageFailure::AllExcluded(folder)
        });
    }
    (archived.bytes_written, archived.sha256) = out.finish()?;
    Ok(archived)
}

/// The content of one file, which must stay as long as it was when it was opened: both formats promise its length before its bytes.
#[derive(Debug)]
pub(super) struct Content {
    path: PathBuf,
    file: File,
    length: u64,
    read: u64,
    progress: Progress,
}

impl Content {
    /// Opens the file at `path`.
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self, PackageFailure> {
        let open = || {
            let file = file::open(path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = open().map_err(|error| unreadable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            read: 0,
            progress: progress.clone(),
        })
    }

    /// Length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// All of it, if it is about as short as the `listed` length says: files that grow must not fill the memory.
    pub(super) fn read_small(
        mut self,
        listed: u64,
        data: &mut Vec<u8>,
    ) -> Result<(), PackageFailure> {
        if self.length > listed.saturating_mul(2).max(MOST_SMALL_BYTES) {
            return Err(self.changed(listed));
        }
        data.clear();
        data.reserve(usize::try_from(self.length).unwrap_or_default() + 1);
        let read = self.read_to_end(data);
        read.map_err(|error| failure_at(&self.path, &error))?;
        Ok(())
    }

    /// Bytes from all over the file, by which it can be told whether compressing it pays. What is read next is its beginning.
    pub(super) fn sample(&mut self) -> io::Result<Vec<u8>> {
        let mut sample = Vec::new();
        for index in 0..SAMPLES {
            let start = self.length / SAMPLES * index;
            self.file.seek(SeekFrom::Start(start))?;
            (&self.file).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
        }
        self.file.rewind()?;
        Ok(sample)
    }

    fn changed(&self, length: u64) -> PackageFailure {
        PackageFailure::Changed {
            path: self.path.clone(),
            length,
        }
    }

    /// With a buffer of a sensible size.
    pub(super) fn buffered(self) -> BufReader<Self> {
        BufReader::with_capacity(READ_BYTES, self)
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::other(unreadable(&self.path, &error)),
        })?;
        self.read += u64::try_from(count).unwrap_or_default();
        self.progress.add_read(count);
        if self.read > self.length || (count == 0 && !buffer.is_empty() && self.read < self.length)
        {
            return Err(io::Error::other(self.changed(self.length)));
        }
        Ok(count)
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

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "round_trip_tests.rs"]
mod round_trips;
