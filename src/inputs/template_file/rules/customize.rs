//! The rules for customizers and validators: what each runs or copies, and that all are for one system.

use serde_json::{Map, Value};

// Some members of the template have the names of inputs.
use crate::inputs::manifest::{RUN_AS_SYSTEM, RUN_ELEVATED};
use crate::inputs::problem::{list, quoted};
use crate::inputs::template_file::checked::{Checked, objects, text};
use crate::template::model::system_of;

/// The members of which a customizer or validator has exactly one, by its type.
fn contents(kind: &str) -> &'static [&'static str] {
    match kind {
        "Shell" | "PowerShell" => &["inline", "scriptUri", "scriptPath"],
        "File" => &["sourceUri", "sourcePath"],
        _ => &[],
    }
}

pub(super) fn script(checked: &mut Checked, place: &str, step: &Map<String, Value>) {
    let kind = text(step, "type").unwrap_or_default();
    let contents = contents(kind);
    let given: Vec<&str> = contents
        .iter()
        .copied()
        .filter(|name| step.contains_key(*name))
        .collect();
    if !contents.is_empty() && given.len() != 1 {
        let all = list(contents);
        let text = match given.as_slice() {
            [] => format!("there is nothing to run or to copy; expected one of {all}"),
            more => format!(
                "{} cannot be used together; expected one of {all}",
                list(more)
            ),
        };
        checked.fault(place, text, None);
    }
    nothing_to_do(checked, place, step);
    if let Some(checksum) = text(step, "sha256Checksum").filter(|checksum| !checksum.is_empty()) {
        let place = format!("{place}.sha256Checksum");
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if checksum.len() != 64 || !checksum.bytes().all(hex) {
            checked.fault(
                &place,
                "expected 64 lowercase hexadecimal digits",
                Some("'sha256sum {file}' prints them"),
            );
        } else if !given.iter().any(|name| name.ends_with("Uri")) {
            checked.fault(
                &place,
                "it is supported with 'scriptUri' and 'sourceUri' only",
                Some("remove it"),
            );
        }
    }
    if step.get(RUN_AS_SYSTEM.name) == Some(&Value::Bool(true))
        && step.get(RUN_ELEVATED.name) != Some(&Value::Bool(true))
    {
        checked.fault(
            &format!("{place}.{}", RUN_AS_SYSTEM.name),
            format!("it requires '{}: true'", RUN_ELEVATED.name),
            None,
        );
    }
    let timeout = text(step, "restartTimeout").filter(|timeout| !is_duration(timeout));
    if timeout.is_some() {
        checked.fault(
            &format!("{place}.restartTimeout"),
            "expected a number and its unit, for example 5m or 2h",
            None,
        );
    }
}

/// A script without lines, or a file without a place.
fn nothing_to_do(checked: &mut Checked, place: &str, step: &Map<String, Value>) {
    let lines = step.get("inline").and_then(Value::as_array);
    if lines.is_some_and(Vec::is_empty) {
        checked.fault(
            &format!("{place}.inline"),
            "it has no lines; expected at least one",
            Some("write the commands to run, or remove the step"),
        );
    }
    if text(step, "type") == Some("File") && !step.contains_key("destination") {
        checked.fault(
            place,
            "'destination' is missing",
            Some("it is the full path of the file in the build VM"),
        );
    }
}

fn is_duration(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    ["s", "m", "h"].contains(&unit) && number.parse::<f64>().is_ok_and(|number| number > 0.0)
}

/// Whether the path needs no other one to start from, on the system if that is known.
fn is_absolute(path: &str, system: Option<&str>) -> bool {
    let on_linux = path.starts_with('/') && !path.trim_end_matches('/').is_empty();
    let bytes = path.as_bytes();
    let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(1) == Some(&b':')
        && bytes.get(2).is_some_and(|b| b"\\/".contains(b))
        && bytes.len() > 3;
    let on_windows = drive || (path.starts_with(r"\\") && path.len() > 2);
    match system {
        Some("Linux") => on_linux,
        Some(_) => on_windows,
        None => on_linux || on_windows,
    }
}

/// The service writes a file to where its destination says, and not to a folder that depends on who signs in to the build VM.
pub(super) fn destinations(checked: &mut Checked, customize: Option<&Value>) {
    let mut kinds = objects(customize).filter_map(|(_, step)| text(step, "type"));
    let system = kinds.find_map(system_of);
    for (index, step) in objects(customize) {
        let file = text(step, "type") == Some("File");
        let Some(path) = text(step, "destination").filter(|_| file) else {
            continue;
        };
        if is_absolute(path, system) {
            continue;
        }
        let example = match system {
            Some("Linux") => "/tmp/web.conf",
            Some(_) => r"c:\buildartifacts\web.json",
            None => r"/tmp/web.conf or c:\buildartifacts\web.json",
        };
        let sentence = format!(
            "{} is not the full path of a file in the build VM; expected one, for example {example}",
            quoted(path)
        );
        checked.fault(&format!("customize[{index}].destination"), sentence, None);
    }
}

/// A build VM has one system: the steps of the other one cannot run.
pub(super) fn one_system(checked: &mut Checked, customize: Option<&Value>) {
    let steps: Vec<(usize, &str, &str)> = objects(customize)
        .filter_map(|(index, step)| {
            let kind = text(step, "type")?;
            Some((index, kind, system_of(kind)?))
        })
        .collect();
    let Some((first, first_kind, system)) = steps.first().copied() else {
        return;
    };
    for (index, kind, other) in steps {
        if other != system {
            let sentence = format!(
                "'{kind}' is for {other}, but customize[{first}], '{first_kind}', is for {system}"
            );
            checked.fault(&format!("customize[{index}].type"), sentence, None);
        }
    }
}
