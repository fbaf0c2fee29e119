//! The rules for the build VM: its identities, and its place in a network.

use serde_json::Value;

use super::{IDENTITY, SUBNET, id};
// Some members of the template have the names of inputs.
use crate::inputs::declared::{CONTAINER_INSTANCE_SUBNET_ID, PROXY_VM_SIZE, VM_SIZE};
use crate::inputs::spelling::whole_vm_size;
use crate::inputs::template_file::check::Checked;
use crate::inputs::template_file::text;

/// A size without the word that all sizes begin with.
fn size(checked: &mut Checked, place: &str, size: Option<&str>) {
    if let Some(whole) = size.and_then(whole_vm_size) {
        let hint = format!("did you mean '{whole}'?");
        checked.fault(place, "it is not the size of a VM", Some(&hint));
    }
}

pub(super) fn check(checked: &mut Checked, profile: Option<&Value>) {
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
    size(checked, "vmProfile.vmSize", text(profile, VM_SIZE.name));
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
