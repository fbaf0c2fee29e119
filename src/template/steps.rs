//! The customizers of a template file, with the package before them.

use serde_json::{Map, Value, json};

use super::{Link, customizers, quoting, unpacking, wire};
use crate::inputs::{Provisioner, Step, StepAction};

/// Brings the package to its place.
const PACKAGE: &str = "vststask_package";

pub(super) fn customizers(
    steps: &[Step],
    provisioner: Provisioner,
    package: Option<Link<'_>>,
) -> Vec<Value> {
    let own = steps.iter().map(|step| {
        // A step that reads from the package has one: the plan was checked for it.
        let name = package.map_or("", |(package, _)| package.name.as_str());
        customizer(step, provisioner, name)
    });
    unpack(provisioner, package)
        .into_iter()
        .chain(own)
        .collect()
}

fn unpack(provisioner: Provisioner, package: Option<Link<'_>>) -> Vec<Value> {
    let Some((content, link)) = package else {
        return Vec::new();
    };
    let mut customizers = customizers::before_unpacking(provisioner, (content, link));
    customizers.push(match provisioner {
        Provisioner::Shell => wire::Customizer::Shell {
            name: PACKAGE,
            inline: unpacking::linux(content, &link.sha256),
        },
        Provisioner::PowerShell => wire::Customizer::PowerShell {
            name: PACKAGE,
            run_elevated: false,
            run_as_system: false,
            inline: unpacking::windows(content, link),
        },
    });
    customizers::to_values(&customizers)
}

fn customizer(step: &Step, provisioner: Provisioner, package: &str) -> Value {
    match &step.action {
        StepAction::Plain(customizer) => customizer.clone(),
        StepAction::PackageScript {
            customizer,
            path,
            windows_line_ends,
        } => {
            let lines = match provisioner {
                Provisioner::Shell => shell_script(package, path, *windows_line_ends),
                Provisioner::PowerShell => powershell_script(package, path),
            };
            with_inline(customizer, &lines)
        }
        StepAction::PackageFile {
            name,
            path,
            destination,
        } => {
            let (kind, lines) = match provisioner {
                Provisioner::Shell => ("Shell", shell_copy(package, path, destination)),
                Provisioner::PowerShell => {
                    ("PowerShell", powershell_copy(package, path, destination))
                }
            };
            with_inline(&script(kind, name.as_deref()), &lines)
        }
    }
}

fn shell_script(package: &str, path: &str, windows_line_ends: bool) -> Vec<String> {
    let script = quoting::shell(&format!("/tmp/{package}/{path}"));
    let line_ends = format!("sudo sed -i 's/\\r$//' {script} || exit 1");
    let executable = format!("sudo chmod +x {script} || exit 1");
    let lines = windows_line_ends.then_some(line_ends).into_iter();
    lines.chain([executable, script]).collect()
}

fn powershell_script(package: &str, path: &str) -> Vec<String> {
    let script = quoting::powershell(&windows_path(package, path));
    vec![
        "$global:LASTEXITCODE = 0".to_owned(),
        format!("& {script}"),
        "exit $LASTEXITCODE".to_owned(),
    ]
}

fn shell_copy(package: &str, path: &str, destination: &str) -> Vec<String> {
    let from = quoting::shell(&format!("/tmp/{package}/{path}"));
    let to = quoting::shell(destination);
    let folder = destination
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let folder = quoting::shell(if folder.is_empty() { "/" } else { folder });
    vec![
        format!("sudo mkdir -p {folder} || exit 1"),
        format!("sudo cp {from} {to}"),
    ]
}

fn powershell_copy(package: &str, path: &str, destination: &str) -> Vec<String> {
    let from = quoting::powershell(&windows_path(package, path));
    let to = quoting::powershell(destination);
    vec![
        "$ErrorActionPreference = 'Stop'".to_owned(),
        format!("$folder = Split-Path -Parent {to}"),
        "New-Item -ItemType Directory -Force -Path $folder | Out-Null".to_owned(),
        format!("Copy-Item -LiteralPath {from} -Destination {to} -Force"),
    ]
}

fn windows_path(package: &str, path: &str) -> String {
    format!(r"c:\buildartifacts\{package}\{}", path.replace('/', r"\"))
}

fn script(kind: &str, name: Option<&str>) -> Map<String, Value> {
    let kind = ("type".to_owned(), Value::from(kind));
    let name = name.map(|name| ("name".to_owned(), Value::from(name)));
    std::iter::once(kind).chain(name).collect()
}

fn with_inline(customizer: &Map<String, Value>, lines: &[String]) -> Value {
    let mut customizer = customizer.clone();
    customizer.insert("inline".to_owned(), json!(lines));
    Value::Object(customizer)
}
