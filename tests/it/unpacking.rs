//! The lines that unpack the package on Linux, run by the shell of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::job::job;
use crate::template::{NASTY, template};

fn inline(template: &Value) -> Vec<String> {
    let customizers = template["properties"]["customize"].as_array().unwrap();
    let shell = customizers
        .iter()
        .find(|one| one["name"] == "vststask_inline");
    let lines = shell.unwrap()["inline"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

/// Runs the lines of a Linux template with `/tmp` and `sudo` of our own, the archive lying where the file customizer puts it.
fn run_in(root: &Path, name: &str, script: &str, with_archive: bool) -> (bool, String) {
    let job = job().package(name).input("inlineScript", script);
    let template = template(&job);
    let tmp = root.join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    let destination = template["properties"]["customize"][0]["destination"]
        .as_str()
        .unwrap();
    assert_eq!(destination, format!("/tmp/{name}.tar.gz"));
    if with_archive {
        let archive = tmp.join(format!("{name}.tar.gz"));
        let made = Command::new("tar")
            .args(["--create", "--gzip", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(job.path(name))
            .arg(".")
            .status()
            .unwrap();
        assert!(made.success());
    }
    let script = inline(&template)
        .join("\n")
        .replace("/tmp/", &format!("{}/", tmp.display()));
    run(root, &script)
}

/// Whether the script succeeds, and what it says.
fn run(root: &Path, script: &str) -> (bool, String) {
    let file = root.join("script.sh");
    fs::write(&file, format!("sudo() {{ \"$@\"; }}\n{script}\n")).unwrap();
    let output = Command::new("sh")
        .arg(&file)
        .current_dir(root)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), told)
}

#[test]
fn linux_unpacks_packages_of_any_name() {
    for name in [
        "webapp",
        "my web app",
        "it's",
        "'; exit 3; '",
        "$HOME",
        "$(exit 3;)",
        "`exit 3`",
        "-rf",
        "_WVD_POC",
        "a\"b",
        "a:b",
        "*",
        "größe 😀",
        "a&b|c;d",
        NASTY,
    ] {
        let root = tempfile::tempdir().unwrap();
        // What the author's first line sees must be what it sees without a package.
        let script = "echo \"$?\" \"$-\" \"$PWD\" \"$#\"";
        let (succeeded, told) = run_in(root.path(), name, script, true);
        assert!(succeeded, "{name}");
        assert_eq!(told, run(root.path(), script).1, "{name}");
        let unpacked = root.path().join("tmp").join(name).join("install.sh");
        assert_eq!(
            fs::read_to_string(unpacked).unwrap(),
            "echo installed\n",
            "{name}"
        );
    }
}

#[test]
fn linux_stops_if_the_package_cannot_be_unpacked() {
    let root = tempfile::tempdir().unwrap();
    let (succeeded, told) = run_in(root.path(), "my app", "echo went on", false);
    assert!(!succeeded);
    assert_eq!(told, "");
}

/// The archive of a single file has the file alone.
#[test]
fn linux_puts_a_single_file_beside_its_archive() {
    let root = tempfile::tempdir().unwrap();
    let tmp = root.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    let job = job().package("my app");
    let folder = job.path("my app");
    let file = folder.join("set up.sh");
    fs::write(&file, "echo set up\n").unwrap();
    let job = job.input("packagePath", file.to_str().unwrap());
    let template = template(&job);
    let destination = &template["properties"]["customize"][0]["destination"];
    assert_eq!(*destination, "/tmp/set up.sh.tar.gz");
    let made = Command::new("tar")
        .args(["--create", "--gzip", "--file"])
        .arg(tmp.join("set up.sh.tar.gz"))
        .arg("--directory")
        .arg(&folder)
        .arg("set up.sh")
        .status();
    assert!(made.unwrap().success());
    let script = inline(&template).join("\n");
    let script = script.replace("/tmp/", &format!("{}/", tmp.display()));
    assert!(run(root.path(), &script).0, "{script}");
    let content = fs::read_to_string(tmp.join("set up.sh")).unwrap();
    assert_eq!(content, "echo set up\n");
}

#[test]
fn windows_puts_a_single_file_beside_its_archive() {
    let lines = |path: &str| {
        let job = job().package("webapp").input("provisioner", "powershell");
        let path = job.path(path).to_str().unwrap().to_owned();
        inline(&template(&job.input("packagePath", &path))).join("\n")
    };
    let file = lines("webapp/install.sh");
    assert!(
        file.contains("$folder = 'c:\\buildartifacts\\install.sh'"),
        "{file}"
    );
    assert!(
        file.contains("ExtractToDirectory($archive, 'c:\\buildartifacts')"),
        "{file}"
    );
    assert!(lines("webapp").contains("ExtractToDirectory($archive, $folder)"));
}
