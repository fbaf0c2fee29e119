//! The record of one entry, as it stands before its data, after it, and in the directory.

use super::fields::Fields;
use super::{MADE_BY, VERSION_64};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;

/// Version 2.0 knows folders and deflate; lengths of 64 bits came later.
const VERSION: u16 = 20;
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
pub(in crate::storage) enum Method {
    Stored,
    Deflated,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum EntryType {
    File,
    Folder,
    Link,
}

/// The lengths of an entry's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage) struct Lengths {
    /// As it is in the file.
    pub(in crate::storage) file: u64,
    /// As it is in the archive.
    pub(in crate::storage) stored: u64,
}

/// What the archive says of one entry.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Record {
    pub(super) name: String,
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
    pub(in crate::storage) fn new(name: String, entry_type: EntryType, mode: u32) -> Option<Self> {
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
    pub(in crate::storage) fn in_parts(mut self, length: u64) -> Self {
        self.method = Method::Deflated;
        self.in_parts = true;
        self.is_large = length >= LARGE_FILE_BYTES;
        self
    }

    pub(in crate::storage) fn packed_by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The record of an entry that begins at `offset` in the archive.
    pub(in crate::storage) fn at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    pub(in crate::storage) fn complete(mut self, crc: u32, lengths: Lengths) -> Self {
        self.crc = crc;
        self.lengths = lengths;
        self
    }

    pub(in crate::storage) fn file_length(&self) -> u64 {
        self.lengths.file
    }

    /// What stands before the data.
    pub(in crate::storage) fn local_header(&self) -> Vec<u8> {
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
    pub(in crate::storage) fn descriptor(&self) -> Vec<u8> {
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

    /// What the directory says of the entry.
    pub(super) fn central_header(&self) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
