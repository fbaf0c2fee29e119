//! `.zip`: a streamed archive, lengths after the data, 64-bit where a file needs it.

use std::io;
use std::path::Path;

use ::zip::result::ZipError;
use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::archive::{Archived, COMPRESSION_LEVEL, Content, PackageFailure, failure_at};
use super::blocks::BlockWriter;
use super::walk::{Entry, Kind, Walk, slashed};

/// From this length on a file gets 64-bit lengths: below 4 GiB by more than deflate can add to data that it cannot compress.
const LARGE_FILE_BYTES: u64 = 0xF000_0000;

/// Writes all `entries` to `out` and counts them in `archived`.
pub(super) fn write(
    entries: Walk,
    out: BlockWriter,
    archived: &mut Archived,
) -> Result<BlockWriter, PackageFailure> {
    let mut archive = ZipWriter::new_stream(out);
    for entry in entries {
        let entry = entry?;
        let name = stored_name(&entry.path, &entry.name)?;
        let failed = |error| failure(&entry.path, error);
        let options = options(&entry);
        match &entry.kind {
            Kind::Folder => {
                archive.add_directory(name, options).map_err(failed)?;
                archived.folders += 1;
            }
            Kind::Link { target } => {
                let target = stored_name(&entry.path, target)?;
                archive.add_symlink(name, target, options).map_err(failed)?;
                archived.files += 1;
            }
            Kind::File => {
                let content = Content::open(&entry.path)?;
                let options = options.large_file(content.length() >= LARGE_FILE_BYTES);
                archive.start_file(name, options).map_err(failed)?;
                let copied = io::copy(&mut content.buffered(), &mut archive);
                archived.bytes_read += copied.map_err(|error| failed(ZipError::Io(error)))?;
                archived.files += 1;
            }
        }
    }
    let out = archive.finish();
    Ok(out
        .map_err(|error| failure(Path::new("the end of the archive"), error))?
        .into_inner())
}

/// The same on every system: what wrote the archive decides how a reader takes its attributes.
fn options(entry: &Entry) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .system(System::Unix)
        .unix_permissions(entry.mode)
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(COMPRESSION_LEVEL.into()))
        // 1980-01-01, the first time that the format can express.
        .last_modified_time(DateTime::default())
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

fn failure(path: &Path, error: ZipError) -> PackageFailure {
    match error {
        ZipError::Io(error) => failure_at(path, &error),
        error => failure_at(path, &io::Error::other(error.to_string())),
    }
}
