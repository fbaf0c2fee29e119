//! Checks of the build's subnets: existence, delegation, network policies for private link services, outbound access.

use std::sync::Arc;

use serde_json::Value;

use super::advice::{choice, groups, listed, texts};
use super::codes::{SUBNET, SUBNET_UNFIT};
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, has, names, text};
use crate::arm::api::NETWORKS;
use crate::inputs::manifest::CONTAINER_INSTANCE_SUBNET_ID;
use crate::resource::{ResourceId, quoted};

const CONTAINERS: &str = "Microsoft.ContainerInstance/containerGroups";

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let mut findings = Vec::new();
    for (id, is_for_containers) in [(&subject.subnet, false), (&subject.container_subnet, true)] {
        let Some(id) = id else { continue };
        match &*subnet(azure, id).await {
            Lookup::Found(found) => {
                findings.push(Finding::fine(format!("'{}' exists", id.name())));
                if !is_for_containers {
                    findings.extend(only_for_containers(id, found));
                }
                if subject.is_test_vm {
                    continue;
                }
                if is_for_containers {
                    findings.extend(delegation(id, found));
                } else if subject.container_subnet.is_none() {
                    findings.extend(private_link(id, found));
                }
                findings.extend(outbound_access(id, found));
            }
            Lookup::Missing | Lookup::NoGroup => findings.push(missing(azure, id).await),
            Lookup::Unknown(reason) => {
                findings.push(Finding::unknown(format!("subnet '{}'", id.name()), reason));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine(
            "none is set, so the service creates its own network",
        ));
    }
    findings
}

/// Looks up a subnet. It is missing only if its network does not list it, or the resource group does not list its network.
async fn subnet(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let look = azure.look_up(id, NETWORKS).await;
    let Some(network) = id.parent().filter(|_| matches!(*look, Lookup::Missing)) else {
        return look;
    };
    let doubt = || {
        Lookup::Unknown("Azure does not find it, and its network does not confirm that".to_owned())
    };
    match &*azure
        .resource(&network, networks_of(id), network.name(), NETWORKS)
        .await
    {
        Lookup::Found(found) => {
            let subnets = found.pointer("/properties/subnets");
            let all = subnets.and_then(names);
            match all {
                Some(all) if !has(&all, id.name()) => look,
                _ => Arc::new(doubt()),
            }
        }
        Lookup::Missing => Arc::new(Lookup::Missing),
        Lookup::NoGroup => Arc::new(Lookup::NoGroup),
        Lookup::Unknown(_) => Arc::new(doubt()),
    }
}

fn networks_of(id: &ResourceId) -> String {
    format!("{}/providers/Microsoft.Network/virtualNetworks", id.group())
}

/// What is missing may be the group, the network or the subnet.
async fn missing(azure: &Azure<'_>, id: &ResourceId) -> Finding {
    let (subscription, group) = (id.subscription(), id.resource_group());
    let network = id.name_at(0).unwrap_or_default();
    let place = format!("in network '{network}' of resource group '{group}'");
    let network_id = id.parent().unwrap_or_else(|| id.clone());
    let parent = azure.look_up(network_id, NETWORKS).await;
    let (text, fix) = match &*parent {
        Lookup::Found(found) => {
            let all = found.pointer("/properties/subnets").and_then(names);
            let list = format!(
                "az network vnet subnet list --subscription {subscription} --resource-group {} --vnet-name {network} --output table",
                quoted(group)
            );
            (
                format!("subnet '{}' does not exist {place}", id.name()),
                choice(id.name(), &all.unwrap_or_default(), &list),
            )
        }
        Lookup::NoGroup => {
            let list = format!("az group list --subscription {subscription} --output table");
            (
                format!(
                    "subnet '{}' does not exist {place}, and the resource group does not exist either",
                    id.name()
                ),
                choice(group, &texts(&groups(azure, subscription).await), &list),
            )
        }
        Lookup::Missing | Lookup::Unknown(_) => {
            let all = listed(azure, networks_of(id), NETWORKS).await;
            let list = format!(
                "az network vnet list --subscription {subscription} --resource-group {} --output table",
                quoted(group)
            );
            (
                format!(
                    "subnet '{}' does not exist {place}, and the network does not exist either",
                    id.name()
                ),
                choice(network, &texts(&all), &list),
            )
        }
    };
    Finding::new(Verdict::Certain(SUBNET), text).fix(fix)
}

fn update(id: &ResourceId, change: &str) -> String {
    format!(
        "az network vnet subnet update --ids {} {change}",
        quoted(id.as_str())
    )
}

/// The container subnet has to be delegated:
/// <https://learn.microsoft.com/azure/virtual-machines/security-isolated-image-builds-image-builder#bring-your-own-build-vm-subnet-and-bring-your-own-aci-subnet>
fn delegation(id: &ResourceId, subnet: &Value) -> Option<Finding> {
    if is_delegated(subnet)? {
        return None;
    }
    let text = format!(
        "subnet '{}' is not delegated to {CONTAINERS}, and the build runs in a container there",
        id.name()
    );
    let fix = update(id, &format!("--delegations {CONTAINERS}"));
    Some(Finding::new(Verdict::Problem(SUBNET_UNFIT), text).fix(fix))
}

/// A subnet for container groups can have nothing else, so no VM:
/// <https://learn.microsoft.com/azure/container-instances/container-instances-virtual-network-concepts>
fn only_for_containers(id: &ResourceId, subnet: &Value) -> Option<Finding> {
    if !is_delegated(subnet)? {
        return None;
    }
    let text = format!(
        "subnet '{}' is delegated to {CONTAINERS}, so no VM can be created there",
        id.name()
    );
    let fix = format!(
        "use another subnet of the network; to list them: az network vnet subnet list --subscription {} --resource-group {} --vnet-name {} --output table",
        id.subscription(),
        quoted(id.resource_group()),
        id.name_at(0).unwrap_or_default()
    );
    Some(Finding::new(Verdict::Problem(SUBNET_UNFIT), text).fix(fix))
}

/// Whether the subnet is for container groups; nothing where Azure does not say it.
fn is_delegated(subnet: &Value) -> Option<bool> {
    let delegations = subnet.pointer("/properties/delegations")?.as_array()?;
    Some(delegations.iter().any(|one| {
        text(one, "/properties/serviceName")
            .is_some_and(|name| name.eq_ignore_ascii_case(CONTAINERS))
    }))
}

/// The policy `privateLinkServiceNetworkPolicies` has to be disabled on the build VM's subnet, unless there is a container subnet:
/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking#why-deploy-with-an-existing-virtual-network>
fn private_link(id: &ResourceId, subnet: &Value) -> Option<Finding> {
    let policies = text(subnet, "/properties/privateLinkServiceNetworkPolicies")?;
    if !policies.eq_ignore_ascii_case("Enabled") {
        return None;
    }
    let text = format!(
        "subnet '{}' has network policies for private link services, but the service connects to the build VM through one",
        id.name()
    );
    let fix = format!(
        "{}; or set a container subnet (input '{}')",
        update(id, "--private-link-service-network-policies Disabled"),
        CONTAINER_INSTANCE_SUBNET_ID.name
    );
    Some(Finding::new(Verdict::Problem(SUBNET_UNFIT), text).fix(fix))
}

/// A private subnet needs a NAT gateway or a route table for outbound access; subnets of networks made after March 2026 are private by default:
/// <https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access>.
fn outbound_access(id: &ResourceId, subnet: &Value) -> Option<Finding> {
    let member = |name: &str| subnet.pointer(&format!("/properties/{name}"));
    let private = member("defaultOutboundAccess").and_then(Value::as_bool) == Some(false);
    let routed = ["natGateway", "routeTable"]
        .iter()
        .any(|name| member(name).is_some_and(Value::is_object));
    if !private || routed {
        return None;
    }
    let text = format!(
        "subnet '{}' is private and has neither a NAT gateway nor a route table: downloads, updates and the service itself may be unreachable",
        id.name()
    );
    let fix = update(id, "--nat-gateway <NAT gateway>");
    Some(Finding::new(Verdict::Warning(SUBNET_UNFIT), text).fix(fix))
}
