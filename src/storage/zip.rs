//! `.zip`: a streamed archive, compressed on all cores.
//!
//! Small files are read and compressed several at a time, each by one thread, and stored as they are where compressing does not pay. Large
//! files are cut into pieces; their lengths are known when their data is written already, so they come after it.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::Crc;

use super::archive::{Archived, Content, PackageFailure, Packing, failure_at};
use super::blocks::BlockWriter;
use super::deflate::{self, END, PIECE_BYTES, WINDOW_BYTES};
use super::in_order::InOrder;
use super::progress::Progress;
use super::walk::{Entry, Kind, Walk, slashed};
use super::zip_format::{Directory, EntryType, Lengths, Method, Record};

/// One thread gets as many small files at once, so that handing over costs little.
const BATCH_FILES: usize = 64;

/// Writes all `entries` to `out`, and counts them in `archived`.
pub(super) fn write(
    entries: Walk,
    out: BlockWriter,
    archived: &mut Archived,
    packing: &Packing,
) -> Result<BlockWriter, PackageFailure> {
    let mut archive = Archive {
        out,
        offset: 0,
        directory: Directory::new(),
        pool: InOrder::new(packing.threads)?,
        batch: VecDeque::new(),
        batch_bytes: 0,
        open: None,
        archived,
        progress: packing.progress.clone(),
    };
    for entry in entries {
        archive.add(entry?)?;
    }
    archive.finish()
}

/// What a thread made.
enum Packed {
    /// Some whole entries.
    Entries(Vec<Whole>),
    /// The next part of a large file.
    Part(Part),
}

struct Whole {
    record: Record,
    data: Vec<u8>,
}

struct Part {
    /// The file, with its first part.
    start: Option<Record>,
    deflated: Vec<u8>,
    crc: Crc,
    length: u64,
    is_last: bool,
}

/// A large file of which some parts are written.
struct Open {
    record: Record,
    crc: Crc,
    lengths: Lengths,
}

struct Archive<'a> {
    out: BlockWriter,
    offset: u64,
    directory: Directory,
    pool: InOrder<Result<Packed, PackageFailure>>,
    batch: VecDeque<(Entry, Record)>,
    batch_bytes: usize,
    open: Option<Open>,
    archived: &'a mut Archived,
    progress: Progress,
}

impl Archive<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), PackageFailure> {
        let record = record(&entry)?;
        let small = match &entry.kind {
            Kind::Folder | Kind::Link { .. } => Some(0),
            Kind::File { length } => usize::try_from(*length)
                .ok()
                .filter(|length| *length <= PIECE_BYTES),
        };
        if matches!(entry.kind, Kind::Folder) {
            self.archived.folders += 1;
        } else {
            self.archived.files += 1;
        }
        let Some(bytes) = small else {
            self.give_batch()?;
            return self.add_in_parts(&entry, record);
        };
        self.batch_bytes += bytes + 2 * entry.path.as_os_str().len();
        self.batch.push_back((entry, record));
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
            let entries: Result<Vec<_>, _> = batch
                .into_iter()
                .map(|(entry, record)| whole(&entry, record, &progress))
                .collect();
            Ok(Packed::Entries(entries?))
        });
        self.write_while_full()
    }

    fn add_in_parts(&mut self, entry: &Entry, record: Record) -> Result<(), PackageFailure> {
        let failed = |error: io::Error| failure_at(&entry.path, &error);
        let mut content = Content::open(&entry.path, &self.progress)?;
        let mut rest = content.length();
        let mut start = Some(record.in_parts(rest));
        let mut before = Vec::new();
        loop {
            let length = usize::try_from(rest).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
            let mut data = vec![0; length];
            content.read_exact(&mut data).map_err(failed)?;
            rest = rest.saturating_sub(u64::try_from(length).unwrap_or_default());
            let tail = data.len().saturating_sub(WINDOW_BYTES);
            let tail = data.get(tail..).unwrap_or_default().to_vec();
            let (start, before) = (start.take(), std::mem::replace(&mut before, tail));
            let is_last = rest == 0;
            if is_last {
                content.expect_end().map_err(failed)?;
            }
            self.pool.give(data.len() + before.len(), move || {
                let part = part(start, &before, &data, is_last);
                part.map(Packed::Part)
                    .map_err(|error| failure_at(Path::new("a file"), &error))
            });
            self.write_while_full()?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn finish(mut self) -> Result<BlockWriter, PackageFailure> {
        self.give_batch()?;
        while self.write_one()? {}
        let end = self.directory.finish(self.offset);
        let failed = |error: io::Error| failure_at(Path::new("the end of the archive"), &error);
        let mut end = end.map_err(failed)?;
        io::copy(&mut end, &mut self.out).map_err(failed)?;
        Ok(self.out)
    }

    fn write_while_full(&mut self) -> Result<(), PackageFailure> {
        while self.pool.is_full() {
            self.write_one()?;
        }
        Ok(())
    }

    /// Waits for the oldest result and writes it; false if there is none.
    fn write_one(&mut self) -> Result<bool, PackageFailure> {
        let Some(packed) = self.pool.take() else {
            return Ok(false);
        };
        match packed?? {
            Packed::Entries(entries) => {
                for entry in entries {
                    self.write_whole(entry)?;
                }
            }
            Packed::Part(part) => self.write_part(part)?,
        }
        Ok(true)
    }

    fn write_whole(&mut self, entry: Whole) -> Result<(), PackageFailure> {
        let record = entry.record.at(self.offset);
        self.archived.bytes_read += record.file_length();
        self.put(&record.local_header())?;
        self.put(&entry.data)?;
        self.directory.add(&record)
    }

    fn write_part(&mut self, part: Part) -> Result<(), PackageFailure> {
        if let Some(record) = part.start {
            let record = record.at(self.offset);
            self.put(&record.local_header())?;
            self.open = Some(Open {
                record,
                crc: Crc::new(),
                lengths: Lengths::default(),
            });
        }
        self.put(&part.deflated)?;
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.crc.combine(&part.crc);
        open.lengths.file += part.length;
        open.lengths.stored += u64::try_from(part.deflated.len()).unwrap_or_default();
        self.archived.bytes_read += part.length;
        if !part.is_last {
            self.open = Some(open);
            return Ok(());
        }
        let record = open.record.complete(open.crc.sum(), open.lengths);
        self.put(&record.descriptor())?;
        self.directory.add(&record)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PackageFailure> {
        self.offset += u64::try_from(bytes.len()).unwrap_or_default();
        let written = self.out.write_all(bytes);
        written.map_err(|error| failure_at(Path::new("the archive"), &error))
    }
}

/// Reads and compresses a small entry.
fn whole(entry: &Entry, record: Record, progress: &Progress) -> Result<Whole, PackageFailure> {
    let failed = |error: io::Error| failure_at(&entry.path, &error);
    let content = match &entry.kind {
        Kind::Folder => Vec::new(),
        Kind::Link { target } => stored_name(&entry.path, target)?.into_bytes(),
        Kind::File { length } => Content::open(&entry.path, progress)?.read_small(*length)?,
    };
    let mut crc = Crc::new();
    crc.update(&content);
    let length = content.len();
    let (method, data) = match deflate::whole(&content).map_err(failed)? {
        Some(deflated) => (Method::Deflated, deflated),
        None => (Method::Stored, content),
    };
    let lengths = Lengths {
        file: u64::try_from(length).unwrap_or_default(),
        stored: u64::try_from(data.len()).unwrap_or_default(),
    };
    let record = record.packed_by(method).complete(crc.sum(), lengths);
    Ok(Whole { record, data })
}

fn part(start: Option<Record>, before: &[u8], data: &[u8], is_last: bool) -> io::Result<Part> {
    let mut crc = Crc::new();
    crc.update(data);
    let mut deflated = deflate::piece(before, data)?;
    if is_last {
        deflated.extend_from_slice(&END);
    }
    Ok(Part {
        start,
        deflated,
        crc,
        length: u64::try_from(data.len()).unwrap_or_default(),
        is_last,
    })
}

fn record(entry: &Entry) -> Result<Record, PackageFailure> {
    let name = stored_name(&entry.path, &entry.name)?;
    let (name, entry_type) = match entry.kind {
        Kind::Folder => (format!("{name}/"), EntryType::Folder),
        Kind::File { .. } => (name, EntryType::File),
        Kind::Link { .. } => (name, EntryType::Link),
    };
    Record::new(name, entry_type, entry.mode).ok_or_else(|| PackageFailure::Unstorable {
        path: entry.path.clone(),
        reason: "its name is longer than 65,535 bytes".to_owned(),
    })
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
