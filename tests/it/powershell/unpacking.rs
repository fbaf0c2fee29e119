//! The lines that bring the package to its place on Windows.

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use image_builder::secret::Secret;
use image_builder::template::model::json;
use image_builder::template::{Address, PackageLink, compose};
use ring::digest::{SHA256, digest};
use zip::write::SimpleFileOptions;

use super::account::{Answer, Server};
use super::interpreter::{Bench, Case, in_folder, scripts};
use crate::job::{Job, id, job};
use crate::template::NASTY;

/// An archive of files.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn sum(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(&SHA256, bytes).as_ref() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// A package on its way, with the folder that stands for `c:\buildartifacts`.
struct Package {
    root: PathBuf,
    cases: Vec<Case>,
}

/// No test waits: how long it would have waited is said.
const NO_SLEEP: &str = "function Start-Sleep { param($Seconds) Write-Host \"waits $Seconds\" }";

impl Package {
    /// The steps that bring the package of `job`.
    fn new(bench: &Bench, server: &Server, job: &Job, address: Address, sha256: &str) -> Self {
        let number = server.count();
        let root = bench.path(&format!("root-{number}"));
        let sha256 = sha256.to_owned();
        let template = compose(&job.plan().unwrap(), Some(&PackageLink { address, sha256 }));
        let scripts = scripts(&json(&template)).into_iter();
        let cases = scripts.map(|(_, script)| Case {
            script: in_folder(&script, &root).replace("http://169.254.169.254", &server.address),
            stand_ins: NO_SLEEP.to_owned(),
        });
        let cases = cases.collect();
        Self { root, cases }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap_or_default()
    }
}

/// What the author's lines find: what they would find without a package.
const AUTHOR: &str = "if ($Error) { Write-Host \"$Error\" }
if ($ErrorActionPreference -ne 'Continue' -or $attempt -or $folder -or $found) { Write-Host 'a trace' }
if ([Net.ServicePointManager]::SecurityProtocol -ne 'SystemDefault') { Write-Host 'another TLS setting' }";

fn windows(name: &str) -> Job {
    job()
        .package(name)
        .input("provisioner", "powershell")
        .input("inlineScript", AUTHOR)
}

fn signed(job: &Job, link: &str) -> Address {
    Address::Signed(Secret::new(link, &job.masked))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn packages_of_any_name_are_fetched_and_unpacked() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("install.ps1", "x"), ("sub/[2] b.txt", "y")]);
    let packages: Vec<(&str, Package)> = [
        "webapp",
        "my web app",
        "it's",
        "[1] app",
        "a]b[",
        "a`[b`]",
        "'; exit 3; '",
        "$HOME",
        "$(exit 3;)",
        "größe 😀 ’",
        NASTY,
    ]
    .map(|name| {
        let job = windows(name);
        let link = server.link(vec![(200, content.clone())]);
        let address = signed(&job, &link);
        (
            name,
            Package::new(&bench, &server, &job, address, &sum(&content)),
        )
    })
    .into();
    let cases: Vec<_> = packages
        .iter()
        .flat_map(|(_, it)| copies(&it.cases))
        .collect();
    for ((name, package), ended) in packages.iter().zip(bench.run(&cases)) {
        assert_eq!((ended.code, ended.told.as_str()), (0, ""), "{name}");
        assert_eq!(package.read(&format!("{name}/install.ps1")), "x", "{name}");
        assert_eq!(
            package.read(&format!("{name}/sub/[2] b.txt")),
            "y",
            "{name}"
        );
        // The archive stays beside the folder, and nothing else.
        let archive = format!("{name}.zip");
        assert_eq!(
            fs::read(package.root.join(&archive)).unwrap(),
            content,
            "{name}"
        );
        assert_eq!(names(&package.root).len(), 2, "{name}");
    }
}

fn copies(cases: &[Case]) -> Vec<Case> {
    let copy = |case: &Case| Case {
        stand_ins: case.stand_ins.clone(),
        script: case.script.clone(),
    };
    cases.iter().map(copy).collect()
}

#[test]
fn a_single_file_comes_to_lie_beside_its_archive() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("set up [1].ps1", "new")]);
    let job = windows("webapp");
    let file = job.path("webapp/set up [1].ps1");
    fs::write(&file, "new").unwrap();
    let job = job.input("packagePath", file.to_str().unwrap());
    let link = server.link(vec![(200, content.clone())]);
    let package = Package::new(&bench, &server, &job, signed(&job, &link), &sum(&content));
    // An earlier image has a folder of that name.
    fs::create_dir_all(package.root.join("set up [1].ps1/old")).unwrap();
    let ended = bench.run(&package.cases);
    assert_eq!((ended[0].code, ended[0].told.as_str()), (0, ""));
    assert_eq!(package.read("set up [1].ps1"), "new");
}

#[test]
fn what_the_service_brings_is_unpacked() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("install.ps1", "x")]);
    let job = windows("[my] app");
    let link = server.link(Vec::new());
    let address = || Address::ForService(link.clone());
    let package = Package::new(&bench, &server, &job, address(), &sum(&content));
    let [folder, unpacking] = package.cases.as_slice() else {
        panic!("{}", package.cases.len())
    };
    let ended = bench.run(&copies(std::slice::from_ref(folder)));
    assert_eq!((ended[0].code, ended[0].told.as_str()), (0, ""));
    // The file customizer.
    fs::write(package.root.join("[my] app.zip"), &content).unwrap();
    let ended = bench.run(&copies(std::slice::from_ref(unpacking)));
    assert_eq!((ended[0].code, ended[0].told.as_str()), (0, ""));
    assert_eq!(package.read("[my] app/install.ps1"), "x");
    assert!(server.requests(0).is_empty());
}

#[test]
fn an_identity_of_the_vm_fetches_the_package_with_a_token() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("install.ps1", "x")]);
    let job = windows("[my] app");
    let identity = id("Microsoft.ManagedIdentity/userAssignedIdentities/id-vm");
    let address = Address::ForVm {
        url: server.link(vec![(403, Vec::new()), (200, content.clone())]),
        identity: identity.parse().unwrap(),
    };
    let package = Package::new(&bench, &server, &job, address, &sum(&content));
    let ended = bench.run(&package.cases);
    assert_eq!((ended[0].code, ended[0].told.as_str()), (0, "waits 5"));
    assert_eq!(package.read("[my] app/install.ps1"), "x");
    assert_eq!(server.requests(0), ["Bearer the-token 2025-05-05"; 2]);
}

const WAITS: &str = "waits 5\nwaits 10\nwaits 15\nwaits 20";

fn refused(status: u16) -> Answer {
    (status, b"<Error><Code>ServerBusy</Code>\n</Error>".to_vec())
}

fn wrong() -> Answer {
    (200, b"half an archi".to_vec())
}

#[test]
fn a_download_is_tried_five_times_and_what_an_earlier_image_left_goes() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("install.ps1", "x")]);
    let job = windows("webapp");
    let good = (200, content.clone());
    let link = server.link(vec![
        refused(500),
        refused(403),
        refused(503),
        wrong(),
        good,
    ]);
    let package = Package::new(&bench, &server, &job, signed(&job, &link), &sum(&content));
    fs::create_dir_all(package.root.join("webapp/old/folder")).unwrap();
    fs::write(package.root.join("webapp/old/file"), "old").unwrap();
    fs::write(package.root.join("webapp.zip"), "old").unwrap();
    let ended = bench.run(&package.cases);
    assert_eq!((ended[0].code, ended[0].told.as_str()), (0, WAITS));
    assert_eq!(names(&package.root.join("webapp")), ["install.ps1"]);
    assert_eq!(server.requests(0).len(), 5);
}

#[test]
fn a_failure_is_one_line_and_the_step_fails() {
    let Some(bench) = Bench::new() else { return };
    let server = Server::start();
    let content = archive(&[("install.ps1", "x")]);
    let job = windows("webapp");
    let package = |answer: Answer, sha256: &str| {
        let link = server.link(vec![answer]);
        Package::new(&bench, &server, &job, signed(&job, &link), sha256)
    };
    let outside = archive(&[("../../outside.txt", "x")]);
    let sha256 = sum(&content);
    let packages = [
        package(refused(403), &sha256),
        package(wrong(), &sha256),
        package((200, vec![b'x'; 999]), &sum(&[b'x'; 999])),
        package((200, outside.clone()), &sum(&outside)),
    ];
    let cases: Vec<_> = packages.iter().flat_map(|it| copies(&it.cases)).collect();
    let found = sum(b"half an archi");
    let expected = [
        "The remote server returned an error: (403)".to_owned(),
        format!("{{root}}/webapp.zip has SHA-256 {found}, expected {sha256}"),
        "End of Central Directory record could not be found.".to_owned(),
        "Extracting Zip entry would have resulted in a file outside the specified destination directory.".to_owned(),
    ];
    let ended = bench.run(&cases);
    for ((package, ended), expected) in packages.iter().zip(&ended).zip(&expected) {
        let told = ended
            .told
            .replace(&package.root.display().to_string(), "{root}");
        assert_eq!(ended.code, 1, "{told}");
        let line = told.lines().last().unwrap();
        let begin = format!("Unpacking the package failed: {expected}");
        assert!(line.starts_with(&begin), "{told}");
        let before: Vec<_> = told.lines().filter(|it| *it != line).collect();
        assert!(before.is_empty() || before.join("\n") == WAITS, "{told}");
        let parent = package.root.parent().unwrap();
        assert!(!parent.join("outside.txt").exists());
        assert!(!package.root.join("outside.txt").exists());
    }
}
