//! Scripts that a VM of a test runs by itself, run by the shell of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ring::digest::{SHA256, digest};

use image_builder::file::Exclusion;
use image_builder::inputs::{ArchiveFormat, Package, PackageAccess, Provisioner};
use image_builder::template::{PARAMETER, script_in_vm};

use crate::texts::check_starts;

fn package(folder: PathBuf) -> Package {
    Package {
        folder,
        is_file: false,
        exclude: Exclusion::default(),
        name: "web app".to_owned(),
        storage_account: "st".to_owned(),
        blob_name: "b".to_owned(),
        format: ArchiveFormat::TarGz,
        access: PackageAccess::Auto,
        retention: None,
    }
}

/// Runs `script` by the shell of this machine, with `/tmp` in `root`, the package's address as `address` has it, and without the network.
fn run(root: &Path, script: &str, address: Address) -> Output {
    let script = script.replace("/tmp/", &format!("{}/tmp/", root.display()));
    // Nobody waits for a server that is not there.
    let script = script.replace("sleep ", "true ");
    let file = root.join("script.sh");
    fs::write(&file, script).unwrap();
    let mut shell = Command::new("sh");
    shell.arg(&file).env("HOME", root);
    match address {
        Address::InEnvironment(link) => shell.env(PARAMETER, link),
        Address::AsArgument(link) => shell.arg(link),
    };
    shell.output().unwrap()
}

enum Address {
    InEnvironment(String),
    AsArgument(String),
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn text(output: &Output) -> String {
    let all = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_script_fetches_its_package_by_a_link_that_is_not_in_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("web app");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(root.path().join("tmp")).unwrap();
    fs::write(folder.join("check.sh"), "echo checked\n").unwrap();
    let archive = root.path().join("archive.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(&folder)
        .arg(".");
    assert!(tar.status().unwrap().success());
    let sum = digest(&SHA256, &fs::read(&archive).unwrap());
    let sum: Vec<_> = sum
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let package = package(folder);
    let link = format!("file://{}", archive.display());
    let script = |sum: &str| {
        let own = lines("sh '/tmp/web app/check.sh'\necho after");
        script_in_vm(Provisioner::Shell, &own, Some((&package, sum)))
    };
    let good = script(&sum.concat());
    assert!(!good.contains("file://") && good.starts_with("#!/bin/sh -e\nset -e\n"));
    let ended = run(root.path(), &good, Address::InEnvironment(link.clone()));
    assert_eq!(
        (ended.status.code(), text(&ended).as_str()),
        (Some(0), "checked\nafter\n")
    );
    let ended = run(root.path(), &good, Address::AsArgument(link.clone()));
    assert_eq!(
        (ended.status.code(), text(&ended).as_str()),
        (Some(0), "checked\nafter\n")
    );
    let ended = run(
        root.path(),
        &script(&"0".repeat(64)),
        Address::InEnvironment(link),
    );
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        text(&ended).starts_with("Unpacking the package failed: ")
            && text(&ended).contains("expected 0000"),
        "{}",
        text(&ended)
    );
    let nowhere = format!("file://{}/nowhere", root.path().display());
    let ended = run(root.path(), &good, Address::InEnvironment(nowhere));
    assert_eq!(ended.status.code(), Some(1));
    check_starts(&text(&ended), "Unpacking the package failed: ");
    assert!(!text(&ended).contains("after"));
}

/// As the image builder runs them: the first command that fails ends the script.
#[test]
fn a_script_ends_at_its_first_error() {
    let root = tempfile::tempdir().unwrap();
    let check = |own: &str, code: i32, said: &str| {
        let script = script_in_vm(Provisioner::Shell, &lines(own), None);
        let ended = run(root.path(), &script, Address::AsArgument(String::new()));
        assert_eq!(
            (ended.status.code(), text(&ended).as_str()),
            (Some(code), said),
            "{own}"
        );
    };
    check("echo one\nfalse\necho two", 1, "one\n");
    check("echo one\nexit 3", 3, "one\n");
    check("#!/bin/bash\necho \"$#\"", 0, "1\n");
    check("", 0, "");
}

#[test]
fn powershell_ends_with_the_exit_code_of_the_last_program() {
    let script = |own: &str| script_in_vm(Provisioner::PowerShell, &lines(own), None);
    assert_eq!(
        script("cmd /c exit 3"),
        "cmd /c exit 3\nexit $LASTEXITCODE\n"
    );
    // What has to be first goes to a file of its own, which ends the same way.
    let own = script("param($a)\nexit 3");
    assert!(
        own.starts_with("& {\n") && own.ends_with("exit $LASTEXITCODE\nexit $LASTEXITCODE\n"),
        "{own}"
    );
}
