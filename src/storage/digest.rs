//! What a package holds, as one number: the same for the same names, kinds, permissions and bytes, whenever and wherever they were written.
//!
//! The folder is read once for it, on all cores, and nothing of it is kept.

use std::io::{self, Read as _};
use std::mem;
use std::path::Path;

use super::checksum::{Sha256, Summing};
use super::deflate::PIECE_BYTES;
use super::in_order::{self, InOrder};
use super::package::{Format, PackageFailure, PackageSource, Progress, failure_at};
use super::source_file::SourceFile;
use super::walk::{Entry, Kind, Walk, slashed};

/// Raised when an archive of the same files is written in another way, so that blobs of before are not taken for those of now.
const EDITION: &str = "image-builder package 1";
/// One thread gets as many files at once, so that handing over costs little.
const BATCH_FILES: usize = 64;
const READ_BYTES: usize = 64 * 1024;

type Sums = Result<Vec<(Entry, Option<Sha256>)>, PackageFailure>;

/// The sum of a folder, as it would be packed.
pub(super) fn sum(package: &PackageSource) -> Result<Sha256, PackageFailure> {
    let entries = Walk::of(&package.folder, package.exclude.clone())?;
    let mut pool: InOrder<Sums> = InOrder::new(in_order::threads())?;
    let mut whole = Summing::new();
    add(&mut whole, EDITION.as_bytes());
    add(
        &mut whole,
        match package.format {
            Format::Zip => b"zip",
            Format::TarGz => b"tar.gz",
        },
    );
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    for entry in entries {
        let entry = entry?;
        if let Kind::File { length } = entry.kind {
            bytes = bytes.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        }
        batch.push(entry);
        if batch.len() >= BATCH_FILES || bytes >= 4 * PIECE_BYTES {
            give(&mut pool, mem::take(&mut batch));
            bytes = 0;
        }
        while pool.is_full() {
            take(&mut pool, &mut whole)?;
        }
    }
    give(&mut pool, batch);
    while take(&mut pool, &mut whole)? {}
    Ok(whole.finish())
}

fn give(pool: &mut InOrder<Sums>, batch: Vec<Entry>) {
    // A batch holds names, and one buffer while it is worked on.
    pool.give(READ_BYTES, move || {
        let mut buffer = vec![0; READ_BYTES];
        let sums = batch.into_iter().map(|entry| {
            let sum = match entry.kind {
                Kind::File { .. } => Some(sum_of_file(&entry.path, &mut buffer)?),
                Kind::Folder | Kind::Link { .. } => None,
            };
            Ok((entry, sum))
        });
        sums.collect()
    });
}

fn take(pool: &mut InOrder<Sums>, whole: &mut Summing) -> Result<bool, PackageFailure> {
    let Some(sums) = pool.take() else {
        return Ok(false);
    };
    for (entry, sum) in sums?? {
        add_entry(whole, &entry, sum)?;
    }
    Ok(true)
}

/// Every part has its length before it, so that no two packages read alike.
fn add_entry(
    whole: &mut Summing,
    entry: &Entry,
    sum: Option<Sha256>,
) -> Result<(), PackageFailure> {
    let text = |path: &Path| {
        slashed(path).ok_or_else(|| PackageFailure::Unstorable {
            path: entry.path.clone(),
            reason: "its name or target is not UTF-8".to_owned(),
        })
    };
    add(whole, text(&entry.name)?.as_bytes());
    whole.add(&entry.mode.to_be_bytes());
    match &entry.kind {
        Kind::Folder => add(whole, b"folder"),
        Kind::Link { target } => {
            add(whole, b"link");
            add(whole, text(target)?.as_bytes());
        }
        Kind::File { .. } => {
            add(whole, b"file");
            add(whole, sum.unwrap_or_default().to_string().as_bytes());
        }
    }
    Ok(())
}

fn add(whole: &mut Summing, part: &[u8]) {
    whole.add(&u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
    whole.add(part);
}

fn sum_of_file(path: &Path, buffer: &mut [u8]) -> Result<Sha256, PackageFailure> {
    let failed = |error: io::Error| failure_at(path, &error);
    // It is read again when it is packed, which is what progress counts.
    let mut content = SourceFile::of(path, &Progress::default())?;
    let mut sum = Summing::new();
    loop {
        let count = match content.read(buffer) {
            Ok(0) => return Ok(sum.finish()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        sum.add(buffer.get(..count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs;

    fn sum_of(folder: &Path, format: Format) -> String {
        let package = PackageSource {
            folder: folder.to_owned(),
            exclude: crate::file::Exclusion::of(["*.log"]).unwrap(),
            format,
            container: String::new(),
            blob_name: String::new(),
            retained: None,
        };
        sum(&package).unwrap().to_string()
    }

    fn fill(root: &Path) {
        fs::create_dir_all(root.join("a/empty")).unwrap();
        for number in 0..200 {
            fs::write(root.join(format!("a/{number}")), number.to_string()).unwrap();
        }
        fs::write(root.join("large"), vec![7; 3_000_000]).unwrap();
        fs::write(root.join("b"), "c").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("b", root.join("link")).unwrap();
    }

    #[test]
    fn the_same_files_have_the_same_sum_wherever_they_are() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fill(one.path());
        fill(other.path());
        fs::write(other.path().join("x.log"), "not packed").unwrap();
        assert_eq!(
            sum_of(one.path(), Format::Zip),
            sum_of(other.path(), Format::Zip)
        );
        assert_ne!(
            sum_of(one.path(), Format::Zip),
            sum_of(one.path(), Format::TarGz)
        );
    }

    #[test]
    fn any_change_changes_the_sum() {
        let check = |what: &str, change: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().unwrap();
            fill(folder.path());
            let before = sum_of(folder.path(), Format::Zip);
            change(folder.path());
            assert_ne!(sum_of(folder.path(), Format::Zip), before, "{what}");
        };
        check("a byte", &|root| fs::write(root.join("b"), "d").unwrap());
        check("a name", &|root| {
            fs::rename(root.join("b"), root.join("c")).unwrap();
        });
        check("an empty folder", &|root| {
            fs::remove_dir(root.join("a/empty")).unwrap();
        });
        check("a file for a folder", &|root| {
            fs::remove_dir(root.join("a/empty")).unwrap();
            fs::write(root.join("a/empty"), "").unwrap();
        });
        check("an order of bytes", &|root| {
            fs::write(root.join("a/1"), "2").unwrap();
            fs::write(root.join("a/2"), "1").unwrap();
        });
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt as _, symlink};
            check("permissions", &|root| {
                fs::set_permissions(root.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
            });
            check("the target of a link", &|root| {
                fs::remove_file(root.join("link")).unwrap();
                symlink("large", root.join("link")).unwrap();
            });
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone");
        let failure = sum_of_file(&path, &mut [0; 10]).unwrap_err();
        assert_eq!(failure, PackageFailure::Missing(path));
    }
}
