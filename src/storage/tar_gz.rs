//! `.tar.gz`: GNU tar, which knows long names and large files, in one gzip member.

use std::io;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;

use flate2::Crc;
use tar::{Builder, EntryType, Header};

use super::blocks::BlockWriter;
use super::deflate::{self, END, PIECE_BYTES, WINDOW_BYTES};
use super::in_order::InOrder;
use super::package::{Archived, PackageFailure, Packing, failure_at};
use super::source_file::SourceFile;
use super::walk::{Entry, Kind, Walk};

/// 1980-01-01, as in a `.zip`: GNU tar warns of a time stamp of 1970-01-01.
const FIXED_TIME_SECONDS: u64 = 315_532_800;

/// Writes all `entries` to `out`, and counts them in `archived`.
pub(super) fn write(
    entries: Walk,
    out: BlockWriter,
    archived: &mut Archived,
    packing: &Packing,
) -> Result<BlockWriter, PackageFailure> {
    let mut archive = Builder::new(Gzip::new(out, packing.threads)?);
    for entry in entries {
        let entry = entry?;
        let failed = |error: io::Error| failure_at(&entry.path, &error);
        let mut header = header(&entry);
        match &entry.kind {
            Kind::Folder => {
                // Joined with nothing: a folder's name ends with a slash.
                let name = entry.name.join("");
                let added = archive.append_data(&mut header, name, io::empty());
                added.map_err(failed)?;
                archived.folders += 1;
            }
            Kind::Link { target } => {
                let added = archive.append_link(&mut header, &entry.name, target);
                added.map_err(failed)?;
                archived.files += 1;
            }
            Kind::File { .. } => {
                let content = SourceFile::of(&entry.path, &packing.progress)?;
                let length = content.length();
                header.set_size(length);
                let added = archive.append_data(&mut header, &entry.name, content.buffered());
                added.map_err(failed)?;
                archived.bytes_read += length;
                archived.files += 1;
            }
        }
    }
    let finished = archive.into_inner().and_then(Gzip::finish);
    finished.map_err(|error| failure_at(Path::new("the end of the archive"), &error))
}

/// Without an owner: whoever unpacks the archive owns the files.
fn header(entry: &Entry) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(match entry.kind {
        Kind::Folder => EntryType::Directory,
        Kind::File { .. } => EntryType::Regular,
        Kind::Link { .. } => EntryType::Symlink,
    });
    header.set_mode(entry.mode);
    header.set_mtime(FIXED_TIME_SECONDS);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Deflate, no name and no time, from an unknown system: nothing that depends on where it was made.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it, into `out`.
///
/// One gzip member (RFC 1952), compressed on all cores.
pub(super) struct Gzip<W> {
    out: W,
    pool: InOrder<io::Result<Piece>>,
    /// What was written and not given to a thread yet.
    data: Vec<u8>,
    /// The end of what was given last.
    before: Vec<u8>,
    crc: Crc,
    /// Length of all data, as the format counts it: modulo 2³².
    length: u32,
    has_header: bool,
}

struct Piece {
    deflated: Vec<u8>,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(out: W, threads: NonZero<usize>) -> Result<Self, PackageFailure> {
        Ok(Self {
            out,
            pool: InOrder::new(threads)?,
            data: Vec::with_capacity(PIECE_BYTES),
            before: Vec::new(),
            crc: Crc::new(),
            length: 0,
            has_header: false,
        })
    }

    /// Writes what is left, and the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.give();
        while self.write_one()? {}
        self.write_header()?;
        self.out.write_all(&END)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        Ok(self.out)
    }

    fn give(&mut self) {
        if self.data.is_empty() {
            return;
        }
        let data = std::mem::replace(&mut self.data, Vec::with_capacity(PIECE_BYTES));
        let tail = data.len().saturating_sub(WINDOW_BYTES);
        let tail = data.get(tail..).unwrap_or_default().to_vec();
        let before = std::mem::replace(&mut self.before, tail);
        let length = data.len() + before.len();
        self.pool.give(length, move || {
            let mut crc = Crc::new();
            crc.update(&data);
            let deflated = deflate::piece(&before, &data)?;
            Ok(Piece { deflated, crc })
        });
    }

    /// Waits for the oldest piece and writes it; false if there is none.
    fn write_one(&mut self) -> io::Result<bool> {
        let Some(piece) = self.pool.take() else {
            return Ok(false);
        };
        let piece = piece.map_err(io::Error::other)??;
        self.write_header()?;
        self.out.write_all(&piece.deflated)?;
        self.crc.combine(&piece.crc);
        self.length = self.length.wrapping_add(piece.crc.amount());
        Ok(true)
    }

    fn write_header(&mut self) -> io::Result<()> {
        if self.has_header {
            return Ok(());
        }
        self.has_header = true;
        self.out.write_all(&HEADER)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.data.len());
        let part = data.get(..room).unwrap_or(data);
        self.data.extend_from_slice(part);
        if self.data.len() >= PIECE_BYTES {
            self.give();
            while self.pool.is_full() {
                self.write_one()?;
            }
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::in_order::most_bytes;
    use crate::storage::testing::noise;
    use std::io::Read as _;

    fn gzip(data: &[u8], threads: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new(), NonZero::new(threads).unwrap()).unwrap();
        gzip.write_all(data).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn any_number_of_threads_makes_the_same_single_member() {
        let check = |data: &[u8]| {
            let one = gzip(data, 1);
            assert!(one == gzip(data, 7));
            // A decoder of a single member.
            let mut unpacked = Vec::new();
            let mut decoder = flate2::bufread::GzDecoder::new(&one[..]);
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == data);
            assert!(decoder.into_inner().is_empty());
        };
        check(b"");
        check(b"x");
        check(&vec![0; PIECE_BYTES]);
        check(&noise(PIECE_BYTES + 1));
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        check(&text);
    }

    #[test]
    fn memory_stays_within_its_bound_whatever_the_length() {
        let threads = NonZero::new(3).unwrap();
        let mut gzip = Gzip::new(io::sink(), threads).unwrap();
        let (mut most, zeros) = (0, vec![0; 64 * 1024]);
        for _ in 0..1000 {
            gzip.write_all(&zeros).unwrap();
            most = gzip.pool.bytes().max(most);
        }
        gzip.finish().unwrap();
        let bound = most_bytes(threads);
        assert!(most < bound && most > bound / 2, "{most} {bound}");
    }
}
