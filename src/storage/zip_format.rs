//! The records of a `.zip`, byte for byte.
//!
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>. Everything says that it was made on Unix, whatever made it:
//! that decides how a reader takes the attributes.

use std::io::{self, Cursor, Read, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::archive::PackageFailure;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;

/// Version 2.0 knows folders and deflate, 4.5 knows lengths of 64 bits.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// "Made by": version 4.5 of the format, on Unix.
const MADE_BY: u16 = 3 << 8 | VERSION_64;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;
const EXTRA_64: u16 = 1;
/// 1980-01-01, the first date that the format can express, at midnight.
const DATE: u16 = 1 << 5 | 1;
const TIME: u16 = 0;
/// The attribute of a folder on Windows.
const WINDOWS_FOLDER: u32 = 0x10;
/// From this length on a file in parts gets lengths of 64 bits: below 4 GiB by more than deflate can add to data that it cannot compress.
const LARGE_FILE_BYTES: u64 = 0xF000_0000;

/// How an entry's data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryType {
    File,
    Folder,
    Link,
}

/// The lengths of an entry's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    /// As it is in the file.
    pub(super) file: u64,
    /// As it is in the archive.
    pub(super) stored: u64,
}

/// What the archive says of one entry.
#[derive(Debug, Clone)]
pub(super) struct Record {
    name: String,
    name_length: u16,
    attributes: u32,
    method: Method,
    crc: u32,
    lengths: Lengths,
    offset: u64,
    /// The lengths come after the data.
    in_parts: bool,
    /// They have 64 bits there.
    is_large: bool,
}

impl Record {
    /// Nothing if the name is too long for the format. The name of a folder ends with a slash.
    pub(super) fn new(name: String, entry_type: EntryType, mode: u32) -> Option<Self> {
        let (file_type, windows) = match entry_type {
            EntryType::File => (0o100_000, 0),
            EntryType::Folder => (0o040_000, WINDOWS_FOLDER),
            EntryType::Link => (0o120_000, 0),
        };
        Some(Self {
            name_length: u16::try_from(name.len()).ok()?,
            name,
            attributes: (file_type | mode) << 16 | windows,
            method: Method::Stored,
            crc: 0,
            lengths: Lengths::default(),
            offset: 0,
            in_parts: false,
            is_large: false,
        })
    }

    /// A deflated file of about `length` bytes, whose lengths come after its data.
    pub(super) fn in_parts(mut self, length: u64) -> Self {
        self.method = Method::Deflated;
        self.in_parts = true;
        self.is_large = length >= LARGE_FILE_BYTES;
        self
    }

    pub(super) fn packed_by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The record of an entry that begins at `offset` in the archive.
    pub(super) fn at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    pub(super) fn complete(mut self, crc: u32, lengths: Lengths) -> Self {
        self.crc = crc;
        self.lengths = lengths;
        self
    }

    pub(super) fn file_length(&self) -> u64 {
        self.lengths.file
    }

    /// What stands before the data.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let mut out = Fields::default();
        out.u32(LOCAL_HEADER).u16(version(self.is_large));
        self.common(&mut out);
        if self.is_large {
            out.u32(u32::MAX).u32(u32::MAX);
        } else {
            out.saturating(self.lengths.stored)
                .saturating(self.lengths.file);
        }
        out.u16(self.name_length)
            .u16(if self.is_large { 20 } else { 0 });
        out.bytes(self.name.as_bytes());
        if self.is_large {
            out.u16(EXTRA_64).u16(16).u64(0).u64(0);
        }
        out.0
    }

    /// What stands after the data of a file in parts.
    pub(super) fn descriptor(&self) -> Vec<u8> {
        let mut out = Fields::default();
        out.u32(DESCRIPTOR).u32(self.crc);
        let Lengths { file, stored } = self.lengths;
        if self.is_large {
            out.u64(stored).u64(file);
        } else {
            out.saturating(stored).saturating(file);
        }
        out.0
    }

    fn central_header(&self) -> Vec<u8> {
        let mut extra = Fields::default();
        let limit = u64::from(u32::MAX);
        for value in [self.lengths.file, self.lengths.stored, self.offset] {
            if value >= limit {
                extra.u64(value);
            }
        }
        // At most three numbers of eight bytes.
        let extra_length = u16::try_from(extra.0.len()).unwrap_or_default();
        let is_64 = self.is_large || extra_length > 0;
        let mut out = Fields::default();
        out.u32(CENTRAL_HEADER).u16(MADE_BY).u16(version(is_64));
        self.common(&mut out);
        out.saturating(self.lengths.stored)
            .saturating(self.lengths.file)
            .u16(self.name_length)
            .u16(if extra_length > 0 {
                extra_length + 4
            } else {
                0
            })
            .u16(0) // comment
            .u16(0) // disk
            .u16(0) // internal attributes
            .u32(self.attributes)
            .saturating(self.offset);
        out.bytes(self.name.as_bytes());
        if extra_length > 0 {
            out.u16(EXTRA_64).u16(extra_length).bytes(&extra.0);
        }
        out.0
    }

    /// Flags, method, time and checksum, which stand in both headers. While the checksum is not known it is 0.
    fn common(&self, out: &mut Fields) {
        let flags = if self.in_parts { FLAG_DESCRIPTOR } else { 0 };
        let method = match self.method {
            Method::Stored => 0,
            Method::Deflated => 8,
        };
        out.u16(flags | FLAG_UTF8)
            .u16(method)
            .u16(TIME)
            .u16(DATE)
            .u32(self.crc);
    }
}

/// The version of the format that a reader must know.
fn version(is_64: bool) -> u16 {
    if is_64 { VERSION_64 } else { VERSION }
}

/// The list at the end of the archive. Names are much alike: it is kept compressed, some ten bytes for each entry.
pub(super) struct Directory {
    headers: DeflateEncoder<Vec<u8>>,
    count: u64,
    length: u64,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            headers: DeflateEncoder::new(Vec::new(), Compression::new(2)),
            count: 0,
            length: 0,
        }
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<(), PackageFailure> {
        let header = record.central_header();
        self.count += 1;
        self.length += u64::try_from(header.len()).unwrap_or_default();
        let added = self.headers.write_all(&header);
        added.map_err(|error| PackageFailure::Unstorable {
            path: record.name.clone().into(),
            reason: error.to_string(),
        })
    }

    /// All that comes after the entries, which end at `offset`.
    pub(super) fn finish(self, offset: u64) -> io::Result<impl Read> {
        let mut out = Fields::default();
        let end = offset + self.length;
        let limit = u64::from(u32::MAX);
        if self.count >= u64::from(u16::MAX) || self.length >= limit || offset >= limit {
            out.u32(END_64)
                .u64(44) // what follows of this record
                .u16(MADE_BY)
                .u16(VERSION_64)
                .u32(0) // disk
                .u32(0) // disk of the directory
                .u64(self.count)
                .u64(self.count)
                .u64(self.length)
                .u64(offset);
            out.u32(END_64_LOCATOR).u32(0).u64(end).u32(1);
        }
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        out.u32(END)
            .u16(0) // disk
            .u16(0) // disk of the directory
            .u16(count)
            .u16(count)
            .saturating(self.length)
            .saturating(offset)
            .u16(0); // comment
        let headers = DeflateDecoder::new(Cursor::new(self.headers.finish()?));
        Ok(headers.chain(Cursor::new(out.0)))
    }
}

/// Numbers in a row, the lowest byte first.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A number that the 64-bit records repeat if it does not fit.
    fn saturating(&mut self, value: u64) -> &mut Self {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use zip::ZipArchive;

    fn read(entries: Vec<u8>, directory: Directory) -> ZipArchive<Cursor<Vec<u8>>> {
        let mut bytes = entries;
        let offset = u64::try_from(bytes.len()).unwrap();
        let mut end = directory.finish(offset).unwrap();
        end.read_to_end(&mut bytes).unwrap();
        ZipArchive::new(Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn more_entries_than_sixteen_bits_count_are_all_found() {
        let (mut entries, mut directory) = (Vec::new(), Directory::new());
        for number in 0..70_000 {
            let record = Record::new(format!("file {number}"), EntryType::File, 0o644).unwrap();
            let record = record.at(u64::try_from(entries.len()).unwrap());
            entries.extend(record.local_header());
            directory.add(&record).unwrap();
        }
        assert!(directory.headers.get_ref().len() < 70_000 * 12);
        let mut archive = read(entries, directory);
        assert_eq!(archive.len(), 70_000);
        assert_eq!(
            archive.by_index(69_999).unwrap().name().unwrap(),
            "file 69999"
        );
    }

    /// Only what the format says of it: nobody has the gigabytes.
    #[test]
    fn lengths_and_offsets_beyond_32_bits_are_kept() {
        let lengths = Lengths {
            file: 5 << 40,
            stored: 3 << 40,
        };
        let mut directory = Directory::new();
        let record = Record::new("large".to_owned(), EntryType::File, 0o644).unwrap();
        let record = record.in_parts(5 << 40).at(0).complete(7, lengths);
        directory.add(&record).unwrap();
        let far = Record::new("far".to_owned(), EntryType::File, 0o600).unwrap();
        let central = far.at((1 << 32) - 1).central_header();
        assert_eq!(central[42..46], [0xff; 4]);
        assert!(central.ends_with(&[1, 0, 8, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
        let mut archive = read(record.local_header(), directory);
        let large = archive.by_index_raw(0).unwrap();
        assert_eq!((large.size(), large.compressed_size()), (5 << 40, 3 << 40));
        let (header, descriptor) = (record.local_header(), record.descriptor());
        assert_eq!(&header[18..26], &[0xff; 8]);
        assert_eq!(&header[28..30], &[20, 0]);
        assert_eq!(descriptor.len(), 24);
        assert_eq!(&descriptor[8..16], &(3_u64 << 40).to_le_bytes());
    }

    #[test]
    fn a_name_that_is_too_long_for_the_format_is_refused() {
        let check = |length: usize, expected: bool| {
            let record = Record::new("n".repeat(length), EntryType::File, 0);
            assert_eq!(record.is_some(), expected, "{length}");
        };
        check(65_535, true);
        check(65_536, false);
    }
}
