//! The customizers of a template file, with the package before them.

use serde_json::{Map, Value, json};

use super::{Link, quoting, unpacking, wire};
use crate::inputs::{Provisioner, Step};

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
    match provisioner {
        Provisioner::Shell => {
            let inline = unpacking::linux(&content.name, content.is_file);
            let unpack = wire::Customizer::Shell {
                name: PACKAGE,
                inline,
            };
            [super::file_copy((content, link)), unpack]
                .iter()
                .map(wire::to_value)
                .collect()
        }
        Provisioner::PowerShell => vec![wire::to_value(&wire::Customizer::PowerShell {
            name: PACKAGE,
            run_elevated: false,
            run_as_system: false,
            inline: unpacking::windows(&content.name, link, content.is_file),
        })],
    }
}

fn customizer(step: &Step, provisioner: Provisioner, package: &str) -> Value {
    match (step, provisioner) {
        (Step::Plain(customizer), _) => customizer.clone(),
        (Step::PackageScript { customizer, path }, Provisioner::Shell) => {
            let script = quoting::shell(&format!("/tmp/{package}/{path}"));
            let lines = [format!("sudo chmod +x {script} || exit 1"), script];
            with_inline(customizer, &lines)
        }
        (Step::PackageScript { customizer, path }, Provisioner::PowerShell) => {
            let script = quoting::powershell(&windows_path(package, path));
            let lines = [
                "$global:LASTEXITCODE = 0".to_owned(),
                format!("& {script}"),
                "exit $LASTEXITCODE".to_owned(),
            ];
            with_inline(customizer, &lines)
        }
        (
            Step::PackageFile {
                name,
                path,
                destination,
            },
            Provisioner::Shell,
        ) => {
            let from = quoting::shell(&format!("/tmp/{package}/{path}"));
            let to = quoting::shell(destination);
            let folder = destination
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let folder = quoting::shell(if folder.is_empty() { "/" } else { folder });
            let lines = [
                format!("sudo mkdir -p {folder} || exit 1"),
                format!("sudo cp {from} {to}"),
            ];
            with_inline(&script("Shell", name.as_deref()), &lines)
        }
        (
            Step::PackageFile {
                name,
                path,
                destination,
            },
            Provisioner::PowerShell,
        ) => {
            let from = quoting::powershell(&windows_path(package, path));
            let to = quoting::powershell(destination);
            let lines = [
                "$ErrorActionPreference = 'Stop'".to_owned(),
                format!("$folder = Split-Path -Parent {to}"),
                "New-Item -ItemType Directory -Force -Path $folder | Out-Null".to_owned(),
                format!("Copy-Item -LiteralPath {from} -Destination {to} -Force"),
            ];
            with_inline(&script("PowerShell", name.as_deref()), &lines)
        }
    }
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
