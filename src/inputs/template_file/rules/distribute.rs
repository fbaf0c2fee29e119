//! The rules for the targets: that each has a name of its own, and what a version in a gallery may say.

use serde_json::{Map, Value};

// Some members of the template have the names of inputs.
use crate::inputs::manifest::{GALLERY_IMAGE_ID, REPLICATION_REGIONS, TARGET_REGIONS};
use crate::inputs::problem::quoted;
use crate::inputs::template_file::checked::{Checked, DEFINITION, IMAGE, VERSION, objects, text};
use crate::resource::{ImageVersion, Region, split_at_blanks};

pub(super) fn check(checked: &mut Checked, distribute: Option<&Value>) {
    if distribute
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        checked.fault(
            "distribute",
            "it has no targets; expected at least one",
            None,
        );
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, target) in objects(distribute) {
        let place = format!("distribute[{index}]");
        let name = text(target, "runOutputName").unwrap_or_default();
        let inside = format!("{place}.runOutputName");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if names.contains(&name) {
            checked.fault(
                &inside,
                format!("'{name}' is already the name of an earlier target"),
                None,
            );
        } else if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
            checked.fault(&inside, "expected 1 to 64 letters, digits and '-_.'", None);
        }
        names.push(name);
        match text(target, "type").unwrap_or_default() {
            "ManagedImage" => {
                checked.id(
                    &format!("{place}.imageId"),
                    text(target, "imageId"),
                    &[IMAGE],
                );
            }
            "SharedImage" => gallery(checked, &place, target),
            _ => {}
        }
    }
}

/// A region counts once, however it is spelled: the service refuses duplicates. What says the same twice is sent once.
fn regions(checked: &mut Checked, place: &str, target: &Map<String, Value>) {
    for member in [REPLICATION_REGIONS.name, TARGET_REGIONS.name] {
        let given = target.get(member).and_then(Value::as_array);
        let mut kept: Vec<(Region, Value)> = Vec::new();
        let mut whole = true;
        for (index, value) in given.into_iter().flatten().enumerate() {
            let place = format!("{place}.{member}[{index}]");
            let text = value.as_str().or_else(|| value.get("name")?.as_str());
            let Some(text) = text else {
                whole = false;
                continue;
            };
            match one_region(text) {
                Err(sentence) => {
                    checked.fault(&place, sentence, None);
                    whole = false;
                }
                Ok(region) => match kept.iter().find(|(known, _)| *known == region) {
                    None => kept.push((region, value.clone())),
                    Some((_, known)) if same_but_for_name(known, value) => {}
                    Some(_) => checked.fault(
                        &place,
                        format!(
                            "region '{region}' is listed twice, with different replica counts or storage types"
                        ),
                        Some("list it once"),
                    ),
                },
            }
        }
        if whole && given.is_some() {
            let values = kept.into_iter().map(|(_, value)| value).collect();
            checked.replace(&format!("{place}.{member}"), Value::Array(values));
        }
    }
}

fn one_region(text: &str) -> Result<Region, String> {
    let several = split_at_blanks(text);
    if several.len() > 1 {
        return Err(format!(
            "{} contains {} regions; expected one per list item",
            quoted(text),
            several.len()
        ));
    }
    text.parse().map_err(|_| {
        format!(
            "{} is not a region; expected letters and digits, for example westeurope",
            quoted(text)
        )
    })
}

fn same_but_for_name(one: &Value, other: &Value) -> bool {
    let rest = |value: &Value| {
        let mut rest = value.as_object().cloned().unwrap_or_default();
        rest.shift_remove("name");
        rest
    };
    rest(one) == rest(other)
}

fn gallery(checked: &mut Checked, place: &str, target: &Map<String, Value>) {
    let inside = format!("{place}.{}", GALLERY_IMAGE_ID.name);
    let found = checked.id(
        &inside,
        text(target, GALLERY_IMAGE_ID.name),
        &[DEFINITION, VERSION],
    );
    let version = found.filter(|id| id.is(VERSION));
    if let Some(version) = &version {
        if version.name().parse::<ImageVersion>().is_err() {
            let sentence = format!(
                "'{}' is not Major.Minor.Patch with numbers up to 2147483647 and no leading zeros",
                version.name()
            );
            checked.fault(&inside, sentence, None);
        }
        if target.contains_key("versioning") {
            checked.fault(
                &format!("{place}.versioning"),
                format!(
                    "the version number is already set at the end of '{}'",
                    GALLERY_IMAGE_ID.name
                ),
                Some("remove one of the two"),
            );
        }
    }
    regions(checked, place, target);
    let regions = REPLICATION_REGIONS.name;
    let (old, new) = (
        target.contains_key(regions),
        target.contains_key(TARGET_REGIONS.name),
    );
    if old && new {
        checked.fault(
            &format!("{place}.{regions}"),
            "it is the older form of the target regions; the two cannot be used together",
            Some("remove it"),
        );
    }
    if target.contains_key("storageAccountType") && !old {
        checked.fault(
            &format!("{place}.storageAccountType"),
            "it is supported with the older form of the target regions only",
            Some("set the storage type of each target region"),
        );
    }
}
