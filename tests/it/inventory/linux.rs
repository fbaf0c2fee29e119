//! The script for Linux, run by every shell that this machine has, on the data of several distributions.

use std::env;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use image_builder::inventory::script;
use image_builder::inventory::{Inventory, NoList, Reader};
use image_builder::log::Line;
use tempfile::TempDir;

use crate::powershell::interpreter::skipped;

/// Programs of the system that the script uses.
const TOOLS: [&str; 16] = [
    "base64",
    "cat",
    "env",
    "fold",
    "grep",
    "gzip",
    "mktemp",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "timeout",
    "tr",
    "true",
];

/// A shell, and the programs that it finds.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    command: Vec<PathBuf>,
    /// Where the programs of the system are; without it, all are those of `BusyBox`.
    busybox: Option<PathBuf>,
}

fn found(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let programs = env::split_paths(&folders).map(|folder| folder.join(name));
    programs.into_iter().find(|program| program.is_file())
}

/// What this machine has of dash, bash and the shell of `BusyBox` with its own programs.
pub(super) fn shells() -> Vec<Shell> {
    let mut shells = Vec::new();
    for name in ["dash", "bash"] {
        match found(name) {
            Some(program) => shells.push(Shell {
                command: vec![program],
                busybox: None,
            }),
            None => skipped(&format!("there is no {name}")),
        }
    }
    match found("busybox") {
        Some(program) => shells.push(Shell {
            command: vec![program.clone(), "sh".into()],
            busybox: Some(program),
        }),
        None => skipped("there is no busybox"),
    }
    shells
}

/// A machine on which the script runs: its programs are links and stand-ins.
pub(super) struct Machine {
    folder: TempDir,
    pub(super) shell: Shell,
    os_release: PathBuf,
}

pub(super) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/inventory/data")
        .join(name)
}

#[cfg(unix)]
impl Machine {
    pub(super) fn new(shell: &Shell, os_release: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        for tool in TOOLS {
            let program = shell.busybox.clone().or_else(|| found(tool)).unwrap();
            std::os::unix::fs::symlink(program, programs.join(tool)).unwrap();
        }
        let file = folder.path().join("os-release");
        fs::write(&file, os_release).unwrap();
        let machine = Self {
            os_release: file,
            folder,
            shell: shell.clone(),
        };
        machine.with("uname", "echo '6.8.0-45-generic x86_64'")
    }

    /// Ubuntu with packages, snaps, an application of Flatpak, packages of Python and units.
    pub(super) fn ubuntu(shell: &Shell) -> Self {
        let packages = data("ubuntu.dpkg");
        Self::new(
            shell,
            "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION=\"24.04.1 LTS (Noble Numbat)\"\nID=ubuntu\n",
        )
        .with("dpkg-query", &format!(
            "test \"$*\" = '-W -f=${{db:Status-Status}}\\t${{Package}}\\t${{Version}}\\t${{Architecture}}\\t${{source:Package}}\\n' || exit 2\ncat '{}'",
            packages.display()
        ))
        .with("snap", "test \"$*\" = list || exit 2\nprintf 'Name    Version          Rev    Tracking       Publisher   Notes\\ncore22  20240904         1621   latest/stable  canonical**  base\\nlxd     5.21.2-2f4ba6b   30131  5.21/stable    canonical**  -\\n'")
        .with("flatpak", "printf 'org.gimp.GIMP\\t2.10.38\\norg.freedesktop.Platform.openh264\\t\\n'")
        .with("pip", "test \"$*\" = 'list --format=freeze' || exit 2\nprintf 'requests==2.31.0\\nZope.Interface==6.1\\n-e git+https://token@example.org/x.git#egg=x\\nlocal @ file:///x\\n'")
        .with("systemctl", "test \"$1 $2\" = 'list-unit-files --state=enabled' || exit 2\nprintf 'ssh.service                    enabled enabled\\napt-daily.timer                enabled enabled\\n'")
    }

    /// With a program of its own, a script of the shell.
    pub(super) fn with(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join("bin").join(name);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.folder.path().join("bin").join(name)).unwrap();
        self
    }

    /// What the script prints. It succeeds, says nothing on the error output, and leaves nothing.
    pub(super) fn run(&self) -> String {
        self.run_with(|script| script)
    }

    fn run_with(&self, change: impl FnOnce(String) -> String) -> String {
        let script = change(script::linux().join("\n") + "\n");
        let place = self.os_release.display().to_string();
        let script = script.replace("/etc/os-release", &place);
        let script = script.replace("/usr/lib/os-release", "/nowhere/os-release");
        let file = self.folder.path().join("script.sh");
        fs::write(&file, script).unwrap();
        let (program, arguments) = self.shell.command.split_first().unwrap();
        let output = Command::new(program)
            .args(arguments)
            // As Packer starts inline scripts.
            .arg("-e")
            .arg(&file)
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("TMPDIR", self.folder.path().join("tmp"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {said}", self.shell);
        assert_eq!(said, "", "{:?}", self.shell);
        let left = fs::read_dir(self.folder.path().join("tmp")).unwrap();
        assert_eq!(left.count(), 0, "{:?}", self.shell);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The list that the lines of a log bring home.
pub(super) fn read(printed: &str) -> Result<Inventory, NoList> {
    let mut reader = Reader::default();
    for line in printed.lines() {
        let logged = format!("[8] PACKER 2026/11/28 14:06:56 ui:     azure-arm: {line}");
        reader.take(&Line::read(logged.as_bytes()));
    }
    reader.finish(str::to_owned)
}

/// The text that was packed, unpacked by what is not ours but for the crates; the form of each line is as it is documented.
pub(super) fn unpacked(printed: &str, family: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let count = lines.len() - 2;
    assert_eq!(lines[0], format!("image-inventory begin 1 {family}"));
    let mut base64 = String::new();
    for (index, line) in lines[1..=count].iter().enumerate() {
        let number = format!("image-inventory {:04} ", index + 1);
        let text = line.strip_prefix(&number).unwrap();
        assert!(text.len() == 64 || index + 1 == count, "{line}");
        base64.push_str(text);
    }
    let mut text = String::new();
    let packed = STANDARD.decode(base64).unwrap();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let sum = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let sum: String = sum
        .as_ref()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let end = format!("image-inventory end {count:04} sha256={sum}");
    assert_eq!(lines[count + 1], end);
    text
}

/// `deb openssl 3.0.13-0ubuntu3.2 amd64`, a line each.
pub(super) fn shown(list: &Inventory) -> Vec<String> {
    let components = list.components.iter().map(|found| {
        let arch = found.arch.as_deref().unwrap_or("-");
        let (kind, name) = (found.kind.word(), &found.name);
        format!("{kind} {name} {} {arch}", found.version)
    });
    let properties = list.properties.iter();
    let properties = properties.map(|property| format!("{}={}", property.name, property.value));
    components.chain(properties).collect()
}

#[cfg(unix)]
#[test]
fn a_debian_system_is_listed_by_every_shell_alike() {
    let scene =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/testdata/inventory-ubuntu.txt");
    for shell in shells() {
        let printed = Machine::ubuntu(&shell).run();
        let text = unpacked(&printed, "linux");
        let mut sorted: Vec<&str> = text.lines().collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(text.lines().collect::<Vec<_>>(), sorted);
        if env::var_os("UPDATE_GOLDEN").is_some() && shell.busybox.is_none() {
            fs::write(&scene, &printed).unwrap();
        }
        // What the emulated cloud prints is what the script prints; how small it gets differs from one gzip to the next.
        let known = fs::read_to_string(&scene).unwrap();
        assert_eq!(text, unpacked(&known, "linux"), "run with UPDATE_GOLDEN=1");
        let list = read(&printed).unwrap();
        assert_eq!(list.system.shown(), "Ubuntu 24.04.1 LTS");
        let installed = fs::read_to_string(data("ubuntu.dpkg")).unwrap();
        let installed = installed
            .lines()
            .filter(|line| line.starts_with("installed\t"));
        let (debs, others): (Vec<String>, Vec<String>) = shown(&list)
            .into_iter()
            .partition(|line| line.starts_with("deb "));
        assert_eq!(debs.len(), installed.count());
        assert!(debs.contains(&"deb libssl3t64 3.0.13-0ubuntu3.2 i386".to_owned()));
        assert!(debs.contains(&"deb bsdutils 1:2.39.3-9ubuntu6 amd64".to_owned()));
        assert!(!debs.iter().any(|line| line.contains("6.8.0-44")));
        let expected = [
            "pypi Zope.Interface 6.1 -",
            "pypi requests 2.31.0 -",
            "snap core22 20240904 -",
            "snap lxd 5.21.2-2f4ba6b -",
            "flatpak org.freedesktop.Platform.openh264  -",
            "flatpak org.gimp.GIMP 2.10.38 -",
            "linux:kernel=6.8.0-45-generic x86_64",
            "linux:unit=apt-daily.timer",
            "linux:unit=ssh.service",
        ];
        assert_eq!(others, expected);
    }
}

#[cfg(unix)]
#[test]
fn systems_of_rpm_and_apk_are_listed() {
    for shell in shells() {
        let alma = Machine::new(
            &shell,
            "NAME=\"AlmaLinux\"\nVERSION=\"9.6 (Sage Margay)\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.6\"\nPRETTY_NAME=\"AlmaLinux 9.6 (Sage Margay)\"\n",
        )
        .with("rpm", &format!(
            "test \"$*\" = '-qa --qf %{{NAME}}\\t%{{EPOCH}}\\t%{{VERSION}}-%{{RELEASE}}\\t%{{ARCH}}\\n' || exit 2\ncat '{}'",
            data("almalinux.rpm").display()
        ));
        let list = read(&alma.run()).unwrap();
        assert_eq!(list.system.shown(), "AlmaLinux 9.6 (Sage Margay)");
        let lines = shown(&list);
        assert_eq!(lines.len(), 17 + 1, "{lines:#?}");
        for expected in [
            "rpm openssl 1:3.2.2-6.el9_5 x86_64",
            "rpm openssl-libs 1:3.2.2-6.el9_5 i686",
            "rpm kernel-core 5.14.0-503.15.1.el9_5 x86_64",
            "rpm kernel-core 5.14.0-503.40.1.el9_5 x86_64",
            "rpm ca-certificates 2024.2.69_v8.0.303-91.4.el9_4 noarch",
        ] {
            assert!(lines.contains(&expected.to_owned()), "{lines:#?}");
        }
        let alpine = Machine::new(
            &shell,
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n",
        )
        .with(
            "apk",
            &format!("test \"$*\" = 'info -v' || exit 2\ncat '{}'", data("alpine.apk").display()),
        );
        let lines = shown(&read(&alpine.run()).unwrap());
        assert_eq!(lines.len(), 12 + 1, "{lines:#?}");
        assert!(lines.contains(&"apk libstdc++ 14.2.0-r6 -".to_owned()));
        assert!(lines.contains(&"apk ca-certificates-bundle 20250619-r0 -".to_owned()));
    }
}

#[cfg(unix)]
#[test]
fn a_collector_that_fails_costs_its_own_rows_alone() {
    for shell in shells() {
        let machine = Machine::ubuntu(&shell)
            .with(
                "snap",
                "echo 'error: cannot communicate with server' >&2\nexit 1",
            )
            .with("flatpak", "kill -9 $$")
            .with("pip", "read line\necho \"$line\"\nexit 3");
        let lines = shown(&read(&machine.run()).unwrap());
        let incomplete = lines.iter().filter(|line| line.starts_with("incomplete="));
        let incomplete: Vec<_> = incomplete.collect();
        assert_eq!(
            incomplete,
            ["incomplete=flatpak", "incomplete=pypi", "incomplete=snap"]
        );
        assert!(lines.contains(&"deb openssl 3.0.13-0ubuntu3.2 amd64".to_owned()));
        assert!(lines.contains(&"linux:unit=ssh.service".to_owned()));
    }
}

#[cfg(unix)]
#[test]
fn a_collector_that_hangs_is_given_up() {
    for shell in shells() {
        let machine =
            Machine::ubuntu(&shell).with("snap", "trap '' TERM\nwhile :; do sleep 1; done");
        let start = Instant::now();
        // The same script with less patience, so that the tests have some.
        let printed = machine.run_with(|script| script.replace("-k 5 60", "-k 1 1"));
        assert!(start.elapsed() < Duration::from_secs(30));
        let lines = shown(&read(&printed).unwrap());
        assert!(lines.contains(&"incomplete=snap".to_owned()));
        assert!(lines.contains(&"linux:unit=ssh.service".to_owned()));
    }
}

#[cfg(unix)]
#[test]
fn without_what_it_needs_there_is_no_list_and_no_failure() {
    for shell in shells() {
        for tool in [
            "gzip",
            "base64",
            "sha256sum",
            "fold",
            "tr",
            "sort",
            "mktemp",
            "sed",
        ] {
            let is_built_in = shell.busybox.is_some();
            if is_built_in {
                // BusyBox finds its own programs without a link.
                continue;
            }
            let printed = Machine::ubuntu(&shell).without(tool).run();
            let list = read(&printed);
            if tool == "sed" {
                // Nothing could be listed, and the list says so.
                let incomplete = list.unwrap();
                assert!(incomplete.incomplete().contains(&"deb"), "{printed}");
                continue;
            }
            assert!(matches!(list, Err(NoList::Failed(_))), "{tool}: {printed}");
            assert_eq!(printed.lines().count(), 1, "{printed}");
        }
        // Without `timeout` nothing is given up, and everything is listed.
        let machine = Machine::ubuntu(&shell).without("timeout");
        assert!(read(&machine.run()).is_ok());
        let machine = Machine::ubuntu(&shell);
        fs::remove_file(&machine.os_release).unwrap();
        let failed = NoList::Failed("there is no /etc/os-release".to_owned());
        let printed = machine
            .run()
            .replace(&machine.os_release.display().to_string(), "/etc/os-release");
        assert_eq!(read(&printed), Err(failed));
    }
}
