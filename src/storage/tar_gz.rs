//! `.tar.gz`: GNU tar, which knows long names and large files, in one gzip member.

use std::io;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::blocks::BlockWriter;
use super::gzip::Gzip;
use super::package::{Archived, Packing};
use super::package_failure::{PackageFailure, failure_at};
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
