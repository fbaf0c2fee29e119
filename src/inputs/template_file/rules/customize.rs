//! The rules for customizers and validators: what each runs or copies, and that all are for one system.

use serde_json::Value;

use super::{Object, objects};
// Some members of the template have the names of inputs.
use crate::inputs::declared::{RUN_AS_SYSTEM, RUN_ELEVATED};
use crate::inputs::problem::list;
use crate::inputs::template_file::check::Checked;
use crate::inputs::template_file::text;

/// The members of which a customizer or validator has exactly one, by its type.
fn contents(kind: &str) -> &'static [&'static str] {
    match kind {
        "Shell" | "PowerShell" => &["inline", "scriptUri", "scriptPath"],
        "File" => &["sourceUri", "sourcePath"],
        _ => &[],
    }
}

pub(super) fn script(checked: &mut Checked, place: &str, step: &Object) {
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
            more => format!("{} exclude each other; expected one of {all}", list(more)),
        };
        checked.fault(place, text, None);
    }
    if kind == "File" && !step.contains_key("destination") {
        checked.fault(
            place,
            "'destination' is missing",
            Some("it is the full path of the file in the build VM"),
        );
    }
    if let Some(checksum) = text(step, "sha256Checksum").filter(|checksum| !checksum.is_empty()) {
        let place = format!("{place}.sha256Checksum");
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if checksum.len() != 64 || !checksum.bytes().all(hex) {
            checked.fault(
                &place,
                "expected 64 hexadecimal digits in lower case",
                Some("'sha256sum {file}' prints them"),
            );
        } else if !given.iter().any(|name| name.ends_with("Uri")) {
            checked.fault(
                &place,
                "it goes with 'scriptUri' and 'sourceUri' only",
                Some("take it out"),
            );
        }
    }
    if step.get(RUN_AS_SYSTEM.name) == Some(&Value::Bool(true))
        && step.get(RUN_ELEVATED.name) != Some(&Value::Bool(true))
    {
        checked.fault(
            &format!("{place}.{}", RUN_AS_SYSTEM.name),
            format!("it needs '{}: true'", RUN_ELEVATED.name),
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

fn is_duration(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    ["s", "m", "h"].contains(&unit) && number.parse::<f64>().is_ok_and(|number| number > 0.0)
}

/// A build VM has one system: the steps of the other one cannot run.
pub(super) fn one_system(checked: &mut Checked, customize: Option<&Value>) {
    let kinds = objects(customize).filter_map(|(index, step)| Some((index, text(step, "type")?)));
    let systems: Vec<(usize, &str, bool)> = kinds
        .filter(|(_, kind)| *kind != "File")
        .map(|(index, kind)| (index, kind, kind == "Shell"))
        .collect();
    let Some((first, first_kind, linux)) = systems.first().copied() else {
        return;
    };
    for (index, kind, other) in systems {
        if other != linux {
            let system = |linux: bool| if linux { "Linux" } else { "Windows" };
            let sentence = format!(
                "'{kind}' is for {}, and customize[{first}], '{first_kind}', is for {}",
                system(other),
                system(linux)
            );
            checked.fault(&format!("customize[{index}].type"), sentence, None);
        }
    }
}
