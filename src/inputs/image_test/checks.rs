//! The checks of a test: the script of the inputs, or the validators of a template file.

use crate::inputs::manifest::{TEMPLATE_FILE, VALIDATION_INLINE_SCRIPT};
use crate::inputs::plan::Provisioner;
use crate::inputs::problem::{Code, Problem};
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::script::{self, is_idle};
use crate::inputs::spelling::lines;
use crate::inputs::template_file::TemplateFile;
use crate::inputs::template_file::overrides::VALIDATE;
use crate::inputs::{Package, customization};
use crate::template::model::Customizer;

/// A check that a VM of the step's own runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is called.
    pub name: String,
    /// The shell that it is for.
    pub provisioner: Provisioner,
    /// Its lines.
    pub lines: Vec<String>,
    /// The exit codes that pass it; none for 0 alone.
    pub exit_codes: Vec<i64>,
}

/// The checks, and the shell that they are for.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    pub(super) provisioner: Provisioner,
    pub(super) validators: Vec<Customizer>,
}

/// What the script of the inputs is called in logs and results.
const NAME: &str = "checks";

/// The file wins whole, as in a build.
pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
) -> Result<Checks, AlreadyReported> {
    let script = |it: &mut Reader<'_>| of_inputs(it);
    let of_file = |it: &crate::template::model::Properties| {
        let validators = it.validators().to_vec();
        let provisioner = validators.iter().find_map(provisioner_of);
        provisioner.map(|provisioner| Checks {
            provisioner,
            validators,
        })
    };
    let checks = file.or_inputs(reader, VALIDATE, of_file, script)?;
    for (input, place, text) in scripts(&checks, file) {
        if let Some(secret) = reader.raw_inputs().secret_in(&text) {
            let sentence = format!(
                "{place}the script contains {secret}; everybody with read permission on the image template or the VM could read it"
            );
            let hint = "let the VM read the secret from a key vault with a managed identity; if the value is not confidential, do not make the variable secret".to_owned();
            return Err(reader.report(Problem::new(Code::Exposed, input, sentence, Some(hint))));
        }
    }
    warn_of_restarts(reader, &checks);
    Ok(checks)
}

fn provisioner_of(validator: &Customizer) -> Option<Provisioner> {
    match validator {
        Customizer::Shell(_) => Some(Provisioner::Shell),
        Customizer::PowerShell(_) => Some(Provisioner::PowerShell),
        _ => None,
    }
}

fn of_inputs(reader: &mut Reader<'_>) -> Result<Checks, AlreadyReported> {
    let provisioner = customization::provisioner(reader)?;
    let lines = lines(reader.raw(&VALIDATION_INLINE_SCRIPT));
    if is_idle(&lines) {
        let text = format!(
            "there is nothing to check: it has no commands, and there is no '{VALIDATE}' in a template file"
        );
        let hint = format!(
            "write commands that fail if the image is faulty, for example: {}; or set '{}' to a file with '{VALIDATE}.inVMValidations'",
            example(provisioner),
            TEMPLATE_FILE.name
        );
        let problem = Problem::new(Code::NoCheck, &VALIDATION_INLINE_SCRIPT, text, Some(hint));
        return Err(reader.report(problem));
    }
    script::warn_of_macros(reader, &VALIDATION_INLINE_SCRIPT, &lines);
    let validator = match provisioner {
        Provisioner::Shell => Customizer::shell(Some(NAME), lines),
        // Elevated: what an ordinary user has no permission to see would fail the check of a good image.
        Provisioner::PowerShell => Customizer::powershell(Some(NAME), lines).elevated(),
    };
    Ok(Checks {
        provisioner,
        validators: vec![validator],
    })
}

fn example(provisioner: Provisioner) -> &'static str {
    match provisioner {
        Provisioner::Shell => "test -x /opt/webapp/bin/webapp",
        Provisioner::PowerShell => {
            "if (-not (Test-Path 'C:\\Program Files\\App\\app.exe')) { exit 1 }"
        }
    }
}

/// Every script with the input, and the place in a file, that it is from.
fn scripts<'a>(
    checks: &'a Checks,
    file: &'a TemplateFile,
) -> impl Iterator<Item = (&'static crate::inputs::manifest::Input, String, String)> + 'a {
    let in_file = file.has(VALIDATE);
    let all = checks.validators.iter().enumerate();
    all.map(move |(index, validator)| {
        let text = validator.inline().join("\n");
        if in_file {
            let place = format!("{VALIDATE}.inVMValidations[{index}]: ");
            (&TEMPLATE_FILE, place, text)
        } else {
            (&VALIDATION_INLINE_SCRIPT, String::new(), text)
        }
    })
}

/// Commands that restart the machine. There is no validator that waits for one.
const RESTARTS: [&str; 4] = [
    "restart-computer",
    "shutdown /r",
    "shutdown -r",
    "shutdown.exe /r",
];

fn warn_of_restarts(reader: &mut Reader<'_>, checks: &Checks) {
    let lines = checks.validators.iter().flat_map(Customizer::inline);
    let restarts = |line: &&String| {
        let line = line.trim().to_lowercase();
        !line.starts_with('#') && RESTARTS.iter().any(|words| line.contains(words))
    };
    if let Some(line) = lines.into_iter().find(restarts) {
        let text = format!(
            "The checks restart the machine, which ends them: no validator of Azure VM Image Builder waits for a restart, and neither does a command in a VM ({})",
            line.trim()
        );
        let hint = "restart while the image is built (customizer WindowsRestart), and check afterwards what the restart was for".to_owned();
        reader.warn(Code::Script, text, Some(hint));
    }
}

/// What is said of lines that do not do what they seem to.
pub(super) fn remark(
    reader: &mut Reader<'_>,
    checks: &Checks,
    file: &TemplateFile,
    package: Option<&Package>,
) {
    for (input, place, text) in scripts(checks, file).collect::<Vec<_>>() {
        let whose = if place.is_empty() {
            ""
        } else {
            ", a script of it"
        };
        script::warn_of_lines(reader, (input, whose), &text, checks.provisioner, package);
    }
}
