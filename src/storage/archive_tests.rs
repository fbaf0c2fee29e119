use super::*;
use crate::file::Exclusion;
use crate::storage::in_order::most_bytes;
use crate::storage::package::Progress;
use crate::storage::package::failure_at;
use crate::storage::source_file::SourceFile;
use crate::storage::testing::noise;

#[cfg(unix)]
use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;

use futures::StreamExt as _;
use tempfile::TempDir;

fn packing(folder: &Path, format: Format, threads: usize) -> Packing {
    Packing {
        folder: folder.to_owned(),
        exclude: Exclusion::default(),
        format,
        threads: NonZero::new(threads).unwrap(),
        progress: Progress::default(),
    }
}

async fn packed(folder: &Path, format: Format) -> Result<(Vec<u8>, Archived), PackageFailure> {
    let mut archiving = start(packing(folder, format, 2));
    let blocks: Vec<Bytes> = archiving.blocks().collect().await;
    let archived = archiving.finish().await?;
    Ok((blocks.concat(), archived))
}

const AWKWARD: &[&str] = &[
    "a b.txt",
    "it's quoted.txt",
    // Windows has no such names.
    #[cfg(unix)]
    "\"double\": *?.txt",
    "-rf",
    "größe/日本.txt",
    ".hidden",
    "folder/.dot",
    "percent%20.txt",
];

/// A folder with everything that is awkward.
fn package() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["folder/empty", "größe"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for name in AWKWARD {
        fs::write(root.join(name), name.repeat(50)).unwrap();
    }
    fs::write(root.join("nothing"), "").unwrap();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    fs::create_dir(root.join("d".repeat(120))).unwrap();
    fs::write(root.join(long), "long").unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        symlink("../run.sh", root.join("folder/link")).unwrap();
        symlink("not here", root.join("dangling")).unwrap();
        let set = |name: &str, mode| {
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        set("run.sh", 0o755);
        set("a b.txt", 0o640);
        set("folder/empty", 0o700);
    }
    folder
}

/// Every path below `root` with its kind, permissions and content.
#[cfg(unix)]
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let describe = |entry: crate::storage::walk::Entry| {
        use crate::storage::walk::Kind;
        let text = match entry.kind {
            Kind::Folder => format!("folder {:o}", entry.mode),
            Kind::File { .. } => format!(
                "{:o} {}",
                entry.mode,
                fs::read_to_string(&entry.path).unwrap()
            ),
            Kind::Link { target } => format!("-> {}", target.display()),
        };
        (entry.name, text)
    };
    Walk::of(root, Exclusion::default())
        .unwrap()
        .map(|entry| describe(entry.unwrap()))
        .collect()
}

#[cfg(unix)]
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && errors.is_empty(),
        "{program}: {errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn gnu_tar_unpacks_what_was_packed() {
    let package = package();
    let (bytes, archived) = packed(package.path(), Format::TarGz).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let archive = target.path().join("package.tar.gz");
    fs::write(&archive, &bytes).unwrap();
    let out = target.path().join("out");
    fs::create_dir(&out).unwrap();
    run("tar", &["-xpzf", "../package.tar.gz"], &out);
    assert_eq!(tree(&out), tree(package.path()));
    let listed = run(
        "tar",
        &["-tvzf", "package.tar.gz", "--numeric-owner"],
        target.path(),
    );
    assert!(
        listed.lines().all(|line| line.contains(" 0/0 ")),
        "{listed}"
    );
    let counted = u64::try_from(listed.lines().count()).unwrap();
    assert_eq!(archived.files + archived.folders, counted);
    assert_eq!(archived.bytes_written, u64::try_from(bytes.len()).unwrap());
}

/// Python's zipfile reads names, permissions and checksums; it stores links as files, so it is told to make links of them.
#[cfg(unix)]
const UNZIP: &str = r"
import os, stat, sys, zipfile
archive = zipfile.ZipFile('../package.zip')
assert archive.testzip() is None
folders = []
for entry in archive.infolist():
    mode = entry.external_attr >> 16
    assert entry.date_time == (1980, 1, 1, 0, 0, 0), entry
    assert entry.create_system == 3, entry
    if stat.S_ISLNK(mode):
        os.symlink(archive.read(entry).decode(), entry.filename)
    else:
        assert entry.is_dir() == stat.S_ISDIR(mode), entry
        archive.extract(entry)
        os.chmod(entry.filename, stat.S_IMODE(mode))
";

#[cfg(unix)]
#[tokio::test]
async fn pythons_zipfile_unpacks_what_was_packed() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("not checked: python3 is not installed");
        return;
    }
    let package = package();
    let (bytes, archived) = packed(package.path(), Format::Zip).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    fs::write(target.path().join("package.zip"), &bytes).unwrap();
    let out = target.path().join("out");
    fs::create_dir(&out).unwrap();
    run("python3", &["-c", UNZIP], &out);
    assert_eq!(tree(&out), tree(package.path()));
    assert_eq!(archived.bytes_written, u64::try_from(bytes.len()).unwrap());
}

#[tokio::test]
async fn our_own_reader_finds_every_name_with_forward_slashes() {
    let package = package();
    let (bytes, archived) = packed(package.path(), Format::Zip).await.unwrap();
    let mut archive = ::zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
    assert_eq!(
        u64::try_from(archive.len()).unwrap(),
        archived.files + archived.folders
    );
    for name in AWKWARD {
        let mut content = String::new();
        let mut entry = archive.by_name(name).unwrap();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!(content, name.repeat(50));
    }
    assert!(archive.by_name("folder/empty/").unwrap().is_dir());
}

#[tokio::test]
async fn the_same_contents_give_the_same_bytes() {
    let (one, other) = (package(), package());
    let later = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    let file = File::options()
        .append(true)
        .open(other.path().join("run.sh"));
    file.unwrap().set_times(later).unwrap();
    for format in [Format::Zip, Format::TarGz] {
        let first = packed(one.path(), format).await.unwrap();
        assert_eq!(first, packed(other.path(), format).await.unwrap());
        assert!(first.1.bytes_read > 0);
    }
}

#[tokio::test]
async fn an_empty_folder_is_no_package_and_one_with_an_empty_folder_is() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Zip, Format::TarGz] {
        let failure = packed(folder.path(), format).await.unwrap_err();
        assert_eq!(failure, PackageFailure::Empty(folder.path().to_owned()));
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    for format in [Format::Zip, Format::TarGz] {
        let (_, archived) = packed(folder.path(), format).await.unwrap();
        assert_eq!((archived.files, archived.folders), (0, 1));
    }
}

#[tokio::test]
async fn what_is_excluded_stays_out_and_something_must_be_left() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kept"), "12345").unwrap();
    fs::write(folder.path().join("x.log"), "123").unwrap();
    for format in [Format::Zip, Format::TarGz] {
        let check = async |pattern: &str| {
            let mut packing = packing(folder.path(), format, 1);
            packing.exclude = Exclusion::of([pattern]).unwrap();
            let progress = packing.progress.clone();
            let mut archiving = start(packing);
            archiving.blocks().for_each(|_| async {}).await;
            (archiving.finish().await, progress.bytes_read())
        };
        let (archived, bytes_read) = check("*.log").await;
        let archived = archived.unwrap();
        assert_eq!((archived.files, archived.bytes_read, bytes_read), (1, 5, 5));
        let expected = PackageFailure::AllExcluded(folder.path().to_owned());
        assert_eq!(check("*").await.0, Err(expected));
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let check = |change: &dyn Fn(File)| {
        fs::write(&path, "12345").unwrap();
        let mut content = SourceFile::of(&path, &Progress::default()).unwrap();
        change(File::options().write(true).open(&path).unwrap());
        let error = io::copy(&mut content, &mut io::sink()).unwrap_err();
        let expected = PackageFailure::Changed {
            path: path.clone(),
            length: 5,
        };
        assert_eq!(failure_at(Path::new("other"), &error), expected);
    };
    check(&|file| file.set_len(3).unwrap());
    check(&|file| file.set_len(9).unwrap());
}

#[cfg(unix)]
#[test]
fn nobody_waits_for_a_pipe_that_took_the_place_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    crate::file::tests::make_pipe(&path);
    let failure = SourceFile::of(&path, &Progress::default()).unwrap_err();
    let reason = "it is not a regular file".to_owned();
    assert_eq!(failure, PackageFailure::Unreadable { path, reason });
}

#[test]
fn a_file_that_vanishes_before_it_is_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone");
    assert_eq!(
        SourceFile::of(&path, &Progress::default()).unwrap_err(),
        PackageFailure::Missing(path)
    );
}

const SMALL_BLOCK_BYTES: usize = 100_000;

/// Incompressible, and more than may be in memory: it holds the thread until blocks are taken.
fn long_noise() -> Vec<u8> {
    noise(most_bytes(NonZero::new(2).unwrap()) + (WAITING_BLOCKS + 10) * SMALL_BLOCK_BYTES)
}

fn start_with(folder: &Path, format: Format, threads: usize) -> Archiving {
    start_in_blocks(packing(folder, format, threads), SMALL_BLOCK_BYTES)
}

/// Both formats pass a failure of one of their files through as it is.
#[tokio::test]
async fn a_failure_of_one_file_ends_the_archive_with_its_name() {
    for format in [Format::Zip, Format::TarGz] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), long_noise()).unwrap();
        let last = folder.path().join("b");
        fs::write(&last, "b").unwrap();
        let mut archiving = start_with(folder.path(), format, 2);
        while archiving.blocks.len() < WAITING_BLOCKS {
            tokio::task::yield_now().await;
        }
        fs::remove_file(&last).unwrap();
        let blocks: Vec<Bytes> = archiving.blocks().collect().await;
        assert!(blocks.len() >= 4);
        assert_eq!(archiving.finish().await, Err(PackageFailure::Missing(last)));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn names_that_zip_cannot_keep_are_refused_and_tar_keeps_them() {
    use std::os::unix::ffi::OsStrExt as _;
    for name in [&b"latin-\xe9"[..], b"back\\slash"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, "x").unwrap();
        let failure = packed(folder.path(), Format::Zip).await.unwrap_err();
        assert!(
            matches!(&failure, PackageFailure::Unstorable { path: named, .. } if *named == path),
            "{failure}"
        );
        let (bytes, _) = packed(folder.path(), Format::TarGz).await.unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path_bytes(), name);
    }
}

#[tokio::test]
async fn an_archive_that_nobody_takes_waits_and_ends_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), long_noise()).unwrap();
    for format in [Format::Zip, Format::TarGz] {
        let archiving = start_with(folder.path(), format, 2);
        while archiving.blocks.len() < WAITING_BLOCKS {
            tokio::task::yield_now().await;
        }
        assert_eq!(archiving.blocks.max_capacity(), WAITING_BLOCKS);
        assert_eq!(archiving.finish().await, Err(PackageFailure::Abandoned));
    }
}
