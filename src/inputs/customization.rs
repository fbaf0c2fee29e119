//! What is done to the source.

use super::declared::{
    INLINE_SCRIPT, Input, PROVISIONER, RUN_AS_SYSTEM, RUN_ELEVATED, WINDOWS_UPDATE_PROVISIONER,
};
use super::plan::{Customization, Provisioner};
use super::problem::Code;
use super::reading::{Reading, Reported};

const PROVISIONERS: &[(&str, Provisioner)] = &[
    ("shell", Provisioner::Shell),
    ("powershell", Provisioner::PowerShell),
];

pub(super) fn read(reading: &mut Reading<'_>) -> Result<Customization, Reported> {
    let provisioner = provisioner(reading);
    let elevated = reading.flag(&RUN_ELEVATED);
    let system = reading.flag(&RUN_AS_SYSTEM);
    let update = reading.flag(&WINDOWS_UPDATE_PROVISIONER);
    let provisioner = provisioner?;
    let (elevated, system, update) = (elevated?, system?, update?);
    let windows = provisioner == Provisioner::PowerShell;
    if !windows {
        let reason = format!("because '{}' is 'shell'", PROVISIONER.name);
        let hint = format!(
            "for a Windows image set '{}' to 'powershell'",
            PROVISIONER.name
        );
        for (input, set) in [
            (&WINDOWS_UPDATE_PROVISIONER, update),
            (&RUN_ELEVATED, elevated),
        ] {
            warn_without_effect(reading, input, set, &reason, &hint);
        }
    }
    let reason = format!("because '{}' is not 'true'", RUN_ELEVATED.name);
    let hint = format!("set '{}' as well", RUN_ELEVATED.name);
    warn_without_effect(
        reading,
        &RUN_AS_SYSTEM,
        windows && system && !elevated,
        &reason,
        &hint,
    );
    Ok(Customization {
        provisioner,
        inline: lines(reading.raw(&INLINE_SCRIPT)),
        run_elevated: windows && elevated,
        run_as_system: windows && elevated && system,
        windows_update: windows && update,
    })
}

/// An empty text is the default, as it is for the original task.
fn provisioner(reading: &mut Reading<'_>) -> Result<Provisioner, Reported> {
    match reading.optional(&PROVISIONER)? {
        Some(_) => reading.choice(&PROVISIONER, PROVISIONERS),
        None => Ok(Provisioner::Shell),
    }
}

/// The original task ignores these without a word, so they must not stop a build.
fn warn_without_effect(
    reading: &mut Reading<'_>,
    input: &Input,
    set: bool,
    reason: &str,
    hint: &str,
) {
    if set {
        let text = format!("Input '{}': it has no effect, {reason}", input.name);
        reading.warn(Code::Contradiction, text, Some(hint.to_owned()));
    }
}

/// The lines of a script without line ends; the classic editor sends CR LF. Line breaks at the end are no lines.
fn lines(script: &str) -> Vec<String> {
    let script = script.trim_end_matches(['\r', '\n']);
    if script.is_empty() {
        return Vec::new();
    }
    script
        .split('\n')
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_become_lines() {
        let check =
            |script: &str, expected: &[&str]| assert_eq!(lines(script), expected, "{script:?}");
        check("", &[]);
        check("\r\n\n", &[]);
        check("a", &["a"]);
        check("a\r\nb\r\n", &["a", "b"]);
        check("  a  \n\n\tb", &["  a  ", "", "\tb"]);
        check("if x\n  y\n\n", &["if x", "  y"]);
    }
}
