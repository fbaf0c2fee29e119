//! Scripts that do nothing, have lines that do not do what they seem to, or still hold a macro of the agent's.

use super::macros::left_alone;
use super::manifest::{INLINE_SCRIPT, Input};
use super::plan::{Customization, Package, Provisioner};
use super::problem::Code;
use super::reader::{AlreadyReported, Reader, undefined};
use super::script_remarks::{Remark, path, quotes};
use super::spelling::lines;
use super::template_file::TemplateFile;

/// Warns of a script that does nothing, and leaves it out if there is no package to unpack either.
pub(super) fn without_idle(
    reader: &mut Reader<'_>,
    customization: Result<Customization, AlreadyReported>,
    package: Result<&Option<Package>, &AlreadyReported>,
    file: &TemplateFile,
) -> Result<Customization, AlreadyReported> {
    let mut customization = customization?;
    let Ok(package) = package else {
        return Ok(customization);
    };
    if file.may_customize() || !is_idle(&customization.inline) {
        return Ok(customization);
    }
    let what = what_it_is(reader.raw(&INLINE_SCRIPT));
    let consequence = match (package, customization.provisioner) {
        (Some(package), Provisioner::Shell) => Some(format!(
            "nothing moves the package out of /tmp/{}, which is not kept in the image",
            package.name
        )),
        (Some(package), Provisioner::PowerShell) => Some(format!(
            r"the package stays in c:\buildartifacts\{}, and nothing uses it",
            package.name
        )),
        (None, _) if customization.windows_update => None,
        (None, _) => Some("the image is a copy of its source".to_owned()),
    };
    if package.is_none() {
        customization.inline = Vec::new();
    }
    if let Some(consequence) = consequence {
        let text = format!(
            "Input '{}': it {what}, so {consequence}",
            INLINE_SCRIPT.name
        );
        let hint = format!(
            "write the commands to run, for example: {}",
            example(&customization)
        );
        reader.warn(Code::Placeholder, text, Some(hint));
    }
    Ok(customization)
}

/// Whether all is comment. `#` begins one in both shells.
pub(super) fn is_idle(script: &[String]) -> bool {
    let mut lines = script.iter().map(|line| line.trim());
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

fn what_it_is(script: &str) -> &'static str {
    if script.trim().is_empty() {
        "is empty"
    } else if lines(script) == lines(INLINE_SCRIPT.default) {
        "is the default text of the form"
    } else {
        "contains only comments"
    }
}

fn example(customization: &Customization) -> &'static str {
    match customization.provisioner {
        Provisioner::Shell => "sudo cp -r /tmp/webapp /opt/webapp",
        Provisioner::PowerShell => r"& 'c:\buildartifacts\webapp\install.ps1'",
    }
}

/// Warns of the lines of `script`, which `input` holds, or a file that it names.
pub(super) fn warn_of_lines(
    reader: &mut Reader<'_>,
    (input, whose): (&Input, &str),
    script: &str,
    provisioner: Provisioner,
    package: Option<&Package>,
) {
    let mut remarks = quotes::remarks(script, provisioner);
    if let Some(package) = package {
        remarks.extend(path::remarks(script, provisioner, package));
    }
    remarks.sort_by_key(|remark| remark.line);
    for Remark { line, text, hint } in remarks {
        let sentence = format!("Input '{}'{whose}, line {line}: {text}", input.name);
        reader.warn(Code::Script, sentence, Some(hint));
    }
}

/// Warns of what looks like a variable of the agent and was not replaced, because there is no variable of this name.
pub(super) fn warn_of_macros(reader: &mut Reader<'_>, input: &Input, script: &[String]) {
    for name in left_alone(&script.join("\n")) {
        let text = format!(
            "Input '{}': '$({name})' in the script is not replaced, because variable '{name}' is not defined",
            input.name
        );
        reader.warn(Code::Macro, text, Some(undefined(name)));
    }
}
