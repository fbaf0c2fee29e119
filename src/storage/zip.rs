//! `.zip` by the `zip` crate: a streamed archive, whose files are compressed on all cores.
//!
//! Files are read and compressed several at a time, each by one thread, and stored as they are where compressing does not pay. A large file
//! is compressed while it is written, so that it need not be in memory.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::path::Path;

use zip::write::{PreparedZipFile, SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::blocks::BlockWriter;
use super::deflate::{self, LEVEL, PIECE_BYTES};
use super::in_order::InOrder;
use super::package::{Archived, Packing, Progress};
use super::package::{PackageFailure, failure_at};
use super::source_file::SourceFile;
use super::walk::{Entry, Kind, Walk, slashed};

/// One thread gets as many small files at once, so that handing over costs little.
const BATCH_FILES: usize = 64;
/// A longer file is compressed while it is written: what threads prepare is in memory as a whole.
const LARGEST_PREPARED_BYTES: usize = 4 * PIECE_BYTES;
/// From this length on a file gets lengths of 64 bits: below 4 GiB by more than deflate can add to data that it cannot compress.
const LARGE_FILE_BYTES: u64 = 0xF000_0000;

/// Writes all `entries` to `out`, and counts them in `archived`.
pub(super) fn write(
    entries: Walk,
    out: BlockWriter,
    archived: &mut Archived,
    packing: &Packing,
) -> Result<BlockWriter, PackageFailure> {
    let mut archive = Archive {
        zip: ZipWriter::new_stream(Quiet::new(out)),
        pool: InOrder::new(packing.threads)?,
        batch: VecDeque::new(),
        batch_bytes: 0,
        archived,
        progress: packing.progress.clone(),
    };
    let added = archive.add_all(entries);
    if added.is_err() {
        archive.out().map(Quiet::give_up);
    }
    added?;
    archive.finish()
}

/// Keeps the first error to itself and takes everything from then on: the `zip` crate answers an error by going back, which a stream cannot,
/// and complains of that on standard error.
struct Quiet {
    blocks: BlockWriter,
    given_up: Cell<bool>,
    error: Cell<Option<io::Error>>,
}

impl Quiet {
    fn new(blocks: BlockWriter) -> Self {
        Self {
            blocks,
            given_up: Cell::new(false),
            error: Cell::new(None),
        }
    }

    /// There will be no archive.
    fn give_up(&self) {
        self.given_up.set(true);
    }

    /// The error, once.
    fn error(&self) -> Option<io::Error> {
        self.error.take()
    }
}

impl io::Write for Quiet {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.given_up.get() {
            return Ok(data.len());
        }
        self.blocks.write(data).or_else(|error| {
            self.give_up();
            self.error.set(Some(error));
            Ok(data.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An entry with its name in the archive.
struct Named {
    entry: Entry,
    name: String,
}

/// What a thread made of an entry.
enum Prepared {
    Folder {
        name: String,
        mode: u32,
    },
    Link {
        name: String,
        target: String,
        mode: u32,
    },
    File(PreparedZipFile),
}

struct Archive<'a> {
    zip: ZipWriter<StreamWriter<Quiet>>,
    pool: InOrder<Result<Vec<Prepared>, PackageFailure>>,
    batch: VecDeque<Named>,
    batch_bytes: usize,
    archived: &'a mut Archived,
    progress: Progress,
}

impl Archive<'_> {
    fn add_all(&mut self, entries: Walk) -> Result<(), PackageFailure> {
        for entry in entries {
            self.add(entry?)?;
        }
        self.give_batch()?;
        while self.write_one()? {}
        Ok(())
    }

    fn out(&self) -> Option<&Quiet> {
        self.zip.get_ref().map(StreamWriter::get_ref)
    }

    /// Fails with what the writer of blocks failed with.
    fn check(&self) -> Result<(), PackageFailure> {
        let error = self.out().and_then(Quiet::error);
        error.map_or(Ok(()), |error| {
            Err(failure_at(Path::new("the archive"), &error))
        })
    }

    fn add(&mut self, entry: Entry) -> Result<(), PackageFailure> {
        let name = stored_name(&entry.path, &entry.name)?;
        let bytes = match &entry.kind {
            Kind::Folder => {
                self.archived.folders += 1;
                Some(0)
            }
            Kind::Link { .. } => {
                self.archived.files += 1;
                Some(0)
            }
            Kind::File { length } => {
                self.archived.files += 1;
                let length = usize::try_from(*length).ok();
                length.filter(|length| *length <= LARGEST_PREPARED_BYTES)
            }
        };
        let Some(bytes) = bytes else {
            self.give_batch()?;
            while self.write_one()? {}
            return self.add_large(&entry, &name);
        };
        self.batch_bytes += bytes + 2 * entry.path.as_os_str().len();
        self.batch.push_back(Named { entry, name });
        if self.batch_bytes >= PIECE_BYTES || self.batch.len() >= BATCH_FILES {
            self.give_batch()?;
        }
        Ok(())
    }

    fn give_batch(&mut self) -> Result<(), PackageFailure> {
        let batch = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        if batch.is_empty() {
            return Ok(());
        }
        let progress = self.progress.clone();
        self.pool.give(bytes, move || {
            let mut content = Vec::new();
            let prepared = batch
                .into_iter()
                .map(|named| prepare(named, &progress, &mut content));
            prepared.collect()
        });
        while self.pool.is_full() {
            self.write_one()?;
        }
        Ok(())
    }

    fn add_large(&mut self, entry: &Entry, name: &str) -> Result<(), PackageFailure> {
        let failed = |error: io::Error| failure_at(&entry.path, &error);
        let mut content = SourceFile::of(&entry.path, &self.progress)?;
        let method = if deflate::pays(&content.sample().map_err(failed)?).map_err(failed)? {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        let length = content.length();
        let options = options(entry.mode, method).large_file(length >= LARGE_FILE_BYTES);
        self.zip
            .start_file(name, options)
            .map_err(|error| failed(error.into()))?;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let count = io::Read::read(&mut content, &mut buffer).map_err(failed)?;
            let data = buffer.get(..count).unwrap_or_default();
            if data.is_empty() {
                break;
            }
            self.zip.write_all(data).map_err(failed)?;
            self.check()?;
        }
        self.archived.bytes_read += length;
        Ok(())
    }

    fn finish(self) -> Result<BlockWriter, PackageFailure> {
        let finished = self.zip.finish();
        let failed = |error: io::Error| failure_at(Path::new("the end of the archive"), &error);
        let out = finished.map_err(|error| failed(error.into()))?.into_inner();
        match out.error() {
            Some(error) => Err(failed(error)),
            None => Ok(out.blocks),
        }
    }

    /// Waits for the oldest result and writes it; false if there is none.
    fn write_one(&mut self) -> Result<bool, PackageFailure> {
        let Some(prepared) = self.pool.take() else {
            return Ok(false);
        };
        for prepared in prepared?? {
            let added = match prepared {
                Prepared::Folder { name, mode } => {
                    let options = options(mode, CompressionMethod::Stored);
                    self.zip.add_directory(name, options)
                }
                Prepared::Link { name, target, mode } => {
                    self.archived.bytes_read += u64::try_from(target.len()).unwrap_or_default();
                    let options = options(mode, CompressionMethod::Stored);
                    self.zip.add_symlink(name, target, options)
                }
                Prepared::File(file) => {
                    self.archived.bytes_read += file.uncompressed_size();
                    self.zip.add_prepared_file(file)
                }
            };
            added.map_err(|error| failure_at(Path::new("the archive"), &error.into()))?;
            self.check()?;
        }
        Ok(true)
    }
}

/// Reads and compresses an entry that is not large. `content` is a buffer that the files of a batch share.
fn prepare(
    named: Named,
    progress: &Progress,
    content: &mut Vec<u8>,
) -> Result<Prepared, PackageFailure> {
    let Named { entry, name } = named;
    let mode = entry.mode;
    let length = match &entry.kind {
        Kind::Folder => return Ok(Prepared::Folder { name, mode }),
        Kind::Link { target } => {
            let target = stored_name(&entry.path, target)?;
            return Ok(Prepared::Link { name, target, mode });
        }
        Kind::File { length } => *length,
    };
    let failed = |error: io::Error| failure_at(&entry.path, &error);
    SourceFile::of(&entry.path, progress)?.read_small(length, content)?;
    let prepare = |method| {
        let prepared = PreparedZipFile::from_data(&name, options(mode, method), content);
        prepared.map_err(|error| failed(error.into()))
    };
    if deflate::pays(content).map_err(failed)? {
        let deflated = prepare(CompressionMethod::Deflated)?;
        if deflated.compressed_size() < deflated.uncompressed_size() {
            return Ok(Prepared::File(deflated));
        }
    }
    prepare(CompressionMethod::Stored).map(Prepared::File)
}

/// Nothing that depends on the machine: one fixed time, and the same system everywhere.
fn options(mode: u32, method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .compression_level(match method {
            CompressionMethod::Deflated => Some(i64::from(LEVEL)),
            _ => None,
        })
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(mode)
}

/// A name as it stands in the archive. A backslash is part of a name on Linux, and a separator for most programs that read the archive.
fn stored_name(path: &Path, name: &Path) -> Result<String, PackageFailure> {
    let refused = |reason: &str| PackageFailure::Unstorable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let name = slashed(name).ok_or_else(|| refused("its name or target is not UTF-8"))?;
    if name.contains('\\') {
        return Err(refused("its name or target contains a backslash"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `zip` crate writes to standard error what it cannot undo.
    #[test]
    fn an_error_of_the_stream_is_told_once_and_the_crate_never_sees_it() {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        drop(receiver);
        let mut out = Quiet::new(BlockWriter::new(sender, 10).unwrap());
        out.write_all(b"twelve bytes").unwrap();
        let error = out.error().unwrap();
        assert_eq!(
            failure_at(Path::new("x"), &error),
            PackageFailure::Abandoned
        );
        out.write_all(b"more").unwrap();
        assert!(out.error().is_none());
    }
}
