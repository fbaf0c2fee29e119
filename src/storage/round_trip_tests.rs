//! Archives read back by the programs that unpack them in practice, and random trees by the readers of two libraries.

use super::*;
use crate::file::Exclusion;
use crate::storage::deflate::PIECE_BYTES;
use crate::storage::package::Progress;
use crate::storage::testing::noise;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::{Cursor, Read as _};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;

use futures::StreamExt as _;
use proptest::prelude::*;
use tempfile::TempDir;

fn packed(folder: &Path, format: Format, threads: usize) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let packing = Packing {
            folder: folder.to_owned(),
            exclude: Exclusion::default(),
            format,
            threads: NonZero::new(threads).unwrap(),
            progress: Progress::default(),
        };
        let mut archiving = start_in_blocks(packing, 100_000);
        let blocks: Vec<Bytes> = archiving.blocks().collect().await;
        let archived = archiving.finish().await.unwrap();
        let bytes = blocks.concat();
        assert_eq!(archived.bytes_written, u64::try_from(bytes.len()).unwrap());
        bytes
    })
}

/// Files below, at and above each length at which packing changes its way.
fn package() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let text: Vec<u8> = (0..300_000_u32)
        .flat_map(|number| format!("line {}\n", number % 1009).into_bytes())
        .collect();
    for (name, length) in [
        ("piece", PIECE_BYTES),
        ("piece and one", PIECE_BYTES + 1),
        ("two pieces", 2 * PIECE_BYTES),
        ("long", text.len()),
        ("short", 100),
        ("one", 1),
        ("none", 0),
    ] {
        fs::write(root.join(format!("{name}.txt")), &text[..length]).unwrap();
        fs::write(root.join(format!("{name}.bin")), noise(length.min(700_000))).unwrap();
    }
    fs::create_dir_all(root.join("many/ö/-x 'y'")).unwrap();
    for number in 0..150 {
        let file = root.join(format!("many/{number}"));
        fs::write(file, format!("{number}").repeat(number)).unwrap();
    }
    let holes = File::create(root.join("many/holes")).unwrap();
    holes.set_len(20 << 20).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let executable = fs::Permissions::from_mode(0o750);
        fs::set_permissions(root.join("long.bin"), executable).unwrap();
        symlink("../one.txt", root.join("many/link")).unwrap();
    }
    folder
}

#[cfg(unix)]
mod programs {
    use super::*;

    use std::os::unix::fs::PermissionsExt as _;

    fn is_there(program: &str) -> bool {
        Command::new(program).arg("--help").output().is_ok()
    }

    fn run(folder: &Path, line: &[&str]) {
        let output = Command::new(line[0])
            .args(&line[1..])
            .current_dir(folder)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{line:?}: {errors}"
        );
    }

    /// What `program` made of the archive is the package.
    fn check(format: Format, program: &[&str]) {
        if !is_there(program[0]) {
            // `.ci/run` installs all of them.
            assert!(option_env!("CI").is_none(), "{} is missing", program[0]);
            println!("not checked: {} is not installed", program[0]);
            return;
        }
        let package = package();
        let target = tempfile::tempdir().unwrap();
        let archive = format!("package.{}", format.extension());
        fs::write(
            target.path().join(archive),
            packed(package.path(), format, 2),
        )
        .unwrap();
        let out = target.path().join("out");
        fs::create_dir(&out).unwrap();
        run(&out, program);
        let out = out.to_str().unwrap();
        run(
            package.path(),
            &["diff", "--recursive", "--no-dereference", ".", out],
        );
        let mode = fs::metadata(format!("{out}/long.bin")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o750);
    }

    #[test]
    fn gnu_tar_reads_it() {
        check(Format::TarGz, &["tar", "-xzf", "../package.tar.gz"]);
    }

    #[test]
    fn busybox_tar_reads_it() {
        check(
            Format::TarGz,
            &["busybox", "tar", "-xzf", "../package.tar.gz"],
        );
    }

    #[test]
    fn info_zip_reads_it() {
        check(Format::Zip, &["unzip", "-q", "../package.zip"]);
    }
}

/// A tree: names (a slash makes folders), and contents as a length and whether it can be compressed.
fn trees() -> impl Strategy<Value = BTreeMap<String, (usize, bool)>> {
    let name = "[a-cé -]{1,6}(/[x-z']{1,3}){0,2}";
    let content = (prop_oneof![0_usize..2000, 0_usize..600_000], any::<bool>());
    proptest::collection::btree_map(name, content, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back_whatever_the_number_of_cores(tree in trees()) {
        let folder = tempfile::tempdir().unwrap();
        let mut written = BTreeMap::new();
        for (name, (length, compressible)) in tree {
            let path = folder.path().join(&name);
            let content = if compressible { b"0123456789 ".repeat(length / 11) } else { noise(length) };
            // A name may be a folder already, or lead through a file.
            if fs::create_dir_all(path.parent().unwrap()).is_ok() && fs::write(&path, &content).is_ok() {
                written.insert(name, content);
            }
        }
        for format in [Format::Zip, Format::TarGz] {
            let bytes = packed(folder.path(), format, 1);
            prop_assert!(bytes == packed(folder.path(), format, 3));
            let read = match format {
                Format::Zip => read_zip(&bytes),
                Format::TarGz => read_tar(&bytes),
            };
            prop_assert!(read == written, "{format:?}: {:?} {:?}", read.keys(), written.keys());
        }
    }
}

fn read_zip(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ::zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut read = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.is_file() {
            read.insert(entry.name().unwrap().into_owned(), content);
        }
    }
    read
}

fn read_tar(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut read = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.header().entry_type().is_file() {
            read.insert(entry.path().unwrap().to_str().unwrap().to_owned(), content);
        }
    }
    read
}
