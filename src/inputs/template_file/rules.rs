//! What the service refuses although every member has the right shape
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json>).

use serde_json::{Map, Value};

use super::check::Checked;
use super::text;
// Some members of the template have the names of inputs.
use crate::inputs::declared::{
    AUTO_RUN, CONTAINER_INSTANCE_SUBNET_ID, GALLERY_IMAGE_ID, PROXY_VM_SIZE, REPLICATION_REGIONS,
    RUN_AS_SYSTEM, RUN_ELEVATED, TARGET_REGIONS,
};
use crate::resource::{ImageVersion, ResourceId};

type Object = Map<String, Value>;

/// Reports what breaks a rule.
pub(super) fn check(checked: &mut Checked) {
    let sections = checked.value.clone();
    for (index, step) in objects(sections.get("customize")) {
        script(checked, &format!("customize[{index}]"), step);
    }
    one_system(checked, sections.get("customize"));
    let validate = sections.get("validate").and_then(Value::as_object);
    let validators = validate.and_then(|validate| validate.get("inVMValidations"));
    for (index, step) in objects(validators) {
        script(checked, &format!("validate.inVMValidations[{index}]"), step);
    }
    source(checked, sections.get("source"));
    distribute(checked, sections.get("distribute"));
    vm_profile(checked, sections.get("vmProfile"));
    if let Some(1..=5) = sections.get(super::TIMEOUT).and_then(Value::as_u64) {
        checked.fault(super::TIMEOUT, "expected 0 for the service's own limit, or 6 to 960", Some("the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire"));
    }
    let auto_run = AUTO_RUN.name;
    let state = sections.get(auto_run).and_then(|it| it.get("state"));
    if state.and_then(Value::as_str) == Some("Enabled") {
        checked.fault(
            &format!("{auto_run}.state"),
            "this task starts the run itself, and a run that the service starts as well would get in its way",
            Some("take the section out"),
        );
    }
}

/// The objects of a list, with their places in it.
fn objects(list: Option<&Value>) -> impl Iterator<Item = (usize, &Object)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .enumerate()
        .filter_map(|(index, item)| Some((index, item.as_object()?)))
}

/// The members of which a customizer or validator has exactly one, by its type.
fn contents(kind: &str) -> &'static [&'static str] {
    match kind {
        "Shell" | "PowerShell" => &["inline", "scriptUri", "scriptPath"],
        "File" => &["sourceUri", "sourcePath"],
        _ => &[],
    }
}

fn script(checked: &mut Checked, place: &str, step: &Object) {
    let kind = text(step, "type").unwrap_or_default();
    let contents = contents(kind);
    let given: Vec<&str> = contents
        .iter()
        .copied()
        .filter(|name| step.contains_key(*name))
        .collect();
    if !contents.is_empty() && given.len() != 1 {
        let all = crate::inputs::problem::list(contents);
        let text = match given.as_slice() {
            [] => format!("there is nothing to run or to copy; expected one of {all}"),
            more => format!(
                "{} exclude each other; expected one of {all}",
                crate::inputs::problem::list(more)
            ),
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
fn one_system(checked: &mut Checked, customize: Option<&Value>) {
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

const IMAGE: &str = "Microsoft.Compute/images";
const DEFINITION: &str = "Microsoft.Compute/galleries/images";
const VERSION: &str = "Microsoft.Compute/galleries/images/versions";
const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// The id of a resource of one of these types, or a fault.
fn id(
    checked: &mut Checked,
    place: &str,
    value: Option<&str>,
    kinds: &[&str],
) -> Option<ResourceId> {
    let value = value?;
    let id: ResourceId = match value.parse() {
        Ok(id) => id,
        Err(reason) => {
            checked.fault(
                place,
                format!("'{value}' is no resource id: {reason}"),
                None,
            );
            return None;
        }
    };
    if kinds.iter().any(|kind| id.is(kind)) {
        return Some(id);
    }
    let hint = (id.is(DEFINITION) && kinds.contains(&VERSION))
        .then_some("add '/versions/latest', or the version's number in place of 'latest'");
    let sentence = format!(
        "'{value}' is of a '{}'; expected '{}'",
        id.resource_type(),
        kinds.join("' or '")
    );
    checked.fault(place, sentence, hint);
    None
}

fn source(checked: &mut Checked, source: Option<&Value>) {
    let Some(source) = source.and_then(Value::as_object) else {
        return;
    };
    match text(source, "type").unwrap_or_default() {
        "ManagedImage" => {
            id(checked, "source.imageId", text(source, "imageId"), &[IMAGE]);
        }
        // The id of a direct shared gallery has another form: https://learn.microsoft.com/azure/virtual-machines/share-gallery-direct.
        "SharedImageVersion"
            if !text(source, "imageVersionId")
                .is_some_and(|id| id.to_lowercase().starts_with("/sharedgalleries/")) =>
        {
            id(
                checked,
                "source.imageVersionId",
                text(source, "imageVersionId"),
                &[VERSION],
            );
        }
        "PlatformImage" => {
            for name in ["publisher", "offer", "sku"] {
                if !source.contains_key(name) {
                    checked.fault("source", format!("'{name}' is missing"), None);
                }
            }
        }
        _ => {}
    }
}

fn distribute(checked: &mut Checked, distribute: Option<&Value>) {
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

fn vm_profile(checked: &mut Checked, profile: Option<&Value>) {
    let Some(profile) = profile.and_then(Value::as_object) else {
        return;
    };
    let identities = profile
        .get("userAssignedIdentities")
        .and_then(Value::as_array);
    for (index, identity) in identities.into_iter().flatten().enumerate() {
        id(
            checked,
            &format!("vmProfile.userAssignedIdentities[{index}]"),
            identity.as_str(),
            &[IDENTITY],
        );
    }
    let Some(network) = profile.get("vnetConfig").and_then(Value::as_object) else {
        return;
    };
    let container_name = CONTAINER_INSTANCE_SUBNET_ID.name;
    let place = format!("vmProfile.vnetConfig.{container_name}");
    let subnet = id(
        checked,
        "vmProfile.vnetConfig.subnetId",
        text(network, "subnetId"),
        &[SUBNET],
    );
    let container = id(checked, &place, text(network, container_name), &[SUBNET]);
    let proxy = PROXY_VM_SIZE.name;
    let has_proxy = text(network, proxy).is_some_and(|size| !size.is_empty());
    if !network.contains_key("subnetId") {
        checked.fault("vmProfile.vnetConfig", "'subnetId' is missing", None);
    }
    if let (Some(subnet), Some(container)) = (subnet, container) {
        if subnet == container {
            checked.fault(&place, "it is the subnet of the build VM as well", None);
        } else if subnet.parent() != container.parent() {
            checked.fault(
                &place,
                "it lies in another virtual network than the subnet of the build VM",
                None,
            );
        }
        if has_proxy {
            checked.fault(
                &format!("vmProfile.vnetConfig.{proxy}"),
                "there is no proxy VM with a subnet of the build container",
                Some("take it out"),
            );
        }
    }
}
