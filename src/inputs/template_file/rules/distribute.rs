//! The rules for the targets: that each has a name of its own, and what a version in a gallery may say.

use serde_json::Value;

use super::{DEFINITION, IMAGE, Object, VERSION, id, objects};
// Some members of the template have the names of inputs.
use crate::inputs::declared::{GALLERY_IMAGE_ID, REPLICATION_REGIONS, TARGET_REGIONS};
use crate::inputs::template_file::check::Checked;
use crate::inputs::template_file::text;
use crate::resource::ImageVersion;

pub(super) fn check(checked: &mut Checked, distribute: Option<&Value>) {
    if distribute
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        checked.fault(
            "distribute",
            "there is no target; expected at least one",
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
                format!("'{name}' is the name of an earlier target as well"),
                None,
            );
        } else if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
            checked.fault(&inside, "expected 1 to 64 letters, digits and '-_.'", None);
        }
        names.push(name);
        match text(target, "type").unwrap_or_default() {
            "ManagedImage" => {
                id(
                    checked,
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

fn gallery(checked: &mut Checked, place: &str, target: &Object) {
    let inside = format!("{place}.{}", GALLERY_IMAGE_ID.name);
    let found = id(
        checked,
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
                    "the version has a number of its own at the end of '{}'",
                    GALLERY_IMAGE_ID.name
                ),
                Some("take one of the two out"),
            );
        }
    }
    let regions = REPLICATION_REGIONS.name;
    let (old, new) = (
        target.contains_key(regions),
        target.contains_key(TARGET_REGIONS.name),
    );
    if old && new {
        checked.fault(
            &format!("{place}.{regions}"),
            "it is the older form of the target regions; both together are refused",
            Some("take it out"),
        );
    }
    if target.contains_key("storageAccountType") && !old {
        checked.fault(
            &format!("{place}.storageAccountType"),
            "it goes with the older form of the target regions only",
            Some("name the storage type with each target region"),
        );
    }
}
