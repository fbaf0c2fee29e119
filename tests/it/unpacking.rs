//! The lines that unpack the package on Linux, run by the shell of this machine.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use ring::digest::{SHA256 as SHA256_ALGORITHM, digest};
use serde_json::Value;

use crate::job::{Job, job};
use crate::template::{NASTY, SHA256, template};
use crate::template_files::with_text;
use crate::texts::check_has;

/// The inline scripts of a template, one for each step.
fn scripts(template: &Value) -> Vec<String> {
    let customizers = template["properties"]["customize"].as_array().unwrap();
    let lines = customizers
        .iter()
        .filter_map(|one| one["inline"].as_array());
    let text = |line: &Value| line.as_str().unwrap().to_owned();
    lines
        .map(|lines| lines.iter().map(text).collect::<Vec<_>>().join("\n"))
        .collect()
}

/// The scripts of a Linux template, step by step, with `/tmp` in `root`. The package's archive is made where the file customizer puts it, unless it
/// is `archive` instead.
fn steps_in(root: &Path, job: &Job, archive: Option<&[u8]>) -> Vec<String> {
    let template = template(job);
    let file = &template["properties"]["customize"][0];
    assert_eq!(file["sha256Checksum"], SHA256);
    let tmp = root.join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    let destination = file["destination"].as_str().unwrap();
    let place = tmp.join(destination.strip_prefix("/tmp/").unwrap());
    let package = job.plan().unwrap().package.unwrap();
    let (folder, content) = if package.is_file {
        let file = package.folder.file_name().unwrap();
        (package.folder.parent().unwrap(), file)
    } else {
        (package.folder.as_path(), OsStr::new("."))
    };
    let mut tar = Command::new("tar");
    tar.arg("--create")
        .arg("--gzip")
        .arg("--directory")
        .arg(folder);
    let made = tar.arg("--file=-").arg("--").arg(content).output().unwrap();
    assert!(made.status.success());
    let sum = digest(&SHA256_ALGORITHM, &made.stdout);
    let digits = sum.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    fs::write(&place, archive.unwrap_or(&made.stdout)).unwrap();
    let tmp = format!("{}/", tmp.display());
    let scripts = scripts(&template).into_iter();
    scripts
        .map(|script| script.replace(SHA256, &digits).replace("/tmp/", &tmp))
        .collect()
}

/// Runs the lines of a Linux template with a package `name` and the author's `script`.
fn unpack(root: &Path, name: &str, script: &str) -> (bool, String) {
    let job = job().package(name).input("inlineScript", script);
    run(root, &steps_in(root, &job, None))
}

/// Whether the scripts succeed one after the other, and what they say. Image builder's shell stops at errors; `sudo` is our own.
fn run(root: &Path, scripts: &[String]) -> (bool, String) {
    let mut told = String::new();
    for script in scripts {
        let file = root.join("script.sh");
        fs::write(&file, format!("sudo() {{ \"$@\"; }}\n{script}\n")).unwrap();
        let output = Command::new("sh")
            .arg("-e")
            .arg(&file)
            .current_dir(root)
            .output()
            .unwrap();
        told.push_str(&String::from_utf8_lossy(&output.stdout));
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            return (false, told);
        }
    }
    (true, told)
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
        let (succeeded, told) = unpack(root.path(), name, script);
        assert!(succeeded, "{name}: {told}");
        assert_eq!(told, run(root.path(), &[script.to_owned()]).1, "{name}");
        let unpacked = root.path().join("tmp").join(name).join("install.sh");
        assert_eq!(
            fs::read_to_string(unpacked).unwrap(),
            "echo installed\n",
            "{name}"
        );
    }
}

#[test]
fn linux_stops_if_another_package_arrived() {
    let root = tempfile::tempdir().unwrap();
    let job = job()
        .package("my app")
        .input("inlineScript", "echo went on");
    let old = root.path().join("tmp/my app/old");
    fs::create_dir_all(&old).unwrap();
    let steps = steps_in(root.path(), &job, Some(b"half an archi"));
    let (succeeded, told) = run(root.path(), &steps);
    assert!(!succeeded);
    let found = "e5ba048cac3242551d5c030d930c6366f174a1c1494d6944ae2fb1135602da8c";
    let begin = format!(
        "Unpacking the package failed: {}/tmp/my app.tar.gz has SHA-256 {found}, expected ",
        root.path().display()
    );
    assert!(told.starts_with(&begin), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(old.is_dir());
}

#[test]
fn linux_stops_if_no_package_arrived() {
    let root = tempfile::tempdir().unwrap();
    let job = job()
        .package("my app")
        .input("inlineScript", "echo went on");
    let steps = steps_in(root.path(), &job, None);
    fs::remove_file(root.path().join("tmp/my app.tar.gz")).unwrap();
    let (succeeded, told) = run(root.path(), &steps);
    assert!(!succeeded);
    assert!(told.contains("has SHA-256 none, expected "), "{told}");
    assert!(!told.contains("went on"), "{told}");
}

/// What a program says when it fails is one line, by which the failure is known.
#[test]
fn linux_says_why_unpacking_failed() {
    let root = tempfile::tempdir().unwrap();
    let job = job().input("inlineScript", "echo went on");
    let steps = steps_in(root.path(), &job, None);
    let programs = "tar() { printf 'tar: a: Cannot write: No space left on device\\ntar: Exiting\\n' >&2; return 2; }\n";
    let steps: Vec<_> = steps
        .iter()
        .map(|step| format!("{programs}{step}"))
        .collect();
    let (succeeded, told) = run(root.path(), &steps);
    assert!(!succeeded);
    let expected = "Unpacking the package failed: tar: a: Cannot write: No space left on device tar: Exiting\n";
    assert_eq!(told, expected);
}

/// What the source image has of an earlier build.
#[cfg(unix)]
#[test]
fn linux_replaces_what_an_earlier_build_left() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let outside = root.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "").unwrap();
    let place = root.join("tmp/my app");
    let leave: [&dyn Fn(); 4] = [
        &|| fs::write(&place, "a file").unwrap(),
        &|| symlink(&outside, &place).unwrap(),
        &|| symlink("/nowhere", &place).unwrap(),
        &|| {
            fs::create_dir_all(place.join("old/folder")).unwrap();
            symlink(&outside, place.join("old/link")).unwrap();
            fs::write(place.join("install.sh"), "echo old\n").unwrap();
        },
    ];
    fs::create_dir(root.join("tmp")).unwrap();
    for leave in leave {
        leave();
        let (succeeded, told) = unpack(root, "my app", "echo went on");
        assert!(succeeded, "{told}");
        assert_eq!(told, "went on\n");
        let files = fs::read_dir(&place)
            .unwrap()
            .map(|it| it.unwrap().file_name());
        assert_eq!(files.collect::<Vec<_>>(), ["install.sh"]);
        assert!(!place.is_symlink());
        let script = fs::read_to_string(place.join("install.sh")).unwrap();
        assert_eq!(script, "echo installed\n");
        let kept = fs::read_dir(&outside)
            .unwrap()
            .map(|it| it.unwrap().file_name());
        assert_eq!(kept.collect::<Vec<_>>(), ["precious"]);
        fs::remove_dir_all(&place).unwrap();
    }
}

/// The archive of a single file has the file alone; an old folder in its place goes.
#[test]
fn linux_puts_a_single_file_beside_its_archive() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("tmp/set up.sh");
    fs::create_dir_all(place.join("old")).unwrap();
    let job = job().package("my app");
    let file = job.path("my app").join("set up.sh");
    fs::write(&file, "echo set up\n").unwrap();
    let job = job.input("packagePath", file.to_str().unwrap());
    let (succeeded, told) = run(root.path(), &steps_in(root.path(), &job, None));
    assert!(succeeded, "{told}");
    assert_eq!(fs::read_to_string(place).unwrap(), "echo set up\n");
}

/// A script that git wrote with the line ends of Windows, too long for the template.
#[test]
fn linux_runs_a_script_with_windows_line_ends() {
    let text = "customize:\n- type: Shell\n  scriptPath: scripts/long.sh\n";
    let job = with_text("web.yml", text);
    let script = "#!/bin/sh\r\nset -e\r\necho ran\r\n".to_owned() + &"true\r\n".repeat(5000);
    fs::write(job.path("webapp/scripts/long.sh"), script).unwrap();
    let root = tempfile::tempdir().unwrap();
    let (succeeded, told) = run(root.path(), &steps_in(root.path(), &job, None));
    assert!(succeeded, "{told}");
    assert_eq!(told, "ran\n");
}

#[test]
fn windows_puts_a_single_file_beside_its_archive() {
    let lines = |path: &str| {
        let job = job().package("webapp").input("provisioner", "powershell");
        let path = job.path(path).to_str().unwrap().to_owned();
        scripts(&template(&job.input("packagePath", &path))).join("\n")
    };
    let file = lines("webapp/install.sh");
    check_has(&file, "$folder = 'c:\\buildartifacts\\install.sh'");
    check_has(&file, "ExtractToDirectory($archive, 'c:\\buildartifacts')");
    assert!(lines("webapp").contains("ExtractToDirectory($archive, $folder)"));
}
