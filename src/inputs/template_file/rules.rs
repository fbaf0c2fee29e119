//! What the service refuses although every member has the right shape
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json>).
//! Customizers and targets have a file each.

mod customize;
mod distribute;

use serde_json::Value;

use super::checked::{Checked, IDENTITY, IMAGE, SUBNET, VERSION, objects, text};
use super::overrides::{CUSTOMIZE, DISTRIBUTE, SOURCE, TIMEOUT, VALIDATE, VM_PROFILE};
// Some members of the template have the names of inputs.
use crate::inputs::manifest::{AUTO_RUN, CONTAINER_INSTANCE_SUBNET_ID, PROXY_VM_SIZE, VM_SIZE};
use crate::inputs::problem::quoted;
use crate::inputs::source::shared_directly;
use crate::inputs::spelling::whole_vm_size;

/// Reports what breaks a rule.
pub(super) fn check(checked: &mut Checked) {
    let sections = checked.value.clone();
    for (index, step) in objects(sections.get(CUSTOMIZE)) {
        customize::script(checked, &format!("customize[{index}]"), step);
    }
    customize::one_system(checked, sections.get(CUSTOMIZE));
    customize::destinations(checked, sections.get(CUSTOMIZE));
    let validate = sections.get(VALIDATE).and_then(Value::as_object);
    let validators = validate.and_then(|validate| validate.get("inVMValidations"));
    for (index, step) in objects(validators) {
        customize::script(checked, &format!("validate.inVMValidations[{index}]"), step);
    }
    check_source(checked, sections.get(SOURCE));
    distribute::check(checked, sections.get(DISTRIBUTE));
    check_vm_profile(checked, sections.get(VM_PROFILE));
    if let Some(1..=5) = sections.get(TIMEOUT).and_then(Value::as_u64) {
        checked.fault(TIMEOUT, "expected 0 for the service's default, or 6 to 960", Some("the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire"));
    }
    let auto_run = AUTO_RUN.name;
    let state = sections.get(auto_run).and_then(|it| it.get("state"));
    if state.and_then(Value::as_str) == Some("Enabled") {
        checked.fault(
            &format!("{auto_run}.state"),
            "this task starts the run itself, and a second run, started by the service, would conflict with it",
            Some("remove the section"),
        );
    }
}

/// What the image starts from.
fn check_source(checked: &mut Checked, source: Option<&Value>) {
    let Some(source) = source.and_then(Value::as_object) else {
        return;
    };
    match text(source, "type").unwrap_or_default() {
        "ManagedImage" => {
            checked.id("source.imageId", text(source, "imageId"), &[IMAGE]);
        }
        "SharedImageVersion" => {
            let place = "source.imageVersionId";
            let version = text(source, "imageVersionId");
            match version.and_then(shared_directly) {
                Some(Ok(_)) => {}
                Some(Err(reason)) => {
                    let shown = quoted(version.unwrap_or_default());
                    checked.fault(place, format!("{shown} {reason}"), None);
                }
                None => {
                    checked.id(place, version, &[VERSION]);
                }
            }
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

/// A size without the word that all sizes begin with.
fn size(checked: &mut Checked, place: &str, size: Option<&str>) {
    if let Some(whole) = size.and_then(whole_vm_size) {
        let hint = format!("did you mean '{whole}'?");
        checked.fault(place, "it is not the size of a VM", Some(&hint));
    }
}

/// The build VM: its identities, and its place in a network.
fn check_vm_profile(checked: &mut Checked, profile: Option<&Value>) {
    let Some(profile) = profile.and_then(Value::as_object) else {
        return;
    };
    let identities = profile
        .get("userAssignedIdentities")
        .and_then(Value::as_array);
    for (index, identity) in identities.into_iter().flatten().enumerate() {
        checked.id(
            &format!("vmProfile.userAssignedIdentities[{index}]"),
            identity.as_str(),
            &[IDENTITY],
        );
    }
    size(checked, "vmProfile.vmSize", text(profile, VM_SIZE.name));
    let Some(network) = profile.get("vnetConfig").and_then(Value::as_object) else {
        return;
    };
    let container_name = CONTAINER_INSTANCE_SUBNET_ID.name;
    let place = format!("vmProfile.vnetConfig.{container_name}");
    let subnet = checked.id(
        "vmProfile.vnetConfig.subnetId",
        text(network, "subnetId"),
        &[SUBNET],
    );
    let container = checked.id(&place, text(network, container_name), &[SUBNET]);
    let proxy = PROXY_VM_SIZE.name;
    size(
        checked,
        &format!("vmProfile.vnetConfig.{proxy}"),
        text(network, proxy),
    );
    let has_proxy = text(network, proxy).is_some_and(|size| !size.is_empty());
    if !network.contains_key("subnetId") {
        checked.fault("vmProfile.vnetConfig", "'subnetId' is missing", None);
    }
    if let (Some(subnet), Some(container)) = (subnet, container) {
        if subnet == container {
            checked.fault(&place, "it is also the subnet of the build VM", None);
        } else if subnet.parent() != container.parent() {
            checked.fault(
                &place,
                "it is in a different virtual network than the subnet of the build VM",
                None,
            );
        }
        if has_proxy {
            checked.fault(
                &format!("vmProfile.vnetConfig.{proxy}"),
                "there is no proxy VM with a subnet of the build container",
                Some("remove it"),
            );
        }
    }
}
