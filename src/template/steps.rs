//! The customizers of a template file, with the package before them.

use serde_json::{Map, Value, json};

use super::{Link, customizers, own_script, quoting};
use crate::inputs::{Mend, Provisioner, Step, StepAction};

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
    let package = package.map(|link| customizers::package(provisioner, link));
    let package = package.as_deref().map(customizers::to_values);
    package.unwrap_or_default().into_iter().chain(own).collect()
}

fn customizer(step: &Step, provisioner: Provisioner, package: &str) -> Value {
    match &step.action {
        StepAction::Plain(customizer) => with_own_script(customizer),
        StepAction::PackageScript {
            customizer,
            path,
            mend,
        } => {
            let lines = match provisioner {
                Provisioner::Shell => shell_script(package, path, *mend),
                Provisioner::PowerShell => powershell_script(package, path, *mend),
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

/// A script of PowerShell in the form in which it runs; everything else as it is. Validators as well as customizers.
pub(super) fn with_own_script(step: &Value) -> Value {
    let mut step = step.clone();
    let is_powershell = step.get("type").and_then(Value::as_str) == Some("PowerShell");
    let inline = step.get("inline").and_then(Value::as_array);
    let lines = inline.map(|lines| lines.iter().filter_map(Value::as_str));
    // An item may hold several lines.
    let lines = lines.map(|lines| {
        lines.flat_map(|item| {
            item.split('\n')
                .map(|line| line.trim_end_matches('\r').to_owned())
        })
    });
    let lines: Option<Vec<String>> = lines.map(Iterator::collect);
    if let Some(lines) = lines.filter(|_| is_powershell) {
        let runs = own_script::powershell(&lines, false);
        if let Some(inline) = step.get_mut("inline").filter(|_| runs != lines) {
            *inline = json!(runs);
        }
    }
    step
}

fn shell_script(package: &str, path: &str, mend: Mend) -> Vec<String> {
    let script = quoting::shell(&format!("/tmp/{package}/{path}"));
    let line_ends = format!("sudo sed -i 's/\\r$//' {script} || exit 1");
    let executable = format!("sudo chmod +x {script} || exit 1");
    let lines = (mend == Mend::LineEnds).then_some(line_ends).into_iter();
    lines.chain([executable, script]).collect()
}

/// Windows PowerShell takes a path that it is to call for a pattern, so a script whose path looks like one is called in another place.
fn powershell_script(package: &str, path: &str, mend: Mend) -> Vec<String> {
    let path = windows_path(package, path);
    let script = quoting::powershell(&path);
    if path.contains(['[', ']']) {
        let begin = ["& {".to_owned()].into_iter();
        let copy = own_script::write_file(&format!("[IO.File]::ReadAllText({script})"));
        let lines = begin.chain(copy).chain(["}".to_owned()]);
        return lines.chain(own_script::call_of_file()).collect();
    }
    let mark = format!(
        "[IO.File]::WriteAllText({script}, [IO.File]::ReadAllText({script}), (New-Object Text.UTF8Encoding $true))"
    );
    let lines = (mend == Mend::ByteOrderMark).then_some(mark).into_iter();
    let call = [
        "$global:LASTEXITCODE = 0".to_owned(),
        format!("& {script}"),
        "exit $LASTEXITCODE".to_owned(),
    ];
    lines.chain(call).collect()
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
        format!("[IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName({to})) | Out-Null"),
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
