//! One file of a package while it is packed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::package::Progress;
use super::package::{PackageFailure, failure_at, unreadable};
use crate::file;

/// Small enough that the allocator reuses it for each file.
const READ_BYTES: usize = 64 * 1024;
/// A file that was listed as a short one may grow to this length before it is read.
const MOST_SMALL_BYTES: u64 = 512 * 1024;
/// How many places of a large file are looked at, and how much at each.
const SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 16 * 1024;

/// The content of one file, which must stay as long as it was when it was opened: both formats promise its length before its bytes.
#[derive(Debug)]
pub(super) struct SourceFile {
    path: PathBuf,
    file: File,
    length: u64,
    read: u64,
    progress: Progress,
}

impl SourceFile {
    /// Opens the file at `path`.
    pub(super) fn of(path: &Path, progress: &Progress) -> Result<Self, PackageFailure> {
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

impl Read for SourceFile {
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
