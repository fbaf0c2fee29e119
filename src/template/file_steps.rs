//! The customizers of a template file, with the package before them.

use super::model::{Customizer, PowerShellCustomizer};
use super::unpacking::LinkedPackage;
use super::{customizers, own_script, quoting};
use crate::inputs::{Mend, Provisioner, Step, StepAction};
use crate::resource::single_quoted;

pub(super) fn customizers(
    steps: &[Step],
    provisioner: Provisioner,
    package: Option<LinkedPackage<'_>>,
) -> Vec<Customizer> {
    let own = steps.iter().map(|step| {
        // A step that reads from the package has one: the plan was checked for it.
        let name = package.map_or("", |linked| linked.package.name.as_str());
        customizer(step, provisioner, name)
    });
    let package = package.map(|package| customizers::package(provisioner, package));
    package.unwrap_or_default().into_iter().chain(own).collect()
}

fn customizer(step: &Step, provisioner: Provisioner, package: &str) -> Customizer {
    match &step.action {
        StepAction::Plain(customizer) => with_own_script(customizer),
        StepAction::PackageScript {
            customizer,
            path,
            mend,
        } => customizer.clone().with_inline(match provisioner {
            Provisioner::Shell => shell_script(package, path, *mend),
            Provisioner::PowerShell => powershell_script(package, path, *mend),
        }),
        StepAction::PackageFile {
            name,
            path,
            destination,
        } => {
            let lines = match provisioner {
                Provisioner::Shell => shell_copy(package, path, destination),
                Provisioner::PowerShell => powershell_copy(package, path, destination),
            };
            customizers::script(provisioner, name.as_deref(), lines)
        }
    }
}

/// A script of PowerShell in the form in which it runs; everything else as it is. Validators as well as customizers.
pub(super) fn with_own_script(step: &Customizer) -> Customizer {
    let Customizer::PowerShell(PowerShellCustomizer {
        inline: Some(inline),
        ..
    }) = step
    else {
        return step.clone();
    };
    // An item may hold several lines.
    let lines = inline.iter().flat_map(|item| {
        item.split('\n')
            .map(|line| line.trim_end_matches('\r').to_owned())
    });
    let lines: Vec<String> = lines.collect();
    let runs = own_script::powershell(&lines, false);
    if runs == lines {
        step.clone()
    } else {
        step.clone().with_inline(runs)
    }
}

fn shell_script(package: &str, path: &str, mend: Mend) -> Vec<String> {
    let script = single_quoted(&format!("/tmp/{package}/{path}"));
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
    let from = single_quoted(&format!("/tmp/{package}/{path}"));
    let to = single_quoted(destination);
    let folder = destination
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let folder = single_quoted(if folder.is_empty() { "/" } else { folder });
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
