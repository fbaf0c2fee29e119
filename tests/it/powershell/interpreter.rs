//! PowerShell itself, to run what is sent to Windows.
//!
//! It is PowerShell 7 on the machine of the tests, and Windows has 5.1: a path is taken as it stands, so `c:\buildartifacts` becomes a folder here,
//! and everything else that differs has to be read (`older`). Where there is none, the tests say that they were skipped.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

/// The program, by its variable or on the path.
pub(crate) fn program() -> Option<PathBuf> {
    if let Some(program) = env::var_os("IMAGE_BUILDER_PWSH") {
        return Some(PathBuf::from(program));
    }
    let name = if cfg!(windows) { "pwsh.exe" } else { "pwsh" };
    let folders = env::var_os("PATH").unwrap_or_default();
    let programs = env::split_paths(&folders).map(|folder| folder.join(name));
    programs.into_iter().find(|program| program.is_file())
}

/// Says so where nobody captures it.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().map(str::to_owned);
    let line = format!("\ntest {} was skipped: {why}\n", name.unwrap_or_default());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// A script, and what it finds.
#[derive(Default)]
pub(crate) struct Case {
    /// Stand-ins for what only Windows or Azure has: functions, which stand where Packer has its environment variables.
    pub(crate) stand_ins: String,
    /// The script, as Packer writes it to a file: without a byte order mark.
    pub(crate) script: String,
}

/// How a script ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Ended {
    /// The exit code of the step.
    pub(crate) code: i64,
    /// What it says, errors last.
    pub(crate) told: String,
}

/// Runs each script in a session of its own, all by one process: a process takes half a second to start.
///
/// The command is Packer's (`powershell` provisioner of Packer 1.12, `execute_command`), but for its last word, `exit`, which would be the
/// process's own.
const DRIVER: &str = r#"
param($Folder)
$ended = foreach ($number in 0..([int](Get-Content "$Folder/count") - 1)) {
    $session = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault())
    $session.Open()
    $shell = [powershell]::Create()
    $shell.Runspace = $session
    $command = "& { if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:ProgressPreference -value 'SilentlyContinue'};. '$Folder/$number-vars.ps1'; &'$Folder/$number-script.ps1'; `$global:stepEnded = [string]`$LastExitCode }"
    $told = @()
    $thrown = $null
    try { $told += $shell.AddScript($command).Invoke() | ForEach-Object { "$_" } } catch { $thrown = "$($_.Exception.InnerException.Message)" }
    $code = $session.SessionStateProxy.GetVariable('stepEnded')
    $told += $shell.Streams.Information | ForEach-Object { "$_" }
    $told += $shell.Streams.Error | ForEach-Object { "$_" }
    if ($thrown) { $told += $thrown }
    [pscustomobject]@{ Code = if ($null -eq $code) { 1 } elseif ($code -eq '') { 0 } else { [int]$code }; Told = ($told -join "`n") }
    $session.Close()
}
[IO.File]::WriteAllText("$Folder/ended.json", (ConvertTo-Json @($ended)))
"#;

/// A folder for the scripts, with programs that end with the exit code that they are given.
pub(crate) struct Bench {
    program: PathBuf,
    folder: TempDir,
}

impl Bench {
    /// None, and a line that says so, where there is no PowerShell.
    pub(crate) fn new() -> Option<Self> {
        let Some(program) = program() else {
            skipped("there is no PowerShell (variable IMAGE_BUILDER_PWSH, or pwsh on the path)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("temp")).unwrap();
        fs::create_dir(folder.path().join("programs")).unwrap();
        Some(Self { program, folder })
    }

    pub(crate) fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    /// A program that ends with the exit code of its first argument.
    pub(crate) fn with_program(&self, name: &str) {
        let path = self.path("programs").join(name);
        fs::write(&path, "#!/bin/sh\nexit \"$1\"\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.path("programs")]
            .into_iter()
            .chain(env::split_paths(&path));
        command
            .env("PATH", env::join_paths(folders).unwrap())
            // The script in a file of its own lies in the folder for temporary files.
            .env("TMPDIR", self.path("temp"))
            .env("POWERSHELL_TELEMETRY_OPTOUT", "1")
            .args(["-NoProfile", "-NonInteractive"]);
        command
    }

    /// Runs all scripts, one after the other.
    pub(crate) fn run(&self, cases: &[Case]) -> Vec<Ended> {
        let folder = self.path("cases");
        fs::create_dir_all(&folder).unwrap();
        for (number, case) in cases.iter().enumerate() {
            fs::write(folder.join(format!("{number}-vars.ps1")), &case.stand_ins).unwrap();
            fs::write(folder.join(format!("{number}-script.ps1")), &case.script).unwrap();
        }
        fs::write(folder.join("count"), cases.len().to_string()).unwrap();
        let driver = self.path("driver.ps1");
        fs::write(&driver, DRIVER).unwrap();
        let output = self
            .command()
            .arg("-File")
            .args([&driver, &folder])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let ended: Vec<Ended> =
            serde_json::from_slice(&fs::read(folder.join("ended.json")).unwrap()).unwrap();
        assert_eq!(ended.len(), cases.len());
        ended
    }

    /// Runs one script by a process of its own, with Packer's whole command: the exit code of the process is what Packer sees.
    pub(crate) fn run_as_packer(&self, script: &str) -> (Option<i32>, String) {
        let file = self.path("script.ps1");
        let vars = self.path("vars.ps1");
        fs::write(&file, script).unwrap();
        fs::write(&vars, "$env:PACKER_BUILDER_TYPE=\"azure-arm\"; ").unwrap();
        let command = format!(
            "& {{ if (Test-Path variable:global:ProgressPreference){{set-variable -name variable:global:ProgressPreference -value 'SilentlyContinue'}};. {}; &'{}'; exit $LastExitCode }}",
            vars.display(),
            file.display()
        );
        let output = self
            .command()
            .arg("-Command")
            .arg(command)
            .output()
            .unwrap();
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.code(), told)
    }

    /// Runs a script that reads `files`, and gives its exit code and output.
    pub(crate) fn check(
        &self,
        script: &Path,
        files: &[PathBuf],
        known: &[&str],
    ) -> (Option<i32>, String) {
        let list = |words: Vec<String>| {
            let words = words.iter().map(|word| format!("'{word}'"));
            words.collect::<Vec<_>>().join(",")
        };
        let files = list(files.iter().map(|it| it.display().to_string()).collect());
        let known = list(known.iter().map(|&it| it.to_owned()).collect());
        let script = script.display();
        let command = format!("& '{script}' -Path {files} -Known {known}; exit $LASTEXITCODE");
        let output = self
            .command()
            .arg("-Command")
            .arg(command)
            .output()
            .unwrap();
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.code(), told)
    }
}

/// `script` with `c:\buildartifacts` in the folder `root`.
pub(crate) fn in_folder(script: &str, root: &Path) -> String {
    let root = root.display().to_string();
    let mut parts = script.split(r"c:\buildartifacts");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['\'', '"', '\n']).unwrap_or(part.len());
        let (path, rest) = part.split_at(end);
        text.push_str(&root);
        text.push_str(&path.replace('\\', "/"));
        text.push_str(rest);
    }
    text
}

/// The scripts of a template's customizers by their names, in their order.
pub(crate) fn scripts(template: &serde_json::Value) -> Vec<(String, String)> {
    let customizers = template["properties"]["customize"].as_array().unwrap();
    let scripts = customizers.iter().filter_map(|step| {
        let lines = step["inline"].as_array()?.iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        let name = step["name"].as_str().unwrap_or_default();
        // As Packer joins them.
        Some((name.to_owned(), lines.join("\n") + "\n"))
    });
    scripts.collect()
}

/// How each of the named scripts ended.
pub(crate) fn by_name<'a>(names: &'a [String], ended: &'a [Ended]) -> BTreeMap<&'a str, &'a Ended> {
    names.iter().map(String::as_str).zip(ended).collect()
}
