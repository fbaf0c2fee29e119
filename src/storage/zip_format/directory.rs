//! The list of all entries at the end of the archive, by which a reader finds them.

use std::io::{self, Cursor, Read, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::fields::Fields;
use super::{MADE_BY, Record, VERSION_64};
use crate::storage::archive::PackageFailure;

const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;

/// The list at the end of the archive. Names are much alike: it is kept compressed, some ten bytes for each entry.
pub(in crate::storage) struct Directory {
    headers: DeflateEncoder<Vec<u8>>,
    count: u64,
    length: u64,
}

impl Directory {
    pub(in crate::storage) fn new() -> Self {
        Self {
            headers: DeflateEncoder::new(Vec::new(), Compression::new(2)),
            count: 0,
            length: 0,
        }
    }

    pub(in crate::storage) fn add(&mut self, record: &Record) -> Result<(), PackageFailure> {
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
    pub(in crate::storage) fn finish(self, offset: u64) -> io::Result<impl Read> {
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

#[cfg(test)]
mod tests {
    use super::*;

    use crate::storage::zip_format::{EntryType, Lengths};

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
}
